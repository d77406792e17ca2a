//! What a template may hold, and how large what it makes can get, from its syntax alone.
//!
//! The engine that fills templates counts its steps, and not what one of them makes: two
//! texts that are joined, or one that is repeated, are there before anybody can look. So a
//! template has only what can be bounded before: values, operators, a closed list of filters,
//! and `if`.

use minijinja::machinery::ast::{BinOp, BinOpKind, CallArg, Expr, Filter, Stmt, UnaryOpKind};
use serde_json::Value;

use super::forms;
use super::shape::{QUOTED, Shape, WORD_BYTES, bytes, either, is_number, part};

/// How many bytes the parts of one template may take while it is filled.
const MADE_BYTES: u64 = 8 * 1024 * 1024;
/// How much longer a text may get in capitals.
const CAPITALS: u64 = 3;

/// Filters, of which is known how much they make.
const FILTERS: [&str; 26] = [
    "default",
    "d",
    "lower",
    "upper",
    "title",
    "capitalize",
    "trim",
    "replace",
    "join",
    "split",
    "lines",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "unique",
    "reverse",
    "list",
    "length",
    "count",
    "string",
    "int",
    "float",
    "round",
    "abs",
];

/// What is known of the values that a template names.
#[derive(Clone, Copy)]
pub(super) enum Known<'a> {
    /// Nothing yet: the plan is being checked.
    Nothing,
    All {
        inputs: &'a Value,
        tasks: &'a Value,
        /// How long the run's id and date are.
        run: usize,
    },
}

/// Walks a template and adds up what its parts can make at most.
///
/// # Errors
/// A sentence where it holds what a template has not, or can make too much.
pub(super) fn check(template: &Stmt<'_>, known: Known<'_>) -> Result<(), String> {
    most(template, known).map(drop)
}

/// How many bytes all parts of it make at most.
///
/// # Errors
/// Those of [`check`].
pub(super) fn most(template: &Stmt<'_>, known: Known<'_>) -> Result<u64, String> {
    let mut rules = Rules { known, made: 0 };
    rules.statement(template)?;
    Ok(rules.made)
}

struct Rules<'a> {
    known: Known<'a>,
    made: u64,
}

