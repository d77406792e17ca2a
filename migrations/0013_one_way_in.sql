-- A belt under the one way into the queue: the claim itself refuses a task whose needs do not let it start.

ALTER TABLE tasks ADD COLUMN join_rule text;
ALTER TABLE tasks ADD CONSTRAINT tasks_join_rule CHECK (join_rule IN ('all_succeeded', 'all_done', 'any_succeeded'));
COMMENT ON COLUMN tasks.join_rule IS 'how many of its needs must succeed: all_succeeded, all_done or any_succeeded; '
    'null for a task that needs none, and for one that a version before this one made';

-- What is under way knows its join from its plan's version.
UPDATE tasks t
SET join_rule = d ->> 'join'
FROM runs r
JOIN plan_versions v ON v.id = r.plan_version_id
CROSS JOIN LATERAL jsonb_array_elements(v.definition -> 'tasks') d
WHERE t.run = r.id AND d ->> 'name' = t.name AND t.origin = 'native'
  AND t.state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled')
  AND d ->> 'join' IN ('all_succeeded', 'all_done', 'any_succeeded')
  AND EXISTS (SELECT FROM task_dependencies n WHERE n.task_id = t.id);

-- In PL/pgSQL, so that no planner folds it into the claim and reads all dependencies at once: it is asked
-- for the few tasks that a claim takes.
CREATE FUNCTION watchbill_may_start(task bigint, join_rule text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    needs bigint;
    undecided bigint;
    succeeded bigint;
BEGIN
    SELECT count(*),
           count(*) FILTER (WHERE n.state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled')
                            OR n.approval_state = 'pending'),
           count(*) FILTER (WHERE n.state = 'succeeded' AND coalesce(n.approval_state, 'approved') = 'approved')
    INTO needs, undecided, succeeded
    FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
    WHERE d.task_id = task;
    RETURN undecided = 0
       -- A task with a join needs something: where that is gone, nobody can tell.
       AND CASE join_rule
               WHEN 'all_succeeded' THEN needs > 0 AND succeeded = needs
               WHEN 'any_succeeded' THEN succeeded > 0
               WHEN 'all_done' THEN needs > 0
               ELSE true
           END;
END
$$;
COMMENT ON FUNCTION watchbill_may_start(bigint, text) IS
    'whether what a task needs lets it start: none of it open or undecided, and its join met where that is known';
