//! Reads the texts of settings; every error says what to write instead.

use std::time::Duration;

use ipnet::IpNet;

/// `30s`, `15m`, `2h`, `7d`.
///
/// # Errors
/// Says what to write.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a duration; write it like 30s, 15m or 2h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    count
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

/// `4MiB`, `512KiB`, `1GiB` or a plain number of bytes.
///
/// # Errors
/// Says what to write.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a size; write it like 512KiB, 4MiB or 1GiB");
    let split = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (count, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let count: u64 = count.parse().map_err(|_| wrong())?;
    count.checked_mul(factor).ok_or_else(wrong)
}

/// A whole number within bounds.
///
/// # Errors
/// Names the bounds.
pub fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("'{text}' is not a whole number from {least} to {most}"))
}

/// Items between commas, without the spaces around them.
#[must_use]
pub fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Networks between commas; an address alone is a network of one.
///
/// # Errors
/// Names the first item that is none.
pub fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    list(text)
        .iter()
        .map(|item| {
            item.parse::<IpNet>()
                .or_else(|_| item.parse::<std::net::IpAddr>().map(IpNet::from))
                .map_err(|_| {
                    format!("'{item}' is not a network; write it like 10.0.0.0/8 or 192.0.2.7")
                })
        })
        .collect()
}

/// An absolute http or https address, without a slash at its end.
///
/// # Errors
/// Says what to write.
pub fn web_address(text: &str) -> Result<String, String> {
    let wrong =
        || format!("'{text}' is not a web address; write it like https://watchbill.example");
    let uri: axum::http::Uri = text.parse().map_err(|_| wrong())?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain = uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none();
    if web && plain && !text.contains('#') && !text.contains('@') {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        for wrong in ["", "30", "s", "-1s", "1.5h", "99999999999999999999d", "3é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(bytes("4MiB"), Ok(4 << 20));
        assert_eq!(bytes("17"), Ok(17));
        for wrong in ["", "MiB", "4MB", "4 TiB", "-1", "99999999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_alone_is_a_network_of_one() {
        let nets = networks("10.0.0.0/8, ::1").expect("both are networks");
        assert_eq!(nets[1].to_string(), "::1/128");
        assert!(networks("10.0.0.0/33").is_err());
        assert!(networks("example.org").is_err());
    }

    #[test]
    fn web_addresses_are_absolute_and_plain() {
        assert_eq!(
            web_address("https://w.example/").as_deref(),
            Ok("https://w.example")
        );
        for wrong in [
            "w.example",
            "ftp://w.example",
            "https://",
            "https://u:p@w.example",
            "/x",
        ] {
            assert!(web_address(wrong).is_err(), "{wrong}");
        }
    }
}
