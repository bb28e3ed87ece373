//! The one credential of a request, as its headers hold it.

use http::{HeaderMap, HeaderValue, header};
use waybill::domain::api_key;

use crate::problem::Problem;

const API_KEY: &str = "x-api-key";

/// What a caller offers; nothing of it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// A JWT.
    Token(&'a str),
    /// An API key.
    ApiKey(&'a str),
}

impl<'a> Credential<'a> {
    /// Finds it. Two are none: which of them would count must not be a matter of luck.
    pub fn of(headers: &'a HeaderMap) -> Result<Self, Problem> {
        let missing = || {
            let detail =
                "Send exactly one credential: the header `Authorization: Bearer <token or API key>`, or `X-Api-Key`.";
            Problem::unauthorized("credential_missing", detail)
        };
        let authorization = headers.get_all(header::AUTHORIZATION).iter().map(bearer);
        let api_keys = headers.get_all(API_KEY).iter().map(|value| value.to_str().ok().map(Self::ApiKey));
        let mut all = authorization.chain(api_keys);
        match (all.next(), all.next()) {
            (Some(Some(one)), None) => Ok(one),
            _ => Err(missing()),
        }
    }
}

fn bearer(value: &HeaderValue) -> Option<Credential<'_>> {
    let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
    let text = text.trim();
    let is_api_key = text.starts_with(api_key::PREFIX);
    let credential = if is_api_key { Credential::ApiKey(text) } else { Credential::Token(text) };
    scheme.eq_ignore_ascii_case("bearer").then_some(credential)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn one_credential_is_found_in_either_header() {
        for (pair, expected) in [
            (("authorization", "Bearer a.b.c"), Credential::Token("a.b.c")),
            (("authorization", "bearer  a.b.c "), Credential::Token("a.b.c")),
            (("authorization", "Bearer wbk_acme"), Credential::ApiKey("wbk_acme")),
            (("x-api-key", "wbk_acme"), Credential::ApiKey("wbk_acme")),
            (("x-api-key", "a.b.c"), Credential::ApiKey("a.b.c")),
        ] {
            assert_eq!(Credential::of(&headers(&[pair])), Ok(expected), "{pair:?}");
        }
    }

    #[test]
    fn none_or_two_are_refused() {
        let (token, key) = (("authorization", "Bearer a.b.c"), ("x-api-key", "wbk_acme"));
        for bad in [
            vec![],
            vec![("authorization", "Basic dGVzdA==")],
            vec![("authorization", "Bearer")],
            vec![("authorization", "a.b.c")],
            vec![("authorization", "wbk_acme")],
            vec![("authorization", "Bearer \u{e9}")],
            vec![("x-api-key", "\u{e9}")],
            vec![token, token],
            vec![key, key],
            vec![token, key],
            vec![("authorization", "Basic dGVzdA=="), key],
        ] {
            assert_eq!(Credential::of(&headers(&bad)).unwrap_err().code, "credential_missing", "{bad:?}");
        }
    }
}
