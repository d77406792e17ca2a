//! What YAML drops without a word: tags, names of values, and nothing at all.
//!
//! `when: !danger` is a tag on nothing, so the condition would be gone. This walks all that
//! is in the text, whatever the keys are called, so no key can forget it.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{
    Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag,
};

use super::PlanProblem;
use super::quotes::{self, Place};
use super::source::{Step, written};
use super::syntax;

/// More of them help nobody.
const MAX_PROBLEMS: usize = 50;

/// The reader refuses plans of more.
const MAX_EVENTS: usize = 200_000;

/// Something that YAML reads as less than what was written.
#[derive(Clone, Debug)]
pub(super) struct Dropped {
    pub problem: PlanProblem,
    /// A gate or a condition stood there, and nothing or something else is left of it.
    pub loses_gate: bool,
}

/// Walks the text; where it cannot be walked to its end, that is the last problem.
pub(super) fn find(text: &str) -> Vec<Dropped> {
    let mut options = Options::default();
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    options.set_emit_comments(false);
    let mut walk = Walk::new(text);
    for (count, next) in Parser::new_from_str_with_options(text, options).enumerate() {
        match next {
            Ok(_) if count >= MAX_EVENTS => {
                walk.add(
                    Marker::new(0, 1, 0),
                    &[],
                    syntax::TOO_MUCH.to_owned(),
                    false,
                );
                return walk.found;
            }
            // A second document is refused as such.
            Ok((Event::DocumentEnd, _)) => break,
            Ok((event, span)) => walk.event(&event, span),
            Err(error) => {
                walk.flush();
                // What stands in the way was named already, where there is anything.
                if walk.found.is_empty() {
                    walk.unreadable(&error);
                }
                return walk.found;
            }
        }
    }
    walk.flush();
    walk.found
}

/// A list or mapping that is open.
struct Open {
    place: Place,
    within: Within,
    /// Where its last key starts.
    key: Option<Marker>,
    /// It has a `<<` already.
    merges: bool,
}

/// What is next in a list or mapping.
enum Within {
    List(usize),
    Key,
    Value(String),
}

/// A value whose name, where it has one, is yet to be told.
struct Pending {
    /// `None` for a list or mapping.
    text: Option<(String, ScalarStyle)>,
    tag: Option<TagKind>,
    /// Where the value starts, with its tag and its name.
    start: Marker,
    place: Place,
    path: Vec<Step>,
    /// The key it belongs to: where there is no text, that has a place all the same.
    key: Option<Marker>,
    /// The number of its name; 0 without one.
    anchor: usize,
}

/// A tag, by what the reader does with the value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TagKind {
    /// `!!null` makes nothing of it.
    Null,
    /// `!!str` and its like leave it as it is.
    Core,
    /// It is left out, as `!outputs.danger` would be.
    Custom,
}

struct Walk<'a> {
    lines: Vec<&'a str>,
    open: Vec<Open>,
    pending: Option<Pending>,
    /// Named values by number: whether each is a text, and whether it lost something.
    named: HashMap<usize, (bool, bool)>,
    /// What is deeper than this, within a value that was refused, needs no words of its own.
    silent_below: Option<usize>,
    found: Vec<Dropped>,
}

