use leptos::prelude::*;

use super::PageTitle;
use crate::components::Failure;
use crate::error::PageError;
use crate::text::use_words;

/// An address with nothing behind it.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let error = PageError::NotFound(String::new());
    #[cfg(feature = "ssr")]
    error.announce();
    view! {
        <PageTitle text=use_words().problem.not_found />
        <Failure error />
    }
}
