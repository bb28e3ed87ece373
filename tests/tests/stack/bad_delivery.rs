//! Webhook URLs that Waybill does not call.

use serde_json::json;
use waybill_tests::{tenant::Tenant, world::World};

use crate::refusal;

/// The local cloud opens loopback, in the form `127.0.0.0/8`, and every port; nothing else.
const REFUSED: [&str; 26] = [
    "http://example.com/hook",
    "ftp://example.com/hook",
    "file:///etc/passwd",
    "example.com/hook",
    "//example.com/hook",
    "",
    "https://",
    "https://user@example.com/hook",
    "https://user:secret@example.com/hook",
    "https://example.com@169.254.169.254/",
    "https://example.com/#part",
    "https://example.com./hook",
    "https://localhost./hook",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9fea9fe/latest/meta-data/",
    "https://0251.0376.0251.0376/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::1]/hook",
    "https://10.0.0.1/hook",
    "https://0.0.0.0/hook",
    "https://exa mple.com/hook",
];

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_when_asked_for() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    for url in REFUSED {
        let mut order = tenant.wallet_order();
        order["delivery"] = json!({ "webhook": { "url": url } });
        let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
        let problem = refusal::check(&world, url, &answer, 422, "validation_failed");
        let expected = ("/delivery/webhook/url".to_owned(), "url_refused".to_owned());
        assert_eq!(refusal::faults(&problem), [expected], "{url}");
    }
    let long = format!("https://example.com/{}", "x".repeat(2048));
    let shapes = [
        (json!("https://example.com/"), "/delivery", "type"),
        (json!({ "webhook": "https://example.com/" }), "/delivery/webhook", "type"),
        (json!({ "webhook": {} }), "/delivery/webhook/url", "missing"),
        (json!({ "webhook": { "url": 1 } }), "/delivery/webhook/url", "type"),
        (json!({ "webhook": { "url": long } }), "/delivery/webhook/url", "out_of_range"),
    ];
    for (delivery, pointer, code) in shapes {
        let mut order = tenant.wallet_order();
        order["delivery"] = delivery.clone();
        let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
        let problem = refusal::check(&world, &delivery.to_string(), &answer, 422, "validation_failed");
        assert_eq!(refusal::faults(&problem), [(pointer.to_owned(), code.to_owned())], "{delivery}");
    }
    tenant.nothing_is_recorded(&world).await;
}
