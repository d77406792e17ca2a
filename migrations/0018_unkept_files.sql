-- Attempts that left files which were not kept: what their patches touch is not known.
CREATE TABLE unkept_files (
    task_id bigint NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    attempt integer NOT NULL,
    PRIMARY KEY (task_id, attempt)
);
COMMENT ON TABLE unkept_files IS 'attempts that left files beyond the limits, links, or names that are no text: a gate that looks at files stops';
