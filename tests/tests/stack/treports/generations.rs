//! The calls of today: a generation in one format or several.

use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::id::RequestId;
use waybill_tests::{wait::eventually, world::World};

use super::{Customer, UID, fields, refused};

const GENERATE: &str = "/api/reports/v2/generate";

async fn downloaded(customer: &Customer, generation: &str, format: &str) -> Vec<u8> {
    eventually("a download", async || {
        let answer = customer.get(&format!("{GENERATE}/{generation}/{format}")).await;
        match answer.status {
            200 => Some(answer.body),
            409 => None,
            other => panic!("{other}: {}", answer.json()),
        }
    })
    .await
}

#[tokio::test]
async fn one_generation_in_several_formats() {
    let world = World::load().await;
    let customer = Customer::of(&world, 120).await;
    let body = json!({ "reportId": UID, "parameters": { "codigo": "x" }, "exportFormats": ["pdf", "XLSX", "csv"] });
    let answer = customer.post(GENERATE, &body).await;
    let generation = answer.expect_status("generate", &[200]).unwrap().as_str().unwrap().to_owned();
    assert!(Uuid::try_parse(&generation).is_ok());
    assert!(downloaded(&customer, &generation, "pdf").await.starts_with(b"%PDF-"));
    assert!(downloaded(&customer, &generation, "xlsx").await.starts_with(b"PK"));
    let csv = String::from_utf8(downloaded(&customer, &generation, "csv").await).unwrap();
    assert_eq!(csv.lines().count(), 121);
    let requests = world.requests(&customer.tenant.id).await;
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.parameters == json!({ "codigo": "x" })));

    for (format, says) in [("txt", "pdf and xlsx"), ("docx", "DOCX is not made"), ("exe", "no such type")] {
        let answer = customer.get(&format!("{GENERATE}/{generation}/{format}")).await;
        let error = refused(&world, format, &answer, 400, "validation_failed");
        let told = error["detailedMessage"].as_str().unwrap();
        assert!(told.contains(says) || told.contains("csv and pdf"), "{error}");
    }
    customer.tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn by_the_path_with_the_same_answer_for_the_same_key() {
    let world = World::load().await;
    let customer = Customer::of(&world, 20).await;
    let path = format!("/api/reports/v1/resources/{UID}/generate");
    let body = json!({ "exportFormats": ["pdf", "txt"] });
    let headers = [("idempotency-key", "pedido 7"), ("accept", "text/plain")];
    let (once, twice) =
        (customer.post_with(&path, &headers, &body).await, customer.post_with(&path, &headers, &body).await);
    assert_eq!((once.status, once.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert_eq!(once.body, twice.body);
    assert_eq!(world.requests(&customer.tenant.id).await.len(), 2);
    let generation = String::from_utf8(once.body).unwrap();
    let text = String::from_utf8(downloaded(&customer, &generation, "txt").await).unwrap();
    assert!(text.contains("unique_id"), "{text}");
    // The report by its own id will do; a PDF where nothing is named.
    let plain = customer.post(GENERATE, &json!({ "reportId": customer.report })).await;
    let generation = plain.expect_status("generate", &[200]).unwrap().as_str().unwrap().to_owned();
    assert!(downloaded(&customer, &generation, "pdf").await.starts_with(b"%PDF-"));
}

#[tokio::test]
async fn a_format_that_is_refused_refuses_all() {
    let world = World::load().await;
    let customer = Customer::with(&world, 10, json!({ "quotas": { "requests_per_day": 2 } }), "").await;
    let with = |formats: Value| json!({ "reportId": UID, "exportFormats": formats });
    let answer = customer.post(GENERATE, &with(json!(["pdf", "html"]))).await;
    let error = refused(&world, "a format that the report has not", &answer, 400, "validation_failed");
    assert_eq!(fields(&error), [("exportFormats", "not_allowed")]);
    let answer = customer.post(GENERATE, &with(json!(["pdf", "rtf"]))).await;
    let error = refused(&world, "a format that is not made", &answer, 400, "validation_failed");
    assert_eq!(fields(&error), [("exportFormats[1]", "not_allowed")]);
    customer.tenant.nothing_is_recorded(&world).await;

    // What is found only when it is recorded calls the others off.
    let answer = customer.post(GENERATE, &with(json!(["pdf", "csv", "txt"]))).await;
    refused(&world, "a quota", &answer, 429, "quota_exhausted");
    assert!(!answer.header("retry-after").is_empty());
    for request in world.requests(&customer.tenant.id).await {
        let status = customer.tenant.finished(request.id).await;
        assert!(matches!(status["status"].as_str(), Some("CANCELLED" | "SUCCEEDED")), "{status}");
    }
}

#[tokio::test]
async fn the_list_says_what_may_be_asked_for() {
    let world = World::load().await;
    let customer = Customer::of(&world, 10).await;
    for path in ["/api/trep/v1/reports/", "/api/trep/v1/reports"] {
        let listed = customer.get(path).await.expect_status("list", &[200]).unwrap();
        let items = listed["items"].as_array().unwrap();
        assert_eq!((&listed["total"], &listed["hasNext"]), (&json!(items.len()), &json!(false)));
        let item = items.iter().find(|item| item["code"] == customer.report.as_str()).unwrap();
        assert_eq!((&item["uId"], &item["name"]), (&json!(UID), &json!("Movements")));
        assert_eq!(item["exportFileTypes"], json!([2, 5, 8, 0]));
        assert!(items.iter().all(|item| Uuid::try_parse(item["uId"].as_str().unwrap()).is_ok()), "{listed}");
    }
    // What came through another interface is none of this one's.
    let own = customer.tenant.order(&json!({ "report": customer.report, "packaging": "plain" })).await;
    customer.tenant.succeeded(own).await;
    let path = |what: &str| format!("/api/trep/v1/generateds/{}/{what}", RequestId::uuid(own));
    for what in ["info", "file"] {
        refused(&world, what, &customer.get(&path(what)).await, 404, "not_found");
    }
}
