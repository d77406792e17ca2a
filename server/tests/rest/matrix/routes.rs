//! Every route there is, as the router, the pages and the server functions tell of them.

use axum::Router;
use axum::http::{Method, header};
use tower::ServiceExt as _;

use super::callers::Caller;

/// Every route as the table writes it: `GET /api/v1/plans`.
pub async fn routes(router: &Router) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths(router) {
        // Those are asked for below, by their names.
        if path.starts_with("/fn/") {
            continue;
        }
        // No route takes this method, and the answer says which it takes.
        let request = Caller::Nobody.request(&Method::TRACE, &filled(&path), "", String::new());
        let answer = router
            .clone()
            .oneshot(request)
            .await
            .expect("it always answers");
        match answer.headers().get(header::ALLOW) {
            Some(allowed) => {
                let allowed = allowed.to_str().expect("methods");
                let reads = allowed.split(',').any(|method| method == "GET");
                let methods = allowed
                    .split(',')
                    // Whatever reads is also asked for its head.
                    .filter(|method| !(reads && *method == "HEAD"));
                found.extend(methods.map(|method| format!("{method} {path}")));
            }
            None => found.push(format!("ANY {path}")),
        }
    }
    for page in leptos_axum::generate_route_list(app::App) {
        found.push(format!("PAGE {}", page.path()));
    }
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        found.push(format!("{method} {path}"));
    }
    found.sort();
    found.dedup();
    found
}

/// The path with something in every place; what it names is not there.
pub fn filled(path: &str) -> String {
    let mut filled = path.to_owned();
    for (place, value) in [
        ("{id}", "999999"),
        ("{key}", "999999"),
        ("{attempt}", "1"),
        ("{artifact}", "999999"),
        ("{name}", "nightly"),
        ("{verb}", "cancel"),
    ] {
        filled = filled.replace(place, value);
    }
    while let Some((before, rest)) = filled.split_once("{*") {
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        filled = format!("{before}nothing.txt{after}");
    }
    filled
}

/// Every path of the router, as it prints itself: axum keeps them to itself otherwise.
fn paths(router: &Router) -> Vec<String> {
    let text = format!("{router:?}");
    // Behind it comes what answers where no path fits: the pages, which say theirs themselves.
    let own = text.split("fallback_router").next().unwrap_or_default();
    let mut paths: Vec<String> = own
        .split("RouteId(")
        .filter_map(|part| {
            let (_, path) = part.split_once("): \"")?;
            Some(path.split_once('"')?.0.to_owned())
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}
