-- Decisions from Slack: whose click it is, and which clicks were answered already.

ALTER TABLE accounts ADD COLUMN slack_user text;
ALTER TABLE accounts ADD CONSTRAINT accounts_slack_user_unique UNIQUE (slack_user);
ALTER TABLE accounts ADD CONSTRAINT accounts_slack_user_form CHECK (slack_user ~ '^[UW][A-Z0-9]{1,31}$');
COMMENT ON COLUMN accounts.slack_user IS 'the member id of this person in Slack, set by an administrator; their clicks there count as theirs here';

ALTER TABLE decisions DROP CONSTRAINT decisions_channel;
ALTER TABLE decisions ADD CONSTRAINT decisions_channel CHECK (channel IN ('page', 'api', 'slack'));
COMMENT ON COLUMN decisions.channel IS 'where the answer came from: page, api, or a button in slack';

CREATE TABLE slack_deliveries (
    body_hash bytea PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT watchbill_now(),
    answer text
);
COMMENT ON TABLE slack_deliveries IS 'signed requests from Slack of the last ten minutes, so that a retry or a replay gets the same answer and decides nothing';
COMMENT ON COLUMN slack_deliveries.body_hash IS 'SHA-256 of the raw body: the same under every signature that a retry carries';
COMMENT ON COLUMN slack_deliveries.answer IS 'what the person was told; null while it is being worked out';
CREATE INDEX slack_deliveries_received ON slack_deliveries (received_at);
