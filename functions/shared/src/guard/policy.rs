//! What the operator opens beyond the public internet.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::address;

/// A policy that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// Not a network in CIDR notation.
    #[error("{0:?} is not a network like 10.1.0.0/16")]
    Cidr(String),
    /// Not a port.
    #[error("{0:?} is not a port or *")]
    Port(String),
    /// Not PEM certificates.
    #[error("the extra certificate authorities are not PEM certificates: {0}")]
    Certificate(String),
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(String),
}

/// Which addresses and ports may be called, and whose certificates are believed.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    allowed_cidrs: Vec<IpNet>,
    allowed_ports: Ports,
    extra_ca_pem: String,
}

#[derive(Debug, Clone)]
enum Ports {
    Any,
    /// Besides 443.
    These(Vec<u16>),
}

impl Default for Ports {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

impl Policy {
    /// Reads comma-separated networks that may be called although they are not public, comma-separated ports besides 443
    /// (`*` for any), and PEM certificates of authorities besides the public ones. Empty texts open nothing.
    ///
    /// A network opens exactly its own addresses: `127.0.0.0/8` does not open `::ffff:127.0.0.1`.
    ///
    /// # Errors
    /// The first [`PolicyFault`].
    pub fn parse(cidrs: &str, ports: &str, extra_ca_pem: &str) -> Result<Self, PolicyFault> {
        let parse_cidr = |text: &str| text.parse().map_err(|_| PolicyFault::Cidr(text.to_owned()));
        let parse_port = |text: &str| text.parse().map_err(|_| PolicyFault::Port(text.to_owned()));
        let allowed_ports = if ports.trim() == "*" {
            Ports::Any
        } else {
            Ports::These(items(ports).map(parse_port).collect::<Result<_, _>>()?)
        };
        let allowed_cidrs = items(cidrs).map(parse_cidr).collect::<Result<_, _>>()?;
        Ok(Self { allowed_cidrs, allowed_ports, extra_ca_pem: extra_ca_pem.to_owned() })
    }

    /// Whether this address may be dialled.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        address::is_public(address) || self.allowed_cidrs.iter().any(|network| network.contains(&address))
    }

    /// Whether this port may be dialled.
    pub fn allows_port(&self, port: u16) -> bool {
        port == 443
            || match &self.allowed_ports {
                Ports::Any => true,
                Ports::These(ports) => ports.contains(&port),
            }
    }

    /// TLS with the public authorities and the extra ones.
    pub(super) fn tls(&self) -> Result<ClientConfig, PolicyFault> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let unreadable = |reason: String| PolicyFault::Certificate(reason);
        let mut extra = 0;
        for certificate in CertificateDer::pem_slice_iter(self.extra_ca_pem.as_bytes()) {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            extra += 1;
        }
        if extra == 0 && !self.extra_ca_pem.trim().is_empty() {
            return Err(unreadable("no certificate in it".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| PolicyFault::Tls(error.to_string()))?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_texts_open_nothing() {
        let policy = Policy::parse("", "", "").unwrap();
        assert!(policy.allows_port(443) && !policy.allows_port(8443) && !policy.allows_port(80));
        assert!(policy.allows_address("8.8.8.8".parse().unwrap()));
        assert!(!policy.allows_address("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_network_opens_exactly_itself() {
        let policy = Policy::parse("127.0.0.0/8, fd12::/16", "8443,9443", "").unwrap();
        let allows = |text: &str| policy.allows_address(text.parse().unwrap());
        assert!(allows("127.0.0.1") && allows("127.255.0.1") && allows("fd12::1"));
        assert!(!allows("10.0.0.1") && !allows("::1") && !allows("fd13::1"));
        assert!(!allows("::ffff:127.0.0.1") && !allows("64:ff9b::7f00:1") && !allows("2002:7f00:1::1"));
        assert!(policy.allows_port(9443) && !policy.allows_port(9444));
        assert!(Policy::parse("", "*", "").unwrap().allows_port(1));
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(Policy::parse("10.0.0.0/33", "", "").unwrap_err(), PolicyFault::Cidr("10.0.0.0/33".into()));
        assert_eq!(Policy::parse("", "443,x", "").unwrap_err(), PolicyFault::Port("x".into()));
        assert_eq!(Policy::parse("", "65536", "").unwrap_err(), PolicyFault::Port("65536".into()));
        let pem = Policy::parse("", "", "nothing").unwrap();
        assert!(matches!(pem.tls(), Err(PolicyFault::Certificate(_))));
    }
}
