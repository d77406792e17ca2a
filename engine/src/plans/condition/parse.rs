//! Reading a condition, and what can be said of it before anything is known.

use std::collections::BTreeSet;

use cel::Program;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use super::cost;

/// How long an expression may be.
const EXPRESSION_BYTES: usize = 2_000;
/// How deep brackets may nest.
const BRACKETS: usize = 32;
/// A loop within a loop is the most.
pub(super) const LOOPS: usize = 2;
/// What reading costs a byte, in units.
const UNITS_A_BYTE: u64 = 40;

/// A condition that was read.
pub(super) struct Parsed {
    pub program: Program,
    /// What reading it cost.
    pub units: u64,
    /// The names that it gives to nothing itself.
    pub names: BTreeSet<String>,
}

/// Checks a condition that knows these names.
///
/// # Errors
/// A sentence for whoever wrote it.
pub(super) fn check(expression: &str, known: &[&str]) -> Result<(), String> {
    let parsed = parse(expression)?;
    let unknown = parsed
        .names
        .iter()
        .find(|name| !known.contains(&name.as_str()) && !TYPES.contains(&name.as_str()));
    if let Some(name) = unknown {
        return Err(format!(
            "the condition knows {}, and not '{name}'; a text goes into quotes",
            known.join(", ")
        ));
    }
    // Without anything to look at it costs least: what is refused here is so every night.
    cost::cost(parsed.program.expression(), &[], cost::CONDITION_UNITS)
        .map(drop)
        .map_err(|refused| format!("the condition never has an answer: {refused}"))
}

/// Reads a condition.
///
/// # Errors
/// A sentence for whoever wrote it.
pub(super) fn parse(expression: &str) -> Result<Parsed, String> {
    let program = compile(expression)?;
    let mut names = BTreeSet::new();
    names_of(program.expression(), &mut Vec::new(), &mut names);
    Ok(Parsed {
        program,
        units: expression.len() as u64 * UNITS_A_BYTE,
        names,
    })
}

const TYPES: [&str; 10] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
];

fn compile(expression: &str) -> Result<Program, String> {
    if expression.trim().is_empty() {
        return Err("the condition is empty; write for instance inputs.strict == true".to_owned());
    }
    if expression.len() > EXPRESSION_BYTES {
        return Err(format!(
            "a condition has at most {EXPRESSION_BYTES} characters"
        ));
    }
    if deepest_bracket(expression) > BRACKETS {
        return Err(format!(
            "brackets nest at most {BRACKETS} deep in a condition"
        ));
    }
    let program = Program::compile(expression).map_err(|errors| {
        let first = errors.errors.first();
        let place = first.map_or((1, 1), |error| error.pos);
        let why = first.map_or("", |error| error.msg.lines().next().unwrap_or(""));
        format!(
            "the condition is not CEL, at its character {}: {why}",
            place.1.max(1)
        )
    })?;
    if loops(program.expression()) > LOOPS {
        return Err(format!(
            "at most {LOOPS} of all, exists, map and filter within each other"
        ));
    }
    Ok(program)
}

fn deepest_bracket(expression: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for c in expression.chars() {
        match c {
            '(' | '[' | '{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// How deep loops stand within each other.
fn loops(expression: &IdedExpr) -> usize {
    match &expression.expr {
        Expr::Comprehension(comprehension) => {
            let inside = [
                &comprehension.accu_init,
                &comprehension.loop_cond,
                &comprehension.loop_step,
                &comprehension.result,
            ];
            (most_loops(inside) + 1).max(loops(&comprehension.iter_range))
        }
        Expr::Call(call) => most_loops(call.args.iter().chain(call.target.as_deref())),
        Expr::List(list) => most_loops(&list.elements),
        Expr::Select(select) => loops(&select.operand),
        Expr::Map(map) => most_loops(map.entries.iter().flat_map(|entry| parts(&entry.expr))),
        Expr::Struct(of) => most_loops(of.entries.iter().flat_map(|entry| parts(&entry.expr))),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
    }
}

fn most_loops<'a>(parts: impl IntoIterator<Item = &'a IdedExpr>) -> usize {
    parts.into_iter().map(loops).max().unwrap_or(0)
}

fn parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}

/// The names in it that no loop gives.
fn names_of<'a>(expression: &'a IdedExpr, scope: &mut Vec<&'a str>, names: &mut BTreeSet<String>) {
    match &expression.expr {
        Expr::Ident(name) => {
            if !scope.contains(&name.as_str()) && !name.starts_with('@') {
                names.insert(name.clone());
            }
        }
        Expr::Comprehension(comprehension) => {
            names_of(&comprehension.iter_range, scope, names);
            names_of(&comprehension.accu_init, scope, names);
            let before = scope.len();
            scope.extend([
                comprehension.iter_var.as_str(),
                comprehension.accu_var.as_str(),
            ]);
            scope.extend(comprehension.iter_var2.as_deref());
            for inside in [
                &comprehension.loop_cond,
                &comprehension.loop_step,
                &comprehension.result,
            ] {
                names_of(inside, scope, names);
            }
            scope.truncate(before);
        }
        Expr::Call(call) => {
            for part in call.args.iter().chain(call.target.as_deref()) {
                names_of(part, scope, names);
            }
        }
        Expr::List(list) => {
            for part in &list.elements {
                names_of(part, scope, names);
            }
        }
        Expr::Map(map) => {
            for part in map.entries.iter().flat_map(|entry| parts(&entry.expr)) {
                names_of(part, scope, names);
            }
        }
        Expr::Struct(of) => {
            for part in of.entries.iter().flat_map(|entry| parts(&entry.expr)) {
                names_of(part, scope, names);
            }
        }
        Expr::Select(select) => names_of(&select.operand, scope, names),
        Expr::Unspecified | Expr::Literal(_) => {}
    }
}
