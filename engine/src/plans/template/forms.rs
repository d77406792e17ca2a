//! Forms of templates that are refused today, and go on where a version was stored with them.
//!
//! Those are filled under the same limits, and only where no value can grow: a loop that joins
//! what it made before doubles it with each turn.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};

/// Filters that make nothing larger than what they are given, however often.
const STEADY: [&str; 24] = [
    "default",
    "d",
    "lower",
    "upper",
    "trim",
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
    "int",
    "float",
    "round",
    "abs",
    "items",
    "dictsort",
    "selectattr",
    "rejectattr",
    "string",
];

/// What to write instead of a statement that a template does not have.
pub(super) fn instead_of(statement: &Stmt<'_>) -> String {
    let (name, instead) = match statement {
        Stmt::ForLoop(_) => (
            "for",
            "hand the list over as one argument, such as {{ inputs.names|join(',') }}, and let the step take it apart",
        ),
        Stmt::Set(_) | Stmt::SetBlock(_) => ("set", "write the value where it is used"),
        Stmt::WithBlock(_) => ("with", "write the value where it is used"),
        Stmt::FilterBlock(_) => (
            "filter",
            "write the filter behind the value, such as {{ inputs.site|upper }}",
        ),
        Stmt::AutoEscape(_) => ("autoescape", "arguments are never escaped; leave it out"),
        Stmt::Do(_) => ("do", "a template changes nothing; leave it out"),
        Stmt::Template(_) | Stmt::EmitExpr(_) | Stmt::EmitRaw(_) | Stmt::IfCond(_) => {
            ("statement of this kind", "write {{ inputs.site }} or an if")
        }
    };
    format!("a template has no '{name}': {instead}")
}

/// Checks that nothing in a template of a former form can grow while it is filled.
///
/// # Errors
/// The name of what could.
pub(super) fn check_steady(statement: &Stmt<'_>) -> Result<(), &'static str> {
    match statement {
        Stmt::Template(template) => all_steady(&template.children),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emitted) => steady(&emitted.expr),
        Stmt::ForLoop(turns) => {
            if turns.recursive {
                return Err("a recursive loop");
            }
            steady(&turns.iter)?;
            turns.filter_expr.as_ref().map_or(Ok(()), steady)?;
            all_steady(&turns.body)?;
            all_steady(&turns.else_body)
        }
        Stmt::IfCond(condition) => {
            steady(&condition.expr)?;
            all_steady(&condition.true_body)?;
            all_steady(&condition.false_body)
        }
        Stmt::WithBlock(with) => {
            with.assignments
                .iter()
                .try_for_each(|(_, value)| steady(value))?;
            all_steady(&with.body)
        }
        Stmt::Set(set) => steady(&set.expr),
        Stmt::AutoEscape(escaped) => all_steady(&escaped.body).and(Err("autoescape")),
        Stmt::SetBlock(_) => Err("a block that is set"),
        Stmt::FilterBlock(_) => Err("a filter over a block"),
        Stmt::Do(_) => Err("do"),
    }
}

fn all_steady(statements: &[Stmt<'_>]) -> Result<(), &'static str> {
    statements.iter().try_for_each(check_steady)
}

fn steady(expression: &Expr<'_>) -> Result<(), &'static str> {
    match expression {
        Expr::Var(_) | Expr::Const(_) => Ok(()),
        Expr::Slice(slice) => {
            steady(&slice.expr)?;
            let bounds = [&slice.start, &slice.stop, &slice.step];
            bounds.into_iter().flatten().try_for_each(steady)
        }
        Expr::UnaryOp(unary) => steady(&unary.expr),
        Expr::BinOp(operator) => {
            match operator.op {
                BinOpKind::Add => return Err("+"),
                BinOpKind::Mul => return Err("*"),
                BinOpKind::Concat => return Err("~"),
                BinOpKind::Eq
                | BinOpKind::Ne
                | BinOpKind::Lt
                | BinOpKind::Lte
                | BinOpKind::Gt
                | BinOpKind::Gte
                | BinOpKind::ScAnd
                | BinOpKind::ScOr
                | BinOpKind::Sub
                | BinOpKind::Div
                | BinOpKind::FloorDiv
                | BinOpKind::Rem
                | BinOpKind::Pow
                | BinOpKind::In => {}
            }
            steady(&operator.left)?;
            steady(&operator.right)
        }
        Expr::Compare(compared) => {
            steady(&compared.expr)?;
            compared.ops.iter().try_for_each(|one| steady(&one.expr))
        }
        Expr::IfExpr(choice) => {
            steady(&choice.test_expr)?;
            steady(&choice.true_expr)?;
            choice.false_expr.as_ref().map_or(Ok(()), steady)
        }
        Expr::Filter(filter) => {
            if !STEADY.contains(&filter.name) {
                return Err("a filter that makes texts longer");
            }
            filter.expr.as_ref().map_or(Ok(()), steady)?;
            arguments(&filter.args)
        }
        Expr::Test(test) => {
            steady(&test.expr)?;
            arguments(&test.args)
        }
        Expr::GetAttr(field) => steady(&field.expr),
        Expr::GetItem(item) => {
            steady(&item.expr)?;
            steady(&item.subscript_expr)
        }
        Expr::Call(call) => match &call.expr {
            Expr::Var(name) if name.id == "range" => arguments(&call.args),
            _ => Err("a call"),
        },
        Expr::List(list) => constants(&list.items),
        Expr::Tuple(tuple) => constants(&tuple.items),
        Expr::Map(map) => constants(&map.keys).and(constants(&map.values)),
    }
}

fn constants(items: &[Expr<'_>]) -> Result<(), &'static str> {
    // A list of what was made before, in a list, in a list, is walked for ever.
    let constant = items.iter().all(|item| matches!(item, Expr::Const(_)));
    if constant {
        Ok(())
    } else {
        Err("a list of values")
    }
}

fn arguments(arguments: &[CallArg<'_>]) -> Result<(), &'static str> {
    arguments.iter().try_for_each(|argument| match argument {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) => steady(value),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Err("* before an argument"),
    })
}
