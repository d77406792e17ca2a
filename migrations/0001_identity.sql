-- Who may do what: accounts, their sessions and tokens, and the audit.

-- The clock that leases, due times and records are compared with. Tests replace it.
CREATE FUNCTION watchbill_now() RETURNS timestamptz
    LANGUAGE sql STABLE
    AS 'SELECT statement_timestamp()';

CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login text NOT NULL,
    password_hash text NOT NULL,
    must_change_password boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    disabled_at timestamptz,
    CONSTRAINT accounts_login_unique UNIQUE (login),
    CONSTRAINT accounts_login_form CHECK (login = lower(login) AND length(login) BETWEEN 1 AND 128)
);
COMMENT ON COLUMN accounts.login IS 'a name or an e-mail address, in lower case';
COMMENT ON COLUMN accounts.password_hash IS 'argon2id in PHC form';
COMMENT ON COLUMN accounts.disabled_at IS 'from then on no session and no token of the account is honoured';

CREATE TABLE account_roles (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    role text NOT NULL,
    PRIMARY KEY (account_id, role),
    CONSTRAINT account_roles_role CHECK (role IN ('viewer', 'approver', 'operator', 'admin'))
);
COMMENT ON COLUMN account_roles.role IS 'viewer reads; approver also decides; operator also runs and edits plans; admin does all';

CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    last_seen_at timestamptz NOT NULL DEFAULT watchbill_now(),
    expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the opaque cookie value';
COMMENT ON COLUMN sessions.expires_at IS 'the absolute end; the idle end follows last_seen_at';
CREATE INDEX sessions_account ON sessions (account_id);

CREATE TABLE tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL,
    name text NOT NULL,
    account_id bigint REFERENCES accounts ON DELETE CASCADE,
    task_id bigint,
    attempt integer,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT tokens_hash_unique UNIQUE (token_hash),
    CONSTRAINT tokens_owner CHECK ((account_id IS NULL) <> (task_id IS NULL)),
    CONSTRAINT tokens_attempt CHECK ((task_id IS NULL) = (attempt IS NULL)),
    CONSTRAINT tokens_step_never_decides CHECK (task_id IS NULL OR NOT scopes && ARRAY['decide', 'admin'])
);
COMMENT ON COLUMN tokens.account_id IS 'the person it belongs to';
COMMENT ON COLUMN tokens.task_id IS 'the step it was issued to; such a token can never decide';
COMMENT ON COLUMN tokens.scopes IS 'read, report, run, plans, decide, admin';
CREATE INDEX tokens_account ON tokens (account_id);
CREATE INDEX tokens_task ON tokens (task_id) WHERE task_id IS NOT NULL;

CREATE TABLE login_failures (
    subject text NOT NULL,
    at timestamptz NOT NULL DEFAULT watchbill_now()
);
COMMENT ON COLUMN login_failures.subject IS '''account:'' with a login, or ''address:'' with an IP address';
CREATE INDEX login_failures_subject ON login_failures (subject, at);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT watchbill_now(),
    actor text NOT NULL,
    account_id bigint,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE audit IS 'append-only; no foreign key to a row that can go';
COMMENT ON COLUMN audit.action IS 'noun.verb, such as approval.decide';
COMMENT ON COLUMN audit.subject IS 'what it was done to, such as task/12 or plan/nightly';
CREATE INDEX audit_at ON audit (at DESC, id DESC);

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
