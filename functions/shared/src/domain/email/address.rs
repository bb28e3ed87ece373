//! Addresses: the part of RFC 5321 that every mail system carries, and nothing that could be more than one address.

use std::fmt;

/// Longest local part, domain and label (RFC 5321, 4.5.3.1; RFC 1035).
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 253;
const MAX_LABEL: usize = 63;

/// Longest address (RFC 5321, 4.5.3.1.3, less the brackets).
const MAX_ADDRESS: usize = 254;

/// `local@domain`: a dot-atom and the name of a host with two labels or more, in ASCII. No display name, no quoted local
/// part, no list, no address literal; so nothing in it ends a header or begins another recipient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    local: String,
    domain: String,
}

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It has no local part or no domain.
    #[error("must be an address such as name@example.com, without a display name")]
    Form,
    /// A character that a dot-atom has not.
    #[error("must have letters, digits, single dots and !#$%&'*+/=?^_`{{|}}~- before the @, at most 64")]
    Local,
    /// Not a host name.
    #[error("must have a domain such as example.com after the @; international names in their xn-- form")]
    Domain,
    /// Too long as a whole.
    #[error("must be at most 254 bytes long")]
    Length,
}

impl Address {
    /// Reads an address. The domain is folded to lower case; the local part, which is its host's affair, stays.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.len() > MAX_ADDRESS {
            return Err(InvalidAddress::Length);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::Form)?;
        if local.is_empty() || domain.is_empty() {
            return Err(InvalidAddress::Form);
        }
        if local.len() > MAX_LOCAL || !local.split('.').all(is_atom) {
            return Err(InvalidAddress::Local);
        }
        if !is_domain(domain) {
            return Err(InvalidAddress::Domain);
        }
        Ok(Self { local: local.to_owned(), domain: domain.to_ascii_lowercase() })
    }

    /// In lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The form in which two spellings of one mailbox are the same: no mail system of today tells case apart.
    pub fn folded(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// RFC 5322, 3.2.3.
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
}

/// Whether it names a host: two labels or more, the last one not a number, as the end of an IP address would be.
pub fn is_domain(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    let last_is_a_name = labels.last().is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()));
    text.len() <= MAX_DOMAIN && labels.len() >= 2 && last_is_a_name && labels.into_iter().all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read() {
        for good in [
            "a@b.example",
            "ana.silva+reports@mail.example.com.br",
            "O'Neil_{x}!#$%&*/=?^`|~-@xn--exmple-cua.com",
            "1@2.a3",
            &format!("{}@example.com", "a".repeat(64)),
        ] {
            let address = Address::parse(good).unwrap_or_else(|error| panic!("{good}: {error}"));
            assert_eq!(address.to_string(), good);
        }
        let address = Address::parse("Ana@EXAMPLE.Com").unwrap();
        assert_eq!((address.to_string().as_str(), address.domain()), ("Ana@example.com", "example.com"));
        assert_eq!(address.folded(), "ana@example.com");
    }

    #[test]
    fn what_could_be_more_than_an_address_is_none() {
        let long = format!("{}@{}.com", "a".repeat(64), "b.".repeat(100));
        let cases = [
            ("", InvalidAddress::Form),
            ("a", InvalidAddress::Form),
            ("@example.com", InvalidAddress::Form),
            ("a@", InvalidAddress::Form),
            ("Ana <ana@example.com>", InvalidAddress::Local),
            ("<ana@example.com>", InvalidAddress::Local),
            ("a@b.com,c@d.com", InvalidAddress::Local),
            ("a@b.com;c@d.com", InvalidAddress::Local),
            ("a b@example.com", InvalidAddress::Local),
            ("\"a b\"@example.com", InvalidAddress::Local),
            ("a\r\nBcc: c@example.com", InvalidAddress::Local),
            ("a\n@example.com", InvalidAddress::Local),
            ("a\0@example.com", InvalidAddress::Local),
            (".a@example.com", InvalidAddress::Local),
            ("a.@example.com", InvalidAddress::Local),
            ("a..b@example.com", InvalidAddress::Local),
            ("é@example.com", InvalidAddress::Local),
            (&format!("{}@example.com", "a".repeat(65)), InvalidAddress::Local),
            ("a@example", InvalidAddress::Domain),
            ("a@example.com\r\nBcc: x", InvalidAddress::Domain),
            ("a@example.com ", InvalidAddress::Domain),
            ("a@-example.com", InvalidAddress::Domain),
            ("a@example-.com", InvalidAddress::Domain),
            ("a@example..com", InvalidAddress::Domain),
            ("a@example.com.", InvalidAddress::Domain),
            ("a@exämple.com", InvalidAddress::Domain),
            ("a@[192.0.2.1]", InvalidAddress::Domain),
            ("a@192.0.2.1", InvalidAddress::Domain),
            (&format!("a@{}.com", "b".repeat(64)), InvalidAddress::Domain),
            (&long, InvalidAddress::Length),
        ];
        for (text, error) in cases {
            assert_eq!(Address::parse(text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_can_end_a_header_or_begin_a_recipient(text: String) {
            if let Ok(address) = Address::parse(&text) {
                let shown = address.to_string();
                prop_assert!(shown.bytes().all(|b| b.is_ascii_graphic() && !b",;<>()[]\"\\:".contains(&b)), "{}", shown);
                prop_assert_eq!(shown.matches('@').count(), 1);
                prop_assert_eq!(Address::parse(&shown), Ok(address));
            }
        }

        #[test]
        fn what_looks_like_one_is_judged_without_panic(text in "[a-z.@,<> \\r\\n-]{0,40}@[a-z.-]{0,300}") {
            let _ = Address::parse(&text);
        }
    }
}
