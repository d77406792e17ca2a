//! The same over HTTP, from the release binary: pages a second, and a CSV of ten thousand rows.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use tokio::process::{Child, Command};

use crate::database::Database;
use crate::history::fill;
use crate::load::{Question, answers_per_second};
use crate::report::{Report, median};

const SECONDS: u64 = 8;
const CLIENTS: usize = 4;

pub async fn measure(report: &mut Report, binary: &Path, rows: i64) -> Result<()> {
    let database = Database::fresh("serving").await?;
    fill(&database.pool(1).await?, 0, rows).await?;
    let served = Served::start(binary, &database).await?;
    let pages = served.question("/agents/tasks/paged?limit=50");
    let rate = answers_per_second(&pages, CLIENTS, Duration::from_secs(SECONDS)).await?;
    report.rate(
        &format!("history pages over HTTP, {rows} rows, {CLIENTS} clients"),
        rate,
        None,
    );
    let csv = served.url("/agents/tasks/paged.csv?limit=10000");
    let mut taken = Vec::new();
    for _ in 0..9 {
        let from = Instant::now();
        let body = served.get(&csv).await?;
        taken.push(from.elapsed());
        ensure!(body.lines().count() > 10_000, "the CSV is whole");
    }
    report.duration("CSV of 10,000 rows over HTTP", median(&mut taken), None);
    for path in ["/", "/history", "/approvals", "/plans"] {
        let page = served.url(path);
        let mut taken = Vec::new();
        let mut bytes = 0;
        for _ in 0..50 {
            let from = Instant::now();
            bytes = served.get(&page).await?.len();
            taken.push(from.elapsed());
        }
        report.duration(
            &format!("page {path} ({} kB)", bytes / 1_000),
            median(&mut taken),
            None,
        );
    }
    served.stop().await
}

/// A running server and somebody who may read.
pub struct Served {
    child: Child,
    base: String,
    client: Client,
    token: String,
    _folder: tempfile::TempDir,
}

impl Served {
    /// Starts the binary on the database and waits until it is ready.
    pub async fn start(binary: &Path, database: &Database) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let base = format!("http://{}", listener.local_addr()?);
        drop(listener);
        let address = base.trim_start_matches("http://").to_owned();
        let child = Command::new(binary)
            .args(["serve", "--listen", &address])
            .env("DATABASE_URL", database.url())
            .env("WATCHBILL_ADMIN_PASSWORD", "a password for the benchmarks")
            .env("WATCHBILL_DATA_FOLDER", folder.path())
            .current_dir(folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        let client = Client::builder().no_proxy().build()?;
        let started = Instant::now();
        while client.get(format!("{base}/ready")).send().await.is_err() {
            ensure!(
                started.elapsed() < Duration::from_secs(60),
                "the server is not ready after a minute"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let token = Command::new(binary)
            .args([
                "token", "create", "--user", "admin", "--name", "bench", "--scope", "read",
            ])
            .env("DATABASE_URL", database.url())
            .env("WATCHBILL_DATA_FOLDER", folder.path())
            .current_dir(folder.path())
            .output()
            .await?;
        let text = String::from_utf8(token.stdout)?;
        let token = text
            .split_whitespace()
            .find(|word| word.starts_with("wbt_"))
            .context("the token is printed")?
            .to_owned();
        Ok(Self {
            child,
            base,
            client,
            token,
            _folder: folder,
        })
    }

    /// An address on the server.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The same for many clients at once.
    pub fn question(&self, path: &str) -> Question {
        Question {
            host: self.base.trim_start_matches("http://").to_owned(),
            path: path.to_owned(),
            token: self.token.clone(),
        }
    }

    /// The process, for its memory and time.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// A body, which must come with success.
    pub async fn get(&self, url: &str) -> Result<String> {
        let response = self.client.get(url).bearer_auth(&self.token).send().await?;
        ensure!(
            response.status().is_success(),
            "{url} answered {}",
            response.status()
        );
        Ok(response.text().await?)
    }

    /// Ends the server.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
