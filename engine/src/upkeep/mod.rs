//! Retention, partitions and checks of the house.

mod clear;
mod findings;
mod gauges;
mod migrations;
mod partitions;
mod recheck;
mod retention;
mod roles;
mod signers;
mod tokens;

pub use clear::{clear, is_empty, refuse_in_use};
pub use findings::{Finding, Severity, findings};
pub use gauges::{Gauges, PlanGauge, QueueGauge, gauges};

pub use migrations::{
    MigrationLock, MigrationRow, SchemaState, lock_migrations, migrate, migrations, readiness,
    schema_state, server_major,
};
pub use partitions::ensure_partitions;
pub use recheck::{Rechecked, recheck};
pub use retention::{Pruned, retention};
pub use roles::{PrivateRoles, grant_application, prepare_roles};
