//! Durations such as `90s`, `15m`, `72h` and `7d`.

/// The number of seconds.
///
/// # Errors
/// A sentence that says what to write instead.
pub fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "'{}' is not a duration; write a whole number and one unit of s, m, h or d, such as 90s, 15m, 72h or 7d",
            text.chars()
                .filter(|c| !c.is_control())
                .take(40)
                .collect::<String>()
        )
    };
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "'{text}' has no unit; write {text}s for seconds or {text}m for minutes"
        ));
    }
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        Some(_) | None => return Err(wrong()),
    };
    let number = &text[..text.len() - 1];
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn reads_units() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("72h"), Ok(259_200));
        assert_eq!(seconds("7d"), Ok(604_800));
        assert_eq!(seconds("0s"), Ok(0));
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "s",
            "15",
            "1.5h",
            "-5m",
            "15 m",
            "m15",
            "99999999999999999999s",
            "1h30m",
            "15é",
            "\u{ff11}m",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(
            seconds("15").unwrap_err(),
            "'15' has no unit; write 15s for seconds or 15m for minutes"
        );
    }
}
