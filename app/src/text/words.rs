//! The shape of a catalogue. Functions are entries whose words follow a number or a name.

use model::approval::ApprovalState;

/// Every word that pages show.
pub struct Words {
    pub frame: Frame,
    pub common: Common,
    pub state: State,
    pub time: Time,
    pub login: Login,
    pub night: Night,
    pub approvals: super::approvals::Approvals,
    pub consequences: super::consequences::Consequences,
    pub decisions: Decisions,
    pub what_if: WhatIf,
    pub history: History,
    pub runs: Runs,
    pub task: Task,
    pub plans: Plans,
    pub account: Account,
    pub mail: super::mail::Mail,
    pub deliveries: Deliveries,
    pub problem: Problem,
}

pub type Text = &'static str;
pub type Count = fn(i64) -> String;
pub type Named = fn(&str) -> String;

/// The rail, the foot and what surrounds every page.
pub struct Frame {
    pub skip: Text,
    pub main_navigation: Text,
    pub night: Text,
    pub approvals: Text,
    pub history: Text,
    pub runs: Text,
    pub plans: Text,
    pub account: Text,
    pub deliveries: Text,
    pub log_out: Text,
    pub waiting: Count,
    pub times_in: Named,
    pub language: Text,
    pub stale: Text,
}

/// Words that several pages share.
pub struct Common {
    /// Between a name and what it is.
    pub colon: Text,
    pub task: Text,
    pub run: Text,
    pub plan: Text,
    pub status: Text,
    pub started: Text,
    pub finished: Text,
    pub took: Text,
    pub attempt: Text,
    pub reason: Text,
    pub outputs: Text,
    pub output_link: Text,
    pub artifacts: Text,
    pub version: Text,
    pub by: Text,
    pub note: Text,
    pub none: Text,
    pub load_more: Text,
    pub loading: Text,
    pub inputs: Text,
    pub tasks: Text,
    pub count_tasks: Count,
    pub download: Text,
    pub approval: Text,
    pub reported: Text,
    pub optional: Text,
    pub show: Text,
}

/// Where tasks, runs and approvals stand.
pub struct State {
    pub created: Text,
    pub queued: Text,
    pub scheduled: Text,
    pub on_hold: Text,
    pub running: Text,
    pub blocked: Text,
    pub awaiting_approval: Text,
    pub cancelling: Text,
    pub succeeded: Text,
    pub failed: Text,
    pub skipped: Text,
    pub cancelled: Text,
    pub pending: Text,
    pub approved: Text,
    pub rejected: Text,
    pub expired: Text,
    pub superseded: Text,
    pub changes_requested: Text,
    pub timed_out: Text,
    pub signalled: Text,
    pub not_found: Text,
    pub could_not_start: Text,
    pub worker_lost: Text,
}

impl State {
    /// The word for where a request for a decision stands.
    #[must_use]
    pub const fn approval(&self, state: ApprovalState) -> Text {
        match state {
            ApprovalState::Pending => self.pending,
            ApprovalState::Approved => self.approved,
            ApprovalState::Rejected => self.rejected,
            ApprovalState::Cancelled => self.cancelled,
            ApprovalState::Expired => self.expired,
            ApprovalState::Superseded => self.superseded,
            ApprovalState::ChangesRequested => self.changes_requested,
        }
    }
}

/// How dates and spans are written.
pub struct Time {
    pub weekdays: [Text; 7],
    pub months: [Text; 12],
    pub months_short: [Text; 12],
    /// Weekday, day, month.
    pub long_date: fn(Text, u32, Text) -> String,
    /// Day, short month.
    pub short_date: fn(u32, Text) -> String,
    pub seconds: fn(i64) -> String,
    pub minutes: fn(i64) -> String,
    pub hours: fn(i64, i64) -> String,
    pub days: fn(i64, i64) -> String,
    pub less_than_a_second: Text,
    pub in_span: Named,
    pub ago: Named,
    pub by: Text,
    pub since: Text,
    pub overdue: Text,
}

/// The login page.
#[expect(
    clippy::struct_field_names,
    reason = "the field it labels is called login"
)]
pub struct Login {
    pub title: Text,
    pub lede: Text,
    pub login: Text,
    pub password: Text,
    pub submit: Text,
    pub login_missing: Text,
    pub password_missing: Text,
    pub wrong: Text,
    /// In how many seconds to try again.
    pub too_many: fn(u64) -> String,
}

/// The dashboard.
#[expect(
    clippy::struct_field_names,
    reason = "the picture's heading is The night"
)]
pub struct Night {
    pub title: Text,
    /// Tasks in all, failures, waiting for the reader.
    pub headline: fn(i64, i64, i64) -> String,
    pub ran: Count,
    pub succeeded: Count,
    pub failed: Count,
    pub retried: Count,
    pub need_approval: Count,
    pub are_running: Count,
    pub needs_you: Text,
    pub nothing_waits: Text,
    pub running_now: Text,
    pub the_night: Text,
    /// The name of the picture, with its beginning and its end.
    pub picture: fn(&str, &str) -> String,
    pub no_picture: Text,
    pub next: Text,
    pub nothing_next: Text,
    pub failures: Text,
    pub last_runs: Text,
    pub notices: Text,
    pub figure_tasks: Text,
    pub figure_succeeded: Text,
    pub figure_failed: Text,
    pub figure_retried: Text,
}

/// The decision log.
pub struct Decisions {
    pub title: Text,
    pub lede: Text,
    pub person: Text,
    pub empty: Text,
    pub figures: Text,
    pub answers: Text,
    pub refusals: Text,
    pub median: Text,
    pub ninetieth: Text,
    pub after: Text,
}

