-- What waits for a person, what they answered, and the messages that follow.

CREATE TABLE approvals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL,
    attempt integer NOT NULL,
    run bigint,
    run_id text,
    plan_name text,
    plan_version_id bigint,
    task_name text NOT NULL,
    phase text,
    state text NOT NULL DEFAULT 'pending',
    digest bytea NOT NULL,
    policy jsonb NOT NULL,
    requester_account_id bigint,
    requester text,
    summary text,
    requested_at timestamptz NOT NULL DEFAULT watchbill_now(),
    expires_at timestamptz,
    decided_at timestamptz,
    CONSTRAINT approvals_phase CHECK (phase IN ('before_start', 'after_result')),
    CONSTRAINT approvals_state CHECK (state IN (
        'pending', 'approved', 'rejected', 'cancelled', 'expired', 'superseded')),
    CONSTRAINT approvals_decided CHECK ((state = 'pending') = (decided_at IS NULL))
);
COMMENT ON TABLE approvals IS 'outlives the task it names: no foreign key';
COMMENT ON COLUMN approvals.phase IS 'null for a request that an outside orchestrator reported';
COMMENT ON COLUMN approvals.digest IS 'what a signature is bound to, beside run, attempt and plan version';
COMMENT ON COLUMN approvals.policy IS 'model::plan::Gate as it was when the request was raised';
COMMENT ON COLUMN approvals.decided_at IS 'when it left pending, however';
CREATE UNIQUE INDEX approvals_one_pending ON approvals (task_id) WHERE state = 'pending';
CREATE INDEX approvals_pending ON approvals (expires_at NULLS LAST, id) WHERE state = 'pending';
CREATE INDEX approvals_decided_at ON approvals (decided_at DESC, id DESC) WHERE state <> 'pending';
CREATE INDEX approvals_task ON approvals (task_id, id);

CREATE TABLE decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    approval_id bigint NOT NULL REFERENCES approvals,
    account_id bigint NOT NULL,
    decided_by text NOT NULL,
    verdict text NOT NULL,
    note text,
    digest bytea NOT NULL,
    sole_decider boolean NOT NULL DEFAULT false,
    channel text NOT NULL,
    at timestamptz NOT NULL DEFAULT watchbill_now(),
    CONSTRAINT decisions_one_per_account UNIQUE (approval_id, account_id),
    CONSTRAINT decisions_verdict CHECK (verdict IN ('approve', 'reject')),
    CONSTRAINT decisions_channel CHECK (channel IN ('page', 'api'))
);
COMMENT ON COLUMN decisions.sole_decider IS 'the requester signed because no other account could';
CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL,
    dedup_key text NOT NULL,
    task_id bigint,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    next_try_at timestamptz NOT NULL DEFAULT watchbill_now(),
    tries integer NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    abandoned_at timestamptz,
    last_error text,
    CONSTRAINT outbox_dedup_unique UNIQUE (channel, dedup_key),
    CONSTRAINT outbox_channel CHECK (channel IN ('slack', 'email_webhook', 'webhook'))
);
COMMENT ON TABLE outbox IS 'written in the transaction that caused the message, sent afterwards, at least once';
COMMENT ON COLUMN outbox.channel IS 'slack: the reference''s Slack payload; email_webhook: its e-mail payload; webhook: signed by Standard Webhooks';
COMMENT ON COLUMN outbox.dedup_key IS 'the cause of the message: a channel hears of it once';
COMMENT ON COLUMN outbox.abandoned_at IS 'a permanent error, or too many tries';
CREATE INDEX outbox_due ON outbox (next_try_at) WHERE delivered_at IS NULL AND abandoned_at IS NULL;

-- What people who query the reference's table expect to find.
CREATE VIEW agents_tasks AS
SELECT t.id,
       t.name AS task,
       coalesce(r.run_id, '') AS run_id,
       CASE t.state
           WHEN 'created' THEN 'queued' WHEN 'scheduled' THEN 'queued'
           WHEN 'on_hold' THEN 'queued' WHEN 'blocked' THEN 'queued'
           WHEN 'cancelling' THEN 'running'
           WHEN 'cancelled' THEN 'skipped'
           ELSE t.state
       END AS status,
       t.started_at AT TIME ZONE 'UTC' AS started_at,
       t.finished_at AT TIME ZONE 'UTC' AS finished_at,
       t.duration_ms,
       t.inputs,
       t.outputs_uri,
       t.log_excerpt,
       t.approval_state,
       t.approver,
       t.approval_note,
       t.webhook_notified_at AT TIME ZONE 'UTC' AS webhook_notified_at
FROM tasks t LEFT JOIN runs r ON r.id = t.run;
COMMENT ON VIEW agents_tasks IS 'the nightly-approvals reference''s table; times are UTC without zone, as there';
