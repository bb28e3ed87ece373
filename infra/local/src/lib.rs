//! The local cloud: starts it, deploys the real `template.yaml` and the real binaries into it, fills it with
//! sample data, and runs the demo. The tests use the same pieces.

pub mod api_client;
pub mod ca;
pub mod cloud;
pub mod content;
pub mod demo;
pub mod deploy;
pub mod error;
pub mod hex;
pub mod instance;
pub mod issuer;
pub mod jira;
pub mod keys;
pub mod lake;
pub mod link_signer;
pub mod mail;
pub mod package;
pub mod receiver;
pub mod recipient;
pub mod stack;
pub mod tenants;
pub mod unpack;
pub mod up;
pub mod user_pool;

use std::io::Write;

/// Prints a line. A reader that is gone, such as `head`, is no reason to stop.
pub fn say(line: impl std::fmt::Display) {
    _ = writeln!(std::io::stdout(), "{line}");
}

/// Makes AWS-LC the TLS implementation of this process. Say it once, before the first HTTP client.
pub fn install_crypto() {
    // Fails only if one is installed already, which is as good.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
