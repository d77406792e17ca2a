-- What each claim and each finish writes, without what nobody reads.

-- A lease belongs to a running task, and no running task is ever deleted; its check
-- was a sixth of a claim's time.
ALTER TABLE leases DROP CONSTRAINT leases_task_id_fkey;
-- There are as many leases as slots: a scan finds a worker's own as fast.
DROP INDEX leases_worker;

-- Hardly a task has an id from outside, yet every transition of every task wrote an entry.
ALTER TABLE tasks DROP CONSTRAINT tasks_external_id_unique;
CREATE UNIQUE INDEX tasks_external_id ON tasks (external_id) WHERE external_id IS NOT NULL;
