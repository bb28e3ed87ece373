//! A certificate authority of the instance's own, and a server certificate for this machine's loopback. The
//! functions trust it through the template's `ExtraCaPem`, so webhooks run over real, verified TLS.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::{
    error::{Context, Result},
    instance::{Instance, write_file},
};

/// PEM files of the authority and of the certificate it issued.
#[derive(Debug, Clone)]
pub struct Ca {
    /// The authority's certificate: what clients trust.
    pub ca_path: PathBuf,
    /// Certificate for `localhost` and `127.0.0.1`.
    pub cert_path: PathBuf,
    /// Its private key (PKCS #8).
    pub key_path: PathBuf,
}

impl Ca {
    /// The instance's authority, made once.
    pub fn ensure(instance: &Instance) -> Result<Self> {
        let dir = instance.dir.join("tls");
        let ca =
            Self { ca_path: dir.join("ca.pem"), cert_path: dir.join("server.pem"), key_path: dir.join("server.key") };
        if !ca.ca_path.is_file() {
            ca.make().context("make the local certificate authority")?;
        }
        Ok(ca)
    }

    /// The authority's certificate in PEM.
    pub fn pem(&self) -> Result<String> {
        fs::read_to_string(&self.ca_path).context(format!("read {}", self.ca_path.display()))
    }

    fn make(&self) -> Result<()> {
        const WHAT: &str = "make certificates";
        let ca_key = KeyPair::generate().context(WHAT)?;
        let mut ca_params = CertificateParams::new(Vec::new()).context(WHAT)?;
        ca_params.distinguished_name.push(DnType::CommonName, "Waybill local authority");
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_cert = ca_params.self_signed(&ca_key).context(WHAT)?;

        let key = KeyPair::generate().context(WHAT)?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).context(WHAT)?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        let issuer = Issuer::new(ca_params, ca_key);
        let cert = params.signed_by(&key, &issuer).context(WHAT)?;

        write_file(&self.key_path, key.serialize_pem().as_bytes(), true)?;
        write_file(&self.cert_path, cert.pem().as_bytes(), false)?;
        // Last, for its presence says that all are there.
        write_file(&self.ca_path, ca_cert.pem().as_bytes(), false)
    }
}
