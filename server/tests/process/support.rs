//! A folder with a private database, the processes that use it, and questions to both.

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use engine::tasks::NewTask;
use engine::{Engine, Settings};
use model::id::TaskId;
use model::identity::Principal;
use model::plan::{PlanTask, Work};
use model::view::TaskDetail;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use server::cluster::Cluster;
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the servers are started with.
pub const LEASE: Duration = Duration::from_secs(3);

/// A home for one private database; whoever still uses it at the end is killed.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("wbt")
            .tempdir()
            .expect("a folder");
        // The database's user and the steps' user pass through.
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(folder.path(), open).expect("permissions");
        for (name, mode) in [("steps", 0o755), ("marks", 0o777)] {
            let inner = folder.path().join(name);
            std::fs::create_dir(&inner).expect("a folder");
            std::fs::set_permissions(inner, std::fs::Permissions::from_mode(mode))
                .expect("permissions");
        }
        Self { folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder that steps may write to.
    pub fn marks(&self) -> PathBuf {
        self.folder.path().join("marks")
    }

    /// A command with a folder for its steps, and few of them at once.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = self.bare(verb);
        command
            .current_dir(self.folder.path())
            .args(["--slots", "2"])
            .arg("--steps-folder")
            .arg(self.folder.path().join("steps"))
            .arg("--steps-shared")
            .arg(self.marks());
        command
    }

    fn bare(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchbill"));
        for (name, _) in std::env::vars() {
            if name.starts_with("WATCHBILL_") || name == "DATABASE_URL" || name == "PUBLIC_URL" {
                command.env_remove(name);
            }
        }
        command
            .arg(verb)
            .args(["--listen", "127.0.0.1:0"])
            .arg("--data-folder")
            .arg(self.data())
            .stdin(Stdio::null());
        command
    }

    /// Starts a server and waits until it says where it is.
    pub fn serve(&self) -> Served {
        let mut command = self.command("serve");
        command.args(["--lease", "3s"]);
        self.started(command)
    }

    /// Starts a server as a newcomer does: in a checkout, with no setting but its own data.
    pub fn serve_checkout(&self, checkout: &Path) -> Served {
        let mut command = self.bare("serve");
        command.current_dir(checkout);
        self.started(command)
    }

    fn started(&self, mut command: Command) -> Served {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("watchbill starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let address = lines
            .find_map(|line| {
                let line = line.ok()?;
                line.strip_prefix("Watchbill is at http://")?.parse().ok()
            })
            .unwrap_or_else(|| panic!("it did not start:\n{}", self.log()));
        // Nobody reads on: what it prints later must not end it.
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, address }
    }

    /// Starts a worker with labels, divided by commas; it says nothing when it is ready.
    pub fn worker(&self, lease: &str, labels: &str) -> Child {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log");
        self.command("worker")
            .args(["--lease", lease])
            .env("WATCHBILL_WORKER_LABELS", labels)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("watchbill starts")
    }

    /// An engine on the same database, as the application's role; counted among its users.
    pub async fn engine(&self) -> (Engine, Cluster) {
        let cluster = Cluster::attach(&self.data()).await.expect("attached");
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_with(cluster.application())
            .await
            .expect("connected");
        (Engine::new(pool, Settings::default()), cluster)
    }

    pub fn postmaster(&self) -> Option<Pid> {
        let file = self.data().join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().next()?.parse().ok().map(Pid::from_raw)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster() {
            // A test that failed half way leaves it.
            let _ = kill(pid, Signal::SIGQUIT);
        }
    }
}

/// One running `watchbill serve`.
pub struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal();
        self.wait()
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    pub fn signal(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        kill(pid, Signal::SIGTERM).expect("signalled");
    }

    /// The status of a GET; none where nobody answers.
    pub fn status(&self, path: &str) -> Option<u16> {
        let text = self.get(path)?;
        text.split(' ').nth(1)?.parse().ok()
    }

    pub fn get(&self, path: &str) -> Option<String> {
        self.ask("GET", path, "", "")
    }

    /// The whole answer to a request with these header lines, each with its end, and this body.
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(15)))
            .ok()?;
        let (host, length) = (self.address, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
        .ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Already gone in a test that went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until the answer is there; says how long it took.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> (T, Duration) {
    let begun = Instant::now();
    let mut interval = tokio::time::interval(Duration::from_millis(50));
    loop {
        interval.tick().await;
        if let Some(answer) = ask().await {
            return (answer, begun.elapsed());
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
    }
}

/// A task that runs this script.
pub async fn enqueue(engine: &Engine, script: &str) -> TaskId {
    enqueue_for(engine, script, &[]).await
}

/// The same, for workers with these labels only.
pub async fn enqueue_for(engine: &Engine, script: &str, labels: &[&str]) -> TaskId {
    let definition = PlanTask {
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..PlanTask::new("probe", Work::run(["sh", "-c", script]))
    };
    let new = NewTask {
        definition,
        inputs: serde_json::json!({}),
    };
    engine::tasks::enqueue(engine, &Principal::system("test"), &[new])
        .await
        .expect("enqueued")[0]
}

pub async fn look(engine: &Engine, task: TaskId) -> Option<TaskDetail> {
    let principal = Principal::system("test");
    // Nothing while the database restarts.
    engine::history::task(engine, &principal, task).await.ok()
}
