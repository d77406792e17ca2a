//! What a decision does to its task, in the decision's own transaction.

use model::approval::ApprovalState;
use model::id::{ApprovalId, PlanVersionId};
use model::identity::Principal;
use model::task::{GatePhase, TaskEvent, TaskState};
use sqlx::PgConnection;

use super::decide::Request;
use super::versions::{self, Closing};
use super::{entry, settle};
use crate::approvals::tally::Standing;
use crate::tasks::{Move, StoredTask, task_definition, write_moves};
use crate::{Engine, Error, Result};

/// A decision that ends its request.
pub(super) struct Outcome<'a> {
    pub engine: &'a Engine,
    /// Who gave the answer that decided.
    pub principal: &'a Principal,
    pub approval: ApprovalId,
    pub request: &'a Request,
    pub task: &'a StoredTask,
    /// The plan version that is proposed, where this is about one.
    pub proposal: Option<PlanVersionId>,
    pub note: Option<&'a str>,
}

impl Outcome<'_> {
    /// Moves the task on.
    ///
    /// # Errors
    /// [`Error::Conflict`] where changes cannot be asked for, or no more of them.
    pub async fn follow(&self, connection: &mut PgConnection, standing: Standing) -> Result<()> {
        // A reported request is about a result: its orchestrator has already run the task.
        let phase = self.request.phase.unwrap_or(GatePhase::AfterResult);
        match standing {
            Standing::Open => Ok(()),
            Standing::Approved => {
                if phase == GatePhase::BeforeStart {
                    self.demand_needs(connection).await?;
                }
                self.mark(connection, ApprovalState::Approved).await?;
                self.hand_on_inputs(connection).await?;
                self.write(connection, TaskEvent::Approve(phase), None)
                    .await?;
                match phase {
                    GatePhase::BeforeStart => {}
                    GatePhase::AfterResult => self.settle(connection).await?,
                }
                match self.proposal {
                    Some(version) => {
                        versions::signed(self.engine, connection, self.principal, version).await
                    }
                    None => Ok(()),
                }
            }
            Standing::Rejected => {
                self.mark(connection, ApprovalState::Rejected).await?;
                let reason = self.said("rejected");
                self.write(connection, TaskEvent::Reject, Some(reason.clone()))
                    .await?;
                self.settle(connection).await?;
                match self.proposal {
                    Some(version) => {
                        let actor = &self.principal.name;
                        versions::close(connection, actor, version, Closing::Refused, &reason).await
                    }
                    None => Ok(()),
                }
            }
            Standing::ChangesRequested => self.request_changes(connection).await,
        }
    }

    /// The task is tried again with the comment; a reported one goes back to its orchestrator.
    async fn request_changes(&self, connection: &mut PgConnection) -> Result<()> {
        if self.proposal.is_some() {
            return Err(Error::Conflict(
                "a plan's version cannot be sent back; reject it with what should change, and a newer one can be stored"
                    .to_owned(),
            ));
        }
        let event = match self.request.phase {
            None => TaskEvent::SendBack,
            Some(GatePhase::AfterResult) => TaskEvent::RequestChanges,
            Some(GatePhase::BeforeStart) => {
                return Err(Error::Conflict(
                    "nothing has run yet that could be changed; approve its start or reject it"
                        .to_owned(),
                ));
            }
        };
        if self.task.native {
            self.demand_free_start(connection).await?;
        }
        let rounds = self.request.gate.rounds;
        let asked = sqlx::query_scalar!(
            "UPDATE tasks SET changes_wanted = $2, change_round = change_round + 1, automatic_retries = 0,
                    approval_inputs = NULL
             WHERE id = $1 AND change_round < $3 RETURNING change_round",
            self.task.id.0,
            self.note,
            i32::try_from(rounds).unwrap_or(i32::MAX),
        )
        .fetch_optional(&mut *connection)
        .await?;
        if asked.is_none() {
            return Err(Error::Conflict(format!(
                "changes were asked for {rounds} times already, which is all that the plan allows; approve or reject approval {}",
                self.approval
            )));
        }
        self.mark(connection, ApprovalState::ChangesRequested)
            .await?;
        let reason = self.said("changes asked for");
        self.write(connection, event, Some(reason)).await
    }

    /// Changes lead to another start, which those who sign starts would not be asked about.
    async fn demand_free_start(&self, connection: &mut PgConnection) -> Result<()> {
        let definition = task_definition(self.engine, connection, self.task).await?;
        let gate = definition.approval.as_ref();
        if gate.is_some_and(|gate| gate.phase == GatePhase::BeforeStart) {
            return Err(Error::Conflict(format!(
                "task {} asks before each start: reject this and run it again, so that its start is asked about",
                self.task.id
            )));
        }
        entry::demand_needs(connection, self.task, &definition).await?;
        Ok(())
    }

    /// A start that was asked for goes by the one way into the queue, as every other.
    async fn demand_needs(&self, connection: &mut PgConnection) -> Result<()> {
        let definition = task_definition(self.engine, connection, self.task).await?;
        entry::demand_needs(connection, self.task, &definition).await?;
        Ok(())
    }

    fn said(&self, what: &str) -> String {
        match self.note {
            Some(note) => format!("{what} by {}: {note}", self.principal.name),
            None => format!("{what} by {}", self.principal.name),
        }
    }

    async fn mark(&self, connection: &mut PgConnection, state: ApprovalState) -> Result<()> {
        sqlx::query!(
            "UPDATE tasks SET approval_state = $2, approver = left($3, 128), approval_note = $4 WHERE id = $1",
            self.task.id.0,
            state.as_str(),
            self.principal.name,
            self.note,
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// What was filled in is for later tasks to read once it is approved, and not before.
    async fn hand_on_inputs(&self, connection: &mut PgConnection) -> Result<()> {
        if self.request.gate.inputs.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "UPDATE tasks t SET approval_inputs = a.inputs FROM approvals a WHERE a.id = $1 AND t.id = a.task_id",
            self.approval.0
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        event: TaskEvent,
        reason: Option<String>,
    ) -> Result<()> {
        let one = Move {
            task: self.task.id,
            attempt: self.request.attempt,
            from: TaskState::AwaitingApproval,
            event,
            reason,
        };
        write_moves(connection, &self.principal.name, &[one]).await
    }

    async fn settle(&self, connection: &mut PgConnection) -> Result<()> {
        settle::after_finish(self.engine, connection, vec![self.task.id]).await?;
        Ok(())
    }
}
