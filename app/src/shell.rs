//! The document around the application, with the browser's half under its content-hashed names.

use std::sync::Arc;

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::App;
use crate::text::Language;
use crate::visit::Visit;

/// The addresses of what the browser loads, from the site's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    pub js: Arc<str>,
    pub wasm: Arc<str>,
    pub css: Arc<str>,
}

/// A whole document. Without assets the pages work all the same, unstyled and still.
pub fn shell(assets: Option<Assets>) -> impl IntoView {
    let language = use_context::<Visit>().map_or(Language::English, |visit| visit.language);
    let head = assets.map(|assets| head(&assets));
    view! {
        <!DOCTYPE html>
        <html lang=language.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                {head}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

fn head(assets: &Assets) -> AnyView {
    let nonce = use_nonce();
    let Assets { js, wasm, css } = assets;
    // Our own names hold neither quotes nor angle brackets: xtask made them of hexadecimal digits.
    let script = format!(
        "import start, {{ hydrate }} from \"{js}\"; \
         start({{ module_or_path: \"{wasm}\" }}).then(() => hydrate());"
    );
    view! {
        <link rel="stylesheet" href=css.to_string() />
        <link rel="modulepreload" href=js.to_string() nonce=nonce.clone() />
        <link
            rel="preload"
            href=wasm.to_string()
            r#as="fetch"
            r#type="application/wasm"
            crossorigin="anonymous"
        />
        <script type="module" nonce=nonce>
            {script}
        </script>
    }
    .into_any()
}
