//! Retention, partitions and checks of the house.

mod migrations;
mod roles;

pub use migrations::{
    MigrationLock, MigrationRow, SchemaState, lock_migrations, migrate, migrations, readiness,
    schema_state, server_major,
};
pub use roles::{PrivateRoles, grant_application, prepare_roles};
