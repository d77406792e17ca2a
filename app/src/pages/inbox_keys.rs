//! Walking through the inbox by keyboard: j and k, and ? for help.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys::{HtmlElement, KeyboardEvent};

/// Listens until the page goes.
pub fn listen() {
    let handle = window_event_listener(leptos::ev::keydown, |event| {
        if !is_plain(&event) {
            return;
        }
        match event.key().as_str() {
            "j" => step(Way::Next),
            "k" => step(Way::Previous),
            "?" => help(),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || handle.remove());
}

/// Whether somebody is writing, or choosing, in a field.
pub fn is_typing() -> bool {
    document().active_element().is_some_and(|element| {
        ["INPUT", "TEXTAREA", "SELECT"].contains(&element.tag_name().as_str())
    })
}

/// Whether the key is meant for the page: nobody is typing, and no other key is held.
fn is_plain(event: &KeyboardEvent) -> bool {
    let held = event.ctrl_key() || event.meta_key() || event.alt_key() || event.repeat();
    !is_typing() && !held
}

fn find(selector: &str) -> Option<HtmlElement> {
    let element = document().query_selector(selector).ok().flatten()?;
    element.dyn_into().ok()
}

/// Which way to walk.
#[derive(Clone, Copy)]
enum Way {
    Next,
    Previous,
}

/// Opens the item before or after the one that is shown; headings are stepped over.
fn step(way: Way) {
    let Some(mut here) = find(".inbox nav a.row[aria-current]") else {
        if let Some(first) = find(".inbox nav a.row") {
            first.click();
        }
        return;
    };
    loop {
        let beside = match way {
            Way::Next => here.next_element_sibling(),
            Way::Previous => here.previous_element_sibling(),
        };
        let Some(beside) = beside.and_then(|it| it.dyn_into::<HtmlElement>().ok()) else {
            return;
        };
        if beside.matches("a.row").unwrap_or(false) {
            beside.click();
            return;
        }
        here = beside;
    }
}

fn help() {
    if let Some(summary) = find("details.keys > summary") {
        summary.click();
        let _ = summary.focus();
    }
}
