//! What ships beside the code: the schema for editors and the plans.

use super::{json_schema, parse};

#[test]
fn the_published_schema_is_the_present_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/plan.schema.json");
    if std::env::var_os("WATCHBILL_WRITE_DOCUMENTS").is_some() {
        std::fs::write(path, json_schema()).expect("the schema can be written");
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == json_schema(),
        "docs/plan.schema.json is not the present one; run this test with WATCHBILL_WRITE_DOCUMENTS=1"
    );
}

#[test]
fn the_plans_that_ship_are_good() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../plans");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "yaml")
        {
            let text = std::fs::read_to_string(entry.path()).expect("a plan's file");
            parse(&text)
                .unwrap_or_else(|problems| panic!("{}: {problems:#?}", entry.path().display()));
        }
    }
}
