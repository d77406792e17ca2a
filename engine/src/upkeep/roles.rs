//! The database's three identities: who makes it, who owns its tables, who only uses them.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};

use crate::Result;

/// The roles of a private database.
pub struct PrivateRoles<'a> {
    pub database: &'a str,
    pub owner: &'a str,
    pub owner_password: &'a str,
    pub application: &'a str,
    pub application_password: &'a str,
}

/// Makes the roles and the database where they are missing, and sets the passwords again.
///
/// # Errors
/// When the superuser cannot connect or may not.
pub async fn prepare_roles(superuser: &PgConnectOptions, roles: &PrivateRoles<'_>) -> Result<()> {
    let mut connection = superuser.connect().await?;
    // Several processes may start at once.
    sqlx::query!("SELECT pg_advisory_lock(hashtext('watchbill.roles'))")
        .fetch_one(&mut connection)
        .await?;
    for (role, password) in [
        (roles.owner, roles.owner_password),
        (roles.application, roles.application_password),
    ] {
        let exists = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS "exists!""#,
            role
        )
        .fetch_one(&mut connection)
        .await?;
        if exists {
            continue;
        }
        // A utility statement takes no parameters: the server itself quotes them.
        let statement = sqlx::query_scalar!(
            r#"SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', $1::text, $2::text) AS "statement!""#,
            role,
            password
        )
        .fetch_one(&mut connection)
        .await?;
        execute(&mut connection, statement).await?;
    }
    let exists = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS "exists!""#,
        roles.database
    )
    .fetch_one(&mut connection)
    .await?;
    if !exists {
        for form in [
            "CREATE DATABASE %I OWNER %I",
            "REVOKE ALL ON DATABASE %I FROM PUBLIC",
        ] {
            let statement = sqlx::query_scalar!(
                r#"SELECT format($1, $2::text, $3::text) AS "statement!""#,
                form,
                roles.database,
                roles.owner
            )
            .fetch_one(&mut connection)
            .await?;
            execute(&mut connection, statement).await?;
        }
    }
    connection.close().await?;
    Ok(())
}

/// Lets the application use what the owner made, and no more: it can only add to and read the
/// audit and the decisions, and it changes no table. An import, which keeps ids, may move
/// the tasks' sequence past them.
///
/// # Errors
/// When `owner` does not own the tables.
pub async fn grant_application(owner: &PgPool, application: &str) -> Result<()> {
    let statements = sqlx::query_scalar!(
        r#"SELECT format(form, $1::text, current_database()) AS "statement!" FROM unnest(ARRAY[
            'GRANT CONNECT ON DATABASE %2$I TO %1$I',
            'GRANT USAGE ON SCHEMA public TO %1$I',
            'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
            'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %1$I',
            'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %1$I',
            'GRANT UPDATE ON SEQUENCE tasks_id_seq TO %1$I',
            'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO %1$I',
            'REVOKE UPDATE, DELETE ON audit, decisions FROM %1$I',
            'REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM %1$I',
            'REVOKE UPDATE ON plan_versions FROM %1$I',
            'REVOKE EXECUTE ON FUNCTION ensure_task_partitions(bigint), drop_task_partitions(text, bigint) FROM PUBLIC'
        ]) AS form"#,
        application
    )
    .fetch_all(owner)
    .await?;
    let mut transaction = owner.begin().await?;
    // Two processes that grant at once would trip over each other's catalogue rows.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('watchbill.grants'))")
        .fetch_one(&mut *transaction)
        .await?;
    for statement in statements {
        execute(&mut transaction, statement).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Runs what the server itself has quoted with `format`.
async fn execute(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}
