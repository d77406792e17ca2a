-- Decisions of several people: groups, delegations, rounds of changes, reminders and escalations.

CREATE TABLE groups (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    CONSTRAINT groups_name_unique UNIQUE (name),
    CONSTRAINT groups_name_form CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$')
);
COMMENT ON TABLE groups IS 'Named sets of people that a gate may ask for: group:NAME';

CREATE TABLE group_members (
    group_id bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    PRIMARY KEY (group_id, account_id)
);
CREATE INDEX group_members_account ON group_members (account_id);
COMMENT ON TABLE group_members IS 'Who belongs to a group';

CREATE TABLE delegations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    to_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    note text,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    revoked_at timestamptz,
    CONSTRAINT delegations_to_another CHECK (from_account_id <> to_account_id),
    CONSTRAINT delegations_order CHECK (starts_at < ends_at)
);
CREATE INDEX delegations_to ON delegations (to_account_id) WHERE revoked_at IS NULL;
CREATE INDEX delegations_from ON delegations (from_account_id, id DESC);
COMMENT ON TABLE delegations IS 'An approver lets a colleague sign in their place for a while';
COMMENT ON COLUMN delegations.from_account_id IS 'Whose signature it is';
COMMENT ON COLUMN delegations.to_account_id IS 'Who may give it';
COMMENT ON COLUMN delegations.revoked_at IS 'Ended before its time, by the person who made it or an admin';

ALTER TABLE tasks DROP CONSTRAINT tasks_approval_state;
ALTER TABLE tasks ADD CONSTRAINT tasks_approval_state CHECK (approval_state IN (
    'pending', 'approved', 'rejected', 'cancelled', 'expired', 'superseded', 'changes_requested'));
ALTER TABLE tasks
    ADD COLUMN changes_wanted text,
    ADD COLUMN change_round integer NOT NULL DEFAULT 0,
    ADD COLUMN approval_inputs jsonb;
COMMENT ON COLUMN tasks.changes_wanted IS 'The comment of who asked for changes: the next attempt reads it';
COMMENT ON COLUMN tasks.change_round IS 'How often changes were asked for since a person last started it';
COMMENT ON COLUMN tasks.approval_inputs IS 'What the approver filled in; later tasks read it';

ALTER TABLE approvals DROP CONSTRAINT approvals_state;
ALTER TABLE approvals ADD CONSTRAINT approvals_state CHECK (state IN (
    'pending', 'approved', 'rejected', 'cancelled', 'expired', 'superseded', 'changes_requested'));
ALTER TABLE approvals
    ADD COLUMN risk text,
    ADD COLUMN rule text,
    ADD COLUMN why text,
    ADD COLUMN signatures integer NOT NULL DEFAULT 0,
    ADD COLUMN inputs jsonb,
    ADD COLUMN result jsonb,
    ADD COLUMN remind_at timestamptz,
    ADD COLUMN reminded integer NOT NULL DEFAULT 0,
    ADD COLUMN escalate_at timestamptz,
    ADD COLUMN escalated integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT approvals_risk CHECK (risk IN ('auto', 'one', 'two'));
COMMENT ON COLUMN approvals.risk IS 'auto, one or two signatures: what the rules of risk said; null where there are none';
COMMENT ON COLUMN approvals.rule IS 'The condition of the rule that said so; null where none matched';
COMMENT ON COLUMN approvals.why IS 'Why this rule and not a milder one, in a sentence';
COMMENT ON COLUMN approvals.signatures IS 'How many have approved so far';
COMMENT ON COLUMN approvals.inputs IS 'What the first who approved filled in';
COMMENT ON COLUMN approvals.result IS 'What was to be signed, field by field, to compare with another time';
COMMENT ON COLUMN approvals.policy IS 'The gate as it holds for this request: its signers grow with each escalation';
COMMENT ON COLUMN approvals.remind_at IS 'When those asked are reminded next';
COMMENT ON COLUMN approvals.escalate_at IS 'When the next step of the chain is due';
CREATE INDEX approvals_remind ON approvals (remind_at) WHERE state = 'pending' AND remind_at IS NOT NULL;
CREATE INDEX approvals_escalate ON approvals (escalate_at) WHERE state = 'pending' AND escalate_at IS NOT NULL;
CREATE INDEX approvals_approved ON approvals (plan_name, task_name, id DESC) WHERE state = 'approved';

CREATE TABLE escalations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    approval_id bigint NOT NULL REFERENCES approvals,
    step integer NOT NULL,
    reason text NOT NULL,
    recipients text[] NOT NULL,
    due_by timestamptz,
    at timestamptz NOT NULL DEFAULT watchbill_now(),
    CONSTRAINT escalations_step_unique UNIQUE (approval_id, step)
);
COMMENT ON TABLE escalations IS 'Records that somebody else must look: why, who, by when';
COMMENT ON COLUMN escalations.recipients IS 'Signers as plans write them: role:admin';

ALTER TABLE decisions DROP CONSTRAINT decisions_verdict;
ALTER TABLE decisions ADD CONSTRAINT decisions_verdict CHECK (verdict IN ('approve', 'reject', 'request_changes'));
ALTER TABLE decisions ADD COLUMN on_behalf_of bigint, ADD COLUMN on_behalf_of_name text;
ALTER TABLE decisions ADD CONSTRAINT decisions_behalf CHECK ((on_behalf_of IS NULL) = (on_behalf_of_name IS NULL));
COMMENT ON COLUMN decisions.on_behalf_of IS 'Whose signature it is, where a delegation let another give it';
-- A voice counts once, whoever gives it.
CREATE UNIQUE INDEX decisions_one_per_voice ON decisions (approval_id, coalesce(on_behalf_of, account_id));
CREATE INDEX decisions_account ON decisions (account_id, id DESC);
CREATE INDEX decisions_at ON decisions (id DESC);
