//! What follows from an answer to a request, as its page says it.

use super::words::{Count, Named, Text};
use super::{english, french};

/// What an answer does, beside the request and beside an armed key.
pub struct Consequences {
    pub if_approve: Text,
    pub if_reject: Text,
    pub result_accepted: Text,
    pub task_starts: Text,
    pub reported_accepted: Text,
    pub version_effective: Text,
    pub starts_next: Named,
    /// How many tasks follow besides the one that is named.
    pub more_tasks: Count,
    pub nothing_waits_for_it: Text,
    pub marked_failed: Text,
    pub version_refused: Text,
    pub version_stays: Text,
    pub is_skipped: Named,
    pub starts_anyway: Named,
    pub nothing_else_changes: Text,
    pub if_changes: Text,
    /// How many signatures are missing when this one is given.
    pub after_yours: Count,
    /// How many other requests get the same answer.
    pub same_for: Count,
    /// The key, the answer that it gives, and what follows.
    pub press_again: fn(&str, &str, &str) -> String,
}

/// The English ones.
pub const ENGLISH: Consequences = Consequences {
    if_approve: "If you approve",
    if_reject: "If you reject",
    result_accepted: "the result is accepted and the task succeeds",
    task_starts: "the task starts",
    reported_accepted: "the task is recorded as succeeded; its orchestrator reads that",
    version_effective: "the version takes effect once all its signatures are there",
    starts_next: |name| format!("{name} can start"),
    more_tasks: |n| format!("and {} besides", english::count(n, "task", "tasks")),
    nothing_waits_for_it: "no other task waits for it",
    marked_failed: "the task is recorded as failed, with your note",
    version_refused: "the version never takes effect",
    version_stays: "what runs now stays as it is",
    is_skipped: |name| format!("{name} is skipped"),
    starts_anyway: |name| format!("{name} can still start"),
    nothing_else_changes: "nothing else changes",
    if_changes: "the task runs again with your note, and asks anew",
    after_yours: |n| format!("{n} more must sign after you"),
    same_for: |n| {
        english::count(
            n,
            "other request gets the same answer",
            "other requests get the same answer",
        )
    },
    press_again: |key, answer, follows| {
        format!("Press {key} again, or Enter, to {answer}: {follows}. Esc to leave it.")
    },
};

/// The French ones.
pub const FRENCH: Consequences = Consequences {
    if_approve: "Si vous acceptez",
    if_reject: "Si vous refusez",
    result_accepted: "le résultat est accepté et la tâche réussit",
    task_starts: "la tâche démarre",
    reported_accepted: "la tâche est enregistrée comme réussie ; son orchestrateur le lira",
    version_effective: "la version prend effet dès que toutes ses signatures sont là",
    starts_next: |name| format!("{name} peut démarrer"),
    more_tasks: |n| {
        format!(
            "et {}",
            french::count(n, "autre tâche ensuite", "autres tâches ensuite")
        )
    },
    nothing_waits_for_it: "aucune autre tâche ne l’attend",
    marked_failed: "la tâche est enregistrée comme échouée, avec votre note",
    version_refused: "la version ne prend jamais effet",
    version_stays: "ce qui tourne aujourd’hui reste tel quel",
    is_skipped: |name| format!("{name} est omise"),
    starts_anyway: |name| format!("{name} peut quand même démarrer"),
    nothing_else_changes: "rien d’autre ne change",
    if_changes: "la tâche recommence avec votre note, puis redemande",
    after_yours: |n| match n {
        1 => "encore une signature après la vôtre".to_owned(),
        n => format!("encore {n} signatures après la vôtre"),
    },
    same_for: |n| {
        french::count(
            n,
            "autre demande reçoit la même réponse",
            "autres demandes reçoivent la même réponse",
        )
    },
    press_again: |key, answer, follows| {
        format!(
            "Appuyez encore sur {key}, ou sur Entrée, pour {answer} : {follows}. Échap pour renoncer."
        )
    },
};
