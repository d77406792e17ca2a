//! When a trigger is due: cron and intervals, in a zone.
