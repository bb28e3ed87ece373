//! Receivers' keys, made by GnuPG as receivers make them, and the rings to open reports with.

use std::{fs, path::PathBuf, sync::OnceLock};

use jiff::Timestamp;
use waybill::openpgp::RecipientKey;
use waybill_local::unpack::GpgHome;

use crate::tools::Tool;

/// Who can open a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Has RSA keys of 4,096 bits.
    Rsa,
    /// Has Ed25519 and X25519 keys.
    Curve,
}

/// A receiver's key pair.
pub struct Pair {
    /// Armored, without a passphrase.
    pub secret: String,
    /// What reports are encrypted to.
    pub key: RecipientKey,
}

impl Who {
    /// Its keys; none where there is no `gpg` to make them.
    pub fn pair(self) -> Option<&'static Pair> {
        static PAIRS: OnceLock<Option<[Pair; 2]>> = OnceLock::new();
        let make = || {
            Tool::Gpg.find()?;
            Some([
                make("Rsa <rsa@example.com>", "rsa4096", "rsa4096"),
                make("Curve <c@example.com>", "ed25519", "cv25519"),
            ])
        };
        PAIRS.get_or_init(make).as_ref().map(|pairs| &pairs[self as usize])
    }
}

fn make(user_id: &str, signing: &str, encrypting: &str) -> Pair {
    let home = GpgHome::new().unwrap();
    let without = ["--passphrase", "", "--pinentry-mode", "loopback"];
    let run = |arguments: &[&str]| home.run(&[], &[&without[..], arguments].concat()).unwrap();
    let made = run(&["--quick-generate-key", user_id, signing, "sign", "never"]);
    let fingerprint = made.lines().find_map(|line| line.split("KEY_CREATED P ").nth(1)).unwrap().trim();
    run(&["--quick-add-key", fingerprint, encrypting, "encr", "never"]);
    let export = |what: &str| {
        let path = home.dir.join(what);
        run(&["--armor", "--output", &path.to_string_lossy(), &format!("--{what}"), fingerprint]);
        fs::read_to_string(path).unwrap()
    };
    let secret = export("export-secret-keys");
    Pair { secret, key: RecipientKey::parse(&export("export"), Timestamp::now()).unwrap() }
}

/// What a receiver opens reports with.
pub struct Ring {
    /// Whose it is.
    pub who: Who,
    /// With the receiver's key and the service's certificate in it.
    pub home: GpgHome,
    /// File with the receiver's secret key.
    pub secret: PathBuf,
    /// File with the service's certificate.
    pub signer: PathBuf,
}

impl Ring {
    /// That receiver's, who trusts `signer` (an armored certificate).
    pub fn of(who: Who, signer: &str) -> Option<Self> {
        let pair = who.pair()?;
        let home = GpgHome::new().unwrap();
        let (secret_path, signer_path) = (home.dir.join("secret.asc"), home.dir.join("signer.asc"));
        fs::write(&secret_path, &pair.secret).unwrap();
        fs::write(&signer_path, signer).unwrap();
        home.run(&[secret_path.as_os_str(), signer_path.as_os_str()], &["--import"]).unwrap();
        Some(Self { who, home, secret: secret_path, signer: signer_path })
    }
}
