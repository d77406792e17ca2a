//! PostgreSQL's processes: made, started, watched, stopped, and cleared away after a kill.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secrecy::ExposeSecret;

use super::binaries::{Binaries, OLDEST, servers};
use super::layout::Layout;
use super::passwords::{Passwords, write_private};

/// The role that initdb makes.
pub const SUPERUSER: &str = "watchbill_superuser";
/// A log beyond this is set aside at the next start.
const LOG_LIMIT: u64 = 8 * 1024 * 1024;

/// The programs that fit the cluster on disk, or the best for a new one.
///
/// # Errors
/// Says what to install, or how to move a cluster of another version.
pub fn choose(layout: &Layout) -> anyhow::Result<Binaries> {
    let found = servers();
    let Ok(version) = fs::read_to_string(layout.data.join("PG_VERSION")) else {
        return found
            .into_iter()
            .find(|one| one.major >= OLDEST)
            .with_context(|| {
                format!(
                    "there is no PostgreSQL {OLDEST} or later on this machine; install it \
                     (Debian: apt install postgresql), or set DATABASE_URL"
                )
            });
    };
    let major: u32 = version.trim().parse().unwrap_or_default();
    let present: Vec<String> = found.iter().map(|one| one.major.to_string()).collect();
    found
        .into_iter()
        .find(|one| one.major == major)
        .with_context(|| other_version(layout, major, &present))
}

fn other_version(layout: &Layout, major: u32, present: &[String]) -> String {
    let folder = layout
        .data
        .parent()
        .unwrap_or(&layout.data)
        .display()
        .to_string();
    let present = if present.is_empty() {
        "none".to_owned()
    } else {
        present.join(", ")
    };
    format!(
        "the private database in {folder} was made by PostgreSQL {major}, and this machine has: {present}.\n\
         To move it to another version:\n\
         1. install PostgreSQL {major} beside the new one (Debian: apt install postgresql-{major})\n\
         2. watchbill backup watchbill.dump\n\
         3. remove PostgreSQL {major}, and move {folder} aside\n\
         4. watchbill restore watchbill.dump"
    )
}

/// Makes the cluster where there is none; one that was left half made is made anew.
///
/// # Errors
/// What initdb said.
pub fn initialise(
    layout: &Layout,
    binaries: &Binaries,
    passwords: &Passwords,
) -> anyhow::Result<()> {
    if layout.data.join("PG_VERSION").exists() {
        return Ok(());
    }
    tracing::info!(
        "making a private PostgreSQL {} in {}",
        binaries.major,
        layout.data.display()
    );
    let half = layout.data.with_extension("new");
    let password_file = layout.data.with_file_name("superuser-password");
    write_private(&password_file, passwords.superuser.expose_secret())?;
    if let Some(user) = &layout.user {
        std::os::unix::fs::chown(&password_file, Some(user.uid), Some(user.gid))?;
    }
    let mut failure = String::new();
    // C.UTF-8 knows upper and lower case everywhere; a machine without it gets C.
    for locale in ["C.UTF-8", "C"] {
        if half.exists() {
            fs::remove_dir_all(&half)?;
        }
        let mut command = as_server(binaries.command("initdb"), layout);
        command
            .arg(format!("--pgdata={}", half.display()))
            .arg(format!("--pwfile={}", password_file.display()))
            .arg(format!("--locale={locale}"))
            .arg(format!("--username={SUPERUSER}"))
            .args([
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--data-checksums",
            ]);
        let output = command.output().context("cannot run initdb")?;
        if output.status.success() {
            fs::remove_file(&password_file)?;
            append_include(&half)?;
            fs::rename(&half, &layout.data)?;
            return Ok(());
        }
        failure = said(&output);
    }
    bail!("initdb failed: {failure}")
}

/// Whether the server of this folder runs.
#[must_use]
pub fn running(layout: &Layout) -> bool {
    postmaster(layout).is_some_and(|pid| works_in(pid, &layout.data))
}

