//! What may be kept of a receiver's answer.

use std::{borrow::Cow, sync::LazyLock};

use regex_lite::Regex;

/// What looks like a secret, and what stands in its place. Receivers echo requests, and show their own configuration in
/// error pages.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]+", "$1 [redacted]"),
        (r"whsec_[A-Za-z0-9+/=_-]+", "[redacted]"),
        // JSON Web Tokens, by the first bytes of every encoded header.
        (r"\beyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*", "[redacted]"),
        // Capabilities: managed links, signed links.
        (r"(?i)(/links/)[^\s\x22'<>?&]+", "$1[redacted]"),
        (r"(?i)(x-amz-(?:signature|credential|security-token)=)[^\s\x22'<>&]+", "$1[redacted]"),
        (
            concat!(
                r"(?i)((?:authorization|token|passw(?:or)?d|pwd|secret|api[-_ ]?key|access[-_ ]?key|cookie|credential",
                r"|session|signature)[\w\u{80}-\u{10FFFF}-]*[\x22']?\s*[:=>]\s*)",
                r#"("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"'<>{}\[\]]+)"#,
            ),
            "$1[redacted]",
        ),
    ]
    .into_iter()
    // infallible: the patterns are constants, compiled by the tests
    .filter_map(|(pattern, replacement)| Some((Regex::new(pattern).ok()?, replacement)))
    .collect()
});

/// How much text is kept, in bytes: what is replaced may grow.
const MAX_BYTES: usize = 1024;

/// The beginning of an answer as text: invalid UTF-8, control characters and unusual spaces replaced, secrets struck out.
pub fn excerpt(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body)
        .chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => c,
            _ if c.is_control() => char::REPLACEMENT_CHARACTER,
            // The rules know those of ASCII.
            _ if c.is_whitespace() => ' ',
            _ => c,
        })
        .collect();
    let mut text =
        RULES.iter().fold(text, |text, (pattern, replacement)| match pattern.replace_all(&text, *replacement) {
            Cow::Borrowed(_) => text,
            Cow::Owned(replaced) => replaced,
        });
    text.truncate(text.floor_char_boundary(MAX_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spaces_and_letters_of_other_alphabets_hide_nothing() {
        for hidden in
            ["password\u{a0}: hunter2", "password:\u{a0} hunter2", "token_nº: hunter2", "Bearer\u{2003}hunter2"]
        {
            assert!(!excerpt(hidden.as_bytes()).contains("hunter2"), "{hidden:?}");
        }
    }

    #[test]
    fn every_rule_compiles() {
        assert_eq!(RULES.len(), 6);
    }

    #[test]
    fn secrets_are_struck_out_and_the_rest_stays() {
        let cases = [
            ("Authorization: Bearer abc.def", "Authorization: [redacted] [redacted]"),
            ("sent Basic dXNlcjpwYXNz here", "sent Basic [redacted] here"),
            (r#"{"access_token":"hush","ok":true}"#, r#"{"access_token":[redacted],"ok":true}"#),
            (r#"{"password" : "a\"b, c", "n":1}"#, r#"{"password" : [redacted], "n":1}"#),
            (r#"{"client_secret":"cut off at the li"#, r#"{"client_secret":[redacted]"#),
            ("db_password=hush&user=me", "db_password=[redacted]&user=me"),
            ("X-Api-Key: hush\r\nAge: 1", "X-Api-Key: [redacted]\r\nAge: 1"),
            ("Set-Cookie: id=hush; Path=/", "Set-Cookie: [redacted]; Path=/"),
            ("<password>hush</password>", "<password>[redacted]</password>"),
            ("key whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw!", "key [redacted]!"),
            ("jwt eyJhbGciOiJub25lIn0.e30.sig", "jwt [redacted]"),
            ("see https://a/v1/links/hush?x=1", "see https://a/v1/links/[redacted]?x=1"),
            ("https://b/k?X-Amz-Signature=hush&a=1", "https://b/k?X-Amz-Signature=[redacted]&a=1"),
        ];
        for (text, expected) in cases {
            assert_eq!(excerpt(text.as_bytes()), expected);
        }
        let harmless = r#"{"error":"tenant acme is unknown","id":"dlv_0199","count":12}"#;
        assert_eq!(excerpt(harmless.as_bytes()), harmless);
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced() {
        assert_eq!(excerpt(b"a\xff\0b\nc"), "a\u{fffd}\u{fffd}b\nc");
        assert_eq!(excerpt(&[0xff; MAX_BYTES]).len(), MAX_BYTES / 3 * 3, "no more than a KiB of text");
    }

    proptest! {
        #[test]
        fn any_bytes_become_printable_text(body: Vec<u8>) {
            let text = excerpt(&body);
            prop_assert!(!text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
        }

        #[test]
        fn a_secret_never_survives(name in "(token|password|api_key|client_secret)", value in "[A-Z0-9]{12,30}") {
            for text in [format!("{name}={value}"), format!("\"{name}\": \"{value}\""), format!("{name}: {value}\n")] {
                prop_assert!(!excerpt(text.as_bytes()).contains(&value));
            }
        }
    }
}