impl<'a> Walk<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            lines: text.split('\n').collect(),
            open: Vec::new(),
            pending: None,
            named: HashMap::new(),
            silent_below: None,
            found: Vec::new(),
        }
    }

    fn event(&mut self, event: &Event, span: Span) {
        if let Event::Anchor(..) = event {
            if let Some(value) = &mut self.pending {
                value.start = first(value.start, span.start);
            }
            return;
        }
        self.flush();
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                // The parser writes ~ where nothing stands.
                let written = if span.is_empty() { "" } else { value };
                let text = Some((written.to_owned(), *style));
                self.value(text, tag.as_deref(), *anchor, span);
                self.step(Some(value), span.start);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.value(None, tag.as_deref(), *anchor, span);
                self.enter(*style, Within::List(0));
            }
            Event::MappingStart(style, anchor, tag) => {
                if self.rest(span.start).starts_with("{{") {
                    self.template(span.start);
                } else {
                    self.value(None, tag.as_deref(), *anchor, span);
                }
                self.enter(*style, Within::Key);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
                if self
                    .silent_below
                    .is_some_and(|depth| depth >= self.open.len())
                {
                    self.silent_below = None;
                }
                self.step(None, span.start);
            }
            Event::Alias(id) => {
                let (is_text, loses) = self.named.get(id).copied().unwrap_or((true, true));
                if is_text {
                    self.alias(span.start, loses);
                }
                self.step(None, span.start);
            }
            Event::UnresolvedAlias(_) => {
                self.alias(span.start, true);
                self.step(None, span.start);
            }
            // The marks of streams and documents carry nothing.
            _ => {}
        }
    }

    fn enter(&mut self, style: StructureStyle, within: Within) {
        let place = match style {
            StructureStyle::Flow => Place::List,
            StructureStyle::Block => self.place(),
        };
        self.open.push(Open {
            place,
            within,
            key: None,
            merges: false,
        });
    }

    /// Goes on to what follows a value or a key.
    fn step(&mut self, text: Option<&str>, start: Marker) {
        self.second_merge(text, start);
        let Some(open) = self.open.last_mut() else {
            return;
        };
        match &mut open.within {
            Within::List(index) => *index += 1,
            Within::Key => {
                open.within = Within::Value(text.unwrap_or("?").to_owned());
                open.key = Some(start);
            }
            Within::Value(_) => open.within = Within::Key,
        }
    }

    /// Refuses a second `<<` in a mapping: the reader would drop what it merges.
    fn second_merge(&mut self, text: Option<&str>, start: Marker) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        if text != Some("<<") || !matches!(open.within, Within::Key) {
            return;
        }
        if std::mem::replace(&mut open.merges, true) {
            let mut path = self.path();
            path.push(Step::Key("<<".to_owned()));
            let message = "YAML takes one '<<' in a mapping and drops the others; write one with a list, '<<: [*a, *b]'";
            self.add(start, &path, message.to_owned(), true);
        }
    }

    fn value(
        &mut self,
        text: Option<(String, ScalarStyle)>,
        tag: Option<&Tag>,
        anchor: usize,
        span: Span,
    ) {
        let mut path = self.path();
        let mut key = None;
        let mut place = self.place();
        if let Some(open) = self.open.last() {
            match &open.within {
                Within::Key => {
                    place = Place::Key;
                    path.extend(text.iter().map(|(text, _)| Step::Key(text.clone())));
                }
                Within::Value(_) => key = open.key,
                Within::List(_) => {}
            }
        }
        self.pending = Some(Pending {
            text,
            tag: tag.map(|tag| match tag.core_suffix() {
                Some("null") => TagKind::Null,
                Some(_) => TagKind::Core,
                None => TagKind::Custom,
            }),
            start: span
                .tag_start()
                .map_or(span.start, |tag| first(tag, span.start)),
            place,
            path,
            key,
            anchor,
        });
    }

    /// Judges the last value, whose tag and name are known now.
    fn flush(&mut self) {
        let Some(value) = self.pending.take() else {
            return;
        };
        let nothing = value.text.as_ref().filter(|(text, style)| {
            *style == ScalarStyle::Plain
                && (text.is_empty() || text == "~" || text.eq_ignore_ascii_case("null"))
        });
        let is_text = value.text.is_some();
        let loses = match value.tag {
            Some(TagKind::Null) => true,
            Some(TagKind::Custom) => is_text,
            Some(TagKind::Core) | None => nothing.is_some(),
        };
        if value.anchor > 0 {
            self.named.insert(value.anchor, (is_text, loses));
        }
        if value.tag.is_some() || (is_text && value.anchor > 0) {
            let text = quotes::from(self.line(value.start), value.start.col(), value.place);
            let advice = quotes::put_in_quotes(text);
            let taken = if text.starts_with('&') {
                "a name for a value"
            } else {
                "a tag"
            };
            let message = format!("{advice}; without them YAML takes it for {taken}");
            self.add(value.start, &value.path, message, loses);
        } else if let Some((text, _)) = nothing
            && !value.path.is_empty()
        {
            let place = value.key.filter(|_| text.is_empty()).unwrap_or(value.start);
            self.add(place, &value.path, nothing_there(text, &value.path), loses);
        }
    }

    fn alias(&mut self, start: Marker, loses: bool) {
        let place = self.value_place();
        let advice = quotes::put_in_quotes(quotes::from(self.line(start), start.col(), place));
        let message = format!("{advice}; without them YAML takes it for another value's name");
        self.add(start, &self.path(), message, loses);
    }

    /// `{{ inputs.x }}` without quotes is a mapping in a mapping.
    fn template(&mut self, start: Marker) {
        let place = self.value_place();
        let advice = quotes::put_in_quotes(quotes::from(self.line(start), start.col(), place));
        let message = format!("{advice}; without them YAML takes it for keys with values");
        self.add(start, &self.path(), message, false);
        self.silent_below.get_or_insert(self.open.len());
    }

    /// Says where it cannot be read, and what to quote where that is the reason.
    fn unreadable(&mut self, error: &ScanError) {
        let marker = *error.marker();
        let listed = self.place() == Place::List;
        let around = syntax::may_lack_quotes(error.kind())
            .then(|| quotes::around(self.line(marker), marker.col(), listed))
            .flatten();
        let (column, message) = match around {
            Some((column, text)) => (column, quotes::put_in_quotes(text)),
            None => (marker.col(), syntax::unreadable(error)),
        };
        let place = Marker::new(0, marker.line(), column);
        self.add(place, &self.path(), message, false);
    }

    fn add(&mut self, place: Marker, path: &[Step], message: String, loses: bool) {
        let loses_gate = loses && holds_a_gate(path);
        let silent = self
            .silent_below
            .is_some_and(|depth| self.open.len() > depth);
        let full = self.found.len() >= MAX_PROBLEMS;
        if silent || (full && !loses_gate) {
            return;
        }
        self.found.push(Dropped {
            problem: PlanProblem {
                line: u64::try_from(place.line()).unwrap_or(1).max(1),
                column: u64::try_from(place.col()).map_or(1, |column| column + 1),
                path: written(path),
                message,
            },
            loses_gate,
        });
    }

    fn place(&self) -> Place {
        self.open.last().map_or(Place::Line, |open| open.place)
    }

    /// The place of what is next, which may be a key.
    fn value_place(&self) -> Place {
        match self.open.last() {
            Some(Open {
                within: Within::Key,
                ..
            }) => Place::Key,
            Some(Open { place, .. }) => *place,
            None => Place::Line,
        }
    }

    /// The path of what is next.
    fn path(&self) -> Vec<Step> {
        let step = |open: &Open| match &open.within {
            Within::List(index) => Some(Step::Index(*index)),
            Within::Value(key) => Some(Step::Key(key.clone())),
            Within::Key => None,
        };
        self.open.iter().filter_map(step).collect()
    }

    fn line(&self, place: Marker) -> &'a str {
        let line = place
            .line()
            .checked_sub(1)
            .and_then(|line| self.lines.get(line));
        line.map_or("", |line| line.trim_end_matches('\r'))
    }

    fn rest(&self, place: Marker) -> &'a str {
        quotes::from(self.line(place), place.col(), Place::Line)
    }
}

