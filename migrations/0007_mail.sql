-- Mail: where people are reached, when they want to be, and the messages themselves.

ALTER TABLE accounts
    ADD COLUMN email text,
    ADD COLUMN email_disabled_at timestamptz,
    ADD COLUMN email_disabled_reason text,
    ADD COLUMN language text NOT NULL DEFAULT 'en',
    ADD COLUMN zone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN notify_mode text NOT NULL DEFAULT 'at_once',
    ADD COLUMN digest_hour smallint NOT NULL DEFAULT 7,
    ADD COLUMN quiet_from time,
    ADD COLUMN quiet_until time,
    ADD COLUMN failure_mail boolean NOT NULL DEFAULT false,
    ADD COLUMN failures_in_a_row integer NOT NULL DEFAULT 1,
    ADD COLUMN working_hours text,
    ADD CONSTRAINT accounts_email_form CHECK (length(email) BETWEEN 3 AND 254),
    ADD CONSTRAINT accounts_language CHECK (language IN ('en', 'fr')),
    ADD CONSTRAINT accounts_zone_length CHECK (length(zone) BETWEEN 1 AND 64),
    ADD CONSTRAINT accounts_notify_mode CHECK (notify_mode IN ('at_once', 'digest', 'none')),
    ADD CONSTRAINT accounts_digest_hour CHECK (digest_hour BETWEEN 0 AND 23),
    ADD CONSTRAINT accounts_quiet_hours CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)),
    ADD CONSTRAINT accounts_failures_in_a_row CHECK (failures_in_a_row BETWEEN 1 AND 100),
    ADD CONSTRAINT accounts_working_hours_length CHECK (length(working_hours) <= 200);
COMMENT ON COLUMN accounts.email IS 'where mail goes; null means that the person gets none';
COMMENT ON COLUMN accounts.email_disabled_at IS 'a mail server refused the address for good; writing the address anew clears it';
COMMENT ON COLUMN accounts.zone IS 'IANA name: digest hour, quiet hours, working hours and the times in messages are local there';
COMMENT ON COLUMN accounts.notify_mode IS 'at_once: a message a cause; digest: one message a day; none: no mail at all';
COMMENT ON COLUMN accounts.digest_hour IS 'the local hour of the daily message';
COMMENT ON COLUMN accounts.quiet_from IS 'local time from which messages wait until quiet_until; may pass midnight';
COMMENT ON COLUMN accounts.failure_mail IS 'tell of tasks that failed after their last retry';
COMMENT ON COLUMN accounts.failures_in_a_row IS 'only from this many failures in a row of the same task of a plan';
COMMENT ON COLUMN accounts.working_hours IS 'such as Mon-Fri 09:00-18:00; null is always';

-- Whoever runs plans wants to hear of failures until they say otherwise.
UPDATE accounts SET failure_mail = true
WHERE EXISTS (SELECT FROM account_roles r WHERE r.account_id = accounts.id AND r.role IN ('operator', 'admin'));

ALTER TABLE outbox
    ADD COLUMN recipient_account_id bigint,
    ADD COLUMN for_digest boolean NOT NULL DEFAULT false,
    ADD COLUMN digest_id bigint,
    ADD COLUMN needless boolean NOT NULL DEFAULT false,
    ADD COLUMN sent_subject text,
    ADD COLUMN sent_text text,
    DROP CONSTRAINT outbox_channel,
    ADD CONSTRAINT outbox_channel CHECK (channel IN ('slack', 'email_webhook', 'webhook', 'mail')),
    ADD CONSTRAINT outbox_recipient CHECK ((channel = 'mail') = (recipient_account_id IS NOT NULL));
COMMENT ON COLUMN outbox.channel IS 'slack: the reference''s Slack payload; email_webhook: its e-mail payload; '
    'webhook: signed by Standard Webhooks; mail: one message for one person, rendered when it is sent';
COMMENT ON COLUMN outbox.recipient_account_id IS 'the person that a mail is for';
COMMENT ON COLUMN outbox.for_digest IS 'waits for the person''s daily message and is never sent on its own';
COMMENT ON COLUMN outbox.digest_id IS 'the outbox row of the daily message that tells of it';
COMMENT ON COLUMN outbox.needless IS 'it was abandoned because nobody needed it any more: no failure';
COMMENT ON COLUMN outbox.sent_subject IS 'of a mail, as it was sent';
COMMENT ON COLUMN outbox.sent_text IS 'the text part of a mail, as it was sent';
CREATE INDEX outbox_for_digest ON outbox (recipient_account_id)
    WHERE for_digest AND delivered_at IS NULL AND abandoned_at IS NULL;
CREATE INDEX outbox_digest ON outbox (digest_id) WHERE digest_id IS NOT NULL;
CREATE INDEX outbox_mail ON outbox (id DESC) WHERE channel = 'mail';

CREATE TABLE mail_digests (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    local_date date NOT NULL,
    outbox_id bigint,
    at timestamptz NOT NULL DEFAULT watchbill_now(),
    CONSTRAINT mail_digests_pkey PRIMARY KEY (account_id, local_date)
);
COMMENT ON TABLE mail_digests IS 'one daily message a person and local day, whatever the clocks do';
COMMENT ON COLUMN mail_digests.outbox_id IS 'null where there was nothing to tell';
