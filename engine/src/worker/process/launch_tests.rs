//! What a program finds when it is started.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::WaitOptions;

use super::launch::{Program, Ties, launch};

/// What the program writes, after it has ended well.
fn written(argv: &[&str], environment: &[(&str, &str)], folder: &Path) -> io::Result<String> {
    let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
    let environment: Vec<(String, String)> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let program = Program::new(&argv, &environment, folder)?;
    let nothing = File::open("/dev/null")?;
    let (mut reader, writer) = io::pipe()?;
    let ties = Ties {
        user: None,
        input: nothing.as_fd(),
        output: writer.as_fd(),
        descriptors: None,
    };
    let child = launch(&program, &ties)?;
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    let ended = rustix::process::waitpid(Some(child), WaitOptions::empty())?;
    let code = ended.and_then(|(_, status)| status.exit_status());
    assert_eq!(code, Some(0), "{argv:?} wrote {text}");
    Ok(text)
}

const USUAL: (&str, &str) = ("PATH", "/usr/bin:/bin");

#[test]
fn no_signal_is_blocked_or_ignored_and_no_file_inherited() {
    let text = written(
        &["grep", "^Sig", "/proc/self/status"],
        &[USUAL],
        Path::new("/"),
    )
    .expect("grep");
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let mask = line.and_then(|line| line.split_whitespace().nth(1));
        u64::from_str_radix(mask.expect("a mask"), 16).expect("hexadecimal")
    };
    assert_eq!(of("SigBlk:"), 0, "{text}");
    // This process ignores it, as all of Rust's do.
    assert_eq!(of("SigIgn:") & (1 << (nix::libc::SIGPIPE - 1)), 0, "{text}");
    let files = written(&["ls", "/proc/self/fd"], &[USUAL], Path::new("/")).expect("ls");
    let files: Vec<&str> = files.lines().collect();
    assert_eq!(files, ["0", "1", "2", "3"], "3 is the folder that ls reads");
}

#[test]
fn the_starting_thread_hears_signals_again() {
    let blocked = || {
        let status = fs::read_to_string("/proc/thread-self/status").expect("a status");
        let line = status.lines().find(|line| line.starts_with("SigBlk:"));
        line.map(str::to_owned)
    };
    let before = blocked();
    written(&["true"], &[USUAL], Path::new("/")).expect("true");
    written(&["no-such-program"], &[USUAL], Path::new("/")).expect_err("there is none");
    assert_eq!(blocked(), before);
}

#[test]
fn a_program_is_searched_in_the_path_that_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let make = |place: &str, content: &str, mode: u32| {
        let place = folder.path().join(place);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(&place, content).expect("a file");
        fs::set_permissions(&place, Permissions::from_mode(mode)).expect("its mode");
    };
    make("first/step", "#!/bin/sh\necho first", 0o644);
    make("second/step", "#!/bin/sh\necho second", 0o755);
    make("third/step", "echo third $0 $1", 0o755);
    let at = |folders: &[&str]| {
        let folders: Vec<String> = folders
            .iter()
            .map(|name| folder.path().join(name).display().to_string())
            .collect();
        folders.join(":")
    };
    let run = |argv: &[&str], path: &str| written(argv, &[("PATH", path)], folder.path());
    assert_eq!(
        run(&["step"], &at(&["none", "first", "second", "third"])).expect("the second"),
        "second\n"
    );
    let error = run(&["step"], &at(&["first", "none"])).expect_err("it may not be executed");
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    let error = run(&["step"], &at(&["none"])).expect_err("it is nowhere");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    // Without `#!` a shell reads it, as other programs that start programs have it.
    let third = run(&["step", "argument"], &at(&["third"])).expect("the third");
    assert_eq!(third, format!("third {}/step argument\n", at(&["third"])));
    // With a slash it is where it says, from the step's folder.
    assert_eq!(run(&["second/step"], "").expect("the second"), "second\n");
}

#[test]
fn the_environment_is_the_one_given_and_the_last_of_a_name_counts() {
    let text = written(&["env"], &[("A", "1"), USUAL, ("A", "2")], Path::new("/")).expect("env");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["A=2", "PATH=/usr/bin:/bin"]);
}

#[test]
fn what_the_kernel_cannot_take_is_refused_without_being_repeated() {
    let error = written(&["env"], &[("TOKEN", "secret\0")], Path::new("/")).expect_err("a NUL");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(!error.to_string().contains("secret"));
    let error = written(&[], &[USUAL], Path::new("/")).expect_err("no command");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let error = written(&["true"], &[USUAL], Path::new("/no/such/folder")).expect_err("no folder");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let long = "x".repeat(4 * 1024 * 1024);
    let error = written(&["true", &long], &[USUAL], Path::new("/")).expect_err("too long");
    assert_eq!(error.kind(), io::ErrorKind::ArgumentListTooLong);
}

#[test]
fn many_threads_may_start_programs_at_once() {
    let folder = Path::new("/");
    let lanes: Vec<_> = (0..8)
        .map(|lane| {
            std::thread::spawn(move || {
                for round in 0..25 {
                    let said = format!("{lane} {round}");
                    let text = written(&["echo", &said], &[USUAL], folder).expect("echo");
                    assert_eq!(text, format!("{said}\n"));
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.join().expect("every start went well");
    }
}