/// A draft of a plan against the past.
pub struct WhatIf {
    pub title: Text,
    pub lede: Text,
    pub days: Text,
    pub days_wrong: Text,
    pub source: Text,
    pub ask: Text,
    pub would_stop: fn(u32, u32) -> String,
    pub did_stop: fn(u32) -> String,
    pub these: Text,
    pub no_longer: Text,
    pub none: Text,
    pub cut: Text,
}

/// The history and its filters.
pub struct History {
    pub title: Text,
    pub lede: Text,
    pub filters: Text,
    pub task_hint: Text,
    pub run_label: Text,
    pub since_label: Text,
    pub since_hint: Text,
    pub since_wrong: Text,
    pub status_wrong: Text,
    pub apply: Text,
    pub clear: Text,
    pub csv: Text,
    pub empty: Text,
    pub empty_filtered: Text,
}

/// Runs and one run.
pub struct Runs {
    pub title: Text,
    pub lede: Text,
    pub started_by: Text,
    pub due: Text,
    pub empty: Text,
    pub cancel: Text,
    pub retry_failed: Text,
    pub outside: Text,
}

/// One task.
pub struct Task {
    pub attempts: Text,
    pub no_attempt: Text,
    pub worker: Text,
    pub outcome: Text,
    pub exit_code: Text,
    pub signal: Text,
    pub bytes: fn(&str) -> String,
    pub log: Text,
    pub log_of: Count,
    pub log_empty: Text,
    pub log_follows: Text,
    pub omitted: fn(&str) -> String,
    pub history: Text,
    pub needs: Text,
    pub uses: Text,
    pub dependants: Text,
    pub command: Text,
    pub timeout: Text,
    pub scheduled_for: Text,
    pub created: Text,
    pub cancel: Text,
    pub rerun: Text,
    pub hold: Text,
    pub unhold: Text,
    pub see_approval: Text,
    pub report: Text,
    pub not_permitted: Text,
    pub role_needed: Text,
}

/// Plans and one plan.
pub struct Plans {
    pub title: Text,
    pub lede: Text,
    pub empty: Text,
    pub schedule: Text,
    pub no_schedule: Text,
    pub next_times: Text,
    pub in_zone: Named,
    pub utc: Text,
    pub yours: Text,
    pub last_run: Text,
    pub next_due: Text,
    pub paused: Text,
    pub paused_by: Named,
    pub lost_gate: Named,
    /// A version that waits for a signature: its number, and who stored it.
    pub proposed: fn(i32, &str) -> String,
    pub proposed_open: Text,
    pub pause: Text,
    pub resume: Text,
    pub run_now: Text,
    pub run_now_hint: Text,
    pub source: Text,
    pub recent_runs: Text,
    pub skips: Text,
    pub skip_reason: fn(&str) -> String,
    pub never_ran: Text,
    pub gate: Text,
    pub stands_still: Text,
    pub choose: Text,
}

/// The reader's own page.
pub struct Account {
    pub title: Text,
    pub roles: Text,
    pub role_viewer: Text,
    pub role_approver: Text,
    pub role_operator: Text,
    pub role_admin: Text,
    pub password: Text,
    pub current_password: Text,
    pub new_password: Text,
    pub new_password_hint: Text,
    pub change_password: Text,
    pub password_changed: Text,
    pub choose_own_password: Text,
    pub slack: Text,
    pub slack_mapped: Named,
    pub slack_unmapped: Text,
    pub sessions: Text,
    pub sessions_hint: Text,
    pub present_session: Text,
    pub browser_on: fn(browser: &str, system: &str) -> String,
    pub unknown_browser: Text,
    pub unknown_place: Text,
    pub logged_in: Text,
    pub end_session: Text,
    pub tokens_stay: Text,
    pub end_tokens: Text,
    pub delegation: Text,
    pub delegation_hint: Text,
    pub delegate_to: Text,
    pub delegate_from: Text,
    pub delegate_until: Text,
    pub delegate_note: Text,
    pub delegate: Text,
    pub delegation_later: Text,
    pub logout_everywhere: Text,
    pub tokens: Text,
    pub tokens_hint: Text,
    pub no_tokens: Text,
    pub token_name: Text,
    pub token_scopes: Text,
    pub token_days: Text,
    pub token_days_hint: Text,
    pub token_password: Text,
    pub token_password_hint: Text,
    pub token_until: Text,
    pub token_ended: Text,
    pub token_without_end: Text,
    pub create_token: Text,
    pub token_created: Text,
    pub revoke: Text,
    pub revoked: Text,
    pub last_used: Text,
    pub never_used: Text,
}

/// Messages to receivers outside.
pub struct Deliveries {
    pub title: Text,
    pub lede: Text,
    pub empty: Text,
    pub empty_hint: Text,
    pub slack: Text,
    pub email_webhook: Text,
    pub webhook: Text,
    pub awaiting_approval: Text,
    pub approval_decided: Text,
    pub approval_reminder: Text,
    pub approval_escalated: Text,
    pub task_failed: Text,
    pub run_finished: Text,
    pub waiting: Text,
    pub delivered: Text,
    pub abandoned: Text,
    pub next_try: Text,
    pub tries: Count,
    pub try_again: Text,
}

/// What is said when something is not there or does not go.
pub struct Problem {
    pub not_found: Text,
    pub not_found_hint: Text,
    pub forbidden: Text,
    pub unavailable: Text,
    pub unavailable_hint: Text,
    pub internal: Text,
    pub internal_hint: Text,
    pub conflict: Text,
    pub signed_out: Text,
    pub to_the_night: Text,
    pub not_saved: Text,
}
