//! Tenants with credentials, made through the API's own administration.

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    api_client::ApiClient,
    error::{Error, Result},
    issuer::{ISSUER, Issuer},
    recipient,
    stack::Tenant,
};

/// Life of the tokens in `stack.json`; every `up` mints new ones.
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(12);

/// Makes a tenant, or brings one that is there up to date. `known` is what an earlier run recorded of it: the
/// API tells a webhook secret only once.
pub async fn ensure(admin: &ApiClient, issuer: &Issuer, id: &str, known: Option<&Tenant>) -> Result<Tenant> {
    let recipient = recipient::ensure(id)?;
    let subject = format!("{id}-client");
    let body = json!({
        "name": format!("{id} (sample)"),
        "packaging": "openpgp",
        "identities": [{ "issuer": ISSUER, "subject": subject, "scopes": ["reports:read", "reports:request"] }],
        "recipient_keys": [recipient.certificate],
    });
    let answer = admin.put(&format!("/v1/tenants/{id}"), &body).await?;
    let what = format!("create tenant {id}");
    let answer = answer.expect_status(&what, &[200, 201])?;
    let told = answer["webhook_secret"].as_str().map(str::to_owned);
    let webhook_secret = told.or_else(|| known.map(|tenant| tenant.webhook_secret.clone())).ok_or_else(|| {
        Error::new(what, "it was there already, and its webhook secret is told only once")
            .advise("start over with `make down` and `make up`")
    })?;
    Ok(Tenant {
        id: id.to_owned(),
        token: issuer.token(&subject, TOKEN_LIFE)?,
        subject,
        webhook_secret,
        recipient_private_key_path: recipient.private_key_path,
    })
}
