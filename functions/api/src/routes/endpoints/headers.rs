//! Headers that callers want sent with notifications: which names and values there may be.

use http::{HeaderName, HeaderValue};

/// Most further headers.
pub const MAX_HEADERS: usize = 20;

/// Bytes of all their values, at most.
pub const MAX_HEADER_BYTES: usize = 8192;

/// Headers that are ours or the connection's; and all that begin with one of [`RESERVED_PREFIXES`].
const RESERVED: [&str; 16] = [
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "user-agent",
    "accept-encoding",
    "date",
    "via",
    "forwarded",
    "eclipse-signature",
    "http2-settings",
    "max-forwards",
];
const RESERVED_PREFIXES: [&str; 5] = ["content-", "webhook-", "waybill-", "proxy-", "x-forwarded-"];

/// Code and sentence of a fault.
pub type Refused = (&'static str, String);

/// A name in lower case that is not reserved.
pub fn name(text: &str) -> Result<String, Refused> {
    let parsed =
        HeaderName::from_bytes(text.as_bytes()).map_err(|_| ("format", "Not the name of a header.".to_owned()))?;
    let lower = parsed.as_str();
    if RESERVED.contains(&lower) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(("not_allowed", format!("The header {lower} is reserved.")));
    }
    Ok(lower.to_owned())
}

/// A value without the spaces around it.
pub fn value(text: &str) -> Result<&str, Refused> {
    let value = text.trim();
    let fits = !value.is_empty() && value.is_ascii() && HeaderValue::from_str(value).is_ok();
    let detail = "A header's value must be visible ASCII characters and spaces, at least one.";
    if fits { Ok(value) } else { Err(("format", detail.to_owned())) }
}
