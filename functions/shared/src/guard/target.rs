//! What a URL must look like before anything is resolved.

use std::net::IpAddr;

use url::{Host, Url};

use super::Policy;

/// As long as any real endpoint's URL.
const MAX_BYTES: usize = 2048;

/// Why a URL is not called, now or ever. The texts are for the customer and tell nothing of our network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an absolute URL with a host, too long, or with characters that parsers read differently.
    #[error("the URL is malformed")]
    Malformed,
    /// Not https.
    #[error("the URL must be https")]
    Scheme,
    /// A user name or password in it.
    #[error("the URL must not hold a user name or password")]
    Userinfo,
    /// A fragment, which would never be sent.
    #[error("the URL must not have a fragment")]
    Fragment,
    /// A host name that ends in a dot.
    #[error("the URL's host must not end in a dot")]
    TrailingDot,
    /// A port that is not open.
    #[error("port {0} may not be called")]
    Port(u16),
    /// It is, or resolves to, this address. The text keeps it to itself; `Debug`, for the log, does not.
    #[error("the URL's host is not publicly reachable")]
    Address(IpAddr),
}

/// A URL that may be called as far as its text can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) url: Url,
    pub(super) host: Host<String>,
    pub(super) port: u16,
}

impl Target {
    /// Checks the text of a URL. Numbers in any notation become the address they mean (WHATWG), names their ASCII form.
    pub(super) fn parse(text: &str, policy: &Policy) -> Result<Self, Refused> {
        // Parsers drop or rewrite these, each in its own way; no real URL holds them.
        let ambiguous = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > MAX_BYTES || text.contains(ambiguous) {
            return Err(Refused::Malformed);
        }
        let url = Url::parse(text).map_err(|_| Refused::Malformed)?;
        if url.scheme() != "https" {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Userinfo);
        }
        if url.fragment().is_some() {
            return Err(Refused::Fragment);
        }
        let host = url.host().ok_or(Refused::Malformed)?.to_owned();
        match &host {
            Host::Domain(name) if name.ends_with('.') => return Err(Refused::TrailingDot),
            Host::Domain(_) => {}
            Host::Ipv4(address) => permit(policy, (*address).into())?,
            Host::Ipv6(address) => permit(policy, (*address).into())?,
        }
        let port = url.port_or_known_default().ok_or(Refused::Malformed)?;
        if !policy.allows_port(port) {
            return Err(Refused::Port(port));
        }
        Ok(Self { url, host, port })
    }

    /// The URL in its canonical form.
    pub const fn url(&self) -> &Url {
        &self.url
    }
}

/// Refuses an address that the policy does not allow.
pub(super) fn permit(policy: &Policy, address: IpAddr) -> Result<(), Refused> {
    if policy.allows_address(address) { Ok(()) } else { Err(Refused::Address(address)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<Target, Refused> {
        Target::parse(text, &Policy::default())
    }

    #[test]
    fn ordinary_endpoints_pass_in_canonical_form() {
        let cases = [
            ("https://example.com/hook?a=1", "https://example.com/hook?a=1"),
            ("HTTPS://Example.COM:443", "https://example.com/"),
            ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
            ("https://0x08.0x08.2056/", "https://8.8.8.8/"),
            ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ];
        for (text, canonical) in cases {
            assert_eq!(check(text).unwrap().url().as_str(), canonical);
        }
    }

    #[test]
    fn every_notation_of_a_private_address_is_seen_through() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0X7F.0.0.0x1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
            "１２７.０.０.１",
            "0",
            "0.0.0.0",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[0:0:0:0:0:0:0:1]",
            "[64:ff9b::169.254.169.254]",
            "[2002:7f00:1::]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b:1::a9fe:a9fe]",
            "[2001:0:a9fe:a9fe::1]",
            "[2600:1f18::5efe:a9fe:a9fe]",
            "127.0.0\u{ad}.1",
            "127.0\u{200b}.0.1",
            "127.0.0.1。",
        ] {
            let refused = check(&format!("https://{host}/"));
            assert!(matches!(refused, Err(Refused::Address(_))), "{host}: {refused:?}");
        }
    }

    #[test]
    fn other_tricks_are_refused() {
        let cases = [
            ("http://example.com/", Refused::Scheme),
            ("ftp://example.com/", Refused::Scheme),
            ("file:///etc/passwd", Refused::Scheme),
            ("https://user@example.com/", Refused::Userinfo),
            ("https://user:secret@example.com/", Refused::Userinfo),
            ("https://:secret@example.com/", Refused::Userinfo),
            ("https://example.com@127.0.0.1/", Refused::Userinfo),
            ("https://example.com/#here", Refused::Fragment),
            ("https://example.com#@127.0.0.1/", Refused::Fragment),
            ("https://example.com./", Refused::TrailingDot),
            ("https://localhost./", Refused::TrailingDot),
            ("https://example.com。/", Refused::TrailingDot),
            ("https://example.com%2e/", Refused::TrailingDot),
            ("https://example.com:80/", Refused::Port(80)),
            ("https://example.com:22/", Refused::Port(22)),
            ("https://example.com:0/", Refused::Port(0)),
            ("https://example.com:65536/", Refused::Malformed),
            ("https://", Refused::Malformed),
            ("example.com", Refused::Malformed),
            ("//example.com/", Refused::Malformed),
            ("", Refused::Malformed),
            ("https://exa mple.com/", Refused::Malformed),
            ("https://exam\tple.com/", Refused::Malformed),
            ("https://example.com\\@127.0.0.1/", Refused::Malformed),
            ("https://example.com/\r\nHost: x", Refused::Malformed),
            ("https://[fe80::1%25eth0]/", Refused::Malformed),
            ("https://1.2.3.4.5/", Refused::Malformed),
            ("https://256.0.0.1/", Refused::Malformed),
            ("https://example.127/", Refused::Malformed),
            ("https://example.0x7f/", Refused::Malformed),
            ("https://[::ffff:0177.0.0.1]/", Refused::Malformed),
            ("https://[::ffff:127.1]/", Refused::Malformed),
            ("https://a%00b.example/", Refused::Malformed),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text), Err(expected), "{text}");
        }
        assert_eq!(check(&format!("https://example.com/{}", "a".repeat(2048))), Err(Refused::Malformed));
    }

    #[test]
    fn texts_for_customers_name_no_address() {
        let refused = check("https://169.254.169.254/").unwrap_err();
        assert_eq!(refused.to_string(), "the URL's host is not publicly reachable");
        assert!(format!("{refused:?}").contains("169.254.169.254"), "the log has it");
    }

    proptest! {
        #[test]
        fn whatever_passes_is_https_without_userinfo(text in "(https?://)?[-a-z0-9.@:\\[\\]%/\\\\#?x]{0,40}") {
            if let Ok(target) = check(&text) {
                let again = Url::parse(target.url().as_str()).unwrap();
                prop_assert_eq!(again.host().map(|host| host.to_owned()), Some(target.host.clone()));
                prop_assert_eq!(again.scheme(), "https");
                prop_assert!(!again.authority().contains('@'));
                prop_assert_eq!(target.port, 443);
            }
        }

        #[test]
        fn an_ipv4_address_is_judged_the_same_in_every_notation(bits: u32) {
            let dotted = check(&format!("https://{}/", std::net::Ipv4Addr::from_bits(bits)));
            for text in [format!("https://{bits}/"), format!("https://0x{bits:x}/"), format!("https://0{bits:o}/")] {
                prop_assert_eq!(&check(&text), &dotted);
            }
        }
    }
}
