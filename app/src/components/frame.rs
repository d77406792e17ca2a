use leptos::prelude::*;
use leptos_router::hooks::use_location;
use model::identity::Permission;

use super::moment::ZoneSignal;
use crate::api::night::count_waiting;
use crate::error::PageError;
use crate::live::{Connection, use_live};
use crate::parcel::parcel;
use crate::text::{Language, own_name, use_words};
use crate::time::Zone;
use crate::visit::use_visit;

/// The rail, the page, the foot: what whoever is logged in sees around every page.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let words = &use_words().frame;
    let stale = use_context::<Connection>().map(|Connection(answered)| {
        move || {
            (!answered.get()).then(|| {
                view! {
                    <div class="notice" role="status">
                        {words.stale}
                    </div>
                }
            })
        }
    });
    view! {
        <a class="skip" href="#content" rel="external">
            {words.skip}
        </a>
        <div class="shell">
            <Rail />
            <main id="content" tabindex="-1">
                {stale}
                {children()}
            </main>
            <Foot />
        </div>
    }
}

/// A page on its own, for whoever is not logged in.
#[component]
pub fn LoneFrame(children: Children) -> impl IntoView {
    view! {
        <div class="alone">
            <main id="content">
                <Name />
                {children()}
            </main>
            <footer class="foot">
                <Languages />
            </footer>
        </div>
    }
}

#[component]
fn Name() -> impl IntoView {
    view! {
        <div class="name">
            <svg viewBox="0 0 18 18" aria-hidden="true" focusable="false">
                <circle cx="9" cy="9" r="8" fill="none" stroke="currentColor" stroke-width="2" />
                <path d="M9 1a8 8 0 0 0 0 16z" fill="currentColor" />
            </svg>
            "Watchbill"
        </div>
    }
}

#[component]
fn Rail() -> impl IntoView {
    let words = &use_words().frame;
    let path = use_location().pathname;
    let entries = [
        ("/", words.night),
        ("/approvals", words.approvals),
        ("/history", words.history),
        ("/runs", words.runs),
        ("/plans", words.plans),
    ];
    let links = entries
        .into_iter()
        .map(|(href, label)| {
            let current = move || path.with(|path| current(path, href));
            let count = (href == "/approvals").then(|| view! { <WaitingCount /> });
            view! {
                <li>
                    <a href=href aria-current=current>
                        <span>{label}</span>
                        {count}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <nav class="rail" aria-label=words.main_navigation>
            <Name />
            <ul class="plain">{links}</ul>
        </nav>
    }
    .into_any()
}

/// `page` on the entry's own page, `true` on the pages below it.
fn current(path: &str, href: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/');
    let href = href.trim_end_matches('/');
    if path == href {
        Some("page")
    } else if !href.is_empty()
        && path
            .strip_prefix(href)
            .is_some_and(|rest| rest.starts_with('/'))
    {
        Some("true")
    } else {
        None
    }
}

#[component]
fn WaitingCount() -> impl IntoView {
    let words = &use_words().frame;
    let first = parcel(|| (), |()| count_waiting(), false);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let first = first.await.open::<Result<i64, PageError>>();
                let first = first.and_then(Result::ok).unwrap_or(0);
                let count = use_live(first, 15, |_| true, |_| count_waiting());
                move || {
                    let count = count.get();
                    (count > 0).then(|| view! {
                        <span class="count">
                            <span aria-hidden="true">{count}</span>
                            <span class="unseen">{(words.waiting)(count)}</span>
                        </span>
                    })
                }
            })}
        </Suspense>
    }
}

#[component]
fn Foot() -> impl IntoView {
    let words = &use_words().frame;
    let visit = use_visit();
    let mail = visit.may(Permission::Administer).then(|| {
        view! {
            <li>
                <a href="/mail">{use_words().mail.title}</a>
            </li>
        }
    });
    let deliveries = visit.may(Permission::Administer).then(|| {
        view! {
            <li>
                <a href="/deliveries">{words.deliveries}</a>
            </li>
        }
    });
    let name = visit.principal.map(|principal| principal.name);
    view! {
        <footer class="foot">
            <div class="who">{name}</div>
            <div>
                <ZoneNote />
            </div>
            <ul class="plain">
                {deliveries}
                <li>
                    <a href="/account">{words.account}</a>
                </li>
                {mail}
                <li>
                    <form method="post" action="/logout">
                        <button class="plainbtn">{words.log_out}</button>
                    </form>
                </li>
            </ul>
            <Languages />
        </footer>
    }
    .into_any()
}

/// Which zone the times are in.
#[component]
fn ZoneNote() -> impl IntoView {
    let words = &use_words().frame;
    let zone = use_context::<ZoneSignal>();
    move || {
        let zone = zone.map(|ZoneSignal(zone)| zone.get()).unwrap_or_default();
        let name: Option<String> = match zone {
            Zone::Utc => None,
            #[cfg(feature = "hydrate")]
            Zone::Reader => crate::time::reader_zone(),
            #[cfg(not(feature = "hydrate"))]
            Zone::Reader => None,
        };
        (words.times_in)(name.as_deref().unwrap_or("UTC"))
    }
}

/// Another language, with or without JavaScript.
#[component]
fn Languages() -> impl IntoView {
    let words = &use_words().frame;
    let present = use_context::<Language>().unwrap_or_default();
    let location = use_location();
    let here = move || {
        let query = location.search.get();
        let path = location.pathname.get();
        if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        }
    };
    let others = Language::ALL
        .into_iter()
        .filter(|language| *language != present)
        .map(|language| {
            view! {
                <button class="plainbtn" name="language" value=language.as_str() lang=language.as_str()>
                    {own_name(language)}
                </button>
            }
        })
        .collect_view();
    view! {
        <form method="post" action="/language" aria-label=words.language>
            <input type="hidden" name="next" value=here />
            {others}
        </form>
    }
}
