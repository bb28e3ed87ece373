//! The body of the `eclipse` profile.

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::domain::message::EventKind;

use super::{TEST_URL, Told};
use crate::app::Retry;

const DAY_SECONDS: i64 = 24 * 60 * 60;

pub(super) fn body(told: &Told<'_>) -> Result<Value, Retry> {
    let event = &told.delivery.announcement;
    let (report, url, days) = if event.kind == EventKind::EndpointTest {
        (event.kind.name(), TEST_URL, 0)
    } else {
        let link = told.link()?;
        (event.report.as_str(), link.url.as_str(), whole_days(told.now, link.expires_at))
    };
    // Of a package that has none, or one that only the tenant knows: nothing.
    let password = told.password.map_or("", |password| password.expose().as_str());
    Ok(json!({ "reportId": report, "reportUrl": url, "password": password, "linkExpiryDays": days }))
}

/// Rounded down: a link is never promised a longer life than it has. By whole seconds, as signatures count.
fn whole_days(now: Timestamp, ends: Timestamp) -> i64 {
    (ends.as_second() - now.as_second()).max(0) / DAY_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_rounded_down() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let days = |now, ends| whole_days(at(now), at(ends));
        assert_eq!(days(999, 2 * 86_400_000), 2, "the same second");
        assert_eq!(days(1000, 2 * 86_400_000), 1);
        assert_eq!((days(0, 86_399_999), days(5000, 0)), (0, 0));
    }
}
