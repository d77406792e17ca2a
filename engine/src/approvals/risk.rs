//! How many must sign, by the rules of the gate. Pure but for the conditions' own evaluation.

use model::plan::{Gate, RiskLevel};

use crate::plans::condition::{GateContext, Judge};

/// What a gate says of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// Whether people must look at all.
    pub stops: bool,
    /// What the rules of risk said, where the gate has any.
    pub risk: Option<RiskLevel>,
    /// The condition that decided it.
    pub rule: Option<String>,
    /// Why it was this one, in a sentence.
    pub why: Option<String>,
}

impl Ruling {
    /// The gate with the number of signatures that this ruling asks for.
    pub fn gate(&self, gate: &Gate) -> Gate {
        let required = self.risk.map_or(gate.required, RiskLevel::signatures);
        Gate {
            required: required.max(1),
            ..gate.clone()
        }
    }
}

/// Whether the gate stops this result, and how many must sign.
///
/// The first rule whose condition holds decides. Where a condition has no answer, and
/// where no rule matches, the strictest level holds: what nobody thought of is looked at.
pub(crate) fn ruling(judge: &mut Judge, gate: &Gate, context: &GateContext) -> Ruling {
    judge.next_gate();
    if let Some(when) = &gate.when {
        match judge.gate_condition(when, context) {
            Ok(true) => {}
            Ok(false) => {
                return Ruling {
                    stops: false,
                    risk: None,
                    rule: Some(when.clone()),
                    why: None,
                };
            }
            Err(error) => {
                return Ruling {
                    stops: true,
                    risk: (!gate.risk.is_empty()).then_some(RiskLevel::STRICTEST),
                    rule: Some(when.clone()),
                    why: Some(format!("the condition of the gate stops it: {error}")),
                };
            }
        }
    }
    if gate.risk.is_empty() {
        return Ruling {
            stops: true,
            risk: None,
            rule: gate.when.clone(),
            why: None,
        };
    }
    for rule in &gate.risk {
        let matches = match &rule.when {
            None => Ok(true),
            Some(when) => judge.gate_condition(when, context),
        };
        match matches {
            Ok(false) => {}
            Ok(true) => {
                return Ruling {
                    stops: rule.level > RiskLevel::Auto,
                    risk: Some(rule.level),
                    rule: rule.when.clone(),
                    why: None,
                };
            }
            Err(error) => {
                return Ruling {
                    stops: true,
                    risk: Some(RiskLevel::STRICTEST),
                    rule: rule.when.clone(),
                    why: Some(format!(
                        "a rule of risk could not be answered, so the strictest holds: {error}"
                    )),
                };
            }
        }
    }
    Ruling {
        stops: true,
        risk: Some(RiskLevel::STRICTEST),
        rule: None,
        why: Some("no rule of risk matched, so the strictest holds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use model::identity::Role;
    use model::plan::{RiskRule, Signer};
    use model::task::GatePhase;
    use proptest::prelude::*;

    use super::*;

    fn ruling(gate: &Gate, context: &GateContext) -> Ruling {
        super::ruling(&mut Judge::default(), gate, context)
    }

    fn gate(rules: &[(Option<&str>, RiskLevel)]) -> Gate {
        Gate {
            risk: rules
                .iter()
                .map(|(when, level)| RiskRule {
                    when: when.map(str::to_owned),
                    level: *level,
                })
                .collect(),
            ..Gate::new(GatePhase::AfterResult, vec![Signer::Role(Role::Approver)])
        }
    }

    fn result(lines: u64) -> GateContext {
        GateContext {
            diff_size: Some(lines),
            ..GateContext::default()
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let gate = gate(&[
            (Some("diff_size < 10"), RiskLevel::Auto),
            (Some("diff_size < 100"), RiskLevel::One),
            (Some("diff_size < 1000"), RiskLevel::Two),
        ]);
        for (lines, stops, risk, required) in [
            (3, false, RiskLevel::Auto, 1),
            (30, true, RiskLevel::One, 1),
            (300, true, RiskLevel::Two, 2),
            (3_000, true, RiskLevel::Two, 2),
        ] {
            let ruling = ruling(&gate, &result(lines));
            assert_eq!(
                (ruling.stops, ruling.risk),
                (stops, Some(risk)),
                "{lines} lines"
            );
            assert_eq!(ruling.gate(&gate).required, required);
        }
        let unmatched = ruling(&gate, &result(3_000));
        assert_eq!(unmatched.rule, None);
        assert!(unmatched.why.is_some_and(|why| why.contains("no rule")));
    }

    #[test]
    fn what_has_no_answer_is_as_risky_as_can_be() {
        let gate = gate(&[(Some("cost < 1.0"), RiskLevel::Auto)]);
        let ruling = ruling(&gate, &result(1));
        assert_eq!((ruling.stops, ruling.risk), (true, Some(RiskLevel::Two)));
        assert!(
            ruling
                .why
                .is_some_and(|why| why.contains("cost") || why.contains("answer"))
        );
    }

    #[test]
    fn without_rules_the_condition_alone_decides() {
        let mut plain = gate(&[]);
        plain.when = Some("diff_size > 5".to_owned());
        assert!(!ruling(&plain, &result(5)).stops);
        assert!(ruling(&plain, &result(6)).stops);
        let unknown = ruling(&plain, &GateContext::default());
        assert!(unknown.stops, "no answer never means approved");
    }

    #[test]
    fn a_condition_without_an_answer_outweighs_every_rule() {
        let mut both = gate(&[(Some("diff_size < 10"), RiskLevel::Auto)]);
        both.when = Some("cost > 1.0".to_owned());
        let unknown = ruling(&both, &result(3));
        assert_eq!((unknown.stops, unknown.risk), (true, Some(RiskLevel::Two)));
    }

    proptest! {
        /// Whatever the rules and the result: without a matching rule that says so, somebody signs.
        #[test]
        fn only_a_rule_that_holds_lets_a_result_pass(
            limits in proptest::collection::vec((0_u64..200, 0_usize..3), 0..6), lines in 0_u64..250,
        ) {
            let expressions: Vec<(String, RiskLevel)> = limits
                .iter()
                .map(|(limit, level)| (format!("diff_size < {limit}"), RiskLevel::ALL[*level]))
                .collect();
            let rules: Vec<(Option<&str>, RiskLevel)> =
                expressions.iter().map(|(when, level)| (Some(when.as_str()), *level)).collect();
            let found = ruling(&gate(&rules), &result(lines));
            let first = limits.iter().find(|(limit, _)| lines < *limit);
            let passes = first.is_some_and(|(_, level)| RiskLevel::ALL[*level] == RiskLevel::Auto);
            prop_assert_eq!(found.stops, !passes);
        }
    }
}
