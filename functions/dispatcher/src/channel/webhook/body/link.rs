//! The link that a receiver is shown: the managed one that came with the file, or a direct one, signed anew.

use jiff::Timestamp;
use waybill::{
    aws::table::keys::Key,
    domain::{
        endpoint::Profile,
        link::{self, LinkMode},
        message::Announcement,
    },
};

use super::Link;
use crate::app::{App, Retry};

/// None without a file to fetch, or where it is told without.
pub async fn of(app: &App, event: &Announcement, profile: Profile, now: Timestamp) -> Result<Option<Link>, Retry> {
    if !event.gives_link(profile) {
        return Ok(None);
    }
    let (Some(file), Some(expires_at)) = (&event.file, event.link_ends_when_told_at(now)) else { return Ok(None) };
    let mode = mode(event, profile);
    match (&event.link_sealed, mode) {
        (Some(sealed), LinkMode::Managed) => {
            let keyring = app.sealing.get().await?;
            let capability = keyring.open(sealed, &Key::request(&event.tenant, event.request).associated())?;
            let url = link::url(&app.public_url, &String::from_utf8_lossy(capability.expose()));
            Ok(Some(Link { mode, url, expires_at }))
        }
        (None, LinkMode::Managed) => Ok(None),
        (_, LinkMode::Direct) => {
            let signed = app.signer.sign_within_bounds(&file.key, now, expires_at).await?;
            Ok(signed.map(|signed| Link { mode, url: signed.url, expires_at: signed.expires_at }))
        }
    }
}

/// Eclipse's documented `curl -o` follows no redirect, as a managed link is one.
fn mode(event: &Announcement, profile: Profile) -> LinkMode {
    if profile == Profile::Eclipse { LinkMode::Direct } else { event.link.mode }
}
