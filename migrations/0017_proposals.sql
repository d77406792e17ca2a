-- Plan versions that wait for a signature: stored as every version, and not yet what runs.

ALTER TABLE plan_versions ADD COLUMN author_account_id bigint;
COMMENT ON COLUMN plan_versions.author_account_id IS
    'who stored it, and so counts as a requester of its runs; null for a file, for the command line, and for what was stored before this column';

CREATE TABLE proposals (
    plan_version_id bigint PRIMARY KEY REFERENCES plan_versions ON DELETE CASCADE,
    plan_id bigint NOT NULL REFERENCES plans ON DELETE CASCADE,
    base_version integer NOT NULL,
    origin text NOT NULL,
    state text NOT NULL DEFAULT 'proposed',
    proposed_at timestamptz NOT NULL DEFAULT watchbill_now(),
    closed_at timestamptz,
    CONSTRAINT proposals_origin CHECK (origin IN ('file', 'api')),
    CONSTRAINT proposals_state CHECK (state IN ('proposed', 'effective', 'refused', 'withdrawn', 'superseded')),
    CONSTRAINT proposals_closed CHECK ((state = 'proposed') = (closed_at IS NULL))
);
COMMENT ON TABLE proposals IS 'versions that weakened a gate when they were stored; a version without a row took effect at once';
COMMENT ON COLUMN proposals.base_version IS 'plans.current_version that it was compared with; 0 where nothing ran before';
COMMENT ON COLUMN proposals.origin IS 'file: read from the plans folder; api: stored by a person or a token';
COMMENT ON COLUMN proposals.state IS 'proposed waits for signatures; effective was signed and became the version that runs; '
    'refused was refused or not signed in time; withdrawn was taken back; superseded was replaced by a later version';
CREATE UNIQUE INDEX proposals_one_open ON proposals (plan_id) WHERE state = 'proposed';

ALTER TABLE tasks DROP CONSTRAINT tasks_origin;
ALTER TABLE tasks ADD CONSTRAINT tasks_origin CHECK (origin IN ('native', 'reported', 'proposal'));
COMMENT ON COLUMN tasks.origin IS 'native: ours to run; reported: an outside orchestrator tells us, never claimed or rescued; '
    'proposal: nothing runs, it stands in the inbox for a plan version that waits for a signature';

-- A request with a plan version and without a run is about the version itself.
CREATE INDEX approvals_proposal ON approvals (plan_version_id) WHERE run IS NULL AND plan_version_id IS NOT NULL;
COMMENT ON COLUMN approvals.plan_version_id IS 'what the run was made of; without a run, the version that is proposed';
