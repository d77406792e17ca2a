//! Pages and components of Watchbill: no SQL, one server function a file.
//!
//! The server renders every page whole; the browser makes it live. What changes something is
//! a plain form that works with and without JavaScript.

pub mod address;
pub mod api;
pub mod components;
#[cfg(feature = "ssr")]
pub mod context;
pub mod error;
pub mod json;
pub mod live;
pub mod pages;
pub mod parcel;
#[cfg(feature = "ssr")]
mod shell;
pub mod text;
pub mod time;
pub mod visit;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

#[cfg(feature = "ssr")]
pub use shell::{Assets, shell};

use components::{Frame, LoneFrame, ZoneSignal};
use live::Connection;
use pages::{
    AccountPage, ApprovalPage, ApprovalsPage, DecisionsPage, DeliveriesPage, HistoryPage,
    LoginPage, MailPage, MessagePage, NightPage, NotFoundPage, PlanPage, PlansPage, RunPage,
    RunsPage, TaskPage, WhatIfPage,
};
use parcel::{Parcel, Sealed};
use time::Zone;
use visit::Visit;

/// The whole application, around whatever page the address asks for.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // The server knows the visit; the browser reads what the server sent along.
    let visit = SharedValue::<Parcel, Sealed>::new_with_encoding(|| {
        Parcel::pack(use_context::<Visit>().unwrap_or_default())
    });
    let visit = visit.open::<Visit>().unwrap_or_default();
    let known = visit.principal.is_some();
    provide_context(visit.language);
    provide_context(visit);
    let zone = RwSignal::new(Zone::Utc);
    provide_context(ZoneSignal(zone));
    provide_context(Connection(RwSignal::new(true)));
    // Runs in the browser only, after hydration met the same text that the server wrote.
    Effect::new(move |_| zone.set(Zone::Reader));

    let (routing, set_routing) = signal(false);
    #[cfg(feature = "hydrate")]
    focus_heading_after(routing);
    #[cfg(not(feature = "hydrate"))]
    let _ = routing;

    view! {
        <Router set_is_routing=set_routing>
            {if known {
                view! { <Frame><Pages /></Frame> }.into_any()
            } else {
                view! { <LoneFrame><Pages /></LoneFrame> }.into_any()
            }}
        </Router>
    }
}

/// Which page belongs to which address. A form's own address shows the page it belongs to.
#[component]
fn Pages() -> impl IntoView {
    view! {
        <FlatRoutes fallback=NotFoundPage>
            <Route path=path!("/") view=NightPage />
            <Route path=path!("/login") view=LoginPage />
            <Route path=path!("/approvals") view=ApprovalsPage />
            <Route path=path!("/approvals/:id/:verb?") view=ApprovalPage />
            <Route path=path!("/decisions") view=DecisionsPage />
            <Route path=path!("/history") view=HistoryPage />
            <Route path=path!("/runs") view=RunsPage />
            <Route path=path!("/runs/:key/:verb?") view=RunPage />
            <Route path=path!("/tasks/:id/:verb?") view=TaskPage />
            <Route path=path!("/plans") view=PlansPage />
            <Route path=path!("/plans/:name/what-if") view=WhatIfPage />
            <Route path=path!("/plans/:name/:verb?") view=PlanPage />
            <Route path=path!("/account/:verb?") view=AccountPage />
            <Route path=path!("/mail") view=MailPage />
            <Route path=path!("/mail/:id") view=MessagePage />
            <Route path=path!("/deliveries/:verb?") view=DeliveriesPage />
        </FlatRoutes>
    }
    .into_any()
}

/// After a navigation the new page's heading takes the focus, so that a screen reader reads it.
#[cfg(feature = "hydrate")]
fn focus_heading_after(routing: ReadSignal<bool>) {
    use leptos::wasm_bindgen::JsCast as _;

    Effect::new(move |before: Option<bool>| {
        let now = routing.get();
        if before == Some(true) && !now {
            request_animation_frame(|| {
                let heading = document().query_selector("h1").ok().flatten();
                let element = heading.and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok());
                if let Some(element) = element {
                    let _ = element.focus();
                }
            });
        }
        now
    });
}
