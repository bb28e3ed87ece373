//! Tags of answers (RFC 9110).

use http::{HeaderMap, header};

/// Whether `If-None-Match` names the tag, by weak comparison.
pub fn named(headers: &HeaderMap, tag: &str) -> bool {
    let listed = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_tag_is_found_among_several() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            named(&headers, "\"a\"")
        };
        assert!(of("\"a\"") && of("W/\"a\"") && of("\"b\", \"a\"") && of("*"));
        assert!(!of("\"b\"") && !of("a") && !named(&HeaderMap::new(), "\"a\""));
    }
}
