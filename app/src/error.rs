//! What a page may say about a failure: safe text only, and the status that goes with it.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// A refusal or a failure as the browser learns it. Internals stay in the server's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PageError {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    Conflict(String),
    /// Wrong input that no field of a form stands for.
    #[error("{0}")]
    Invalid(String),
    /// The same again later.
    #[error("{0}")]
    TooMany(String),
    /// Nobody is logged in.
    #[error("logged out")]
    SignedOut,
    /// The database, or from the browser's side the server, does not answer.
    #[error("unavailable")]
    Unavailable,
    #[error("internal error")]
    Internal,
}

impl FromServerFnError for PageError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let error = match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::Unavailable,
            ServerFnErrorErr::Args(text) | ServerFnErrorErr::MissingArg(text) => {
                Self::Invalid(text)
            }
            ServerFnErrorErr::Deserialization(_) => {
                Self::Invalid("the request cannot be read".to_owned())
            }
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Serialization(_) => Self::Internal,
        };
        #[cfg(feature = "ssr")]
        error.announce();
        error
    }
}

#[cfg(feature = "ssr")]
mod on_the_server {
    use axum::http::StatusCode;
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;

    use super::PageError;

    impl PageError {
        /// The status of a response that is about this error.
        #[must_use]
        pub const fn status(&self) -> StatusCode {
            match self {
                Self::NotFound(_) => StatusCode::NOT_FOUND,
                Self::Forbidden(_) => StatusCode::FORBIDDEN,
                Self::Conflict(_) => StatusCode::CONFLICT,
                Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
                Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
                Self::SignedOut => StatusCode::UNAUTHORIZED,
                Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            }
        }

        /// Gives the response that is being made, of a page or of a server function, its status.
        pub fn announce(&self) {
            if let Some(response) = use_context::<ResponseOptions>() {
                response.set_status(self.status());
            }
        }
    }

    impl From<engine::Error> for PageError {
        fn from(error: engine::Error) -> Self {
            let error = match error {
                engine::Error::NotFound(text) => Self::NotFound(text),
                engine::Error::Conflict(text)
                | engine::Error::Gone(text)
                | engine::Error::Replaced { message: text, .. } => Self::Conflict(text),
                engine::Error::Forbidden(text) => Self::Forbidden(text),
                engine::Error::Unauthenticated(_) => Self::SignedOut,
                engine::Error::TooMany { message, .. } => Self::TooMany(message),
                engine::Error::TooLarge(text) | engine::Error::DigestNeeded(text) => {
                    Self::Invalid(text)
                }
                invalid @ engine::Error::Invalid(_) => Self::Invalid(invalid.to_string()),
                engine::Error::Unavailable(source) => {
                    tracing::warn!(error = %source, "a page could not reach the database");
                    Self::Unavailable
                }
                engine::Error::Internal(source) => {
                    tracing::error!(error = %format!("{source:#}"), "a page failed");
                    Self::Internal
                }
            };
            error.announce();
            error
        }
    }
}
