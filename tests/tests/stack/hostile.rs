//! Receivers that mean no good, or know no better: what is recorded of them, and that they hold nobody up.

use std::{collections::BTreeMap, io::Write as _, time::Duration};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::{Value, json};
use waybill::{
    clock,
    domain::{
        delivery::{Delivery, Status, Target},
        id::EventId,
        message::Announcement,
        retry::Schedule,
    },
};
use waybill_local::receiver::Reply;
use waybill_tests::{
    function::Function,
    hostile::{Hostile, Manner},
    skip,
};

use crate::{
    concurrency::{deliveries, message, send, shown, until},
    faults::Stage,
    webhook::{self, register},
};

/// The endpoints' own, for a whole exchange.
const TIMEOUT_SECONDS: u64 = 5;

/// A receiver that shows this at first, and what is recorded then.
struct Case {
    name: &'static str,
    manner: Manner,
    http_status: Option<u16>,
    /// A part of the outcome.
    outcome: &'static str,
    /// Bytes of it that are kept.
    kept: Option<usize>,
}

fn case(
    name: &'static str,
    manner: Manner,
    http_status: Option<u16>,
    outcome: &'static str,
    kept: Option<usize>,
) -> Case {
    Case { name, manner, http_status, outcome, kept }
}

/// 16 MiB of zeros in 16 KiB.
fn bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 16 << 20]).unwrap();
    encoder.finish().unwrap()
}

fn cases(asked_for: Timestamp) -> Vec<Case> {
    let ok = b"HTTP/1.1 200 OK\r\n".to_vec();
    let long_body = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec();
    let endless_body = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let endless_head = b"HTTP/1.1 200 OK\r\nx-endless: ".to_vec();
    let elsewhere = "307 Temporary Redirect\r\nlocation: https://169.254.169.254/latest/meta-data/";
    let late = "no complete answer within 5000 ms";
    let broke = "the connection broke";
    let seconds = "429 Too Many Requests\r\nretry-after: 4";
    let date = format!(
        "429 Too Many Requests\r\nretry-after: {}",
        DateTimePrinter::new().timestamp_to_rfc9110_string(&asked_for).unwrap()
    );
    vec![
        case("slow head", Manner::Trickle(ok, vec![b'x'; 1000]), None, late, None),
        case("slow body", Manner::Trickle(long_body, vec![b'x'; 1000]), None, late, None),
        case("endless head", Manner::Endless(endless_head), None, broke, None),
        case("endless body", Manner::Endless(endless_body), Some(200), "success", Some(1024)),
        case("gzip bomb", Manner::answer("200 OK\r\ncontent-encoding: gzip", &bomb()), Some(200), "success", None),
        case("reset", Manner::Reset, None, broke, None),
        case("redirect", Manner::answer(elsewhere, b""), Some(307), "redirects are not followed", Some(0)),
        case("retry-after in seconds", Manner::answer(seconds, b"slower"), Some(429), "429", Some(6)),
        case("retry-after as a date", Manner::answer(&date, b"later"), Some(429), "429", Some(5)),
    ]
}

/// The delivery as its tenant sees it.
async fn seen(stage: &Stage, delivery: &Delivery) -> Value {
    let answer = stage.tenant.get(&format!("/v1/deliveries/{}", delivery.id)).await;
    answer.expect_status("read a delivery", &[200]).unwrap()
}

