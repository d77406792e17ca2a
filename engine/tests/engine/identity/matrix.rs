//! The engine asks the model's table, and nothing else.

use engine::{Error, authorise};
use model::id::{AccountId, AttemptNumber, TaskId, TokenId};
use model::identity::{Permission, Principal, PrincipalKind, Role, Scope};

const PERMISSIONS: [Permission; 6] = [
    Permission::Read,
    Permission::Decide,
    Permission::Run,
    Permission::EditPlan,
    Permission::Report,
    Permission::Administer,
];

fn allowed(kind: PrincipalKind, roles: &[Role]) -> Vec<Permission> {
    let principal = Principal {
        kind,
        name: "test".to_owned(),
        roles: roles.to_vec(),
    };
    PERMISSIONS
        .into_iter()
        .filter(|permission| match authorise(&principal, *permission) {
            Ok(()) => true,
            Err(Error::Forbidden(_)) => false,
            Err(other) => panic!("{other}"),
        })
        .collect()
}

#[test]
fn roles_grant_what_the_table_says() {
    use Permission::{Decide, EditPlan, Read, Report, Run};
    let session = || PrincipalKind::Session {
        account: AccountId(1),
    };
    assert_eq!(allowed(session(), &[]), []);
    assert_eq!(allowed(session(), &[Role::Viewer]), [Read]);
    assert_eq!(allowed(session(), &[Role::Approver]), [Read, Decide]);
    assert_eq!(
        allowed(session(), &[Role::Operator]),
        [Read, Run, EditPlan, Report]
    );
    assert_eq!(
        allowed(session(), &[Role::Approver, Role::Operator]),
        [Read, Decide, Run, EditPlan, Report]
    );
    assert_eq!(allowed(session(), &[Role::Admin]), PERMISSIONS);
}

#[test]
fn a_token_never_grants_more_than_its_roles_and_its_scopes() {
    for role in Role::ALL {
        let session = allowed(
            PrincipalKind::Session {
                account: AccountId(1),
            },
            &[role],
        );
        for scope in Scope::ALL {
            let token = PrincipalKind::PersonToken {
                account: AccountId(1),
                token: TokenId(1),
                scopes: vec![scope],
            };
            for permission in allowed(token, &[role]) {
                assert!(
                    session.contains(&permission) && scope.allows(permission),
                    "{role} {scope:?} {permission:?}"
                );
            }
        }
    }
}

#[test]
fn no_step_no_reporter_and_no_process_decides() {
    let step = PrincipalKind::StepToken {
        task: TaskId(1),
        attempt: AttemptNumber(1),
        scopes: Scope::ALL.to_vec(),
    };
    assert_eq!(
        allowed(step, &Role::ALL),
        [Permission::Read, Permission::Report]
    );
    assert_eq!(
        allowed(PrincipalKind::TrustedReporter, &Role::ALL),
        [Permission::Report]
    );
    assert!(!allowed(PrincipalKind::System, &Role::ALL).contains(&Permission::Decide));
}
