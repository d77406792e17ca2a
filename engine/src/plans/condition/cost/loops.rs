//! What `all`, `exists`, `exists_one`, `map` and `filter` cost.

use cel::common::ast::operators as op;
use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr};

use super::super::size::{Made, Shape, Size};
use super::super::tree::{Kind, Tree};
use super::{Meter, Refused, Scope};

impl Meter {
    pub(super) fn comprehension<'a>(
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
