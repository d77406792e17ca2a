-- What each claim and each finish writes, without what is written twice.

-- An attempt is a row from its end on, written once; while it runs, its lease tells of it.
ALTER TABLE leases ADD COLUMN worker_name text NOT NULL DEFAULT '';
ALTER TABLE leases ADD COLUMN output_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE leases ADD COLUMN omitted_bytes bigint NOT NULL DEFAULT 0;
COMMENT ON TABLE leases IS 'a row per running or cancelling native task: its open attempt, its fencing token and when it lapses';
COMMENT ON COLUMN leases.claimed_at IS 'when the attempt started';
COMMENT ON COLUMN leases.output_bytes IS 'what the step has written so far, kept or not';
COMMENT ON COLUMN leases.omitted_bytes IS 'what the cap has left out so far';
UPDATE leases l
SET worker_name = a.worker_name, claimed_at = a.started_at, output_bytes = a.output_bytes, omitted_bytes = a.omitted_bytes
FROM attempts a
WHERE a.task_id = l.task_id AND a.number = l.attempt;

-- The version before this one opens its attempts in the table itself, and closes them there.
CREATE VIEW attempts_and_open AS
    SELECT task_id, number, worker_name, started_at, finished_at, outcome, exit_code, signal, output_bytes, omitted_bytes,
           report, outputs_uri, digest
    FROM attempts WHERE finished_at IS NOT NULL
    UNION ALL
    SELECT task_id, attempt, worker_name, claimed_at, NULL, NULL, NULL, NULL, output_bytes, omitted_bytes,
           NULL, NULL, NULL
    FROM leases;
COMMENT ON VIEW attempts_and_open IS 'every attempt: those that have ended, and those that run';

-- Read backwards they give the same order, and rows that come in order fill their pages:
-- the other way round each page was split in halves.
DROP INDEX tasks_run, tasks_sort, tasks_state_sort, tasks_name_state_sort;
CREATE INDEX tasks_run ON tasks (run, sort_at, id) WHERE run IS NOT NULL;
CREATE INDEX tasks_sort ON tasks (sort_at, id);
CREATE INDEX tasks_state_sort ON tasks (state, sort_at, id);
CREATE INDEX tasks_name_state_sort ON tasks (name, state, sort_at, id);
