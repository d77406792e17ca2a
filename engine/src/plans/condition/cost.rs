//! What a condition costs at most, in units: the same on every machine.
//!
//! The interpreter cannot be told to stop, so a bound is worked out before it begins, from the
//! expression and from the sizes of what it looks at. A unit is one step of the interpreter,
//! or some bytes copied or compared. Every branch counts, also one that is then not taken.
//!
//! Working it out takes no more steps than it counts, and ends with the first unit too many.

use cel::common::ast::operators as op;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr,
};

use super::size::{Made, Shape, Size};
use super::tree::{Kind, Tree};

/// How many units one condition may cost. It is well below a tenth of a second.
pub(super) const CONDITION_UNITS: u64 = 1_000_000;
/// How much one condition may make, in bytes: texts that it joins, lists that it builds.
const MADE_BYTES: u64 = 8 * 1024 * 1024;

/// What may be called besides operators; what it costs is known.
const FUNCTIONS: [&str; 11] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "bytes",
    "int",
    "uint",
    "double",
    "bool",
    "dyn",
];

/// Why a condition is not evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It could cost more than this.
    Units(u64),
    /// It could make more bytes than this.
    Made(u64),
    /// It uses something of which nobody knows what it costs.
    Unknown(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Units(most) => write!(
                f,
                "it could cost more than the {most} units that are spent; let it look at shorter lists, or at one list instead of each item of one for each of another"
            ),
            Self::Made(most) => write!(
                f,
                "it could make more than {most} bytes of texts and lists; compare the parts instead of joining them first"
            ),
            Self::Unknown(name) => write!(
                f,
                "it knows no {name}; write {}, all, exists, exists_one, map, filter or an operator",
                FUNCTIONS.join(", ")
            ),
        }
    }
}

