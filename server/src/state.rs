//! What every handler shares.

use std::sync::Arc;

use axum::extract::FromRef;
use engine::Engine;
use leptos::config::LeptosOptions;

use crate::config::Config;

/// The state of the router.
#[derive(Clone, FromRef)]
pub struct AppState {
    pub engine: Engine,
    pub config: Arc<Config>,
    pub leptos_options: LeptosOptions,
}
