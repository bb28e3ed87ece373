//! The password of an archive, for the profile whose body has a place for it.

use waybill::{
    aws::table::keys::Key,
    domain::{endpoint::Profile, message::Announcement, secret::Secret},
};

use crate::app::{App, Retry};

/// None where no password was made for the file: it has none, or it is the tenant's own, which is told to nobody.
pub async fn of(app: &App, event: &Announcement, profile: Profile) -> Result<Option<Secret<String>>, Retry> {
    let (Profile::Eclipse, Some(sealed)) = (profile, &event.password_sealed) else { return Ok(None) };
    let keyring = app.sealing.get().await?;
    Ok(Some(keyring.open_text(sealed, &Key::request(&event.tenant, event.request).associated())?))
}
