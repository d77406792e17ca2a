//! A message before it is mail: blocks that become plain text and HTML alike.

use std::fmt::Write as _;

use model::notify::Language;
use model::visible::{shown, shown_in_line};

/// The longest subject, in characters.
const SUBJECT: usize = 200;
/// The most that is shown of a log, in characters and in lines.
const EXCERPT: usize = 2_000;
const EXCERPT_LINES: usize = 30;

/// What a person reads.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub subject: String,
    pub language: Language,
    pub blocks: Vec<Block>,
}

/// A part of a letter. Every text of it is shown, never obeyed.
#[derive(Clone, Debug)]
pub(super) enum Block {
    Heading(String),
    Text(String),
    Facts(Vec<(&'static str, String)>),
    Link {
        label: &'static str,
        url: String,
    },
    Items(Vec<Item>),
    Excerpt {
        label: &'static str,
        text: String,
    },
    Footer {
        text: String,
        label: &'static str,
        url: String,
    },
}

/// An entry of a list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub title: String,
    pub detail: String,
    pub url: String,
}

impl Letter {
    /// The subject in one line without control characters.
    pub fn subject(&self) -> String {
        one_line(&self.subject, SUBJECT)
    }

    /// As a plain client shows it.
    pub fn plain(&self) -> String {
        let mut text = String::new();
        for block in &self.blocks {
            if !text.is_empty() {
                text.push('\n');
            }
            // Writing to a String cannot fail.
            let _ = match block {
                Block::Heading(heading) => {
                    let heading = one_line(heading, SUBJECT);
                    let rule = "-".repeat(heading.chars().count());
                    writeln!(text, "{heading}\n{rule}")
                }
                Block::Text(words) => writeln!(text, "{}", shown(words)),
                Block::Facts(facts) => {
                    for (name, value) in facts {
                        let _ = writeln!(text, "{name}: {}", one_line(value, 1_000));
                    }
                    Ok(())
                }
                Block::Link { label, url } => writeln!(text, "{label}:\n{url}"),
                Block::Items(items) => {
                    for item in items {
                        let _ = writeln!(text, "* {}", one_line(&item.title, SUBJECT));
                        if !item.detail.is_empty() {
                            let _ = writeln!(text, "  {}", one_line(&item.detail, 500));
                        }
                        let _ = writeln!(text, "  {}", item.url);
                    }
                    Ok(())
                }
                Block::Excerpt { label, text: log } => {
                    let _ = writeln!(text, "{label}:");
                    for line in excerpt(log).lines() {
                        let _ = writeln!(text, "  | {line}");
                    }
                    Ok(())
                }
                Block::Footer {
                    text: words,
                    label,
                    url,
                } => {
                    writeln!(text, "{words}\n{label}: {url}")
                }
            };
        }
        text
    }

    /// The same for a client that shows HTML: no picture, no script, nothing loaded.
    pub fn html(&self) -> String {
        let mut body = String::new();
        for block in &self.blocks {
            let _ = match block {
                Block::Heading(heading) => {
                    writeln!(body, "<h2>{}</h2>", escape(&one_line(heading, SUBJECT)))
                }
                Block::Text(words) => {
                    let words = escape(&shown(words)).replace('\n', "<br>");
                    writeln!(body, "<p>{words}</p>")
                }
                Block::Facts(facts) => {
                    let _ = writeln!(body, "<table>");
                    for (name, value) in facts {
                        let value = escape(&one_line(value, 1_000));
                        let _ = writeln!(
                            body,
                            "<tr><th align=\"left\">{}</th><td>{value}</td></tr>",
                            escape(name)
                        );
                    }
                    writeln!(body, "</table>")
                }
                Block::Link { label, url } => writeln!(
                    body,
                    "<p><a href=\"{}\"><b>{}</b></a></p>",
                    escape(url),
                    escape(label)
                ),
                Block::Items(items) => {
                    let _ = writeln!(body, "<ul>");
                    for item in items {
                        let title = escape(&one_line(&item.title, SUBJECT));
                        let detail = escape(&one_line(&item.detail, 500));
                        let url = escape(&item.url);
                        let _ =
                            writeln!(body, "<li><a href=\"{url}\">{title}</a><br>{detail}</li>");
                    }
                    writeln!(body, "</ul>")
                }
                Block::Excerpt { label, text } => writeln!(
                    body,
                    "<p>{}:</p>\n<pre>{}</pre>",
                    escape(label),
                    escape(&excerpt(text))
                ),
                Block::Footer { text, label, url } => writeln!(
                    body,
                    "<hr>\n<p><small>{}<br><a href=\"{}\">{}</a></small></p>",
                    escape(text),
                    escape(url),
                    escape(label)
                ),
            };
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n{body}</body>\n</html>\n",
            self.language.as_str(),
            escape(&self.subject()),
        )
    }
}

/// One line, with marks for what nobody would see.
pub(super) fn one_line(text: &str, longest: usize) -> String {
    cut(shown_in_line(text).trim(), longest)
}

/// The last lines of a log: what went wrong stands at the end.
fn excerpt(text: &str) -> String {
    let text = shown(&text.replace('\t', "    ")).into_owned();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let begin = lines.len().saturating_sub(EXCERPT_LINES);
    let mut shown = lines[begin..].join("\n");
    let mut is_cut = begin > 0;
    let count = shown.chars().count();
    if count > EXCERPT {
        shown = shown.chars().skip(count - EXCERPT).collect();
        is_cut = true;
    }
    if is_cut {
        format!("…\n{shown}")
    } else {
        shown
    }
}

fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(longest.saturating_sub(1)).collect();
    shown.push('…');
    shown
}

fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            subject: "Sign: a\r\nBcc: all@example.org".to_owned(),
            language: Language::English,
            blocks: vec![
                Block::Text("One\u{1b}[31m & <b>".to_owned()),
                Block::Facts(vec![("By", "admin\r\nX: y".to_owned())]),
                Block::Link {
                    label: "Look",
                    url: "https://night.example/approvals/7".to_owned(),
                },
                Block::Excerpt {
                    label: "Log",
                    text: "first\n</pre><script>alert(1)</script>\n".to_owned(),
                },
            ],
        }
    }

    #[test]
    fn plain_text_reads_well() {
        assert_eq!(
            letter().plain(),
            "One⟨ESC⟩[31m & <b>\n\nBy: admin⟨CR⟩ X: y\n\nLook:\nhttps://night.example/approvals/7\n\n\
             Log:\n  | first\n  | </pre><script>alert(1)</script>\n"
        );
        assert_eq!(letter().subject(), "Sign: a⟨CR⟩ Bcc: all@example.org");
    }

    #[test]
    fn html_lets_no_markup_in() {
        let html = letter().html();
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;/pre&gt;&lt;script&gt;"), "{html}");
        assert!(html.contains("One⟨ESC⟩[31m &amp; &lt;b&gt;"), "{html}");
    }

    #[test]
    fn a_log_is_cut_at_its_beginning() {
        let lines: Vec<String> = (0..100).map(|line| format!("line {line}")).collect();
        let shown = excerpt(&lines.join("\n"));
        assert!(shown.starts_with("…\nline 70\n"), "{shown}");
        assert!(shown.ends_with("line 99"), "{shown}");
        assert!(excerpt(&"x".repeat(10_000)).chars().count() <= EXCERPT + 2);
    }
}
