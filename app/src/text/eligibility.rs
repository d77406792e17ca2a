//! What a reader is told about whether they may sign.

use model::approval::{ApprovalState, Eligibility};
use model::view::ApprovalStanding;

use super::{Language, words_in};

/// A sentence; none where there is nothing to say.
#[must_use]
pub fn eligibility(language: Language, eligibility: &Eligibility) -> Option<String> {
    let text = match (language, eligibility) {
        (_, Eligibility::MaySign | Eligibility::Decided) => return None,
        (Language::English, said) => capital(&format!("{said}.")),
        (Language::French, Eligibility::SoleDecider) => {
            "Vous l’avez demandé, ou avez enregistré la version du plan, et aucun autre compte ne peut signer ; le registre le dira.".to_owned()
        }
        (Language::French, Eligibility::MaySignFor { login }) => {
            format!("Vous signez au nom de {login}.")
        }
        (Language::French, Eligibility::Late) => "Personne n’a décidé à temps.".to_owned(),
        (Language::French, Eligibility::MayNotDecide { .. }) => {
            "Votre compte ne permet pas de décider.".to_owned()
        }
        (Language::French, Eligibility::Answered { on_behalf_of: None }) => {
            "Vous avez déjà répondu.".to_owned()
        }
        (Language::French, Eligibility::Answered { on_behalf_of: Some(login) }) => {
            format!("Vous avez déjà répondu, au nom de {login}.")
        }
        (Language::French, Eligibility::AnsweredFor { by }) => {
            format!("{by} a répondu en votre nom.")
        }
        (Language::French, Eligibility::ColleagueAnswered { login }) => {
            format!("{login} a déjà répondu.")
        }
        (Language::French, Eligibility::OwnRun) => {
            "Vous l’avez demandé, ou avez enregistré la version du plan : une autre personne doit signer.".to_owned()
        }
        (Language::French, Eligibility::AskedForChanges { round }) => {
            format!("Vous avez demandé des modifications au tour {round} : une autre personne doit signer ce qui en résulte.")
        }
        (Language::French, Eligibility::ColleagueAskedForChanges { login, round }) => {
            format!("{login} a demandé des modifications au tour {round} : une autre personne doit signer ce qui en résulte.")
        }
        (Language::French, Eligibility::NotAsked { signers }) if signers.is_empty() => {
            "La règle ne nomme personne qui puisse signer.".to_owned()
        }
        (Language::French, Eligibility::NotAsked { signers }) => {
            format!("Il faut la signature de {}.", signers.join(" ou "))
        }
    };
    Some(text)
}

/// Why a request takes no answer from the reader; none where it would take one.
#[must_use]
pub fn why_not(language: Language, standing: &ApprovalStanding) -> Option<String> {
    match standing.row.state {
        ApprovalState::Pending if standing.eligibility.may_sign() => None,
        ApprovalState::Pending => eligibility(language, &standing.eligibility),
        decided @ (ApprovalState::Approved
        | ApprovalState::Rejected
        | ApprovalState::Cancelled
        | ApprovalState::Expired
        | ApprovalState::Superseded
        | ApprovalState::ChangesRequested) => {
            Some(words_in(language).state.approval(decided).to_owned())
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_says_who_must_sign() {
        let others = Eligibility::NotAsked {
            signers: vec!["role:admin".to_owned(), "group:release".to_owned()],
        };
        let said = |language| eligibility(language, &others).expect("a sentence");
        assert_eq!(
            said(Language::English),
            "This needs the signature of role:admin or group:release."
        );
        assert_eq!(
            said(Language::French),
            "Il faut la signature de role:admin ou group:release."
        );
        assert_eq!(eligibility(Language::French, &Eligibility::MaySign), None);
    }

    #[test]
    fn what_takes_no_answer_says_why_in_each_language() {
        let standing = |state: &str, eligibility: serde_json::Value| -> ApprovalStanding {
            let standing = serde_json::json!({
                "row": {
                    "id": 12, "task_id": 3, "task": "publish", "attempt": 1, "state": state,
                    "requested_at": "2026-11-20T02:30:41Z", "required": 1, "signatures": 0,
                    "digest": "", "round": 0,
                },
                "eligibility": eligibility, "decisions": [], "may_sign": [],
                "may_request_changes": true, "identical": [],
            "reminding": "no",
            });
            serde_json::from_value(standing).expect("the shape of a standing")
        };
        let answered = standing("pending", serde_json::json!({ "answered": {} }));
        let approved = standing("approved", "decided".into());
        let open = standing("pending", "sole_decider".into());
        let said = |language, standing| why_not(language, standing).expect("a reason");
        assert_eq!(said(Language::French, &answered), "Vous avez déjà répondu.");
        assert_eq!(said(Language::French, &approved), "accordée");
        assert_eq!(said(Language::English, &approved), "approved");
        assert_eq!(why_not(Language::French, &open), None);
    }
}
