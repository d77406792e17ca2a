use model::plan::RiskLevel;

use super::Words;

/// The French catalogue.
pub(super) static WORDS: Words = Words {
    months: [
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ],
    moment: |day, month, year, time| match year {
        Some(year) => format!("{day} {month} {year} {time}"),
        None => format!("{day} {month} {time}"),
    },
    day: |day, month| format!("{day} {month}"),
    sign_by: |when, what| format!("À signer avant le {when} : {what}"),
    sign: |what| format!("À signer : {what}"),
    reminder: |number, subject| format!("Rappel {number}. {subject}"),
    escalated: |step, subject| format!("Escalade (étape {step}). {subject}"),
    out_of_reach: |what| format!("Trop peu de signataires : {what}"),
    out_of_reach_text: |task| {
        format!(
            "Moins de personnes peuvent signer {task} que sa règle ne l’exige. Elle n’en demandera jamais moins : donnez le rôle à quelqu’un ou réactivez son compte, ajoutez-le au groupe, ou annulez la tâche."
        )
    },
    can_sign: |wanted, left| match (wanted, left) {
        (1, left) => format!("encore 1 nécessaire, {left} encore possible"),
        (wanted, 0 | 1) => format!("encore {wanted} nécessaires, {left} encore possible"),
        (wanted, left) => format!("encore {wanted} nécessaires, {left} encore possibles"),
    },
    signatures: "Signatures",
    too_few_can_sign: "Trop peu de signataires",
    failed: |what| format!("Échec : {what}"),
    failed_in_a_row: |count, what| format!("{count} échecs de suite : {what}"),
    address_disabled: |login| format!("Le courrier pour {login} est refusé"),
    digest: |sign, failed, day| {
        let failed = match failed {
            0 => String::new(),
            1 => ", 1 échec".to_owned(),
            count => format!(", {count} échecs"),
        };
        format!("{day} : {sign} à signer{failed}")
    },
    test: "Message d’essai de Watchbill",
    waits_before: |task| format!("{task} attend votre signature avant de commencer."),
    waits_after: |task| format!("Le résultat de {task} attend votre signature."),
    waits_still: |task| format!("{task} attend toujours une signature."),
    escalated_text: |task| {
        format!("Personne n’a encore répondu au sujet de {task} : la demande vous revient.")
    },
    failed_text: |task| format!("La tâche {task} a échoué et ne sera pas relancée."),
    failed_often_text: |task, count| {
        format!(
            "La tâche {task} a échoué et ne sera pas relancée. C’est le {count}ᵉ échec de suite."
        )
    },
    address_text: |login, address| {
        format!(
            "Le serveur de messagerie refuse définitivement l’adresse {address} de {login}. Plus rien n’y est envoyé."
        )
    },
    address_hint: "Corrigez-la sur la page Compte de la personne. `watchbill user set LOGIN --email ADRESSE` fait aussi réessayer la même adresse.",
    held: |plan| format!("Plan {plan} mis en pause : il a perdu une approbation ou une condition"),
    held_text: |plan, version| {
        format!(
            "Dans la version {version} du plan {plan}, une approbation ou une condition du texte s’est perdue à l’enregistrement : des tâches ont pu passer sans signature. Le plan est en pause et ne lance rien."
        )
    },
    held_hint: "Enregistrez-le de nouveau avec le texte entre guillemets : il reprend alors de lui-même. Qui le reprend sur sa page l’accepte sans ce qu’il a perdu.",
    held_plans: "Plans en pause",
    token_made: |name| format!("Un jeton a été créé en votre nom : {name}"),
    token_text: |name| {
        format!("Qui détient le jeton d’accès {name} agit en votre nom, dans ses portées.")
    },
    token_scopes: "Portées",
    token_by: "Créé par",
    token_at: "Créé le",
    token_end: "Expire le",
    token_hint: "Si ce n’était pas vous : révoquez-le sur la page Compte, changez votre mot de passe, et mettez fin du même coup à vos autres sessions et jetons.",
    test_text: "Ceci est un essai. Si vous le lisez, vous êtes joignable.",
    deadline: "À décider avant le",
    deadline_hint: |when, zone| {
        format!("{when} ({zone}) ; une demande sans réponse n’est pas approuvée")
    },
    run: "Exécution",
    asked_by: "Demandé par",
    asked_at: "En attente depuis le",
    risk: "Risque",
    summary: "Résumé",
    result: "Résultat",
    next: "Si vous approuvez, ensuite",
    next_none: "aucune autre tâche ne l’attend",
    reason: "Raison",
    exit_code: "Code de sortie",
    failed_at: "Échec le",
    server_said: "Réponse du serveur",
    look_and_decide: "Voir et décider",
    look: "Voir",
    accounts: "Voir les messages envoyés",
    log: "Fin du journal",
    to_sign: "À signer",
    risk_level: |risk| match risk {
        RiskLevel::Auto => "aucune signature",
        RiskLevel::One => "une signature",
        RiskLevel::Two => "deux signatures",
    },
    to_sign_risk: |risk| format!("À signer : {risk}"),
    failures: "Échecs",
    refused_addresses: "Adresses refusées",
    until: |when| format!("avant le {when}"),
    no_deadline: "sans échéance",
    more: |count| match count {
        1 => "et un autre".to_owned(),
        count => format!("et {count} autres"),
    },
    link_hint: "Les liens ne font qu’ouvrir des pages ; la décision se prend là, après connexion.",
    preferences: "Choisir ce que vous recevez, et quand",
};
