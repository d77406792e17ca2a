//! `POST /slack/actions`: what Slack sends when somebody clicks on a button of ours.
//!
//! Slack's signature over the raw body is the only proof that counts here; cookies and tokens
//! are not looked at. Whose click it is and whether it decides is the engine's to say.

mod payload;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use engine::Engine;
use engine::slack::{Answer, Click, Proof, ephemeral, reply, verify};
use secrecy::SecretString;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::rest::ApiError;
use crate::rest::error::problem;
use crate::state::AppState;
use payload::Payload;

/// The one address of Slack's requests.
pub const PATH: &str = "/slack/actions";
/// A click carries the message that it is under, and that is all.
const BODY_LIMIT: usize = 64 * 1024;
/// Slack waits for three seconds.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The route.
pub fn router(state: AppState) -> Router {
    Router::new().route(PATH, post(actions)).with_state(state)
}

async fn actions(State(state): State<AppState>, headers: HeaderMap, body: Body) -> Response {
    let Some(secret) = &state.engine.settings.slack_signing_secret else {
        let detail = "there is nothing at this address: notify.slack_signing_secret is not set";
        return problem(StatusCode::NOT_FOUND, detail, &[]);
    };
    let body = match verified(&state.engine, secret, &headers, body).await {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    match payload::read(&body) {
        Err(detail) => problem(StatusCode::BAD_REQUEST, &detail, &[]),
        // Whatever else the app sends is only acknowledged.
        Ok(Payload::Other) => StatusCode::OK.into_response(),
        Ok(Payload::Click {
            click,
            response_url,
        }) => answer(&state.engine, &headers, body, click, response_url).await,
    }
}

/// The raw body, where Slack has signed it just now.
async fn verified(
    engine: &Engine,
    secret: &SecretString,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Box<Response>> {
    let refuse = |status, detail: &str| Box::new(problem(status, detail, &[]));
    let kind = single(headers, header::CONTENT_TYPE.as_str());
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let detail = "send the body as application/x-www-form-urlencoded";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let body = to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        let detail = format!("the body is larger than {BODY_LIMIT} bytes, or did not arrive whole");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &detail)
    })?;
    let proof = Proof {
        timestamp: single(headers, "x-slack-request-timestamp"),
        signature: single(headers, "x-slack-signature"),
        body: &body,
    };
    match verify(secret, &proof, engine.clock.now()) {
        Ok(()) => Ok(body),
        Err(untrusted) => {
            tracing::warn!(error = %untrusted, "a request to {PATH} was refused: {untrusted}");
            Err(refuse(StatusCode::UNAUTHORIZED, &untrusted.to_string()))
        }
    }
}

/// Works the answer out on its own, so that a click that takes long is still told of within
/// Slack's three seconds, and goes through even if Slack hangs up.
async fn answer(
    engine: &Engine,
    headers: &HeaderMap,
    body: Bytes,
    click: Click,
    response_url: Option<SecretString>,
) -> Response {
    let retry = single(headers, "x-slack-retry-num").to_owned();
    tracing::info!(
        approval.id = click.approval.0,
        slack.user = %click.user,
        slack.retry = %retry,
        "a click in Slack on approval {}",
        click.approval
    );
    let (tell, told) = oneshot::channel();
    let engine = engine.clone();
    let work = async move {
        let answered = engine::slack::answer(&engine, &body, &click).await;
        let text = match &answered {
            Ok(Answer {
                text,
                repeated: false,
            }) => Some(text.clone()),
            Ok(Answer { repeated: true, .. }) | Err(_) => None,
        };
        // Nobody listens any more where it took too long.
        let _ = tell.send(answered);
        if let (Some(text), Some(url)) = (text, response_url) {
            reply(&engine, &url, &text).await;
        }
    };
    tokio::spawn(work.in_current_span());
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(Ok(Ok(answer))) => axum::Json(ephemeral(&answer.text)).into_response(),
        Ok(Ok(Err(error))) => ApiError(error).into_response(),
        Ok(Err(_)) => {
            let detail = "an internal error; the log has the details";
            problem(StatusCode::INTERNAL_SERVER_ERROR, detail, &[])
        }
        Err(_) => {
            let text = "This takes a moment. You will be told here what came of it.";
            axum::Json(ephemeral(text)).into_response()
        }
    }
}

/// The header's value where it is there once; several say nothing.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default().trim(),
        (_, _) => "",
    }
}
