use super::*;

fn git(folder: &Path, words: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.invalid",
        ])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn commit(folder: &Path, path: &str, content: &str) {
    fs::write(folder.join(path), content).unwrap();
    git(folder, &["add", path]);
    git(folder, &["commit", "--quiet", "-m", "Change"]);
}

/// A checkout with one commit and one package that needs another.
fn checkout(folder: &Path) -> PathBuf {
    let checkout = folder.join("clone");
    for (package, manifest) in [
        ("reader", r#"{"dependencies": {"words": "1"}}"#),
        ("words", "{}"),
        ("tool", "{}"),
    ] {
        let package = checkout.join("node_modules").join(package);
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("package.json"), manifest).unwrap();
    }
    git(&checkout, &["init", "--quiet"]);
    fs::write(checkout.join(".gitignore"), "node_modules\n").unwrap();
    let manifest = r#"{"dependencies": {"reader": "1"}, "devDependencies": {"tool": "1"}}"#;
    commit(&checkout, "package.json", manifest);
    checkout
}

fn place(folder: &Path) -> Place {
    Place {
        folder: folder.join("workspace"),
        owner: None,
    }
}

#[test]
fn the_copy_has_the_commit_and_the_packages_of_run_time() {
    let folder = tempfile::tempdir().unwrap();
    let checkout = checkout(folder.path());
    let place = place(folder.path());
    refresh(&checkout, &place).unwrap();
    let copy = place.checkout();
    assert!(copy.join("package.json").is_file());
    assert!(copy.join("node_modules/reader/package.json").is_file());
    assert!(copy.join("node_modules/words/package.json").is_file());
    assert!(!copy.join("node_modules/tool").exists());
    assert!(place.state().is_dir());
}

#[test]
fn the_copy_follows_the_checkout_and_is_left_alone_while_it_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let checkout = checkout(folder.path());
    let place = place(folder.path());
    refresh(&checkout, &place).unwrap();
    fs::write(place.state().join("memory"), "kept").unwrap();
    fs::write(place.checkout().join("trace"), "of a step").unwrap();
    refresh(&checkout, &place).unwrap();
    assert!(place.checkout().join("trace").exists());

    commit(&checkout, "later.txt", "later\n");
    refresh(&checkout, &place).unwrap();
    assert!(place.checkout().join("later.txt").exists());
    assert!(!place.checkout().join("trace").exists());
    assert!(place.state().join("memory").exists());
    assert!(!place.folder.join("checkout.old").exists());
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let bare = folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    let problem = format!("{:#}", refresh(&bare, &place).unwrap_err());
    assert!(problem.contains("is not a git clone"), "{problem}");

    let checkout = checkout(folder.path());
    fs::remove_dir_all(checkout.join("node_modules/words")).unwrap();
    let problem = format!("{:#}", refresh(&checkout, &place).unwrap_err());
    assert!(problem.contains("words is not installed"), "{problem}");
    assert!(!place.checkout().exists());
}

#[test]
fn workspaces_of_two_installations_differ() {
    let (one, other) = (Path::new("one"), Path::new("other"));
    assert_ne!(name_for(one, one), name_for(one, other));
    assert_ne!(name_for(one, one), name_for(other, one));
    assert_eq!(name_for(one, other), name_for(one, other));
}
