//! `docs/STATE_MACHINE.md` draws the table of transitions and nothing else.

use model::task::{ALL_EVENTS, TaskEvent, TaskState, apply};

/// The diagram, in Mermaid's notation: an arrow for each pair of states, with its events.
fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> created\n");
    for from in TaskState::ALL {
        for to in TaskState::ALL {
            let events: Vec<&str> = ALL_EVENTS
                .into_iter()
                .filter(|event| apply(from, *event) == Ok(to))
                .map(TaskEvent::as_str)
                .collect();
            if !events.is_empty() {
                text.push_str("    ");
                text.push_str(&[from.as_str(), to.as_str()].join(" --> "));
                text.push_str(": ");
                text.push_str(&events.join(" / "));
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn the_diagram_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/STATE_MACHINE.md");
    let document = std::fs::read_to_string(path).unwrap();
    let drawn = document
        .split_once("```mermaid\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(block, _)| block)
        .unwrap();
    let expected = diagram();
    assert!(
        drawn == expected,
        "docs/STATE_MACHINE.md should draw:\n\n{expected}"
    );
}

#[test]
fn every_state_is_explained() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/STATE_MACHINE.md");
    let document = std::fs::read_to_string(path).unwrap();
    for state in TaskState::ALL {
        assert!(
            document.contains(&format!("| `{state}` |")),
            "docs/STATE_MACHINE.md has no row for {state}"
        );
    }
    for event in ALL_EVENTS {
        assert!(
            document.contains(&format!("| `{}` |", event.as_str())),
            "docs/STATE_MACHINE.md has no row for {}",
            event.as_str()
        );
    }
}
