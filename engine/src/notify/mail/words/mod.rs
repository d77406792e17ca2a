//! The words of messages, in English and in French. A missing one does not compile.

mod english;
mod french;

use jiff::civil::DateTime;
use model::notify::Language;
use model::plan::RiskLevel;

/// Every word that messages use.
pub(super) struct Words {
    pub months: [&'static str; 12],
    /// Day, month, year where it is another one, time.
    pub moment: fn(day: i8, month: &str, year: Option<i16>, time: &str) -> String,
    pub day: fn(day: i8, month: &str) -> String,
    pub sign_by: fn(when: &str, what: &str) -> String,
    pub sign: fn(what: &str) -> String,
    pub reminder: fn(number: u32, subject: &str) -> String,
    pub escalated: fn(step: u32, subject: &str) -> String,
    pub out_of_reach: fn(what: &str) -> String,
    pub out_of_reach_text: fn(task: &str) -> String,
    /// How many signatures are missing, and how many can still be given.
    pub can_sign: fn(wanted: usize, left: usize) -> String,
    pub signatures: &'static str,
    pub too_few_can_sign: &'static str,
    pub failed: fn(what: &str) -> String,
    pub failed_in_a_row: fn(count: i64, what: &str) -> String,
    pub address_disabled: fn(login: &str) -> String,
    pub digest: fn(sign: usize, failed: usize, day: &str) -> String,
    pub test: &'static str,
    pub waits_before: fn(task: &str) -> String,
    pub waits_after: fn(task: &str) -> String,
    pub waits_still: fn(task: &str) -> String,
    pub escalated_text: fn(task: &str) -> String,
    pub failed_text: fn(task: &str) -> String,
    pub failed_often_text: fn(task: &str, count: i64) -> String,
    pub address_text: fn(login: &str, address: &str) -> String,
    pub address_hint: &'static str,
    pub held: fn(plan: &str) -> String,
    pub held_text: fn(plan: &str, version: i32) -> String,
    pub held_hint: &'static str,
    pub held_plans: &'static str,
    pub token_made: fn(name: &str) -> String,
    pub token_text: fn(name: &str) -> String,
    pub token_scopes: &'static str,
    pub token_by: &'static str,
    pub token_at: &'static str,
    pub token_end: &'static str,
    pub token_hint: &'static str,
    pub test_text: &'static str,
    pub deadline: &'static str,
    pub deadline_hint: fn(when: &str, zone: &str) -> String,
    pub run: &'static str,
    pub asked_by: &'static str,
    pub asked_at: &'static str,
    pub risk: &'static str,
    pub summary: &'static str,
    pub result: &'static str,
    pub next: &'static str,
    pub next_none: &'static str,
    pub reason: &'static str,
    pub exit_code: &'static str,
    pub failed_at: &'static str,
    pub server_said: &'static str,
    pub look_and_decide: &'static str,
    pub look: &'static str,
    pub accounts: &'static str,
    pub log: &'static str,
    pub to_sign: &'static str,
    pub risk_level: fn(RiskLevel) -> &'static str,
    pub to_sign_risk: fn(risk: &str) -> String,
    pub failures: &'static str,
    pub refused_addresses: &'static str,
    pub until: fn(when: &str) -> String,
    pub no_deadline: &'static str,
    pub more: fn(count: usize) -> String,
    pub link_hint: &'static str,
    pub preferences: &'static str,
}

/// The catalogue of a language.
pub(super) const fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &english::WORDS,
        Language::French => &french::WORDS,
    }
}

impl Words {
    /// `22 Nov 14:00`; with the year where it is not this one.
    pub fn moment(&self, at: DateTime, today: DateTime) -> String {
        let year = (at.year() != today.year()).then(|| at.year());
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        (self.moment)(at.day(), self.month(at.month()), year, &time)
    }

    /// `22 Nov`.
    pub fn day(&self, month: i8, day: i8) -> String {
        (self.day)(day, self.month(month))
    }

    fn month(&self, month: i8) -> &'static str {
        usize::try_from(month - 1)
            .ok()
            .and_then(|index| self.months.get(index))
            .copied()
            .unwrap_or_default()
    }
}
