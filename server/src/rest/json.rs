//! A JSON body, refused with a problem document where it is none.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::error::problem;

/// The body as `T`: 415 for another content type, 400 for what is not JSON, 422 for
/// JSON of the wrong shape.
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => {
                let detail = match &rejection {
                    JsonRejection::MissingJsonContentType(_) => {
                        "send the body as application/json".to_owned()
                    }
                    other => other.body_text(),
                };
                let status = match rejection.status() {
                    StatusCode::INTERNAL_SERVER_ERROR => StatusCode::BAD_REQUEST,
                    status => status,
                };
                Err(problem(status, &detail, &[]))
            }
        }
    }
}
