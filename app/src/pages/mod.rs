//! A page is what it loads and how it is laid out.

mod account;
mod approval;
mod approvals;
mod decisions;
mod delegations;
mod deliveries;
mod history;
#[cfg(feature = "hydrate")]
mod inbox_keys;
mod inbox_order;
mod login;
mod mail;
mod night;
mod not_found;
mod notifications;
mod plan;
mod plans;
mod run;
mod runs;
mod sessions;
mod task;
mod what_if;

pub use account::AccountPage;
pub use approvals::{ApprovalPage, ApprovalsPage};
pub use decisions::DecisionsPage;
pub use deliveries::DeliveriesPage;
pub use history::HistoryPage;
pub use login::LoginPage;
pub use mail::{MailPage, MessagePage};
pub use night::NightPage;
pub use not_found::NotFoundPage;
pub use plan::PlanPage;
pub use plans::PlansPage;
pub use run::RunPage;
pub use runs::RunsPage;
pub use task::TaskPage;
pub use what_if::WhatIfPage;

use std::future::Future;
use std::sync::Arc;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::components::Failure;
use crate::error::PageError;
use crate::parcel::{Parcel, ParcelResource, parcel};

/// Loads what a page shows and lays it out; a failure is laid out as such.
///
/// The server waits for it, so that the page is whole without JavaScript, and sends it along,
/// so that hydration asks for nothing.
fn loaded<Key, T, Loaded, View>(
    key: impl Fn() -> Key + Send + Sync + 'static,
    load: impl Fn(Key) -> Loaded + Send + Sync + 'static,
    show: impl Fn(T) -> View + Send + Sync + 'static,
) -> AnyView
where
    Key: PartialEq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
    Loaded: Future<Output = Result<T, PageError>> + Send + 'static,
    View: IntoView + 'static,
{
    let shown: Shown =
        Arc::new(
            move |parcel| match parcel.open().unwrap_or(Err(PageError::Internal)) {
                Ok(value) => show(value).into_any(),
                Err(error) => view! { <Failure error /> }.into_any(),
            },
        );
    awaited(parcel(key, load, true), shown)
}

type Shown = Arc<dyn Fn(&Parcel) -> AnyView + Send + Sync>;

fn awaited(parcel: ParcelResource, shown: Shown) -> AnyView {
    view! {
        <Suspense>
            {move || {
                let shown = Arc::clone(&shown);
                Suspend::new(async move { shown(&parcel.await) })
            }}
        </Suspense>
    }
    .into_any()
}

/// The document's title.
#[component]
fn PageTitle(#[prop(into)] text: String) -> impl IntoView {
    view! { <Title text=format!("{text} · Watchbill") /> }
}

/// A part of the address, read as what it must be.
fn param<T: std::str::FromStr>(name: &'static str) -> impl Fn() -> Result<T, PageError> + Copy {
    let params = use_params_map();
    move || {
        params
            .with(|params| params.get(name))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| PageError::NotFound(String::new()))
    }
}

/// Whether the address ends in a verb that a form of this page is sent to, or in none.
///
/// A form whose fields are wrong is answered under its own address with the page it came from.
fn verb_is_known(known: &[&str]) -> bool {
    use_params_map().with_untracked(|params| {
        params
            .get("verb")
            .is_none_or(|verb| known.contains(&verb.as_str()))
    })
}
