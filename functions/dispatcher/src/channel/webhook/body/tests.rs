use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::{
    delivery::Target,
    message::{Announcement, EventKind, ProcessStatus},
    retry::Schedule,
};

use super::*;
use crate::facts::tests::event;

const URL: &str = "https://example.com/v1/links/x";
const MANIFEST: &str = "https://example.com/v1/requests/r/manifest";

/// The first attempt of a delivery of that event, two and a half days before its link ends.
fn begun(event: Announcement) -> (Delivery, Option<Link>) {
    let now = Timestamp::UNIX_EPOCH;
    let has_link = event.expires_at.is_some();
    let target = Target::webhook("https://example.com/hook");
    let made = Delivery::new(event, target, now, &Schedule::parse("0").unwrap());
    let link = Link { mode: LinkMode::Managed, url: URL.to_owned(), expires_at: now + SignedDuration::from_hours(60) };
    (Delivery { attempts: 1, ..made }, has_link.then_some(link))
}

fn rendered(profile: Profile, event: Announcement) -> Option<Value> {
    let (delivery, link) = begun(event);
    let body = render(
        profile,
        &Told {
            delivery: &delivery,
            link,
            password: None,
            manifest_url: MANIFEST.to_owned(),
            now: Timestamp::UNIX_EPOCH,
        },
    )
    .unwrap()?;
    Some(serde_json::from_slice(&body).unwrap())
}

fn process(status: u32) -> Announcement {
    let process = Some(ProcessStatus { id: "p-1".into(), status });
    let of = event(EventKind::ReportSucceeded);
    let now = Timestamp::UNIX_EPOCH;
    Announcement { process, ..Announcement::apart("acme", of.request, EventKind::ProcessStatus, now, now) }
}

fn test_of_an_endpoint() -> Announcement {
    let now = Timestamp::UNIX_EPOCH;
    Announcement::apart("acme", event(EventKind::ReportSucceeded).request, EventKind::EndpointTest, now, now)
}

#[test]
fn waybill_tells_of_a_file_with_figures_checks_and_link() {
    let body = rendered(Profile::Waybill, event(EventKind::ReportDivergent)).unwrap();
    assert_eq!((&body["type"], &body["data"]["rows"]), (&json!("report.divergent"), &json!(1)));
    assert_eq!(body["data"]["files"][0]["name"], "r.csv");
    assert_eq!(body["data"]["checks"][0]["passed"], false);
    assert_eq!(body["data"]["manifest"], json!({"sha256": "cc", "url": MANIFEST}));
    assert_eq!(body["data"]["link"], json!({"mode": "managed", "url": URL, "expires_at": "1970-01-03T12:00:00Z"}));
}

#[test]
fn waybill_says_why_there_is_no_file() {
    let data = |kind| {
        let event = Announcement { expires_at: None, ..event(kind) };
        rendered(Profile::Waybill, event).unwrap()["data"].clone()
    };
    assert_eq!(data(EventKind::ReportFailed)["failure"]["code"], "TOO_LARGE");
    assert_eq!(data(EventKind::ReportCancelled)["cancelled_by"], "issuer subject");
    assert_eq!(data(EventKind::ReportExpired)["reason"], "END_OF_LIFE");
    for kind in [EventKind::ReportFailed, EventKind::ReportCancelled, EventKind::ReportExpired] {
        assert!(data(kind)["link"].is_null());
    }
}

