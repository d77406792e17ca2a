use app::text::language_of;
use axum::Form;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::super::reader::LANGUAGE_COOKIE;
use super::super::refusal::see;
use super::{Fields, value};
use crate::auth::local_path;

/// `POST /language`: the choice is kept in a cookie, for a year.
pub async fn choose(Form(fields): Fields) -> Response {
    const YEAR_SECONDS: u32 = 365 * 24 * 3600;

    let next = Some(value(&fields, "next")).filter(|next| *next != "/login");
    let mut response = see(&next.map_or("/login".to_owned(), |next| local_path(Some(next))));
    if let Some(language) = language_of(value(&fields, "language")) {
        let cookie = Cookie::build((LANGUAGE_COOKIE, language.as_str()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .build();
        if let Ok(header) = HeaderValue::from_str(&format!("{cookie}; Max-Age={YEAR_SECONDS}")) {
            response.headers_mut().insert(header::SET_COOKIE, header);
        }
    }
    response
}
