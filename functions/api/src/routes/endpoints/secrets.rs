//! What of an endpoint is sealed, and what of it is kept when its settings are replaced.

use std::{cell::RefCell, sync::Arc};

use serde_json::{Value, json};
use url::Url;
use waybill::{
    domain::endpoint::{Authentication, Settings},
    seal::{Keyring, SealError},
};

use crate::problem::Problem;

/// Seals texts for one endpoint's row.
pub struct Sealer {
    keyring: Arc<Keyring>,
    associated: String,
    failed: RefCell<Option<SealError>>,
}

impl Sealer {
    /// For the row with that associated data.
    pub fn new(keyring: Arc<Keyring>, associated: String) -> Self {
        Self { keyring, associated, failed: RefCell::default() }
    }

    /// The sealed text. That it failed is told by [`Self::check`].
    pub fn seal(&self, text: &str) -> String {
        self.keyring.seal(text.as_bytes(), &self.associated).unwrap_or_else(|error| {
            self.failed.replace(Some(error));
            String::new()
        })
    }

    /// Whether everything was sealed.
    pub fn check(&self) -> Result<(), Problem> {
        self.failed.borrow().as_ref().map_or(Ok(()), |error| Err(Problem::unavailable(error)))
    }
}

/// The settings that are replaced, if there are any.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    settings: Option<&'a Settings>,
    stays: bool,
}

impl<'a> Before<'a> {
    /// `url` is the new one. What is sent to one host must not end at another because somebody changed the URL alone.
    pub fn new(settings: Option<&'a Settings>, url: &str) -> Self {
        let stays = settings.is_some_and(|settings| same_host(&settings.url, url));
        Self { settings, stays }
    }

    /// Settings whose secrets may be kept.
    pub fn kept(self) -> Option<&'a Settings> {
        self.settings.filter(|_| self.stays)
    }

    /// Settings whose secrets must be sent again, for the endpoint moves to another host.
    pub fn moved(self) -> Option<&'a Settings> {
        self.settings.filter(|_| !self.stays)
    }
}

fn same_host(one: &str, other: &str) -> bool {
    let origin = |text: &str| Url::parse(text).map(|url| url.origin()).ok();
    origin(one).is_some_and(|origin_of_one| Some(origin_of_one) == origin(other))
}

/// All but its secrets.
pub fn describe(authentication: &Authentication) -> Value {
    match authentication {
        Authentication::None => json!({ "type": "none" }),
        Authentication::Basic { user, .. } => json!({ "type": "basic", "user": user }),
        Authentication::ApiKey { header, .. } => json!({ "type": "api_key", "header": header }),
        Authentication::Oauth2 { token_url, client_id, scope, .. } => json!({
            "type": "oauth2",
            "token_url": token_url,
            "client_id": client_id,
            "scope": Some(scope).filter(|scope| !scope.is_empty()),
        }),
    }
}
