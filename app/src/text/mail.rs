//! The words about mail, in both languages side by side.

use super::words::Text;

/// How a person is notified, and what became of messages.
pub struct Mail {
    pub title: Text,
    pub lede: Text,
    pub in_folder: fn(&str) -> String,
    pub empty: Text,
    pub to: Text,
    pub delivered: Text,
    pub waits: Text,
    pub in_digest: Text,
    pub given_up: Text,
    pub needless: Text,
    pub tries: Text,
    pub last_error: Text,
    pub not_sent: Text,
    pub all: Text,
    pub kind: fn(&str) -> String,
    pub notifications: Text,
    pub saved: Text,
    pub refused: fn(&str) -> String,
    pub email_again: Text,
    pub email: Text,
    pub email_hint: Text,
    pub language: Text,
    pub zone: Text,
    pub zone_hint: Text,
    pub mode: Text,
    pub at_once: Text,
    pub digest: Text,
    pub none: Text,
    pub digest_hour: Text,
    pub digest_hour_hint: Text,
    pub quiet_from: Text,
    pub quiet_until: Text,
    pub quiet_hint: Text,
    pub failures: Text,
    pub failures_in_a_row: Text,
    pub working_hours: Text,
    pub working_hours_hint: Text,
    pub save: Text,
}

/// The English ones.
pub const ENGLISH: Mail = Mail {
    title: "Mail",
    lede: "The last hundred messages and what became of them.",
    in_folder: |folder| format!("No mail server is configured: messages are files in {folder}."),
    empty: "No message yet.",
    to: "To",
    delivered: "sent",
    waits: "waits, next try",
    in_digest: "in the daily message",
    given_up: "not sent",
    needless: "not needed any more",
    tries: "Tries",
    last_error: "Last answer",
    not_sent: "It has not been sent, so there is no text yet.",
    all: "All messages",
    kind: |kind| {
        match kind {
            "approval_requested" => "Request for a signature",
            "approval_reminder" => "Reminder",
            "approval_escalated" => "Escalation",
            "approval_out_of_reach" => "Too few can sign",
            "task_failed" => "Failure",
            "address_disabled" => "Refused address",
            "plan_held" => "Paused plan",
            "token_made" => "New token",
            "digest" => "Daily message",
            other => other,
        }
        .to_owned()
    },
    notifications: "Notifications",
    saved: "Your choice is stored.",
    refused: |reason| {
        format!(
            "The mail server refused your address: {reason}. Correct it, or have it tried again."
        )
    },
    email_again: "Try this address again",
    email: "Mail address",
    email_hint: "Empty means no mail.",
    language: "Language of messages",
    zone: "Time zone",
    zone_hint: "Such as Europe/Paris.",
    mode: "When",
    at_once: "at once, a message a cause",
    digest: "one message a day",
    none: "no mail",
    digest_hour: "Hour of the daily message",
    digest_hour_hint: "0 to 23, in your zone. What ends before it comes at once.",
    quiet_from: "Quiet from",
    quiet_until: "Quiet until",
    quiet_hint: "Such as 22:00 and 07:00; messages wait until the end.",
    failures: "tell me of tasks that failed after their last retry",
    failures_in_a_row: "only from this many failures in a row",
    working_hours: "Working hours",
    working_hours_hint: "Such as Mon-Fri 09:00-18:00. Empty is always.",
    save: "Store",
};

/// The French ones.
pub const FRENCH: Mail = Mail {
    title: "Courrier",
    lede: "Les cent derniers messages et leur sort.",
    in_folder: |folder| {
        format!(
            "Aucun serveur de messagerie n’est configuré : les messages sont des fichiers dans {folder}."
        )
    },
    empty: "Pas encore de message.",
    to: "À",
    delivered: "envoyé",
    waits: "en attente, prochain essai",
    in_digest: "dans le message du jour",
    given_up: "non envoyé",
    needless: "devenu inutile",
    tries: "Essais",
    last_error: "Dernière réponse",
    not_sent: "Il n’a pas été envoyé : il n’a pas encore de texte.",
    all: "Tous les messages",
    kind: |kind| {
        match kind {
            "approval_requested" => "Demande de signature",
            "approval_reminder" => "Rappel",
            "approval_escalated" => "Escalade",
            "approval_out_of_reach" => "Trop peu de signataires",
            "task_failed" => "Échec",
            "address_disabled" => "Adresse refusée",
            "plan_held" => "Plan en pause",
            "token_made" => "Nouveau jeton",
            "digest" => "Message du jour",
            other => other,
        }
        .to_owned()
    },
    notifications: "Notifications",
    saved: "Votre choix est enregistré.",
    refused: |reason| {
        format!(
            "Le serveur de messagerie a refusé votre adresse : {reason}. Corrigez-la, ou demandez un nouvel essai."
        )
    },
    email_again: "Réessayer cette adresse",
    email: "Adresse électronique",
    email_hint: "Vide : pas de courrier.",
    language: "Langue des messages",
    zone: "Fuseau horaire",
    zone_hint: "Par exemple Europe/Paris.",
    mode: "Quand",
    at_once: "immédiatement, un message par événement",
    digest: "un message par jour",
    none: "pas de courrier",
    digest_hour: "Heure du message du jour",
    digest_hour_hint: "De 0 à 23, dans votre fuseau. Ce qui expire avant est envoyé immédiatement.",
    quiet_from: "Silence à partir de",
    quiet_until: "Silence jusqu’à",
    quiet_hint: "Par exemple 22:00 et 07:00 ; les messages attendent la fin de cette plage.",
    failures: "me signaler les tâches qui ont échoué après leur dernier essai",
    failures_in_a_row: "seulement à partir de ce nombre d’échecs de suite",
    working_hours: "Heures de travail",
    working_hours_hint: "Par exemple Mon-Fri 09:00-18:00. Vide : toujours.",
    save: "Enregistrer",
};
