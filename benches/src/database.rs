//! A fresh database for each measurement, in the cluster of `DATABASE_URL`.

use anyhow::{Context, Result};
use engine::{Engine, Settings};
use model::plan::{PlanTask, Work};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};

/// A database that is dropped by the next measurement of the same name.
pub struct Database {
    pub options: PgConnectOptions,
}

impl Database {
    /// Makes the database, with Watchbill's schema in it.
    pub async fn fresh(name: &str) -> Result<Self> {
        let url =
            std::env::var("DATABASE_URL").context("set DATABASE_URL to a superuser's database")?;
        let options: PgConnectOptions = url.parse()?;
        let name = format!("watchbill_bench_{name}");
        let mut connection = options.connect().await?;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await?;
        }
        let database = Self {
            options: options.database(&name),
        };
        engine::MIGRATOR.run(&database.pool(1).await?).await?;
        Ok(database)
    }

    /// A pool of up to this many connections.
    pub async fn pool(&self, connections: u32) -> Result<PgPool> {
        Ok(engine::pool_options(connections)
            .connect_with(self.options.clone())
            .await?)
    }

    /// An engine over such a pool.
    pub async fn engine(&self, connections: u32) -> Result<Engine> {
        Ok(Engine::new(
            self.pool(connections).await?,
            Settings::default(),
        ))
    }

    /// The URL, for another process.
    pub fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }
}

/// A task that runs `true`.
pub fn task(name: &str, needs: &[&str]) -> PlanTask {
    PlanTask {
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..PlanTask::new(name, Work::run(["true"]))
    }
}
