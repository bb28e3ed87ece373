//! Mails: one to one address, by SES.
//!
//! [`told`] gathers what there is to say, [`compose`] puts it into the tenant's words and makes a message of it,
//! [`send`] hands it over and judges the answer. That SES has taken a mail is all that an attempt knows: what comes of
//! it comes back as an event, to `intake`.

mod compose;
mod send;
mod told;

use std::time::Duration;

use jiff::Timestamp;
use waybill::{
    aws::table::keys::Key,
    domain::{
        delivery::Delivery,
        email::{
            Address, Content,
            feedback::DisabledAddress,
            mime::{self, Envelope},
        },
        tenant::Tenant,
    },
};

pub use self::send::Mailer;
use super::Attempted;
use crate::app::{App, Retry};

/// A mail, ready to be written.
#[derive(Debug, Clone)]
pub struct Email {
    /// To whom; one address.
    pub to: Vec<String>,
    /// What it was to say when it was planned.
    pub content: Content,
    /// Whose, with its settings as they are now.
    pub tenant: Tenant,
}

/// Sends the mail.
pub async fn attempt(
    app: &App,
    delivery: &Delivery,
    email: &Email,
    timeout: Duration,
    now: Timestamp,
) -> Result<Attempted, Retry> {
    let Some(mailer) = &app.mailer else {
        return Ok(Attempted::not_made("the operator has not set up mail".to_owned()));
    };
    let (to, content) = match permitted(email) {
        Ok(permitted) => permitted,
        Err(reason) => return Ok(Attempted::never_made(reason)),
    };
    let disabled = Key::disabled_address(&email.tenant.id, &to.folded());
    if let Some(disabled) = app.table.get::<DisabledAddress>(&disabled).await? {
        return Ok(Attempted::never_made(disabled.row.reason()));
    }
    let values = told::of(app, delivery, &email.tenant, content, now).await?;
    let rendered = compose::render(app, delivery, email, content, values).await?;
    let reply_to = email.tenant.email.reply_to.as_deref().and_then(|text| Address::parse(text).ok());
    let envelope = Envelope { from: &mailer.from, name: &mailer.name, to: &to, reply_to: reply_to.as_ref() };
    let message = mime::message(envelope, delivery.id, rendered, now)?;
    Ok(mailer.send(delivery, &to, message, timeout).await)
}

/// To whom and of what it may tell under the tenant's settings as they are now, or why it is not sent.
fn permitted(email: &Email) -> Result<(Address, Content), String> {
    let settings = &email.tenant.email;
    let [to] = &email.to[..] else { return Err("a mail goes to one address".to_owned()) };
    let to = Address::parse(to).map_err(|error| format!("the address {error}"))?;
    if !settings.allows(&to) {
        return Err(format!("the tenant's settings do not allow mails to {}", to.domain()));
    }
    let content = settings.password.permits(email.content);
    content.map(|content| (to, content)).ok_or_else(|| "the tenant's settings let no password be mailed".to_owned())
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;
    use waybill::domain::email::{EmailSettings, Language, PasswordRule};

    use super::*;

    pub fn tenant(password: PasswordRule) -> Tenant {
        let tenant: Tenant = serde_json::from_value(json!({
            "id": "acme", "name": "Acme", "presenter_id": uuid::Uuid::nil(), "packaging": "zip", "recipient_keys": [],
            "retention_hours": null, "identities": [], "webhook_secret_sealed": "", "created_at": "1970-01-01T00:00:00Z",
        }))
        .unwrap();
        Tenant {
            email: EmailSettings { password, language: Language::Portuguese, ..EmailSettings::default() },
            ..tenant
        }
    }

    fn email(to: &[&str], content: Content, rule: PasswordRule) -> Email {
        let mut tenant = tenant(rule);
        tenant.email.allowed_domains = Some(["b.example".to_owned()].into());
        Email { to: to.iter().map(|to| (*to).to_owned()).collect(), content, tenant }
    }

    #[test]
    fn settings_hold_as_they_are_when_the_mail_goes_out() {
        let permitted = |to: &[&str], content, rule| permitted(&email(to, content, rule)).map(|(_, content)| content);
        let to = ["a@b.example"];
        assert_eq!(permitted(&to, Content::Whole, PasswordRule::Same), Ok(Content::Whole));
        assert_eq!(permitted(&to, Content::Whole, PasswordRule::Never), Ok(Content::Link), "stricter since");
        assert!(permitted(&to, Content::Password, PasswordRule::Never).is_err());
        assert!(permitted(&["a@c.example"], Content::Whole, PasswordRule::Same).is_err(), "no longer allowed");
        assert!(permitted(&["a@b.example", "c@b.example"], Content::Whole, PasswordRule::Same).is_err());
        assert!(permitted(&[], Content::Whole, PasswordRule::Same).is_err());
    }
}
