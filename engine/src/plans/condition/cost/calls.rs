//! What operators and functions cost, and how large what they make is.

use cel::common::ast::CallExpr;
use cel::common::ast::operators as op;

use super::super::size::{Made, Shape, Size};
use super::super::tree::{Kind, Tree};
use super::{Meter, Refused, Scope};

/// What may be called besides operators; what it costs is known.
pub(super) const FUNCTIONS: [&str; 12] = [
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
    "type",
];

impl Meter {
    pub(super) fn call<'a>(
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
            (
                op::SUBSTRACT
                | op::MULTIPLY
                | op::DIVIDE
                | op::MODULO
                | op::EQUALS
                | op::NOT_EQUALS
                | op::LESS
                | op::LESS_EQUALS
                | op::GREATER
                | op::GREATER_EQUALS,
                [_, _],
            )
            | (op::NEGATE, [_]) => {
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
            ("int" | "uint" | "double" | "bool" | "type", [_]) => {
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

/// Counts the steps that the interpreter really takes.
#[cfg(test)]
pub(super) const TICK: &str = "tick";

fn is_test_function(name: &str) -> bool {
    #[cfg(test)]
    return name == TICK;
    #[cfg(not(test))]
    {
        let _ = name;
        false
    }
}
