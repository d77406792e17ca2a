//! Retention, partitions and checks of the house.

mod migrations;

pub use migrations::{MigrationRow, SchemaState, migrate, migrations, readiness, schema_state};