impl<'a> Rules<'a> {
    fn statement(&mut self, statement: &Stmt<'_>) -> Result<(), String> {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(emitted) => {
                let shape = self.walk(&emitted.expr)?;
                // What is written goes straight to where it fails when it gets too long.
                self.make(bytes(shape).min(super::FILLED_BYTES as u64))
                    .map(drop)
            }
            Stmt::IfCond(condition) => {
                self.walk(&condition.expr)?;
                self.statements(&condition.true_body)?;
                self.statements(&condition.false_body)
            }
            other => Err(forms::instead_of(other)),
        }
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) -> Result<(), String> {
        statements
            .iter()
            .try_for_each(|statement| self.statement(statement))
    }

    fn make(&mut self, bytes: u64) -> Result<Shape<'a>, String> {
        self.made = self.made.saturating_add(bytes);
        if self.made > MADE_BYTES {
            return Err(format!(
                "the parts of the template could take more than {MADE_BYTES} bytes; let the step put long texts together"
            ));
        }
        Ok(Shape::Made(bytes))
    }

    fn walk(&mut self, expression: &Expr<'_>) -> Result<Shape<'a>, String> {
        match expression {
            Expr::Var(variable) => Ok(match (self.known, variable.id) {
                (Known::Nothing, _) => Shape::Open,
                (Known::All { inputs, .. }, "inputs") => Shape::Known(inputs),
                (Known::All { tasks, .. }, "tasks") => Shape::Known(tasks),
                (Known::All { run, .. }, _) => Shape::Made(run as u64),
            }),
            Expr::Const(constant) => Ok(match constant.value.as_str() {
                Some(text) => Shape::Made(text.len() as u64),
                None if constant.value.is_number() => Shape::Number,
                None => Shape::Made(WORD_BYTES),
            }),
            Expr::GetAttr(field) => {
                let of = self.walk(&field.expr)?;
                Ok(part(of, Some(field.name), None))
            }
            Expr::GetItem(item) => {
                let of = self.walk(&item.expr)?;
                self.walk(&item.subscript_expr)?;
                let key = match &item.subscript_expr {
                    Expr::Const(key) => (key.value.as_str(), key.value.as_usize()),
                    _ => (None, None),
                };
                Ok(part(of, key.0, key.1))
            }
            Expr::Slice(slice) => {
                let of = self.walk(&slice.expr)?;
                for bound in [&slice.start, &slice.stop, &slice.step]
                    .into_iter()
                    .flatten()
                {
                    self.walk(bound)?;
                }
                self.make(bytes(of))
            }
            Expr::UnaryOp(unary) => {
                let of = self.walk(&unary.expr)?;
                Ok(match unary.op {
                    UnaryOpKind::Neg => Shape::Number,
                    UnaryOpKind::Not => {
                        self.make(bytes(of).min(WORD_BYTES))?;
                        Shape::Made(WORD_BYTES)
                    }
                })
            }
            Expr::BinOp(operator) => self.operator(operator),
            Expr::Compare(compared) => {
                let mut all = bytes(self.walk(&compared.expr)?);
                for operator in &compared.ops {
                    all = all.saturating_add(bytes(self.walk(&operator.expr)?));
                }
                // Both are walked to be compared.
                self.make(all)?;
                Ok(Shape::Made(WORD_BYTES))
            }
            Expr::IfExpr(choice) => {
                self.walk(&choice.test_expr)?;
                let yes = self.walk(&choice.true_expr)?;
                let no = choice.false_expr.as_ref().map(|no| self.walk(no));
                Ok(either(yes, no.transpose()?.unwrap_or(Shape::Made(0))))
            }
            Expr::Filter(filter) => self.filter(filter),
            Expr::Test(test) => {
                let mut all = bytes(self.walk(&test.expr)?);
                for argument in self.arguments(&test.args)? {
                    all = all.saturating_add(bytes(argument));
                }
                self.make(all)?;
                Ok(Shape::Made(WORD_BYTES))
            }
            Expr::List(list) => self.all(&list.items),
            Expr::Tuple(tuple) => self.all(&tuple.items),
            Expr::Map(map) => {
                let keys = bytes(self.all(&map.keys)?);
                let values = bytes(self.all(&map.values)?);
                Ok(Shape::Made(keys.saturating_add(values)))
            }
            Expr::Call(_) => Err(
                "a template calls nothing; write what it is to hold, such as {{ inputs.site }}"
                    .to_owned(),
            ),
        }
    }

    fn all(&mut self, items: &[Expr<'_>]) -> Result<Shape<'a>, String> {
        let mut all = WORD_BYTES;
        for item in items {
            let item = bytes(self.walk(item)?).saturating_mul(QUOTED);
            all = all.saturating_add(item);
        }
        self.make(all)
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) -> Result<Vec<Shape<'a>>, String> {
        let walked = arguments.iter().map(|argument| match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.walk(value),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                Err("a template has no * before an argument; write each one".to_owned())
            }
        });
        walked.collect()
    }

    fn operator(&mut self, operator: &BinOp<'_>) -> Result<Shape<'a>, String> {
        let left = self.walk(&operator.left)?;
        let right = self.walk(&operator.right)?;
        let both = bytes(left).saturating_add(bytes(right));
        match operator.op {
            BinOpKind::Add | BinOpKind::Mul if is_number(left) && is_number(right) => {
                Ok(Shape::Number)
            }
            BinOpKind::Add | BinOpKind::Concat => self.make(both),
            BinOpKind::Mul => Err(
                "only numbers are multiplied in a template; write |int behind a text that is one, and let the step repeat a text".to_owned(),
            ),
            BinOpKind::Sub
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow => Ok(Shape::Number),
            BinOpKind::ScAnd | BinOpKind::ScOr => Ok(either(left, right)),
            BinOpKind::Eq
            | BinOpKind::Ne
            | BinOpKind::Lt
            | BinOpKind::Lte
            | BinOpKind::Gt
            | BinOpKind::Gte
            | BinOpKind::In => {
                self.make(both)?;
                Ok(Shape::Made(WORD_BYTES))
            }
        }
    }

    fn filter(&mut self, filter: &Filter<'_>) -> Result<Shape<'a>, String> {
        if !FILTERS.contains(&filter.name) {
            return Err(format!(
                "a template knows no filter '{}'; write one of {}, or let the step do it",
                filter.name,
                FILTERS.join(", ")
            ));
        }
        let of = match &filter.expr {
            Some(of) => self.walk(of)?,
            None => Shape::Made(0),
        };
        let given = self.arguments(&filter.args)?;
        let own = bytes(of);
        let longest = given.iter().map(|shape| bytes(*shape)).max().unwrap_or(0);
        match filter.name {
            "length" | "count" | "int" | "float" | "round" | "abs" => {
                self.make(own)?;
                Ok(Shape::Number)
            }
            "default" | "d" => Ok(given.into_iter().fold(of, either)),
            "upper" | "lower" | "title" | "capitalize" => self.make(own.saturating_mul(CAPITALS)),
            // At most one piece for each byte, and one at either end.
            "replace" | "join" => {
                let pieces = own.saturating_add(2).saturating_mul(longest.max(1));
                self.make(own.saturating_add(pieces))
            }
            "split" | "lines" | "list" => self.make(own.saturating_mul(QUOTED)),
            _ => self.make(own),
        }
    }
}
