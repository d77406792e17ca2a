//! The real approval behind a reported `awaiting_approval`.

use model::id::{AttemptNumber, RunKey, TaskId};
use model::plan::Gate;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::lifecycle::{NewRequest, Stop, default_gate, insert_request, tell_if_out_of_reach};
use crate::notify::mail;
use crate::notify::outbox::{self, AwaitingApproval};
use crate::tasks::digest::{self, Digest};
use crate::{Engine, Result};

/// What a person signs of a reported task.
pub(super) struct Asked<'a> {
    pub task: TaskId,
    pub attempt: AttemptNumber,
    pub run: Option<RunKey>,
    pub name: &'a str,
    pub run_id: Option<&'a str>,
    pub inputs: Option<&'a Value>,
    pub outputs_uri: Option<&'a str>,
    pub log_excerpt: Option<&'a str>,
    /// The orchestrator has told Slack and e-mail itself.
    pub already_notified: bool,
}

impl Asked<'_> {
    /// What a signature is bound to: all that the report says of the result.
    pub fn digest(&self) -> Result<Digest> {
        digest::of(&self.fields())
    }

    fn fields(&self) -> Value {
        json!({
            "status": "awaiting_approval",
            "outputs_uri": self.outputs_uri,
            "log_excerpt": self.log_excerpt,
            "inputs": self.inputs,
        })
    }
}

/// Asks a person, under the policy for what outside orchestrators report.
pub(super) async fn ask(
    engine: &Engine,
    connection: &mut PgConnection,
    asked: &Asked<'_>,
) -> Result<()> {
    let gate = Gate {
        requester: engine.settings.approvals.reported_requester,
        ..default_gate(engine)
    };
    let approval = insert_request(
        connection,
        &NewRequest {
            task: asked.task,
            attempt: asked.attempt,
            run: asked.run,
            proposal: None,
            task_name: asked.name,
            phase: None,
            digest: asked.digest()?,
            result: asked.fields(),
            stop: &Stop::always(gate),
            summary: None,
        },
    )
    .await?;
    let facts = AwaitingApproval {
        approval,
        task_id: asked.task,
        task: asked.name,
        run_id: asked.run_id,
        outputs_uri: asked.outputs_uri,
        log_excerpt: asked.log_excerpt,
        already_notified: asked.already_notified,
    };
    outbox::awaiting_approval(connection, &engine.settings, &facts).await?;
    mail::approval_requested(connection, engine, approval).await?;
    tell_if_out_of_reach(engine, connection, &[approval]).await
}
