-- Plans, their immutable versions, what triggers them, and the runs that came of it.

CREATE TABLE plans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    current_version integer NOT NULL,
    source text NOT NULL,
    paused_at timestamptz,
    paused_by text,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    CONSTRAINT plans_name_unique UNIQUE (name),
    CONSTRAINT plans_name_form CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    CONSTRAINT plans_source CHECK (source IN ('file', 'api'))
);
COMMENT ON COLUMN plans.source IS 'file: follows a file of the plans folder; api: stored by a person';
COMMENT ON COLUMN plans.paused_at IS 'while set, triggers record skips instead of runs';

CREATE TABLE plan_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id bigint NOT NULL REFERENCES plans ON DELETE CASCADE,
    version integer NOT NULL,
    content_hash bytea NOT NULL,
    source_text text NOT NULL,
    definition jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    created_by text NOT NULL,
    CONSTRAINT plan_versions_unique UNIQUE (plan_id, version)
);
COMMENT ON COLUMN plan_versions.content_hash IS 'SHA-256 of the text as it was written';
COMMENT ON COLUMN plan_versions.definition IS 'model::plan::Plan';

CREATE FUNCTION refuse_version_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'a plan version is immutable'; END $$;
CREATE TRIGGER plan_versions_immutable BEFORE UPDATE ON plan_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_version_change();

CREATE TABLE triggers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id bigint NOT NULL REFERENCES plans ON DELETE CASCADE,
    key text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    next_due_at timestamptz,
    problem text,
    CONSTRAINT triggers_key_unique UNIQUE (plan_id, key)
);
COMMENT ON COLUMN triggers.key IS 'the schedule''s own text, stable over versions';
COMMENT ON COLUMN triggers.enabled IS 'false once a newer version no longer has it';
COMMENT ON COLUMN triggers.next_due_at IS 'computed from the plan, never from the last run; null means nothing is due';
COMMENT ON COLUMN triggers.problem IS 'why it stands still, such as a zone that no longer exists';
CREATE INDEX triggers_due ON triggers (next_due_at) WHERE enabled;

CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id bigint REFERENCES plans,
    plan_version_id bigint REFERENCES plan_versions,
    run_id text NOT NULL,
    trigger_id bigint,
    due_at timestamptz,
    started_by text NOT NULL,
    requester_account_id bigint,
    inputs jsonb NOT NULL DEFAULT '{}',
    waits_for_run bigint REFERENCES runs,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    finished_at timestamptz,
    CONSTRAINT runs_run_id_unique UNIQUE NULLS NOT DISTINCT (plan_id, run_id),
    CONSTRAINT runs_run_id_length CHECK (length(run_id) BETWEEN 1 AND 64),
    CONSTRAINT runs_plan_and_version CHECK ((plan_id IS NULL) = (plan_version_id IS NULL))
);
COMMENT ON COLUMN runs.plan_id IS 'null for a run that an outside orchestrator reports';
COMMENT ON COLUMN runs.started_by IS 'a trigger''s key or a person''s login, as it was then';
COMMENT ON COLUMN runs.requester_account_id IS 'the person who asked for it and so cannot sign it';
COMMENT ON COLUMN runs.waits_for_run IS 'overlap: queue; its tasks are released when that run has finished';
COMMENT ON COLUMN runs.finished_at IS 'when its last open task finished; cleared by a retry';
CREATE INDEX runs_created ON runs (created_at DESC, id DESC);
CREATE INDEX runs_plan ON runs (plan_id, created_at DESC, id DESC);
CREATE INDEX runs_open ON runs (plan_id) WHERE finished_at IS NULL;
CREATE INDEX runs_waiting ON runs (waits_for_run) WHERE waits_for_run IS NOT NULL;
CREATE INDEX runs_run_id ON runs (run_id);

CREATE TABLE occurrences (
    trigger_id bigint NOT NULL REFERENCES triggers ON DELETE CASCADE,
    key text NOT NULL,
    due_at timestamptz NOT NULL,
    run_id bigint,
    skip_reason text,
    CONSTRAINT occurrences_pkey PRIMARY KEY (trigger_id, key),
    CONSTRAINT occurrences_outcome CHECK ((run_id IS NULL) <> (skip_reason IS NULL))
);
COMMENT ON COLUMN occurrences.key IS 'the due time in UTC, a delivery id, or an entry''s key and content hash';
COMMENT ON COLUMN occurrences.skip_reason IS 'paused, overlap, misfire or misfire_cap';
CREATE INDEX occurrences_due ON occurrences (due_at);
