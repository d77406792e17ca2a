//! All SQL and side effects of Watchbill, grouped by subject, a verb a function.
//!
//! Every public verb takes the [`Engine`] first and, where a caller acts, the
//! [`model::identity::Principal`]: authorisation is here, so that a page, the
//! REST API, a link in a message and an agent pass the same check.

#![forbid(unsafe_code)]

pub mod approvals;
mod audit;
pub mod clock;
pub mod error;
pub mod history;
pub mod identity;
mod json;
pub mod lifecycle;
pub mod notify;
pub mod plans;
mod pool;
pub mod random;
pub mod reported;
pub mod schedule;
pub mod scheduler;
pub mod settings;
pub mod slack;
pub mod tasks;
pub mod upkeep;
pub mod worker;

use std::sync::Arc;

use model::identity::{Permission, Principal};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

pub use clock::{Clock, SystemClock};
pub use error::{Error, FieldProblem, Result};
pub use pool::{pool_options, reading};
pub use random::{Random, SystemRandom};
pub use settings::Settings;

/// Every migration, in order; a shipped one never changes.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// What every verb needs. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub pool: PgPool,
    /// For questions that only read a few rows: few connections, so that each stays warm.
    pub readers: PgPool,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub settings: Arc<Settings>,
    /// A local hint that something may be ready; polling stays the truth.
    pub wake: Arc<Notify>,
    /// Asks [`tasks::announce`] to pass the hint on to other processes.
    pub(crate) wake_others: Arc<Notify>,
    /// Tells this engine's own hints from those of other processes.
    pub(crate) instance: Uuid,
    pub(crate) plan_cache: Arc<plans::PlanCache>,
    pub(crate) definitions: Arc<tasks::Definitions>,
    pub(crate) courier: Arc<notify::outbox::Courier>,
    /// How many may replay the past at once.
    pub(crate) replays: Arc<Semaphore>,
    /// Whose question about the past has no answer yet.
    pub(crate) questions: Arc<approvals::Questions>,
}

impl Engine {
    /// An engine on real time and real randomness.
    #[must_use]
    pub fn new(pool: PgPool, settings: Settings) -> Self {
        Self {
            readers: pool.clone(),
            pool,
            courier: Arc::new(notify::outbox::Courier::new(&settings.webhook_allow)),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            settings: Arc::new(settings),
            wake: Arc::new(Notify::new()),
            wake_others: Arc::new(Notify::new()),
            instance: SystemRandom.uuid(),
            plan_cache: Arc::new(plans::PlanCache::default()),
            definitions: Arc::new(tasks::Definitions::default()),
            replays: Arc::new(Semaphore::new(approvals::REPLAYS)),
            questions: Arc::new(approvals::Questions::default()),
        }
    }

    /// The same engine that reads over connections of their own: see [`reading`].
    #[must_use]
    pub fn with_readers(self, readers: PgPool) -> Self {
        Self { readers, ..self }
    }

    /// Closes its connections, when those that are in use come back.
    pub async fn close(&self) {
        self.readers.close().await;
        self.pool.close().await;
    }

    /// Hints, after a commit, that something may be ready to claim.
    pub fn hint_ready(&self) {
        self.wake.notify_waiters();
        // Leaves a permit where nobody was waiting at this very moment.
        self.wake.notify_one();
        self.wake_others.notify_one();
    }

    /// Begins a transaction for statements that are the same each time but for their
    /// parameters, of a few rows each: they are planned once for a connection, since
    /// planning them took longer than running them.
    ///
    /// A plan may be made while the tables are empty and be kept while they grow, so it may
    /// not read a table whole. Where it must, as with the leases that lapsed, PostgreSQL takes
    /// it for so dear that it would compile it first, for a tenth of a second; hence no JIT.
    /// Because plans are kept, the guards of these statements compare states by
    /// `IS NOT DISTINCT FROM`, which no index answers: rows are found by their ids.
    pub(crate) async fn begin_planned(&self) -> Result<Transaction<'static, Postgres>> {
        let begin = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; \
                     SET LOCAL enable_seqscan = off; SET LOCAL jit = off";
        Ok(self.pool.begin_with(begin).await?)
    }
}

/// Refuses a caller who may not.
///
/// # Errors
/// [`Error::Forbidden`] that names the permission.
pub fn authorise(principal: &Principal, permission: Permission) -> Result<()> {
    if principal.may(permission) {
        Ok(())
    } else if principal.must_choose_password() {
        Err(choose_a_password())
    } else {
        Err(Error::Forbidden(format!(
            "{} may not do this: it needs the permission to {}",
            principal.name,
            match permission {
                Permission::Read => "read",
                Permission::Decide => "decide",
                Permission::Run => "run plans",
                Permission::EditPlan => "edit plans",
                Permission::Report => "report tasks",
                Permission::Administer => "administer",
            }
        )))
    }
}

/// The refusal of all else while a password is somebody else's choice.
pub(crate) fn choose_a_password() -> Error {
    Error::Forbidden(
        "somebody else chose your password: choose your own on the page Account first".to_owned(),
    )
}
