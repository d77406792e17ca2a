//! How many requests are answered at once for one address behind a proxy, whose connections are
//! everybody's.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Slots;
use crate::auth::Client;
use crate::router::problem;

/// Answers 429 where an address behind a proxy has too many requests under way.
pub async fn limit(
    State(slots): State<Slots>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    // Without a proxy between, connections are counted, and each has one request at a time.
    if client.peer.is_none_or(|peer| peer == client.address) {
        return next.run(request).await;
    }
    match slots.take(Some(client.address)) {
        Ok(slot) => {
            let response = next.run(request).await;
            drop(slot);
            response
        }
        Err(_) => {
            let mut response = problem(
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests from this address are being answered; try again in a second",
            );
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}
