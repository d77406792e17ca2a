use leptos::prelude::*;
use model::id::TaskId;
use model::view::ArtifactRow;

use super::log::bytes;
use super::visible::{Marker, Place};
use crate::text::use_words;

/// The files that a step left, each a download.
pub fn artifact_list(task: TaskId, artifacts: &[ArtifactRow]) -> Option<AnyView> {
    let words = &use_words().common;
    if artifacts.is_empty() {
        return None;
    }
    let mut marker = Marker::at(Place::Files);
    let rows = artifacts
        .iter()
        .map(|artifact| {
            let href = format!("/api/v1/tasks/{task}/artifacts/{}", artifact.id);
            let digest = format!("sha256 {}", artifact.sha256);
            view! {
                <li>
                    <a class="mono" href=href rel="external" download="" title=digest>
                        {marker.text(&artifact.path)}
                    </a>
                    <span class="soft">" · " {bytes(artifact.bytes)}</span>
                </li>
            }
        })
        .collect_view();
    let view = view! {
        <h2>{words.artifacts}</h2>
        <ul class="plain">{rows}</ul>
    };
    Some(view.into_any())
}
