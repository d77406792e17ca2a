//! Groups: named sets of people that a gate may ask for.

use model::identity::{Permission, Principal};
use model::view::GroupRow;
use serde_json::json;
use sqlx::PgConnection;

use crate::audit;
use crate::identity::accounts::lock_administration;
use crate::{Engine, Error, Result, authorise};

/// A group has at most this many members.
const MOST_MEMBERS: usize = 1_000;

/// Every group with its members, by name.
///
/// # Errors
/// Who may not read.
pub async fn list(engine: &Engine, principal: &Principal) -> Result<Vec<GroupRow>> {
    authorise(principal, Permission::Read)?;
    let rows = sqlx::query!(
        r#"SELECT g.name, array(SELECT a.login FROM group_members m JOIN accounts a ON a.id = m.account_id
                                WHERE m.group_id = g.id ORDER BY a.login) AS "members!"
           FROM groups g ORDER BY g.name"#
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| GroupRow {
            name: row.name,
            members: row.members,
        })
        .collect())
}

/// Makes the group where there is none, and gives it these members and no others.
///
/// # Errors
/// [`Error::Invalid`] for a name that none can have and for people who have no account;
/// [`Error::Conflict`] for no members while a request asks for the group.
pub(crate) async fn put(
    transaction: &mut PgConnection,
    principal: &Principal,
    name: &str,
    members: &[String],
) -> Result<GroupRow> {
    authorise(principal, Permission::Administer)?;
    check_name(name)?;
    if members.len() > MOST_MEMBERS {
        let message = format!("a group has at most {MOST_MEMBERS} members");
        return Err(Error::invalid("members", message));
    }
    let mut logins: Vec<String> = members
        .iter()
        .map(|login| login.trim().to_lowercase())
        .collect();
    logins.sort();
    logins.dedup();
    lock_administration(transaction).await?;
    let accounts = sqlx::query!(
        "SELECT id, login FROM accounts WHERE login = ANY($1)",
        &logins
    )
    .fetch_all(&mut *transaction)
    .await?;
    if let Some(unknown) = logins
        .iter()
        .find(|login| accounts.iter().all(|account| account.login != **login))
    {
        let message = format!("there is no account {unknown}; make it first");
        return Err(Error::invalid("members", message));
    }
    if logins.is_empty() {
        refuse_while_asked_for(transaction, name).await?;
    }
    let id = sqlx::query_scalar!(
        "INSERT INTO groups (name) VALUES ($1) ON CONFLICT ON CONSTRAINT groups_name_unique
         DO UPDATE SET name = excluded.name RETURNING id",
        name
    )
    .fetch_one(&mut *transaction)
    .await?;
    let ids: Vec<i64> = accounts.iter().map(|account| account.id).collect();
    sqlx::query!(
        "DELETE FROM group_members WHERE group_id = $1 AND account_id <> ALL($2)",
        id,
        &ids
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "INSERT INTO group_members (group_id, account_id) SELECT $1, unnest($2::bigint[])
         ON CONFLICT DO NOTHING",
        id,
        &ids
    )
    .execute(&mut *transaction)
    .await?;
    audit::record(
        transaction,
        principal,
        "group.put",
        &format!("group/{name}"),
        json!({ "members": logins }),
    )
    .await?;
    Ok(GroupRow {
        name: name.to_owned(),
        members: logins,
    })
}

/// Removes the group. A gate that asks for it can then be signed by nobody of it.
///
/// # Errors
/// [`Error::NotFound`] where there is none; [`Error::Conflict`] while a request asks for it.
pub async fn delete(engine: &Engine, principal: &Principal, name: &str) -> Result<()> {
    authorise(principal, Permission::Administer)?;
    check_name(name)?;
    let mut transaction = engine.pool.begin().await?;
    lock_administration(&mut transaction).await?;
    refuse_while_asked_for(&mut transaction, name).await?;
    let deleted = sqlx::query!("DELETE FROM groups WHERE name = $1", name)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if deleted == 0 {
        return Err(Error::NotFound(format!("there is no group {name}")));
    }
    let subject = format!("group/{name}");
    audit::record(
        &mut transaction,
        principal,
        "group.delete",
        &subject,
        json!({}),
    )
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Refuses to leave nobody in a group that a pending request asks for, now or at a later
/// step of its chain.
async fn refuse_while_asked_for(connection: &mut PgConnection, name: &str) -> Result<()> {
    const NAMED: usize = 10;
    let mut waiting = sqlx::query_scalar!(
        "SELECT id FROM approvals
         WHERE state = 'pending' AND (policy -> 'from' @> $1 OR policy -> 'escalate' @> $2)
         ORDER BY id",
        json!([{ "group": name }]),
        json!([{ "to": [{ "group": name }] }])
    )
    .fetch_all(connection)
    .await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let more = waiting.len().saturating_sub(NAMED);
    waiting.truncate(NAMED);
    let ids: Vec<String> = waiting.iter().map(ToString::to_string).collect();
    let (approvals, ask, them) = match (ids.len(), more) {
        (1, 0) => (format!("approval {}", ids[0]), "asks", "it"),
        (_, 0) => (format!("approvals {}", ids.join(", ")), "ask", "them"),
        (_, more) => {
            let listed = format!("approvals {} and {more} more", ids.join(", "));
            (listed, "ask", "them")
        }
    };
    Err(Error::Conflict(format!(
        "{approvals} {ask} for group:{name}, and nobody would be left in it: decide {them} or cancel \
         the tasks first, or leave somebody in the group"
    )))
}

fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && name.len() <= 64 && name.chars().all(fits) {
        Ok(())
    } else {
        Err(Error::invalid(
            "name",
            "a group's name is 1 to 64 lower-case letters, digits, '.', '_' and '-'",
        ))
    }
}
