//! Plans: read and check their text, store versions, pause and resume.
