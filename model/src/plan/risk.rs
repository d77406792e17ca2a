use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many signatures a result needs, from none to the most.
///
/// An ordered type, and never compared as text: "critical" sorts before "low".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// Nobody needs to look.
    Auto,
    One,
    Two,
}

impl RiskLevel {
    /// Every level, from the mildest.
    pub const ALL: [Self; 3] = [Self::Auto, Self::One, Self::Two];
    /// What holds where no rule matches, or where one has no answer.
    pub const STRICTEST: Self = Self::Two;

    /// How many people must sign.
    #[must_use]
    pub const fn signatures(self) -> u32 {
        match self {
            Self::Auto => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The word that plans and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::One => "one",
            Self::Two => "two",
        }
    }
}

impl fmt::Display for RiskLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no risk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a risk; use auto, one or two")]
pub struct UnknownRiskLevel(pub String);

impl FromStr for RiskLevel {
    type Err = UnknownRiskLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| UnknownRiskLevel(text.to_owned()))
    }
}

/// One rule: where its condition holds, this many must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RiskRule {
    /// A CEL condition over the result; without one the rule always matches.
    pub when: Option<String>,
    pub level: RiskLevel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_by_how_much_they_ask() {
        let mut sorted = RiskLevel::ALL;
        sorted.sort();
        assert_eq!(sorted, RiskLevel::ALL);
        for pair in RiskLevel::ALL.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].signatures() < pair[1].signatures());
        }
        assert_eq!(RiskLevel::ALL.iter().max(), Some(&RiskLevel::STRICTEST));
        for level in RiskLevel::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
    }
}
