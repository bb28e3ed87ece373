use serde_json::json;
use waybill::domain::{delivery::Target, link::LinkMode, message::EventKind, retry::Schedule};

use super::*;
use crate::facts::tests::event;

fn told(kind: EventKind, password: Option<PasswordRule>) -> Told {
    let settings: Settings = serde_json::from_value(json!({ "project": "OPS", "issue_type": "Task" })).unwrap();
    let schedule = Schedule::parse("0").unwrap();
    let delivery = Delivery::new(event(kind), Target::Jira { issue: None }, Timestamp::UNIX_EPOCH, &schedule);
    let mut values = Values::default();
    of_event(&mut values, &delivery);
    if kind != EventKind::ReportFailed {
        let ends = "2026-11-28T10:00:59Z".parse().unwrap();
        let link = Link { mode: LinkMode::Direct, url: "https://b/k?X-Amz=1".to_owned(), expires_at: ends };
        of_link(&mut values, &link, "2026-11-27T10:00:59Z".parse().unwrap());
    }
    if let Some(rule) = password {
        of_password(&mut values, rule, &Secret::new("hush!".to_owned()), "Its password is elsewhere.".to_owned());
    }
    Told::rendered(&settings, &delivery.announcement, &values)
}

fn text(told: &Told) -> String {
    let lines = told.lines.iter().map(|line| line.iter().map(|span| span.text.as_str()).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_is_told_with_its_link_and_password() {
    let told = told(EventKind::ReportSucceeded, Some(PasswordRule::Told));
    assert_eq!(told.summary, "Report r is ready");
    let text = text(&told);
    for line in
        ["Rows: 1", "Download: https://b/k?X-Amz=1", "Password: hush!", "The link works until 2026-11-28 10:00 UTC."]
    {
        assert!(text.lines().any(|other| other == line), "{line}: {text}");
    }
    assert!(!text.contains("Checks"), "none failed: {text}");
    let password = told.lines.iter().flatten().find(|span| span.text == "hush!").unwrap();
    assert_eq!(password.style, Style::Verbatim);
}

#[test]
fn a_password_is_told_by_rule() {
    let withheld = text(&told(EventKind::ReportSucceeded, Some(PasswordRule::Withheld)));
    assert!(!withheld.contains("hush!") && withheld.contains("Its password is elsewhere."), "{withheld}");
    let none = text(&told(EventKind::ReportSucceeded, None));
    assert!(!none.contains("assword"), "{none}");
}

#[test]
fn what_did_not_hold_and_what_failed_is_told() {
    let divergent = text(&told(EventKind::ReportDivergent, None));
    assert!(divergent.contains("Checks that did not hold: rows"), "{divergent}");
    let failed = told(EventKind::ReportFailed, None);
    assert_eq!(failed.summary, "Report r failed");
    let text = text(&failed);
    assert!(text.contains("Too many rows. (TOO_LARGE)") && text.contains("What to do: "), "{text}");
    assert!(!text.contains("Download"), "{text}");
}

#[test]
fn an_empty_report_is_told_without_a_link_in_the_tenants_own_words_if_it_has_any() {
    let told = |texts: serde_json::Value| {
        let settings = json!({ "project": "OPS", "issue_type": "Task", "texts": texts });
        let empty = Announcement { empty_notice: true, ..event(EventKind::ReportSucceeded) };
        let schedule = Schedule::parse("0").unwrap();
        let delivery = Delivery::new(empty, Target::Jira { issue: None }, Timestamp::UNIX_EPOCH, &schedule);
        let mut values = Values::default();
        of_event(&mut values, &delivery);
        Told::rendered(&serde_json::from_value(settings).unwrap(), &delivery.announcement, &values)
    };
    let built_in = told(json!({}));
    assert_eq!(built_in.summary, "Report r has no rows");
    assert!(text(&built_in).starts_with("The report r was made, and has no rows"), "{}", text(&built_in));
    let own = told(
        json!({ "summary": "r: {{data.rows}}", "description": "{{data.rows}} rows\nDownload: {{data.reportUrl}}" }),
    );
    assert_eq!((own.summary.as_str(), text(&own).trim()), ("r: 1", "1 rows"));
}

#[test]
fn days_are_rounded_down_and_times_never_later() {
    let mut values = Values::default();
    let link =
        |ends: &str| Link { mode: LinkMode::Direct, url: "https://b/".into(), expires_at: ends.parse().unwrap() };
    let now = "2026-11-27T10:00:01Z".parse().unwrap();
    of_link(&mut values, &link("2026-11-29T10:00:00Z"), now);
    let days = waybill::domain::jira::Template::parse("{{data.linkExpiryDays}} {{data.linkExpiresAt}}").unwrap();
    assert_eq!(days.render_line(&values, 99), "1 2026-11-29 10:00 UTC");
}