/// The most that the expression can cost over these variables. One that is missing here is
/// an error wherever it is named, and costs nothing more.
///
/// # Errors
/// [`Refused`] where it may not be evaluated within `limit` units.
pub(super) fn cost(
    expression: &IdedExpr,
    variables: &[(&str, Tree<'_>)],
    limit: u64,
) -> Result<u64, Refused> {
    let mut meter = Meter::new(limit.min(CONDITION_UNITS));
    let mut scope = variables
        .iter()
        .map(|(name, tree)| (*name, Shape::Known(tree)))
        .collect();
    let answer = meter.walk(expression, &mut scope)?;
    // The answer is copied out of the interpreter, whatever it is.
    meter.charge(answer.size().units())?;
    Ok(meter.units)
}

type Scope<'a> = Vec<(&'a str, Shape<'a>)>;

struct Meter {
    units: u64,
    limit: u64,
    made: u64,
}

impl Meter {
    fn new(limit: u64) -> Self {
        Self {
            units: 0,
            limit,
            made: 0,
        }
    }

    fn charge(&mut self, units: u64) -> Result<(), Refused> {
        self.units = self.units.saturating_add(units);
        if self.units > self.limit {
            return Err(Refused::Units(self.limit));
        }
        Ok(())
    }

    /// Something new, which is written once and dropped once.
    fn make<'a>(&mut self, made: Made) -> Result<Shape<'a>, Refused> {
        self.made = self.made.saturating_add(made.size.memory());
        if self.made > MADE_BYTES {
            return Err(Refused::Made(MADE_BYTES));
        }
        self.charge(made.size.units().saturating_mul(2))?;
        Ok(Shape::Made(made))
    }

    /// Does the work so many times, by doing it once.
    fn repeat<T>(
        &mut self,
        times: u64,
        work: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let before = (self.units, self.made);
        let done = work(self)?;
        let more = times.saturating_sub(1);
        let made = (self.made - before.1).saturating_mul(more);
        self.made = self.made.saturating_add(made);
        if self.made > MADE_BYTES {
            return Err(Refused::Made(MADE_BYTES));
        }
        self.charge((self.units - before.0).saturating_mul(more))?;
        Ok(done)
    }

    fn walk<'a>(
        &mut self,
        expression: &'a IdedExpr,
        scope: &mut Scope<'a>,
    ) -> Result<Shape<'a>, Refused> {
        self.charge(1)?;
        match &expression.expr {
            Expr::Literal(literal) => Ok(literal_shape(literal)),
            Expr::Ident(name) => {
                let found = scope.iter().rev().find(|(known, _)| known == name);
                Ok(found.map_or(Shape::SMALL, |(_, shape)| *shape))
            }
            Expr::Select(select) => self.select(select, scope),
            Expr::Call(call) => self.call(call, scope),
            Expr::List(list) => {
                let mut all = Made::list(0, Size::default());
                for element in &list.elements {
                    let size = self.walk(element, scope)?.size();
                    all.size = all.size + size;
                    all.largest = all.largest.max(size);
                    all.count += 1;
                }
                self.make(all)
            }
            Expr::Map(map) => {
                let mut all = Made::list(0, Size::default());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return Err(Refused::Unknown("message".to_owned()));
                    };
                    for part in [&entry.key, &entry.value] {
                        let size = self.walk(part, scope)?.size();
                        all.size = all.size + size;
                        all.largest = all.largest.max(size);
                    }
                    all.count += 1;
                }
                self.make(all)
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, scope),
            Expr::Struct(of) => Err(Refused::Unknown(of.type_name.clone())),
            Expr::Unspecified => Err(Refused::Unknown("empty part".to_owned())),
        }
    }

    /// A chain of fields. The interpreter tries each beginning of it as a name of its own, in
    /// each scope.
    fn select<'a>(
        &mut self,
        select: &'a SelectExpr,
        scope: &mut Scope<'a>,
    ) -> Result<Shape<'a>, Refused> {
        let mut fields = vec![select.field.as_str()];
        let mut root = &*select.operand;
        while let Expr::Select(inner) = &root.expr
            && !inner.test
        {
            fields.push(&inner.field);
            root = &*inner.operand;
        }
        let bytes: usize = fields.iter().map(|field| field.len() + 1).sum();
        let names = fields.len() as u64 * (2 + bytes as u64 / 32);
        self.charge(names.saturating_mul(1 + LOOPS))?;
        let mut shape = self.walk(root, scope)?;
        for field in fields.iter().rev() {
            shape = shape.field(field);
        }
        Ok(if select.test { Shape::SMALL } else { shape })
    }

    fn call<'a>(
        &mut self,
        call: &'a CallExpr,
        scope: &mut Scope<'a>,
    ) -> Result<Shape<'a>, Refused> {
        let mut given = Vec::with_capacity(3);
        for part in call.target.as_deref().into_iter().chain(&call.args) {
            given.push(self.walk(part, scope)?);
        }
        let all = given
            .iter()
            .fold(Size::default(), |sum, shape| sum + shape.size());
        match (call.func_name.as_str(), given.as_slice()) {
            (op::CONDITIONAL, [_, yes, no]) => Ok(Shape::Made(yes.made().or(no.made()))),
            (op::LOGICAL_AND | op::LOGICAL_OR, [_, _])
            | (op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, [_]) => Ok(Shape::SMALL),
            (op::ADD, [left, right]) => {
                // Where they do not add, the error holds copies of both.
                self.charge(all.units())?;
                self.make(left.made().plus(right.made()))
            }
            (op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [_, _])
            | (op::NEGATE, [_])
            | (op::EQUALS | op::NOT_EQUALS, [_, _])
            | (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [_, _]) => {
                self.charge(all.units())?;
                Ok(Shape::SMALL)
            }
            (op::IN, [item, container]) => {
                let looked_up = matches!(
                    container,
                    Shape::Known(Tree {
                        kind: Kind::Map(_),
                        ..
                    })
                );
                self.charge(if looked_up { item.size() } else { all }.units())?;
                Ok(Shape::SMALL)
            }
            (op::INDEX, [container, index]) => match container.item(*index) {
                Some(found) => Ok(found),
                None => {
                    // Where it does not fit, the error holds copies of both.
                    self.charge(all.units())?;
                    Ok(Shape::Made(Made::of(container.made().largest)))
                }
            },
            (name, given) if FUNCTIONS.contains(&name) || is_test_function(name) => {
                self.charge(3)?;
                self.function(name, given, all)
            }
            (name, _) => Err(Refused::Unknown(name.to_owned())),
        }
    }

    fn function<'a>(
        &mut self,
        name: &str,
        given: &[Shape<'a>],
        all: Size,
    ) -> Result<Shape<'a>, Refused> {
        match (name, given) {
            (name, [given]) if name == "dyn" || is_test_function(name) => Ok(*given),
            ("string" | "bytes", [given]) => {
                self.charge(all.units())?;
                self.make(given.written().made())
            }
            ("int" | "uint" | "double" | "bool", [_]) => {
                self.charge(all.units())?;
                Ok(Shape::SMALL)
            }
            // Lists and maps know how long they are, and hold nothing that is searched.
            (_, given) => {
                let texts = given.iter().filter(|shape| !holds(**shape));
                let units = texts.map(|shape| shape.size().text_units());
                self.charge(units.fold(0, u64::saturating_add))?;
                Ok(Shape::SMALL)
            }
        }
    }

    fn comprehension<'a>(
        &mut self,
        comprehension: &'a ComprehensionExpr,
        scope: &mut Scope<'a>,
    ) -> Result<Shape<'a>, Refused> {
        if comprehension.iter_var2.is_some() {
            return Err(Refused::Unknown("loop over two names".to_owned()));
        }
        let range = self.walk(&comprehension.iter_range, scope)?;
        self.walk(&comprehension.accu_init, scope)?;
        let item = appended(comprehension);
        if item.is_none() && !matches!(comprehension.accu_init.expr, Expr::Literal(_)) {
            return Err(Refused::Unknown("loop of this kind".to_owned()));
        }
        let before = scope.len();
        scope.push((comprehension.accu_var.as_str(), Shape::SMALL));
        let mut list = Made::list(0, Size::default());
        let mut turn = |meter: &mut Self, scope: &mut Scope<'a>, each: Shape<'a>| {
            // The item is copied to where the body finds it.
            meter.charge(3 + each.size().units())?;
            scope.push((comprehension.iter_var.as_str(), each));
            meter.walk(&comprehension.loop_cond, scope)?;
            let found = match &item {
                Some(item) => {
                    if let Some(guard) = item.guard {
                        meter.walk(guard, scope)?;
                    }
                    let found = meter.walk(item.value, scope)?.made();
                    // Once into a list of its own, once from there to the end of the whole.
                    meter.make(found)?;
                    meter.make(found)?;
                    found.size
                }
                None => {
                    meter.walk(&comprehension.loop_step, scope)?;
                    Size::default()
                }
            };
            scope.pop();
            list.size = list.size + found;
            list.largest = list.largest.max(found);
            list.count += 1;
            Ok(())
        };
        match range {
            Shape::Known(Tree {
                kind: Kind::List(items),
                ..
            }) => {
                for item in items {
                    turn(self, scope, Shape::Known(item))?;
                }
            }
            Shape::Known(Tree {
                kind: Kind::Map(entries),
                ..
            }) => {
                for key in entries.keys() {
                    turn(self, scope, Shape::Text(key))?;
                }
            }
            Shape::Known(_) | Shape::Text(_) | Shape::Whole(_) => {}
            Shape::Made(made) if made.count == 0 => {}
            Shape::Made(made) => {
                let each = Shape::Made(Made::of(made.largest));
                self.repeat(made.count, |meter| turn(meter, scope, each))?;
                list = Made::list(made.count, list.largest);
            }
        }
        scope.truncate(before);
        self.walk(&comprehension.result, scope)?;
        Ok(match item {
            Some(_) => Shape::Made(list),
            None => Shape::SMALL,
        })
    }
}

