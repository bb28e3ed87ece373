//! What templates may name: Eclipse's four names, and Waybill's own beside them, all within `data`.

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use mustache2::Data;

/// Everything that a mail may say. What there is nothing of is none or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// Id of the report.
    pub report_id: String,
    /// The link.
    pub report_url: Option<String>,
    /// What opens the file, where this mail is to say it.
    pub password: Option<String>,
    /// Whole days that the link lives, rounded down.
    pub link_expiry_days: i64,
    /// End of the link.
    pub link_expires_at: Option<Timestamp>,
    /// Id of the request.
    pub request_id: String,
    /// When it was asked for.
    pub requested_at: Option<Timestamp>,
    /// Name of the tenant.
    pub tenant_name: String,
    /// Name of the file.
    pub file_name: Option<String>,
    /// Rows in it.
    pub rows: Option<u64>,
    /// Whether a check of the report did not come out as it should.
    pub divergent: bool,
    /// The password comes in a mail of its own.
    pub password_follows: bool,
    /// The password comes in no mail.
    pub password_kept: bool,
    /// Code of the failure.
    pub failure_code: Option<String>,
    /// Why there is no file.
    pub failure_reason: Option<String>,
    /// What to do about it.
    pub failure_advice: Option<String>,
}

/// Every variable, and what it stands for.
pub const VARIABLES: [(&str, &str); 16] = [
    ("data.reportId", "id of the report"),
    ("data.reportUrl", "the link to the file"),
    ("data.password", "what opens the file; empty unless this mail says it"),
    ("data.linkExpiryDays", "whole days that the link lives, rounded down"),
    ("data.linkExpiresAt", "end of the link, in UTC"),
    ("data.requestId", "id of the request"),
    ("data.requestedAt", "when it was asked for, in UTC"),
    ("data.tenantName", "name of the tenant"),
    ("data.fileName", "name of the file"),
    ("data.rows", "rows of the report"),
    ("data.divergent", "true if a check of the report did not come out as it should"),
    ("data.passwordFollows", "true if the password comes in a mail of its own"),
    ("data.passwordKept", "true if a password was made and comes in no mail"),
    ("data.failureCode", "code of the failure"),
    ("data.failureReason", "why there is no file"),
    ("data.failureAdvice", "what to do about it"),
];

/// Whether a template may name it.
pub fn is_known(name: &str) -> bool {
    name == "data" || VARIABLES.iter().any(|(known, _)| *known == name)
}

impl Values {
    /// As the renderer takes them.
    pub fn data(self) -> Data {
        let text = |value: Option<String>| value.map_or(Data::Null, Data::String);
        let moment = |value: Option<Timestamp>| text(value.map(shown));
        let rows = self.rows.map_or(Data::Null, |rows| Data::String(rows.to_string()));
        let values = [
            ("reportId", Data::String(self.report_id)),
            ("reportUrl", text(self.report_url)),
            ("password", text(self.password)),
            ("linkExpiryDays", Data::Int(self.link_expiry_days)),
            ("linkExpiresAt", moment(self.link_expires_at)),
            ("requestId", Data::String(self.request_id)),
            ("requestedAt", moment(self.requested_at)),
            ("tenantName", Data::String(self.tenant_name)),
            ("fileName", text(self.file_name)),
            ("rows", rows),
            ("divergent", Data::Bool(self.divergent)),
            ("passwordFollows", Data::Bool(self.password_follows)),
            ("passwordKept", Data::Bool(self.password_kept)),
            ("failureCode", text(self.failure_code)),
            ("failureReason", text(self.failure_reason)),
            ("failureAdvice", text(self.failure_advice)),
        ];
        let values: HashMap<String, Data> = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Data::map_from([("data".to_owned(), Data::Map(values))])
    }

    /// What previews show: a file that is ready.
    pub fn sample() -> Self {
        Self {
            report_id: "monthly_sales".to_owned(),
            report_url: Some("https://reports.example.com/v1/links/sample?a=1&b=2".to_owned()),
            // With what HTML must write otherwise.
            password: Some("K7m-Q2x\"<&4".to_owned()),
            link_expiry_days: 3,
            link_expires_at: Some(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 20_820)),
            request_id: "req_0193500000007000800000000000000a".to_owned(),
            requested_at: Some(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 20_817)),
            tenant_name: "Acme".to_owned(),
            file_name: Some("monthly_sales.csv.zip".to_owned()),
            rows: Some(12_345),
            ..Self::default()
        }
    }

    /// What previews show of a report without rows.
    pub fn empty_sample() -> Self {
        Self {
            report_url: None,
            password: None,
            link_expiry_days: 0,
            link_expires_at: None,
            rows: Some(0),
            ..Self::sample()
        }
    }

    /// What previews show of a report that failed.
    pub fn failed_sample(advice: &str) -> Self {
        Self {
            report_url: None,
            password: None,
            link_expiry_days: 0,
            link_expires_at: None,
            file_name: None,
            rows: None,
            failure_code: Some("TIMED_OUT".to_owned()),
            failure_reason: Some("The report did not end within its 900 seconds.".to_owned()),
            failure_advice: Some(advice.to_owned()),
            ..Self::sample()
        }
    }
}

/// The sample, as the renderer takes it.
pub fn sample() -> Data {
    Values::sample().data()
}

/// To the minute, which every reader understands.
fn shown(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_has_a_value_and_every_value_a_name() {
        let Data::Map(outer) = sample() else { panic!("not a map") };
        let Some(Data::Map(values)) = outer.get("data") else { panic!("no data") };
        let mut names: Vec<String> = values.keys().map(|name| format!("data.{name}")).collect();
        let mut known: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
        names.sort();
        known.sort_unstable();
        assert_eq!(names, known);
        assert!(VARIABLES.iter().all(|(name, _)| is_known(name)) && is_known("data") && !is_known("reportId"));
    }

    #[test]
    fn moments_are_shown_to_the_minute() {
        assert_eq!(shown(Timestamp::UNIX_EPOCH), "1970-01-01 00:00 UTC");
    }
}
