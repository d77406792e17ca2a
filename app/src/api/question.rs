use std::future::Future;

use leptos::server_fn::client::Client;
use leptos::server_fn::codec::Json;
use leptos::server_fn::error::{FromServerFnError as _, ServerFnErrorErr};
use leptos::server_fn::request::ClientReq as _;
use leptos::server_fn::response::ClientRes as _;
use leptos::server_fn::server::Server;
use leptos::server_fn::{Http, Protocol};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::PageError;

const JSON: &str = "application/json";

/// How a page's question and its answer travel: JSON in a POST, as `Http<Json, Json>` has it.
///
/// Leptos compiles the way of a request anew for every server function, and reads JSON from bytes
/// there, from text where the page brought it along. Here all of them share one way, and each type
/// has one reader, so that the browser has less to load.
pub struct Question;

impl<Asked, Answer, Browser, Backend> Protocol<Asked, Answer, Browser, Backend, PageError>
    for Question
where
    Asked: Serialize + DeserializeOwned + Send,
    Answer: Serialize + DeserializeOwned + Send,
    Browser: Client<PageError>,
    Backend: Server<PageError>,
{
    const METHOD: http::Method = http::Method::POST;

    async fn run_server<F, Fut>(
        request: Backend::Request,
        server_fn: F,
    ) -> Result<Backend::Response, PageError>
    where
        F: Fn(Asked) -> Fut + Send,
        Fut: Future<Output = Result<Answer, PageError>> + Send,
    {
        type Plain = Http<Json, Json>;
        <Plain as Protocol<Asked, Answer, Browser, Backend, PageError>>::run_server(
            request, server_fn,
        )
        .await
    }

    async fn run_client(path: &str, asked: Asked) -> Result<Answer, PageError> {
        let question = serde_json::to_string(&asked).map_err(|_| PageError::Internal)?;
        let answer = ask::<Browser>(path, question).await?;
        crate::json::read(&answer).map_err(|_| unreadable())
    }
}

/// The way there and back, which is the same for every question.
async fn ask<Browser: Client<PageError>>(
    path: &str,
    question: String,
) -> Result<String, PageError> {
    let request = Browser::Request::try_new_post(path, JSON, JSON, question)?;
    let response = Browser::send(request).await?;
    let refused = (400..=599).contains(&response.status());
    let answer = response.try_into_string().await?;
    if refused {
        Err(crate::json::read(&answer).unwrap_or_else(|_| unreadable()))
    } else {
        Ok(answer)
    }
}

fn unreadable() -> PageError {
    PageError::from_server_fn_error(ServerFnErrorErr::Deserialization(String::new()))
}
