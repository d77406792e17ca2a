//! Paths as a diff's headers write them, and those that no rule can judge.

use super::reader::{NotUnderstood, Result, understood};

/// The longest path that a file can have.
const PATH_BYTES: usize = 4_096;

/// A file as `---` and `+++` name it.
#[derive(Debug, PartialEq, Eq)]
pub enum Side {
    /// `/dev/null`: there is no file on this side.
    Nothing,
    File(String),
}

/// The path that is all of `text`, as in `rename from`.
///
/// # Errors
/// Where it is none that can be judged.
pub fn whole(text: &str) -> Result<String> {
    let path = match text.strip_prefix('"') {
        Some(inner) => {
            let (path, behind) = unquoted(inner)?;
            understood(behind.is_empty())?;
            path
        }
        None => plain(text)?.to_owned(),
    };
    judged(path)
}

/// The side that `---` or `+++` names, whose prefix is `a/` or `b/`. Git ends a name with
/// blanks by a tab; a time, which other programs write behind it, is not git's.
///
/// # Errors
/// Where its path is none that can be judged.
pub fn side(text: &str, prefix: &str) -> Result<Side> {
    if text == "/dev/null" {
        return Ok(Side::Nothing);
    }
    let text = text.strip_suffix('\t').unwrap_or(text);
    let named = whole(text)?;
    without(&named, prefix).map(Side::File)
}

/// The path that `diff --git` names twice.
///
/// # Errors
/// Where the two differ, or where the path is none that can be judged.
pub fn same_on_both_sides(both: &str) -> Result<String> {
    let path = match quoted_sides(both)? {
        Some((old, new)) => {
            let path = without(&old, "a/")?;
            understood(path == without(&new, "b/")?)?;
            path
        }
        None => {
            // Twice the path, and ` b/` between: no other place can part them evenly.
            let sides = plain(both)?.strip_prefix("a/").ok_or(NotUnderstood)?;
            let half = sides.len().saturating_sub(" b/".len()) / 2;
            let (old, rest) = sides.split_at_checked(half).ok_or(NotUnderstood)?;
            understood(rest.strip_prefix(" b/") == Some(old))?;
            old.to_owned()
        }
    };
    judged(path)
}

/// True where `diff --git` names these two.
///
/// # Errors
/// Where it cannot be read.
pub fn are(both: &str, old: &str, new: &str) -> Result<bool> {
    Ok(match quoted_sides(both)? {
        Some((first, second)) => first == format!("a/{old}") && second == format!("b/{new}"),
        None => plain(both)? == format!("a/{old} b/{new}"),
    })
}

/// Both sides of `diff --git`; `None` if neither is quoted, since a blank may be theirs.
fn quoted_sides(both: &str) -> Result<Option<(String, String)>> {
    if let Some(inner) = both.strip_prefix('"') {
        let (old, rest) = unquoted(inner)?;
        let second = rest.strip_prefix(' ').ok_or(NotUnderstood)?;
        let new = match second.strip_prefix('"') {
            Some(inner) => {
                let (new, behind) = unquoted(inner)?;
                understood(behind.is_empty())?;
                new
            }
            None => plain(second)?.to_owned(),
        };
        return Ok(Some((old, new)));
    }
    let Some((old, inner)) = both.split_once(" \"") else {
        return Ok(None);
    };
    let (new, behind) = unquoted(inner)?;
    understood(behind.is_empty())?;
    Ok(Some((plain(old)?.to_owned(), new)))
}

/// A name that git would not have quoted.
fn plain(text: &str) -> Result<&str> {
    let needs_quotes = |letter: char| letter.is_ascii_control() || letter == '"' || letter == '\\';
    understood(!text.contains(needs_quotes)).map(|()| text)
}

fn without(path: &str, prefix: &str) -> Result<String> {
    path.strip_prefix(prefix)
        .map(str::to_owned)
        .ok_or(NotUnderstood)
        .and_then(judged)
}

/// The text before the closing quotation mark, without the escapes of C, and the text behind.
fn unquoted(inner: &str) -> Result<(String, &str)> {
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    let mut next = || rest.next().ok_or(NotUnderstood);
    let mut read = 0;
    loop {
        read += 1;
        let byte = match next()? {
            b'"' => {
                let path = String::from_utf8(bytes).map_err(|_| NotUnderstood)?;
                return Ok((path, &inner[read..]));
            }
            b'\\' => {
                read += 1;
                match next()? {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    itself @ (b'"' | b'\\') => itself,
                    first @ b'0'..=b'3' => {
                        read += 2;
                        let mut value = first - b'0';
                        for _ in 0..2 {
                            let digit = next()?;
                            understood((b'0'..=b'7').contains(&digit))?;
                            value = value * 8 + (digit - b'0');
                        }
                        value
                    }
                    _ => return Err(NotUnderstood),
                }
            }
            itself => itself,
        };
        bytes.push(byte);
    }
}

/// The path, unless it leads out of the files that a rule judges, means another one to some
/// file system, or does not look like what it is.
fn judged(path: String) -> Result<String> {
    let is_plain = path.len() <= PATH_BYTES
        && !path.contains(|letter: char| letter == '\\' || is_unseen(letter))
        && path.split('/').all(is_ordinary);
    understood(is_plain).map(|()| path)
}

/// True where a part of a path is neither a way up nor git's own folder.
fn is_ordinary(part: &str) -> bool {
    // Windows ignores these at the end, and opens a stream of the file behind a colon.
    let file = part.split(':').next().unwrap_or(part);
    let file = file.trim_end_matches(['.', ' ']).to_ascii_lowercase();
    let is_short_name = file
        .strip_prefix("git~")
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    !matches!(part, "" | "." | "..") && file != ".git" && !is_short_name
}

/// True of letters that are not seen: some file systems leave such letters out.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}
