-- Whoever reports a task has asked for what comes of it, as who starts a run has.
ALTER TABLE tasks ADD COLUMN reported_by bigint[];
COMMENT ON COLUMN tasks.reported_by IS 'the people who reported the task or a change of it, and so cannot sign it; null for a native one';

-- The reference's clients sign by the task alone, without saying what they looked at.
ALTER TABLE decisions ADD COLUMN blind boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN decisions.blind IS 'given without the digest: bound to what stood there, whatever the person had seen';
