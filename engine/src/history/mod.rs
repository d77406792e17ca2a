//! What pages, exports and the API read.
