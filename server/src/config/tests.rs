use super::*;

fn read(
    file: Option<&str>,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<(Config, Sources), Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("watchbill.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).expect("written");
    }
    let variables: BTreeMap<String, String> = environment
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let lookup = |name: &str| variables.get(name).cloned();
    let flags = flags
        .iter()
        .map(|(name, text)| (*name, (*text).to_owned()))
        .collect();
    let sources = Sources::read(file.map(|_| path.as_path()), &lookup, &flags)?;
    let config = Config::from_sources(&sources, &lookup, variables.clone().into_iter())?;
    Ok((config, sources))
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = Some("slots = 1\nlease = \"10s\"\n[retention]\nlog_days = 7\n");
    let (config, sources) = read(
        file,
        &[("WATCHBILL_SLOTS", "2"), ("WATCHBILL_LEASE", "20s")],
        &[("slots", "3")],
    )
    .expect("valid");
    assert_eq!(config.slots, 3);
    assert_eq!(config.lease, Duration::from_secs(20));
    assert_eq!(config.retention.log_days, 7);
    let origin = |name| sources.get(name).map(|given| given.origin.to_string());
    assert_eq!(origin("slots").as_deref(), Some("flag --slots"));
    assert_eq!(
        origin("lease").as_deref(),
        Some("environment WATCHBILL_LEASE")
    );
    assert!(origin("retention.log_days").is_some_and(|text| text.starts_with("file ")));
}

#[test]
fn the_references_variables_are_known() {
    let (config, _) = read(
        None,
        &[
            ("SLACK_WEBHOOK", "https://hooks.example/T/1?x=1"),
            ("DATABASE_URL", "postgres://db/w"),
        ],
        &[],
    )
    .expect("valid");
    assert!(config.slack_webhook.is_some());
    assert!(config.database_url.is_some());
}

#[test]
fn unknown_keys_are_refused_with_what_was_meant() {
    let problems = read(
        Some("[retention]\nhistory = 3\n[net]\nlisten = \"x\"\n"),
        &[],
        &[],
    )
    .err()
    .expect("refused");
    assert!(
        problems[0].contains("'net.listen' is not a setting; did you mean listen?"),
        "{problems:?}"
    );
    assert!(
        problems[1].contains("'retention.history' is not a setting"),
        "{problems:?}"
    );
}

#[test]
fn every_wrong_value_is_told_with_its_source() {
    let problems = read(
        Some("slots = -1\nlisten = 80\n"),
        &[("WATCHBILL_LEASE", "1s")],
        &[("log-cap", "x"), ("log_cap", "4MB")],
    )
    .err()
    .expect("refused");
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(
        problems
            .iter()
            .any(|text| text
                .starts_with("lease (environment WATCHBILL_LEASE): '1s' is out of range"))
    );
    assert!(
        problems
            .iter()
            .any(|text| text.starts_with("log_cap (flag --log-cap): '4MB' is not a size"))
    );
}

#[test]
fn a_secret_in_a_file_that_others_may_read_is_refused() {
    let problems = read(
        Some("database_url = \"postgres://u:canary@h/d\"\n"),
        &[],
        &[],
    )
    .err()
    .expect("refused");
    assert!(problems[0].contains("chmod 600"), "{problems:?}");
    assert!(!problems[0].contains("canary"));
}

#[test]
fn secrets_come_from_the_environment_and_are_never_shown() {
    let (config, _) = read(None, &[("WATCHBILL_SECRET_TOKEN", "canary")], &[]).expect("valid");
    assert!(config.secrets.contains_key("TOKEN"));
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn names_and_variables_are_unique() {
    let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    let mut variables: Vec<_> = KEYS.iter().flat_map(|key| key.environment).collect();
    names.sort_unstable();
    variables.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(variables.windows(2).all(|pair| pair[0] != pair[1]));
}

/// The rows of docs/OPERATIONS.md's table.
fn documented() -> String {
    KEYS.iter().fold(String::new(), |text, key| {
        let variables: Vec<String> = key
            .environment
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let (name, flag) = (key.name, key.flag());
        let (variables, default, help) = (variables.join(", "), key.default, key.help);
        format!("{text}| `{name}` | `--{flag}` | {variables} | {default} | {help} |\n")
    })
}

#[test]
fn the_documents_table_is_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let rows = documented();
    assert!(
        text.contains(&rows),
        "docs/OPERATIONS.md should have these rows:\n{rows}"
    );
}

#[test]
fn a_mail_server_needs_a_sender_and_one_way_of_saying_it() {
    let (config, _) = read(None, &[], &[]).expect("valid");
    assert!(config.smtp.is_none());
    let folder = config.engine_settings().mail.folder.expect("a folder");
    assert!(folder.ends_with("mail"));

    let file = Some(
        "public_url = \"https://night.example.org\"\n[notify.smtp]\nhost = \"mail.example.org\"\nport = 2525\n",
    );
    let (config, _) = read(file, &[], &[]).expect("valid");
    let smtp = config.smtp.as_ref().expect("a server");
    assert_eq!((smtp.host.as_str(), smtp.port), ("mail.example.org", 2525));
    assert_eq!(smtp.tls, engine::settings::SmtpTls::StartTls);
    assert_eq!(config.mail_from, "Watchbill <watchbill@night.example.org>");

    let server = ("WATCHBILL_SMTP_URL", "smtp://night:canary@mail.example.org");
    for (environment, words) in [
        (vec![server], "notify.mail_from is missing"),
        (
            vec![
                server,
                ("WATCHBILL_MAIL_FROM", "nobody\r\nBcc: x@example.org"),
            ],
            "is not a sender",
        ),
        (
            vec![
                server,
                ("WATCHBILL_MAIL_FROM", "w@example.org"),
                ("WATCHBILL_SMTP_HOST", "mail.example.org"),
            ],
            "leave out the other settings",
        ),
        (
            vec![("WATCHBILL_SMTP_USER", "night")],
            "notify.smtp.host is missing",
        ),
        (
            vec![
                ("WATCHBILL_SMTP_HOST", "a b"),
                ("WATCHBILL_MAIL_FROM", "w@example.org"),
            ],
            "is not the name of a host",
        ),
    ] {
        let Err(problems) = read(None, &environment, &[]) else {
            panic!("{words}: it is refused")
        };
        let text = problems.join("; ");
        assert!(text.contains(words), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn new_versions_and_the_plans_of_secrets_are_read() {
    let file =
        "plans.by_token = \"proposed\"\n[secrets.TOKEN]\nplans = [\"nightly\", \"release\"]\n";
    let (config, _) = read(Some(file), &[], &[]).expect("it is well");
    assert_eq!(config.plans_by_token, NewVersions::Proposed);
    assert_eq!(config.plans_files, NewVersions::Effective);
    assert_eq!(config.secret_plans["TOKEN"], ["nightly", "release"]);
    let problems = read(Some("plans.files = \"perhaps\"\n"), &[], &[])
        .err()
        .expect("it is neither");
    assert!(
        problems[0].contains("effective or proposed"),
        "{problems:?}"
    );
    let problems = read(Some("[secrets]\nTOKEN = \"x\"\n"), &[], &[])
        .err()
        .expect("no place for a value");
    assert!(problems[0].contains("secrets.TOKEN"), "{problems:?}");
}
