-- Who starts a run and who retries it have both asked for it: neither signs what comes of it.
ALTER TABLE runs ADD COLUMN retried_by bigint[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN runs.retried_by IS 'the people who asked for it anew, besides the requester';

ALTER TABLE approvals ADD COLUMN requesters bigint[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN approvals.requesters IS 'everybody who asked for the run until the request was raised';
UPDATE approvals SET requesters = ARRAY[requester_account_id] WHERE requester_account_id IS NOT NULL;
