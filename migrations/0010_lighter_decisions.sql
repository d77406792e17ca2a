-- A reported task has no plan: the index is sought by a name that is never null.
DROP INDEX approvals_approved;
CREATE INDEX approvals_approved ON approvals (coalesce(plan_name, ''), task_name, id DESC) WHERE state = 'approved';

-- The primary key keeps the order of decisions, and nothing looks for them by account.
DROP INDEX decisions_at;
DROP INDEX decisions_account;

-- Written, and never read.
ALTER TABLE escalations DROP COLUMN due_by;
ALTER TABLE mail_digests DROP COLUMN outbox_id;
COMMENT ON COLUMN approvals.requester_account_id IS 'no longer written: requesters takes its place';
