//! Names to addresses. A trait, so that tests decide the answers.

use std::{future::Future, io, net::IpAddr, pin::Pin};

/// The addresses of a name, or why there are none.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Resolves host names. The guard asks once per call and dials only what it then vetted.
pub trait Resolve: Send + Sync {
    /// All addresses of `host`, a name in ASCII form.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((host, 443)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}
