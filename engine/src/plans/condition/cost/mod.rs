//! What a condition costs at most, in units: the same on every machine.
//!
//! The interpreter cannot be told to stop, so a bound is worked out before it begins, from the
//! expression and from the sizes of what it looks at. A unit is one step of the interpreter,
//! or some bytes copied or compared. Every branch counts, also one that is then not taken.
//!
//! Working it out takes no more steps than it counts, and ends with the first unit too many.

mod calls;
mod loops;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr};

use super::size::{Made, Shape, Size};
use super::tree::Tree;
use calls::FUNCTIONS;

/// How many units one condition may cost: well below a second, even where nothing is optimised.
pub(super) const CONDITION_UNITS: u64 = 1_000_000;
/// How much one condition may make, in bytes: texts that it joins, lists that it builds.
const MADE_BYTES: u64 = 8 * 1024 * 1024;

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
            // A name from outside of all loops: nobody needs it, and it is in no scope here.
            Expr::Ident(name) if name.starts_with('.') => Err(Refused::Unknown(name.clone())),
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
}

/// Scopes are as many as loops may stand in each other.
const LOOPS: u64 = super::parse::LOOPS as u64;

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

#[cfg(test)]
mod tests;