/// Starts the server and waits until it answers; what a killed one left is cleared first.
///
/// # Errors
/// What the server said.
pub fn start(layout: &Layout, binaries: &Binaries) -> anyhow::Result<()> {
    clear_leftovers(layout)?;
    fs::write(layout.data.join("watchbill.conf"), settings(layout))?;
    if fs::metadata(&layout.log).is_ok_and(|log| log.len() > LOG_LIMIT) {
        fs::rename(&layout.log, layout.log.with_extension("old"))?;
    }
    let mut command = as_server(binaries.command("pg_ctl"), layout);
    command
        .args(["start", "--wait", "--silent", "--timeout=60"])
        .arg(format!("--pgdata={}", layout.data.display()))
        .arg(format!("--log={}", layout.log.display()));
    // Its children keep what they inherit: a pipe here would never end.
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    let status = command.status().context("cannot run pg_ctl")?;
    if !status.success() {
        let log = fs::read_to_string(&layout.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        let last = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        bail!(
            "the private PostgreSQL did not start; {} ends with:\n{last}",
            layout.log.display()
        );
    }
    Ok(())
}

/// Stops the server: connections end, nothing is lost.
///
/// # Errors
/// What `pg_ctl` said.
pub fn stop(layout: &Layout, binaries: &Binaries) -> anyhow::Result<()> {
    let mut command = as_server(binaries.command("pg_ctl"), layout);
    command
        .args(["stop", "--wait", "--silent", "--mode=fast", "--timeout=60"])
        .arg(format!("--pgdata={}", layout.data.display()));
    let output = command.output().context("cannot run pg_ctl")?;
    if output.status.success() || !running(layout) {
        Ok(())
    } else {
        bail!("the private PostgreSQL did not stop: {}", said(&output))
    }
}

/// Runs as the server's user, with nothing of our environment.
fn as_server(mut command: Command, layout: &Layout) -> Command {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir(layout.data.parent().unwrap_or(Path::new("/")))
        .stdin(std::process::Stdio::null());
    if let Some(user) = &layout.user {
        // Setting the user from root also drops the other groups.
        command.uid(user.uid).gid(user.gid);
    }
    command
}

fn append_include(data: &Path) -> anyhow::Result<()> {
    let path = data.join("postgresql.conf");
    let mut text = fs::read_to_string(&path)?;
    text.push_str("\ninclude_if_exists = 'watchbill.conf'\ninclude_if_exists = 'local.conf'\n");
    // Written in place, so that it stays its owner's.
    fs::write(&path, text)?;
    Ok(())
}

/// A small machine's settings; `local.conf` beside it is the administrator's and wins.
fn settings(layout: &Layout) -> String {
    let socket = layout.socket.display().to_string().replace('\'', "''");
    format!(
        "# Written by watchbill at each start; put your own settings into local.conf.\n\
         listen_addresses = ''\n\
         unix_socket_directories = '{socket}'\n\
         unix_socket_permissions = 0700\n\
         port = 5432\n\
         max_connections = 60\n\
         shared_buffers = 128MB\n\
         huge_pages = off\n\
         jit = off\n\
         max_parallel_workers_per_gather = 0\n\
         max_parallel_maintenance_workers = 0\n\
         max_logical_replication_workers = 0\n\
         max_wal_senders = 0\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         log_min_error_statement = panic\n"
    )
}

/// The process that the server's own file names.
fn postmaster(layout: &Layout) -> Option<Pid> {
    let text = fs::read_to_string(layout.data.join("postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    (pid > 0).then(|| Pid::from_raw(pid))
}

/// PostgreSQL's processes work in their data folder, so a recycled number is told apart.
fn works_in(pid: Pid, data: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == data)
}

/// After a kill of the postmaster its children may live a moment longer: a new server must not
/// meet them. Then the files that name the dead one go.
fn clear_leftovers(layout: &Layout) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let left: Vec<Pid> = processes()
            .filter(|pid| works_in(*pid, &layout.data))
            .collect();
        if left.is_empty() {
            break;
        }
        if begun.elapsed() > Duration::from_secs(20) {
            bail!(
                "processes of an earlier PostgreSQL still work in {}",
                layout.data.display()
            );
        }
        if begun.elapsed() > Duration::from_secs(5) {
            for pid in left {
                tracing::warn!("ending process {pid}, left by a killed PostgreSQL");
                // It may end by itself meanwhile.
                let _ = kill(pid, Signal::SIGKILL);
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let stale = [
        layout.data.join("postmaster.pid"),
        layout.socket.join(".s.PGSQL.5432"),
        layout.socket.join(".s.PGSQL.5432.lock"),
    ];
    for path in stale {
        match fs::remove_file(&path) {
            Ok(()) => tracing::warn!("removed {}, left by a killed PostgreSQL", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Ok(())
}

fn processes() -> impl Iterator<Item = Pid> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