fn first(one: Marker, other: Marker) -> Marker {
    if (other.line(), other.col()) < (one.line(), one.col()) {
        other
    } else {
        one
    }
}

/// What to do where a key has no value, or an item no text.
fn nothing_there(text: &str, path: &[Step]) -> String {
    let remove = match path.last() {
        Some(Step::Key(key)) => {
            format!(
                "write what '{}' is to be, or remove the key",
                quotes::shortened(key, 64)
            )
        }
        Some(Step::Index(_)) | None => "write one, or remove the item".to_owned(),
    };
    if text.is_empty() || text == "~" {
        format!("there is no text here; {remove}")
    } else {
        let advice = quotes::put_in_quotes(text);
        format!(
            "there is no text here: without quotes YAML takes it for nothing; {advice}, or {remove}"
        )
    }
}

/// Whether a gate or a condition may have stood at the path: all of a task that says when it
/// starts and who signs it. A new key of a gate counts without being named here.
fn holds_a_gate(path: &[Step]) -> bool {
    let mut keys = Vec::new();
    let mut merged = false;
    for step in path {
        match step {
            // What is merged into a mapping is its own.
            Step::Key(key) if key == "<<" => merged = true,
            Step::Index(_) if merged => {}
            Step::Key(key) => {
                keys.push(key.as_str());
                merged = false;
            }
            Step::Index(_) => {}
        }
    }
    match keys.as_slice() {
        ["tasks"]
        | ["tasks", _]
        | ["tasks", _, "approval"]
        | ["tasks", _, "when" | "needs" | "join", ..] => true,
        ["tasks", _, "approval", .., last] => !matches!(*last, "remind" | "description"),
        _ => false,
    }
}
