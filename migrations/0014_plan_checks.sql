-- What the present check says of plan versions that an older one let pass.

CREATE TABLE plan_checks (
    plan_version_id bigint NOT NULL REFERENCES plan_versions ON DELETE CASCADE,
    revision smallint NOT NULL,
    problem text,
    lost boolean NOT NULL DEFAULT false,
    accepted_at timestamptz,
    accepted_by text,
    CONSTRAINT plan_checks_pkey PRIMARY KEY (plan_version_id),
    CONSTRAINT plan_checks_lost CHECK (NOT lost OR problem IS NOT NULL),
    CONSTRAINT plan_checks_accepted CHECK ((accepted_at IS NULL) = (accepted_by IS NULL))
);
COMMENT ON TABLE plan_checks IS 'a row per version that was read again by a later check; versions are immutable, what is said of them is not';
COMMENT ON COLUMN plan_checks.revision IS 'which check said it; an older one is asked again';
COMMENT ON COLUMN plan_checks.problem IS 'why the text would be refused today; null where it would not';
COMMENT ON COLUMN plan_checks.lost IS 'a gate or a condition is in the text and not in the definition: nothing is started from it until a person accepts that';
COMMENT ON COLUMN plan_checks.accepted_at IS 'when a person resumed the plan all the same';
CREATE INDEX plan_checks_problems ON plan_checks (plan_version_id) WHERE problem IS NOT NULL;
