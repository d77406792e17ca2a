//! Storing a version: it takes effect at once, or it is proposed.

use model::id::{ApprovalId, PlanVersionId};
use model::identity::{Permission, Principal, PrincipalKind};
use model::plan::{Plan, Weakening, weakenings};
use serde_json::json;
use sqlx::PgConnection;

use super::close::{Closing, close};
use super::raise::{Proposal, raise};
use crate::plans::store::{self, Held, Version};
use crate::plans::{NewVersions, PlanOrigin, draft, is_held};
use crate::{Engine, Error, Result, audit};

/// The outcome of storing a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub version_id: PlanVersionId,
    pub version: i32,
    /// The version that runs now; 0 while none does.
    pub running: i32,
    /// The requests that must be approved before the version takes effect; empty where it has.
    pub proposed: Vec<ApprovalId>,
}

/// Stores the text as the plan's next version; the text that runs already makes none.
///
/// A version that asks people less than the one that runs is proposed, and the former one
/// runs until it is signed. A newer version replaces one that is proposed.
///
/// # Errors
/// [`Error::Invalid`] with line and column of each problem;
/// [`Error::Conflict`] where the plan is not at `expected_version` (0 for a new
/// one), or where a file would overwrite what was stored through the API.
pub async fn save(
    engine: &Engine,
    principal: &Principal,
    name: &str,
    text: &str,
    expected_version: Option<i32>,
    origin: PlanOrigin,
) -> Result<Saved> {
    let trusted = match (&principal.kind, origin) {
        (_, PlanOrigin::File) | (PrincipalKind::System, PlanOrigin::Api) => {
            engine.settings.plans_files == NewVersions::Effective
        }
        (
            PrincipalKind::Session { .. }
            | PrincipalKind::PendingPassword { .. }
            | PrincipalKind::PersonToken { .. }
            | PrincipalKind::StepToken { .. }
            | PrincipalKind::TrustedReporter,
            PlanOrigin::Api,
        ) => false,
    };
    let storing = Storing {
        name,
        text,
        expected_version,
        origin,
        trusted,
    };
    store_version(engine, principal, &storing).await
}

/// A text that is to be stored, and how far it is trusted.
pub(super) struct Storing<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub expected_version: Option<i32>,
    pub origin: PlanOrigin,
    /// It comes from the machine's administrator and takes effect whatever it says.
    pub trusted: bool,
}

/// Finds in what a version asks less than the one that runs, and than those that ran before it
/// where something of theirs comes back, by the present settings.
pub(super) fn compare(
    engine: &Engine,
    former: Option<&Version>,
    earlier: &[Plan],
    plan: &Plan,
) -> Vec<Weakening> {
    let may_name = |secret: &str| {
        let plans = engine.settings.secret_plans.get(secret);
        plans.is_some_and(|plans| plans.contains(&plan.name))
    };
    weakenings(former.map(|former| &former.plan), earlier, plan, may_name)
}

pub(super) async fn store_version(
    engine: &Engine,
    principal: &Principal,
    storing: &Storing<'_>,
) -> Result<Saved> {
    crate::authorise(principal, Permission::EditPlan)?;
    let &Storing {
        name, text, origin, ..
    } = storing;
    let plan = draft(name, text).await?;
    let hash = store::content_hash(text);
    let mut transaction = engine.pool.begin().await?;
    let connection = &mut *transaction;
    let held = store::hold(connection, name, origin).await?;
    check_expected(name, storing.expected_version, held.current_version)?;
    let former = store::running(connection, &held).await?;
    let open = open(connection, &held).await?;
    if let Some(former) = former.as_ref().filter(|former| former.hash == hash) {
        // What runs is wanted again; a file that did not change says nothing about others' edits.
        let open = open.filter(|open| origin == PlanOrigin::Api || open.origin == origin.as_str());
        if let Some(open) = open {
            withdraw(connection, principal, name, &open).await?;
            transaction.commit().await?;
        }
        return Ok(effective(former));
    }
    if origin == PlanOrigin::File && former.is_some() && held.source == PlanOrigin::Api.as_str() {
        return Err(Error::Conflict(format!(
            "plan {name} was stored through the API and differs from this file; store the file's text through the API as well, or remove the file"
        )));
    }
    let weakenings = if storing.trusted {
        Vec::new()
    } else {
        let earlier = store::earlier(connection, &held).await?;
        compare(engine, former.as_ref(), &earlier, &plan)
    };
    // What a version lost is not in the comparison: a person mends it, or signs what a token did.
    let by_token = principal.is_token()
        && (engine.settings.plans_by_token == NewVersions::Proposed
            || is_held(connection, name).await?);
    let proposed = by_token || !weakenings.is_empty();
    if proposed {
        if let Some(open) = open.as_ref().filter(|open| open.hash == hash) {
            let saved = open.saved(connection, held.current_version).await?;
            return Ok(saved);
        }
        refuse_refused(connection, name, &held, origin, &hash).await?;
    }
    let author = principal.account();
    let version =
        store::insert_version(connection, &held, &plan, text, &principal.name, author).await?;
    if let Some(open) = &open {
        let reason = format!("version {} took its place", version.number);
        close(
            connection,
            &principal.name,
            open.version,
            Closing::Superseded,
            &reason,
        )
        .await?;
    }
    let proposal = Proposal {
        plan: name,
        former: former.as_ref(),
        version: &version,
        weakenings: &weakenings,
        by: &principal.name,
    };
    let requests = if proposed {
        insert_proposal(connection, &held, &version, origin).await?;
        raise(engine, connection, &proposal).await?
    } else {
        store::take_effect(
            connection,
            principal,
            &held,
            former.as_ref(),
            &version,
            origin,
        )
        .await?;
        Vec::new()
    };
    let details = json!({
        "version": version.number,
        "origin": origin.as_str(),
        "proposed": requests,
        "facts": if proposed { proposal.facts() } else { serde_json::Value::Null },
    });
    let subject = format!("plan/{name}");
    audit::record(connection, principal, "plan.save", &subject, details).await?;
    transaction.commit().await?;
    engine.hint_ready();
    Ok(Saved {
        version_id: version.id,
        version: version.number,
        running: if proposed {
            held.current_version
        } else {
            version.number
        },
        proposed: requests,
    })
}

