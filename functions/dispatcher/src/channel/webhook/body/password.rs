//! The password of an archive, for notifications that have a place for it.

use waybill::{
    aws::table::keys::Key,
    domain::{endpoint::Profile, message::Announcement, secret::Secret},
};

use crate::app::{App, Retry};

/// None in a profile without such a place.
pub async fn of(app: &App, event: &Announcement, profile: Profile) -> Result<Option<Secret<String>>, Retry> {
    if profile == Profile::Eclipse { opened(app, event).await } else { Ok(None) }
}

/// None where no password was made for the file: it has none, or it is the tenant's own, which is told to nobody.
pub async fn opened(app: &App, event: &Announcement) -> Result<Option<Secret<String>>, Retry> {
    let Some(sealed) = &event.password_sealed else { return Ok(None) };
    let keyring = app.sealing.get().await?;
    Ok(Some(keyring.open_text(sealed, &Key::request(&event.tenant, event.request).associated())?))
}
