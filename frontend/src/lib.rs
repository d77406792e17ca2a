//! Hydrates the server's pages in the browser, and nothing else.
