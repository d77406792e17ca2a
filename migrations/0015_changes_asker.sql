-- Who asks for changes writes a part of what comes of them: an answer says so.
ALTER TABLE decisions ADD COLUMN changes_round integer;
COMMENT ON COLUMN decisions.changes_round IS 'the newest round in which who answered, or whose signature it is, had asked for changes; null where they had not';
