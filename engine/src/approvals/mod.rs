//! Gates: request, decide, expire.
