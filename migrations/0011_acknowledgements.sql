-- Reminders go on until somebody answers, or says that they have seen it.
CREATE TABLE acknowledgements (
    approval_id bigint NOT NULL REFERENCES approvals ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT watchbill_now(),
    CONSTRAINT acknowledgements_pkey PRIMARY KEY (approval_id, account_id)
);
COMMENT ON TABLE acknowledgements IS 'Who has seen a request and is reminded of it no more; escalations reach them still';
