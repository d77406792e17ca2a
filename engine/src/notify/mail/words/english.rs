use model::plan::RiskLevel;

use super::Words;

/// The English catalogue.
pub(super) static WORDS: Words = Words {
    months: [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ],
    moment: |day, month, year, time| match year {
        Some(year) => format!("{day} {month} {year} {time}"),
        None => format!("{day} {month} {time}"),
    },
    day: |day, month| format!("{day} {month}"),
    sign_by: |when, what| format!("Sign by {when}: {what}"),
    sign: |what| format!("Sign: {what}"),
    reminder: |number, subject| format!("Reminder {number}. {subject}"),
    escalated: |step, subject| format!("Escalated (step {step}). {subject}"),
    out_of_reach: |what| format!("Too few can sign: {what}"),
    out_of_reach_text: |task| {
        format!(
            "Fewer people can sign {task} than its policy asks for. It is never met by asking for fewer: give somebody the role or enable their account, add them to the group, or cancel the task."
        )
    },
    can_sign: |wanted, left| format!("{wanted} more needed, {left} can still sign"),
    signatures: "Signatures",
    too_few_can_sign: "Too few can sign",
    failed: |what| format!("Failed: {what}"),
    failed_in_a_row: |count, what| format!("Failed {count} times in a row: {what}"),
    address_disabled: |login| format!("Mail to {login} is refused"),
    digest: |sign, failed, day| {
        let failed = match failed {
            0 => String::new(),
            count => format!(", {count} failed"),
        };
        format!("{day}: {sign} to sign{failed}")
    },
    test: "Watchbill test message",
    waits_before: |task| format!("{task} waits for your signature before it starts."),
    waits_after: |task| format!("The result of {task} waits for your signature."),
    waits_still: |task| format!("{task} still waits for a signature."),
    escalated_text: |task| {
        format!("Nobody has answered about {task} yet, so the request has come to you.")
    },
    failed_text: |task| format!("{task} failed and is not tried again."),
    failed_often_text: |task, count| {
        format!("{task} failed and is not tried again. That makes {count} failures in a row.")
    },
    address_text: |login, address| {
        format!(
            "The mail server refuses the address {address} of {login} for good. Nothing more is sent there."
        )
    },
    address_hint: "Correct it on the person's page Account. `watchbill user set LOGIN --email ADDRESS` also tries the same address again.",
    held: |plan| format!("Plan {plan} is paused: it lost a gate or a condition"),
    held_text: |plan, version| {
        format!(
            "Version {version} of plan {plan} has a gate or a condition in its text that got lost when it was stored, so work may have passed without a signature. The plan is paused and starts nothing."
        )
    },
    held_hint: "Save it again with the text in quotes: it then goes on by itself. Whoever resumes it on its page accepts it without what it lost.",
    held_plans: "Paused plans",
    token_made: |name| format!("A token was made in your name: {name}"),
    token_text: |name| {
        format!("Whoever holds the access token {name} acts as you, within its scopes.")
    },
    token_scopes: "Scopes",
    token_by: "Made by",
    token_at: "Made at",
    token_end: "Ends",
    token_hint: "If that was not you: revoke it on the page Account, change your password, and end your other sessions and tokens with it.",
    test_text: "This is a test. Whoever reads it can be reached.",
    deadline: "Decide by",
    deadline_hint: |when, zone| {
        format!("{when} ({zone}); a request that nobody answers is not approved")
    },
    run: "Run",
    asked_by: "Asked for by",
    asked_at: "Waiting since",
    risk: "Risk",
    summary: "Summary",
    result: "Result",
    next: "If you approve, next",
    next_none: "no other task waits for it",
    reason: "Reason",
    exit_code: "Exit code",
    failed_at: "Failed at",
    server_said: "The server said",
    look_and_decide: "Look and decide",
    look: "Look at it",
    accounts: "Messages and their fate",
    log: "End of the log",
    to_sign: "To sign",
    risk_level: |risk| match risk {
        RiskLevel::Auto => "no signature",
        RiskLevel::One => "one signature",
        RiskLevel::Two => "two signatures",
    },
    to_sign_risk: |risk| format!("To sign, risk: {risk}"),
    failures: "Failed",
    refused_addresses: "Refused addresses",
    until: |when| format!("by {when}"),
    no_deadline: "no deadline",
    more: |count| format!("and {count} more"),
    link_hint: "Links only open pages; you decide there, after logging in.",
    preferences: "Choose what you receive and when",
};
