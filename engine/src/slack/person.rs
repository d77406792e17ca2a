//! Whose click it is.

use model::id::AccountId;
use model::identity::{Principal, PrincipalKind};

use crate::identity::parse_roles;
use crate::{Engine, Result};

/// What is known of the member who clicked.
pub(super) enum Person {
    Unmapped,
    Disabled {
        login: String,
    },
    /// With the roles of this moment.
    Known(Principal),
}

/// The account that an administrator mapped the member to.
pub(super) async fn find(engine: &Engine, slack_user: &str) -> Result<Person> {
    let row = sqlx::query!(
        r#"SELECT id, login, must_change_password, disabled_at IS NOT NULL AS "disabled!",
                  array(SELECT role FROM account_roles WHERE account_id = accounts.id) AS "roles!"
           FROM accounts WHERE slack_user = $1"#,
        slack_user
    )
    .fetch_optional(&engine.pool)
    .await?;
    let Some(row) = row else {
        return Ok(Person::Unmapped);
    };
    if row.disabled {
        return Ok(Person::Disabled { login: row.login });
    }
    let account = AccountId(row.id);
    Ok(Person::Known(Principal {
        // Slack has recognised them, as a session does; the same rules follow.
        kind: if row.must_change_password {
            PrincipalKind::PendingPassword { account }
        } else {
            PrincipalKind::Session { account }
        },
        roles: parse_roles(&row.roles, row.id)?,
        name: row.login,
    }))
}
