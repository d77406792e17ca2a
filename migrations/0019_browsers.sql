-- Browsers: those in which an account was logged in before, and where each session is.

CREATE TABLE login_devices (
    token_hash bytea NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT watchbill_now(),
    last_used_at timestamptz NOT NULL DEFAULT watchbill_now(),
    CONSTRAINT login_devices_pkey PRIMARY KEY (token_hash, account_id)
);
COMMENT ON TABLE login_devices IS 'browsers in which the account was logged in; such a browser proves nothing, but strangers'' wrong tries do not shut it out';
COMMENT ON COLUMN login_devices.token_hash IS 'SHA-256 of the opaque value of the browser''s second cookie';
COMMENT ON COLUMN login_devices.last_used_at IS 'the last login; forgotten 400 days later';
CREATE INDEX login_devices_account ON login_devices (account_id, last_used_at);

COMMENT ON COLUMN login_failures.subject IS '''account:'' with a login, ''address:'' with an IP address, ''pair:'' with both, '
    '''device:'' with a known browser and a login, ''present:'' with the login of who is logged in and gives the present password';

ALTER TABLE sessions
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN address text,
    ADD COLUMN user_agent text,
    ADD CONSTRAINT sessions_id_unique UNIQUE (id),
    ADD CONSTRAINT sessions_user_agent_length CHECK (length(user_agent) <= 300);
COMMENT ON COLUMN sessions.id IS 'names the session to its person; it opens nothing';
COMMENT ON COLUMN sessions.address IS 'where the login came from; null for sessions that began before this was kept';
COMMENT ON COLUMN sessions.user_agent IS 'the browser in its own words, cut at 300 characters';
