//! Patches that git made, as they are and altered: all that git would touch is told, or the
//! patch is not understood. Skips, and says so, where there is no git.
//! `WATCHBILL_PROVE_PATCHES` says how many are tried, `WATCHBILL_PROVE_SEED` from which seed on.

mod alter;
mod by_search;
mod chance;
mod git;
mod made;

use std::collections::BTreeSet;

use self::chance::Chance;
use self::git::Git;
use self::made::Made;
use super::Touched;

const SEED: u64 = 20_260_101;
const PATCHES: u64 = 2_000;

/// Paths and lines, as a reader of patches tells them.
type Told = (Vec<String>, u64);

#[derive(Debug, Default)]
struct Tally {
    /// Patches that were altered, and those of them that are understood, and that git applied.
    altered: u64,
    understood: u64,
    applied: u64,
}

fn by_grammar(patch: &[u8]) -> Option<Told> {
    let mut touched = Touched::default();
    touched.add(patch).ok()?;
    let lines = touched.lines();
    Some((touched.paths, lines))
}

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(given) => given.parse().unwrap(),
        Err(_) => otherwise,
    }
}

/// A file that git would touch, or already did, that was not told; lines that were not.
fn untold(git: &Git, patch: &[u8], (paths, lines): &Told, tally: &mut Tally) -> Option<String> {
    let told: BTreeSet<&[u8]> = paths.iter().map(String::as_bytes).collect();
    let mut counted = 0;
    let mut touched = Vec::new();
    if let Some(files) = git.apply(patch) {
        tally.applied += 1;
        for change in git.changes() {
            if change.leads_elsewhere {
                return Some(format!("a link or submodule is made: {change:?}"));
            }
            touched.push(change.path);
        }
        counted = files.lines;
        touched.extend(files.paths);
    } else {
        // It may fit other files than these: both its directions name what it would touch.
        for direction in [&[][..], &["--reverse"]] {
            if let Some(files) = git.numbers(patch, direction) {
                counted = counted.max(files.lines);
                touched.extend(files.paths);
            }
        }
    }
    if counted > *lines {
        return Some(format!("git counts {counted} lines"));
    }
    let missing = touched.iter().find(|path| !told.contains(&path[..]))?;
    Some(format!("git touches {}", String::from_utf8_lossy(missing)))
}

/// Tries altered patches; the first that git reads otherwise is the error.
fn prove(
    git: &Git,
    made: &[Made],
    count: u64,
    read: impl Fn(&[u8]) -> Option<Told>,
) -> Result<Tally, String> {
    let seed = number("WATCHBILL_PROVE_SEED", SEED);
    println!("{count} patches, seeds from {seed}");
    let all: Vec<&Made> = made.iter().collect();
    let plain: Vec<&Made> = made.iter().filter(|made| made.is_plain).collect();
    let mut tally = Tally::default();
    for seed in seed..seed + count {
        let mut chance = Chance::new(seed);
        let these = if chance.is(75) { &plain } else { &all };
        let chosen = chance.one_of(these);
        let mut patch = chosen.patch.clone();
        let times = chance.one_of(&[1, 1, 1, 2, 3]);
        for _ in 0..times {
            patch = alter::altered(&patch, &all, &mut chance);
        }
        tally.altered += 1;
        let Some(told) = read(&patch) else { continue };
        tally.understood += 1;
        if let Some(problem) = untold(git, &patch, &told, &mut tally) {
            let text = String::from_utf8_lossy(&patch);
            return Err(format!(
                "seed {seed}: {problem}, told are {} lines of {:?} of\n{text}",
                told.1, told.0
            ));
        }
    }
    Ok(tally)
}

#[test]
fn what_git_would_touch_is_told_or_the_patch_is_not_understood() {
    let Some(git) = Git::find() else { return };
    let made = made::all(&git, SEED);
    let mut tally = Tally::default();
    let (mut plain, mut odd_and_understood) = (0, 0);
    for Made {
        patch, is_plain, ..
    } in &made
    {
        let text = String::from_utf8_lossy(patch);
        let told = by_grammar(patch);
        if *is_plain {
            plain += 1;
            assert!(told.is_some(), "git's own is not understood:\n{text}");
        } else {
            odd_and_understood += u64::from(told.is_some());
        }
        if let Some(told) = told {
            let problem = untold(&git, patch, &told, &mut tally);
            assert_eq!(problem, None, "{told:?} of\n{text}");
        }
    }
    println!(
        "{} of git's own, {plain} plain, {odd_and_understood} others understood",
        made.len()
    );
    assert!(plain * 3 > made.len(), "most of git's own are odd");
    assert!(tally.applied > 0);

    let count = number("WATCHBILL_PROVE_PATCHES", PATCHES);
    let tally = prove(&git, &made, count, by_grammar).unwrap_or_else(|problem| panic!("{problem}"));
    println!("{tally:?}");
    // Else it would prove little.
    assert!(tally.understood * 20 > tally.altered, "{tally:?}");
    assert!(tally.applied * 40 > tally.altered, "{tally:?}");
}

/// Reads by the grammar what is left without the lines that begin so.
fn passing_over(beginning: &str, patch: &[u8]) -> Option<Told> {
    let lines = patch.split_inclusive(|&byte| byte == b'\n');
    let known: Vec<&[u8]> = lines
        .filter(|line| !line.starts_with(beginning.as_bytes()))
        .collect();
    by_grammar(&known.concat())
}

#[test]
fn readers_that_know_less_than_git_are_caught() {
    let Some(git) = Git::find() else { return };
    let made = made::all(&git, SEED);
    let caught = |read: &dyn Fn(&[u8]) -> Option<Told>| {
        println!("{}", prove(&git, &made, 10 * PATCHES, read).unwrap_err());
    };
    caught(&by_search::read);
    for beginning in ["rename ", "copy "] {
        caught(&|patch| passing_over(beginning, patch));
    }
}
