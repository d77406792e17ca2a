//! Where to go after the login.

/// The path if it stays on this site, else the first page.
#[must_use]
pub fn local_path(next: Option<&str>) -> String {
    next.filter(|path| is_local(path)).unwrap_or("/").to_owned()
}

fn is_local(path: &str) -> bool {
    let mut characters = path.chars();
    let first = characters.next() == Some('/');
    // Browsers read `//host`, `/\host` and either with a tab in it as another site.
    let second = characters.next() != Some('/');
    let plain = path
        .chars()
        .all(|character| character.is_ascii_graphic() && character != '\\');
    let page = path.split(['?', '#']).next().unwrap_or_default();
    first && second && plain && path.len() <= 2_048 && !matches!(page, "/login" | "/logout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_pass() {
        for path in [
            "/",
            "/approvals/12",
            "/tasks?status=failed&task=a%2Fb",
            "/plans/nightly#next",
            "/a//b",
        ] {
            assert_eq!(local_path(Some(path)), path);
        }
        let long = format!("/{}", "x".repeat(2_048));
        for path in [
            "",
            "approvals",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "///evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\r\nSet-Cookie: a=b",
            " /x",
            "/x y",
            "/é",
            "/login",
            "/login?next=/login",
            "/logout",
            "/a\\b",
            &long,
        ] {
            assert_eq!(local_path(Some(path)), "/", "{path:?}");
        }
        assert_eq!(local_path(None), "/");
    }
}
