//! What an issue tells, in the tenant's own words.

use jiff::{Timestamp, Unit};
use waybill::domain::{
    delivery::Delivery,
    endpoint::Profile,
    jira::{Line, MAX_SUMMARY, PasswordRule, Settings, Style, Values},
    message::Announcement,
    secret::Secret,
};

use crate::{
    app::{App, Retry},
    channel::webhook::body::{self, Link},
};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The texts of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The one line.
    pub summary: String,
    /// Its description, or the comment.
    pub lines: Vec<Line>,
}

impl Told {
    /// Renders them. The link is signed for this attempt, where it is a direct one.
    pub async fn of(
        app: &App,
        delivery: &Delivery,
        settings: &Settings,
        password: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Result<Self, Retry> {
        let event = &delivery.announcement;
        let link = body::link(app, event, Profile::Waybill, now).await?;
        let mut values = Values::default();
        of_event(&mut values, delivery);
        if let Some(link) = &link {
            of_link(&mut values, link, now);
        }
        if let Some(password) = password {
            let note = format!("Its password is read at {}/v1/requests/{}/password.", app.public_url, event.request);
            of_password(&mut values, settings.password, password, note);
        }
        Ok(Self::rendered(settings, event, &values))
    }

    fn rendered(settings: &Settings, event: &Announcement, values: &Values) -> Self {
        let (summary, description) = settings.templates(event.kind, event.empty_notice);
        let mut summary = summary.render_line(values, MAX_SUMMARY);
        if summary.trim().is_empty() {
            // A template may have nothing to say of this event, and Jira takes no issue without one.
            summary = event.report.chars().take(MAX_SUMMARY).collect();
        }
        Self { summary, lines: description.render(values) }
    }
}

fn of_event(values: &mut Values, delivery: &Delivery) {
    let event = &delivery.announcement;
    values.set("data.reportId", event.report.as_str(), Style::Plain);
    values.set("data.requestId", event.request.to_string(), Style::Plain);
    values.set("data.deliveryId", delivery.id.to_string(), Style::Plain);
    values.set("data.requestedAt", shown(event.requested_at), Style::Plain);
    if let Some(file) = &event.file {
        values.set("data.fileName", file.name.as_str(), Style::Plain);
        values.set("data.rows", file.rows.to_string(), Style::Plain);
    }
    let failed: Vec<&str> =
        event.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
    values.set("data.failedChecks", failed.join(", "), Style::Plain);
    if let Some(failure) = &event.failure {
        let code = serde_json::to_value(failure.code).ok();
        values.set("data.failureCode", code.as_ref().and_then(|code| code.as_str()).unwrap_or_default(), Style::Plain);
        values.set("data.failureDetail", failure.detail.as_str(), Style::Plain);
        values.set("data.nextAction", failure.code.next_action(), Style::Plain);
    }
}

fn of_link(values: &mut Values, link: &Link, now: Timestamp) {
    values.set("data.reportUrl", link.url.as_str(), Style::Link);
    // Rounded down: a link is never promised a longer life than it has.
    let seconds = (link.expires_at.as_second() - now.as_second()).max(0);
    values.set("data.linkExpiryDays", (seconds / DAY_SECONDS).to_string(), Style::Plain);
    values.set("data.linkExpiresAt", shown(link.expires_at), Style::Plain);
}

fn of_password(values: &mut Values, rule: PasswordRule, password: &Secret<String>, note: String) {
    match rule {
        PasswordRule::Told => values.set("data.password", password.expose().as_str(), Style::Verbatim),
        PasswordRule::Withheld => values.set("data.passwordNote", note, Style::Plain),
    }
}

/// `2026-11-27 10:00 UTC`, never later than it is.
fn shown(at: Timestamp) -> String {
    let minutes = jiff::TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Trunc);
    let at = at.round(minutes).unwrap_or(at);
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;
