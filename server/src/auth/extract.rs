//! The caller, for handlers.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::identity::Principal;

use crate::rest::ApiError;

/// Whoever calls, or nobody. The layer sets it on every request.
#[derive(Clone, Debug)]
pub struct Caller(pub Option<Principal>);

/// A caller who is known; anybody else gets 401.
#[derive(Clone, Debug)]
pub struct Authenticated(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // A route that forgot the layer knows nobody.
        Ok(parts
            .extensions
            .get::<Self>()
            .cloned()
            .unwrap_or(Self(None)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Caller>()
            .and_then(|caller| caller.0.clone())
            .map(Self)
            .ok_or_else(|| {
                ApiError(engine::Error::Unauthenticated(
                    "log in, or send a token as Authorization: Bearer".to_owned(),
                ))
            })
    }
}