#[test]
fn tesouro_gets_exactly_its_fields_anew_for_every_attempt() {
    let event = event(EventKind::ReportSucceeded);
    let (request, presenter) = (event.request.uuid(), event.presenter_id);
    let (delivery, link) = begun(event);
    let attempt = |number: u32, seconds: i64| -> Value {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let delivery = Delivery { attempts: number, ..delivery.clone() };
        let told =
            Told { delivery: &delivery, link: link.clone(), password: None, manifest_url: MANIFEST.to_owned(), now };
        serde_json::from_slice(&render(Profile::Tesouro, &told).unwrap().unwrap()).unwrap()
    };
    let first = attempt(1, 0);
    let expected = json!({
        "requestId": request, "deliveryId": first["deliveryId"], "presenterId": presenter, "fileUrl": URL,
        "createDateTimeUtc": "1970-01-01T00:00:00Z", "expireDateTimeUtc": "1970-01-03T12:00:00Z",
        "deliveryDateTimeUtc": "1970-01-01T00:00:00Z", "numberOfAttempts": 1,
    });
    assert_eq!(first, expected);
    let id = |body: &Value| body["deliveryId"].as_str().unwrap().parse::<Uuid>().unwrap();
    let second = attempt(2, 5);
    assert_ne!(id(&first), id(&second));
    assert_eq!(id(&second), id(&attempt(2, 9)), "the same attempt");
    assert_eq!(
        (&second["deliveryDateTimeUtc"], &second["numberOfAttempts"]),
        (&json!("1970-01-01T00:00:05Z"), &json!(2))
    );
}

#[test]
fn eclipse_is_promised_whole_days() {
    let body = rendered(Profile::Eclipse, event(EventKind::ReportSucceeded)).unwrap();
    assert_eq!(body, json!({ "reportId": "r", "reportUrl": URL, "password": "", "linkExpiryDays": 2 }));
}

#[test]
fn eclipse_alone_is_told_the_password() {
    let password = Secret::new("tell-nobody-else".to_owned());
    for profile in Profile::ALL {
        let (delivery, link) = begun(event(EventKind::ReportSucceeded));
        let manifest_url = MANIFEST.to_owned();
        let told =
            Told { delivery: &delivery, link, password: Some(&password), manifest_url, now: Timestamp::UNIX_EPOCH };
        let body: Value = serde_json::from_slice(&render(profile, &told).unwrap().unwrap()).unwrap();
        let is_told = body.to_string().contains(password.expose());
        assert_eq!(is_told, profile == Profile::Eclipse, "{body}");
        assert!(!is_told || body["password"] == "tell-nobody-else");
    }
}

#[test]
fn unico_gets_an_id_and_a_status() {
    let statuses = [
        (EventKind::ReportDivergent, 2),
        (EventKind::ReportSucceeded, 3),
        (EventKind::ReportCancelled, 4),
        (EventKind::ReportFailed, 5),
    ];
    for (kind, status) in statuses {
        let event = event(kind);
        let id = event.request.uuid();
        assert_eq!(rendered(Profile::Unico, event), Some(json!({ "id": id, "status": status })));
    }
    assert_eq!(rendered(Profile::Unico, process(4)), Some(json!({ "id": "p-1", "status": 4 })));
    for status in [0, 1, 6] {
        assert_eq!(rendered(Profile::Unico, process(status)), None, "{status}");
    }
}

#[test]
fn a_process_of_the_customers_own_is_told_by_its_id() {
    let body = json!({
        "type": "process.status", "timestamp": "1970-01-01T00:00:00Z", "data": { "process_id": "p-1", "status": 1 },
    });
    assert_eq!(rendered(Profile::Waybill, process(1)), Some(body));
}

#[test]
fn a_test_says_so_in_every_profile() {
    for profile in Profile::ALL {
        let text = rendered(profile, test_of_an_endpoint()).unwrap().to_string();
        let marked = ["This is a test", "this-is-a-test", "00000000-0000-0000-0000-000000000000"];
        assert!(marked.iter().any(|mark| text.contains(mark)), "{text}");
    }
}

#[test]
fn a_body_that_is_nothing_without_a_link_is_not_sent_without_one() {
    let (delivery, _) = begun(event(EventKind::ReportSucceeded));
    for profile in [Profile::Tesouro, Profile::Eclipse] {
        let told = Told {
            delivery: &delivery,
            link: None,
            password: None,
            manifest_url: String::new(),
            now: Timestamp::UNIX_EPOCH,
        };
        assert!(render(profile, &told).is_err());
    }
}