/// Scopes are as many as loops may stand in each other.
const LOOPS: u64 = super::parse::LOOPS as u64;

/// What `map` and `filter` put at the end of their list, and when.
struct Appended<'a> {
    guard: Option<&'a IdedExpr>,
    value: &'a IdedExpr,
}

/// The interpreter appends in place to a list that begins empty; `None` for a loop of another
/// kind.
fn appended(comprehension: &ComprehensionExpr) -> Option<Appended<'_>> {
    let Expr::List(start) = &comprehension.accu_init.expr else {
        return None;
    };
    let Expr::Call(step) = &comprehension.loop_step.expr else {
        return None;
    };
    let (guard, step) = match (step.func_name.as_str(), step.args.as_slice()) {
        (op::CONDITIONAL, [guard, step, _]) => (Some(guard), step),
        _ => (None, &comprehension.loop_step),
    };
    let Expr::Call(step) = &step.expr else {
        return None;
    };
    match (step.func_name.as_str(), step.args.as_slice()) {
        (op::ADD, [_, added]) if start.elements.is_empty() => match &added.expr {
            Expr::List(added) => match added.elements.as_slice() {
                [value] => Some(Appended { guard, value }),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Whether it is known to be a list or a map.
fn holds(shape: Shape<'_>) -> bool {
    match shape {
        Shape::Known(tree) => match tree.kind {
            Kind::List(_) | Kind::Map(_) => true,
            Kind::Other | Kind::Whole(_) | Kind::Text(_) => false,
        },
        Shape::Text(_) | Shape::Whole(_) | Shape::Made(_) => false,
    }
}

fn literal_shape(literal: &LiteralValue) -> Shape<'_> {
    match literal {
        LiteralValue::Int(number) => Shape::Whole(*number.inner()),
        LiteralValue::String(text) => Shape::Text(text.inner()),
        LiteralValue::Bytes(bytes) => Shape::Made(Made {
            size: Size::text(bytes.inner().len()),
            ..Made::default()
        }),
        LiteralValue::Boolean(_)
        | LiteralValue::Double(_)
        | LiteralValue::Null
        | LiteralValue::UInt(_) => Shape::SMALL,
    }
}

/// Counts the steps that the interpreter really takes.
#[cfg(test)]
const TICK: &str = "tick";

fn is_test_function(name: &str) -> bool {
    #[cfg(test)]
    return name == TICK;
    #[cfg(not(test))]
    {
        let _ = name;
        false
    }
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
