//! Hydrates the server's pages in the browser, and nothing else.

use leptos::wasm_bindgen;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the document's own script once the module is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
