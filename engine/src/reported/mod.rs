//! Tasks that an outside orchestrator runs and tells us about.