/// All of them in one batch of a dispatcher of this test's own, in this order.
async fn in_one_batch(stage: &Stage, deliveries: &[Delivery]) {
    let name = &stage.world.stack.functions.dispatcher;
    let dispatcher = Function::start(&stage.world, "waybill-dispatcher", name).await;
    let records: Vec<Value> = deliveries
        .iter()
        .map(|delivery| {
            json!({
                "messageId": delivery.id,
                "receiptHandle": "of-a-test",
                "body": message(stage, delivery.id),
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "awsRegion": stage.world.stack.region,
            })
        })
        .collect();
    let answer = dispatcher.invoke(&json!({ "Records": records }), Duration::from_secs(60)).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn whatever_a_receiver_does_is_recorded_in_time_and_holds_nobody_up() {
    let stage = Stage::set().await;
    if !stage.world.is_local() {
        skip::skipped("a batch of a test's own can be made in the local cloud only");
        return;
    }
    let (mut receivers, mut all) = (Vec::new(), Vec::new());
    // A date has whole seconds.
    let asked_for = Timestamp::from_second(Timestamp::now().as_second() + 15).unwrap();
    for case in cases(asked_for) {
        let receiver = Hostile::start(&stage.world, case.manner.clone(), Manner::answer("204 No Content", b"")).await;
        let settings = json!({ "url": receiver.url(), "timeout_seconds": TIMEOUT_SECONDS });
        let endpoint = register(&stage.tenant, settings).await;
        all.extend(deliveries(&stage, &endpoint, 1).await);
        receivers.push((case, receiver));
    }
    let well = register(&stage.tenant, json!({ "url": stage.receiver.url("/hook") })).await;
    all.extend(deliveries(&stage, &well, 1).await);

    in_one_batch(&stage, &all).await;
    until(&stage, &all, Status::Delivered).await;

    let well = seen(&stage, all.last().unwrap()).await;
    assert_eq!(well["attempts"], 1, "{well}");
    for ((case, receiver), delivery) in receivers.iter().zip(&all) {
        check(case, &seen(&stage, delivery).await, &well);
        let calls = receiver.calls();
        match case.name {
            "retry-after in seconds" => assert!(calls[1] >= calls[0] + SignedDuration::from_millis(3_900), "{calls:?}"),
            "retry-after as a date" => assert!(calls[1] >= asked_for, "{asked_for}: {calls:?}"),
            _ => {}
        }
    }
}

fn check(case: &Case, seen: &Value, well: &Value) {
    let name = case.name;
    let first = &seen["attempt_log"][0];
    let outcome = first["outcome"].as_str().unwrap();
    assert!(outcome.contains(case.outcome), "{name}: {seen}");
    assert_eq!(first["http_status"], json!(case.http_status), "{name}: {seen}");
    let confirmed = outcome == "success";
    assert_eq!(seen["attempts"], if confirmed { 1 } else { 2 }, "{name}: {seen}");
    let kept = first["response"].as_str().map(str::len);
    assert!(kept.is_none_or(|bytes| bytes <= 1024), "{name}: {kept:?}");
    if case.kept.is_some() {
        assert_eq!(kept, case.kept, "{name}: {seen}");
    }
    // A busy machine is given two seconds.
    assert!(first["duration_ms"].as_u64().unwrap() < (TIMEOUT_SECONDS + 2) * 1000, "{name}: {seen}");
    if outcome.starts_with("no complete answer") {
        let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
        assert!(time(&well["finished_at"]) < time(&first["finished_at"]), "{name} held another up: {seen} {well}");
    }
}

#[tokio::test]
async fn a_flapping_endpoint_is_sent_everything_once_it_confirms_and_its_circuit_stays_closed() {
    let stage = Stage::set().await;
    let retry = json!({ "max_attempts": 10, "first_interval_seconds": 1, "factor": 1, "cap_seconds": 1 });
    let settings = json!({ "url": stage.receiver.url("/hook"), "retry": retry, "concurrency": 2 });
    let endpoint = register(&stage.tenant, settings).await;
    let is_down = |before: usize| (before / 3).is_multiple_of(2) && before < 9;
    stage.receiver.reply_with("/hook", move |_, before| {
        Reply::status(if is_down(before) { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
    });
    let deliveries = deliveries(&stage, &endpoint, 6).await;
    send(&stage, &deliveries).await;
    until(&stage, &deliveries, Status::Delivered).await;

    let mut answers: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for (before, received) in stage.receiver.received("/hook").iter().enumerate() {
        answers.entry(webhook::id(received).to_owned()).or_default().push(!is_down(before));
    }
    assert_eq!(answers.len(), deliveries.len());
    for (id, confirmed) in &answers {
        let first = confirmed.iter().position(|confirmed| *confirmed);
        assert_eq!(first, Some(confirmed.len() - 1), "{id} is sent until it is confirmed, and no more: {confirmed:?}");
    }
    let shown = shown(&stage, &endpoint).await;
    assert_eq!((&shown["circuit"]["state"], &shown["waiting"]), (&json!("closed"), &json!(0)), "{shown}");
}

#[tokio::test]
async fn what_the_guard_refuses_at_the_attempt_is_dead_and_says_nothing_of_the_network() {
    let stage = Stage::set().await;
    // Recorded when the policy was another, or by another release.
    let refused = [
        ("https://169.254.169.254/latest/meta-data/", "the URL's host is not publicly reachable"),
        ("https://[::ffff:10.0.0.7]/hook", "the URL's host is not publicly reachable"),
        ("http://example.com/hook", "the URL must be https"),
        ("https://user:hush@example.com/hook", "the URL must not hold a user name or password"),
    ];
    let mut all = Vec::new();
    for (url, _) in refused {
        let now = clock::now();
        let event = Announcement { id: EventId::generate(), ..stage.event(now) };
        let target = Target::webhook(url);
        let delivery = Delivery::new(event, target, now, &Schedule::parse("0").unwrap());
        stage.insert_delivery(&delivery).await;
        all.push(delivery);
    }
    send(&stage, &all).await;
    until(&stage, &all, Status::Dead).await;
    for (delivery, (url, reason)) in all.iter().zip(refused) {
        let seen = seen(&stage, delivery).await;
        assert_eq!((&seen["attempts"], &seen["reason"]), (&json!(1), &json!(reason)), "{url}: {seen}");
        let attempt = &seen["attempt_log"][0];
        assert_eq!(attempt["outcome"], reason, "{url}");
        for absent in ["address", "http_status", "response"] {
            assert!(attempt[absent].is_null(), "{url}: {attempt}");
        }
        let id = delivery.id.to_string();
        let dlq = &stage.world.stack.queues.delivery_dlq;
        let letter = stage.world.dead_letter(dlq, |letter| letter["task"]["attempt"] == id).await;
        assert_eq!(letter["dead"]["reason"], reason, "{url}");
    }
}
