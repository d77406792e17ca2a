use axum::Json;
use axum::extract::State;
use engine::identity::accounts;
use model::identity::{Permission, PrincipalKind, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Authenticated;
use crate::rest::ApiError;
use crate::state::AppState;

/// Who the caller is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// The name that records show.
    name: String,
    /// `session`, `token`, `step` or `reporter`.
    kind: &'static str,
    account: Option<i64>,
    /// viewer, approver, operator, admin.
    roles: Vec<&'static str>,
    /// Of a token; absent in a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'static str>>,
    /// What roles and scopes allow together.
    permissions: Vec<Allowed>,
    /// Somebody else chose the password.
    must_change_password: bool,
}

/// A permission.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Allowed {
    Read,
    Decide,
    Run,
    EditPlan,
    Report,
    Administer,
}

/// Who the caller is and what they may do.
#[utoipa::path(get, path = "/api/v1/me", tag = "identity", operation_id = "get_me",
    responses((status = 200, body = Me), (status = 401, description = "nobody is logged in")))]
pub(super) async fn me(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Me>, ApiError> {
    let must_change_password = match caller.account() {
        Some(account) => {
            accounts::get(&state.engine, &caller, account)
                .await?
                .must_change_password
        }
        None => false,
    };
    let names = |scopes: &[Scope]| scopes.iter().map(|scope| scope.as_str()).collect();
    let (kind, scopes) = match &caller.kind {
        PrincipalKind::Session { .. } | PrincipalKind::PendingPassword { .. } => ("session", None),
        PrincipalKind::PersonToken { scopes, .. } => ("token", Some(names(scopes))),
        PrincipalKind::StepToken { scopes, .. } => ("step", Some(names(scopes))),
        PrincipalKind::TrustedReporter => ("reporter", None),
        PrincipalKind::System => ("system", None),
    };
    let permissions = [
        (Permission::Read, Allowed::Read),
        (Permission::Decide, Allowed::Decide),
        (Permission::Run, Allowed::Run),
        (Permission::EditPlan, Allowed::EditPlan),
        (Permission::Report, Allowed::Report),
        (Permission::Administer, Allowed::Administer),
    ]
    .into_iter()
    .filter_map(|(permission, allowed)| caller.may(permission).then_some(allowed))
    .collect();
    Ok(Json(Me {
        kind,
        account: caller.account().map(|id| id.0),
        roles: caller.roles.iter().map(|role| role.as_str()).collect(),
        scopes,
        permissions,
        must_change_password,
        name: caller.name,
    }))
}