fn check_expected(name: &str, expected: Option<i32>, current: i32) -> Result<()> {
    if expected.is_none_or(|expected| expected == current) {
        return Ok(());
    }
    Err(Error::Conflict(match current {
        0 => format!("plan {name} is not stored yet"),
        _ => {
            format!("plan {name} is at version {current} now; load it again and repeat your change")
        }
    }))
}

fn effective(version: &Version) -> Saved {
    Saved {
        version_id: version.id,
        version: version.number,
        running: version.number,
        proposed: Vec::new(),
    }
}

/// The proposal of a plan that waits.
struct Open {
    version: PlanVersionId,
    number: i32,
    hash: Vec<u8>,
    origin: String,
}

impl Open {
    async fn saved(&self, connection: &mut PgConnection, running: i32) -> Result<Saved> {
        let waiting = sqlx::query_scalar!(
            "SELECT id FROM approvals
             WHERE plan_version_id = $1 AND run IS NULL AND state = 'pending' ORDER BY id",
            self.version.0
        )
        .fetch_all(connection)
        .await?;
        Ok(Saved {
            version_id: self.version,
            version: self.number,
            running,
            proposed: waiting.into_iter().map(ApprovalId).collect(),
        })
    }
}

async fn open(connection: &mut PgConnection, held: &Held) -> Result<Option<Open>> {
    let row = sqlx::query!(
        "SELECT v.id, v.version, v.content_hash, o.origin
         FROM proposals o JOIN plan_versions v ON v.id = o.plan_version_id
         WHERE o.plan_id = $1 AND o.state = 'proposed'",
        held.id.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Open {
        version: PlanVersionId(row.id),
        number: row.version,
        hash: row.content_hash,
        origin: row.origin,
    }))
}

async fn withdraw(
    connection: &mut PgConnection,
    principal: &Principal,
    name: &str,
    open: &Open,
) -> Result<()> {
    let reason = format!("{} stored again what runs", principal.name);
    close(
        connection,
        &principal.name,
        open.version,
        Closing::Withdrawn,
        &reason,
    )
    .await?;
    audit::record(
        connection,
        principal,
        "plan.withdraw",
        &format!("plan/{name}"),
        json!({ "version": open.number }),
    )
    .await
}

/// A file is read at each start; what was refused of it is not asked again each time.
async fn refuse_refused(
    connection: &mut PgConnection,
    name: &str,
    held: &Held,
    origin: PlanOrigin,
    hash: &[u8],
) -> Result<()> {
    if origin != PlanOrigin::File {
        return Ok(());
    }
    let refused = sqlx::query_scalar!(
        "SELECT v.version FROM plan_versions v JOIN proposals o ON o.plan_version_id = v.id
         WHERE v.plan_id = $1 AND v.content_hash = $2 AND o.state = 'refused' AND o.base_version = $3
         ORDER BY v.id DESC LIMIT 1",
        held.id.0,
        hash,
        held.current_version,
    )
    .fetch_optional(connection)
    .await?;
    match refused {
        Some(version) => Err(Error::Conflict(format!(
            "the text of this file was refused as version {version} of plan {name}; change the file, or store it through the API to ask again"
        ))),
        None => Ok(()),
    }
}

async fn insert_proposal(
    connection: &mut PgConnection,
    held: &Held,
    version: &Version,
    origin: PlanOrigin,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO proposals (plan_version_id, plan_id, base_version, origin) VALUES ($1, $2, $3, $4)",
        version.id.0,
        held.id.0,
        held.current_version,
        origin.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
