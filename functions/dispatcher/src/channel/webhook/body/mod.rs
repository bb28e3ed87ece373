//! What receivers are told, in the shape of their profile. Each file renders one profile's body; nothing here calls
//! anybody.

mod eclipse;
mod link;
mod password;
mod tesouro;
mod unico;
mod webhook;

use jiff::Timestamp;
use waybill::domain::{delivery::Delivery, endpoint::Profile, link::LinkMode, secret::Secret};

pub use self::{
    link::of as link,
    password::{of as password, opened as opened_password},
};
use crate::app::{App, Retry};

/// What the test of an endpoint shows in place of a link; IANA keeps the domain for such.
const TEST_URL: &str = "https://example.com/this-is-a-test";

/// How the file is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What kind it is.
    pub mode: LinkMode,
    /// Opens it, or leads to what does.
    pub url: String,
    /// It is refused from here on.
    pub expires_at: Timestamp,
}

/// What one attempt tells.
struct Told<'a> {
    /// Of which the attempt is, begun: it counts in `attempts`.
    delivery: &'a Delivery,
    /// Where there is a file to fetch.
    link: Option<Link>,
    /// What opens it, in a profile that tells.
    password: Option<&'a Secret<String>>,
    /// Where the manifest is read, with a credential.
    manifest_url: String,
    /// Time of this attempt.
    now: Timestamp,
}

/// The body of the attempt that has begun; none if the profile cannot say what happened: then nothing is sent.
pub async fn of(
    app: &App,
    delivery: &Delivery,
    profile: Profile,
    password: Option<&Secret<String>>,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, Retry> {
    if !profile.expresses(delivery.announcement.kind) {
        return Ok(None);
    }
    let link = link::of(app, &delivery.announcement, profile, now).await?;
    let manifest_url = format!("{}/v1/requests/{}/manifest", app.public_url, delivery.announcement.request);
    render(profile, &Told { delivery, link, password, manifest_url, now })
}

fn render(profile: Profile, told: &Told<'_>) -> Result<Option<Vec<u8>>, Retry> {
    let body = match profile {
        Profile::Waybill => Some(webhook::body(told)),
        Profile::Tesouro => Some(tesouro::body(told)?),
        Profile::Eclipse => Some(eclipse::body(told)?),
        Profile::Unico => unico::body(told),
    };
    Ok(body.map(|body| serde_json::to_vec(&body)).transpose()?)
}

impl Told<'_> {
    /// The link, in a profile whose body is nothing without it.
    fn link(&self) -> Result<&Link, Retry> {
        self.link.as_ref().ok_or(Retry::Missing("the link to the file"))
    }
}

#[cfg(test)]
mod tests;
