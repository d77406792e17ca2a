//! Sizes and words of the Rust sources.

use anyhow::Result;

use super::sources;

/// A file is split when it is longer; most are under 300.
const LONGEST: usize = 500;

pub fn check() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    // Put together here, so that this file does not find itself.
    let words = [
        (concat!("#[", "allow("), "use #[expect(…, reason = \"…\")]"),
        (
            concat!("#![", "allow("),
            "use #![expect(…, reason = \"…\")]",
        ),
        (concat!("TO", "DO"), "do it, or write an issue"),
        (concat!("FIX", "ME"), "fix it, or write an issue"),
    ];
    for source in sources("rs", &["."])? {
        let path = source.path.display();
        let length = source.text.lines().count();
        if length > LONGEST {
            findings.push(format!(
                "{path}: {length} lines: split it, {LONGEST} is the most"
            ));
        }
        for (number, line) in source.text.lines().enumerate() {
            for (word, instead) in words {
                if line.contains(word) {
                    findings.push(format!("{path}:{}: {word}: {instead}", number + 1));
                }
            }
        }
    }
    Ok(findings)
}
