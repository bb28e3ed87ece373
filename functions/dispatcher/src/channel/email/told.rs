//! What a mail has to say of its event.

use jiff::Timestamp;
use waybill::domain::{
    delivery::Delivery,
    email::{Content, notice, values::Values},
    endpoint::Profile,
    message::Announcement,
    secret::Secret,
    tenant::Tenant,
};

use crate::{
    app::{App, Retry},
    channel::webhook::body::{self, Link},
};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Gathers it. The link is signed for this attempt, where it is a direct one.
pub async fn of(
    app: &App,
    delivery: &Delivery,
    tenant: &Tenant,
    content: Content,
    now: Timestamp,
) -> Result<Values, Retry> {
    let event = &delivery.announcement;
    let link = match content {
        Content::Password => None,
        Content::Whole | Content::Link => body::link(app, event, Profile::Waybill, now).await?,
    };
    let password = match content {
        // There is nothing to open.
        _ if event.empty_notice => None,
        Content::Link => None,
        Content::Whole | Content::Password => body::opened_password(app, event).await?,
    };
    if content == Content::Password && password.is_none() {
        return Err(Retry::Missing("the password"));
    }
    Ok(values(event, tenant, content, link, password.as_ref(), now))
}

fn values(
    event: &Announcement,
    tenant: &Tenant,
    content: Content,
    link: Option<Link>,
    password: Option<&Secret<String>>,
    now: Timestamp,
) -> Values {
    let kept_back = content == Content::Link && event.password_sealed.is_some() && !event.empty_notice;
    let follows = kept_back && tenant.email.password.permits(Content::Password).is_some();
    let code = event.failure.as_ref().map(|failure| failure.code);
    Values {
        report_id: event.report.clone(),
        link_expiry_days: link.as_ref().map_or(0, |link| whole_days(now, link.expires_at)),
        link_expires_at: link.as_ref().map(|link| link.expires_at),
        report_url: link.map(|link| link.url),
        password: password.map(|password| password.expose().clone()),
        request_id: event.request.to_string(),
        requested_at: Some(event.requested_at),
        tenant_name: tenant.name.clone(),
        file_name: event.file.as_ref().map(|file| file.name.clone()),
        rows: event.file.as_ref().map(|file| file.rows),
        divergent: event.checks.iter().any(|check| !check.passed),
        password_follows: follows,
        password_kept: kept_back && !follows,
        failure_code: code.and_then(|code| serde_json::to_value(code).ok()?.as_str().map(str::to_owned)),
        failure_reason: event.failure.as_ref().map(|failure| failure.detail.clone()),
        failure_advice: code.map(|code| notice::advice(tenant.email.language, code).to_owned()),
    }
}

/// Rounded down: a link is never promised a longer life than it has.
fn whole_days(now: Timestamp, ends: Timestamp) -> i64 {
    (ends.as_second() - now.as_second()).max(0) / DAY_SECONDS
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use waybill::domain::{email::PasswordRule, link::LinkMode, message::EventKind};

    use super::*;
    use crate::{channel::email::tests::tenant, facts::tests::event};

    fn told(kind: EventKind, rule: PasswordRule, content: Content) -> Values {
        let now = Timestamp::UNIX_EPOCH;
        let event = Announcement { password_sealed: Some("sealed".to_owned()), ..event(kind) };
        let expires_at = now + SignedDuration::from_hours(60);
        let link = Link { mode: LinkMode::Managed, url: "https://example.com/l".to_owned(), expires_at };
        let link = (content != Content::Password).then_some(link);
        let password = Secret::new("hush".to_owned());
        let password = (content != Content::Link).then_some(&password);
        values(&event, &tenant(rule), content, link, password, now)
    }

    #[test]
    fn a_mail_says_where_the_password_is_that_it_does_not_tell() {
        let whole = told(EventKind::ReportSucceeded, PasswordRule::Same, Content::Whole);
        assert_eq!((whole.password.as_deref(), whole.link_expiry_days), (Some("hush"), 2));
        assert!(!whole.password_follows && !whole.password_kept && !whole.divergent);
        let link = told(EventKind::ReportSucceeded, PasswordRule::Second, Content::Link);
        assert!(link.password.is_none() && link.password_follows && !link.password_kept);
        let link = told(EventKind::ReportDivergent, PasswordRule::Never, Content::Link);
        assert!(link.password.is_none() && !link.password_follows && link.password_kept && link.divergent);
        let password = told(EventKind::ReportSucceeded, PasswordRule::Second, Content::Password);
        assert_eq!((password.password.as_deref(), password.report_url), (Some("hush"), None));
    }

    #[test]
    fn a_failure_is_told_in_the_tenants_language() {
        let failed = told(EventKind::ReportFailed, PasswordRule::Same, Content::Whole);
        assert_eq!(failed.failure_code.as_deref(), Some("TOO_LARGE"));
        assert_eq!(failed.failure_reason.as_deref(), Some("Too many rows."));
        assert!(failed.failure_advice.unwrap().starts_with("Siga o que diz o detalhe"));
    }
}
