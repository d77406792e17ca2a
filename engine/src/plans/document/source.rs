//! The text itself: what may be in it, and where each value stands.

use std::fmt;

use model::visible::turns_direction;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{MAX_BYTES, PlanProblem, syntax};

/// Something wrong at a path, before it has a line.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub path: Vec<Step>,
    pub message: String,
}

/// One step of a path into the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A value with its place.
#[derive(Debug)]
pub(super) struct Node {
    line: u64,
    column: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Scalar,
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, String, Node)>),
}

/// Refuses what cannot be a plan's text before anything reads it.
pub(super) fn check_text(text: &str) -> Result<(), PlanProblem> {
    let whole = |message: String| PlanProblem {
        line: 1,
        column: 1,
        path: String::new(),
        message,
    };
    if text.len() > MAX_BYTES {
        return Err(whole(format!(
            "the plan is {} bytes long; at most {MAX_BYTES} are read",
            text.len()
        )));
    }
    if text.trim().is_empty() {
        return Err(whole(
            "the plan is empty; start with 'plan: NAME' and 'tasks:'".to_owned(),
        ));
    }
    for (line, content) in (1..).zip(text.split('\n')) {
        let content = content.strip_suffix('\r').unwrap_or(content);
        if let Some((column, c)) = (1..)
            .zip(content.chars())
            .find(|(_, c)| refused(*c).is_some())
        {
            return Err(PlanProblem {
                line,
                column,
                path: String::new(),
                message: refused(c).unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(())
}

/// Reads the text into places; also finds syntax errors, duplicate keys and bombs.
pub(super) fn read_tree(text: &str) -> Result<Node, PlanProblem> {
    syntax::read(text).map_err(|error| syntax::problem(&error, &Node::EMPTY))
}

impl Node {
    const EMPTY: Self = Self {
        line: 1,
        column: 1,
        content: Content::Scalar,
    };

    /// Gives a finding the place of its path, or of the nearest value above it.
    pub fn place(&self, finding: Finding) -> PlanProblem {
        let mut node = self;
        for step in &finding.path {
            let child = match (&node.content, step) {
                (Content::Mapping(entries), Step::Key(name)) => entries
                    .iter()
                    .find(|(_, key, _)| key == name)
                    .map(|(_, _, value)| value),
                (Content::Sequence(items), Step::Index(index)) => items.get(*index),
                (Content::Scalar | Content::Mapping(_) | Content::Sequence(_), _) => None,
            };
            match child {
                Some(child) => node = child,
                None => break,
            }
        }
        PlanProblem {
            line: node.line,
            column: node.column,
            path: written(&finding.path),
            message: finding.message,
        }
    }

    /// The path of the innermost value that starts at or before the place.
    pub fn path_at(&self, line: u64, column: u64) -> String {
        let mut path = Vec::new();
        self.descend(
            &|node| (node.line, node.column) <= (line, column),
            &mut path,
        );
        written(&path)
    }

    /// The path of the innermost value that starts before the place.
    pub fn path_around(&self, line: u64, column: u64) -> String {
        let mut path = Vec::new();
        self.descend(&|node| (node.line, node.column) < (line, column), &mut path);
        written(&path)
    }

    fn descend(&self, before: &dyn Fn(&Self) -> bool, path: &mut Vec<Step>) {
        match &self.content {
            Content::Scalar => {}
            Content::Sequence(items) => {
                let last = items
                    .iter()
                    .enumerate()
                    .rev()
                    .find(|(_, item)| before(item));
                if let Some((index, item)) = last {
                    path.push(Step::Index(index));
                    item.descend(before, path);
                }
            }
            Content::Mapping(entries) => {
                let last = entries.iter().rev().find(|(key, _, _)| before(key));
                if let Some((_, name, value)) = last {
                    path.push(Step::Key(name.clone()));
                    value.descend(before, path);
                }
            }
        }
    }
}

/// Why this character may not stand in a plan.
fn refused(c: char) -> Option<&'static str> {
    match c {
        '\t' => Some("there is a tab here; indent with spaces, and write \\t inside double quotes"),
        '\u{feff}' => Some("there is a byte order mark here; save the file as UTF-8 without one"),
        '\0' => Some("there is a NUL character here; remove it"),
        c if turns_direction(c) => Some(
            "there is an invisible character here that changes the direction of writing; remove it",
        ),
        c if c.is_control() => Some("there is a control character here; remove it"),
        _ => None,
    }
}

/// The path as people read it, such as `tasks.publish.needs[0]`.
pub(super) fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
    text
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            column: spanned.referenced.column(),
            content: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyContent)
    }
}

struct AnyContent;

impl<'de> Visitor<'de> for AnyContent {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Content::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let place = Node {
                line: key.referenced.line(),
                column: key.referenced.column(),
                content: Content::Scalar,
            };
            entries.push((place, key.value, map.next_value()?));
        }
        Ok(Content::Mapping(entries))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
        Ok(Content::Scalar)
    }
}
