//! From the mutation to the decrypted file and its end, with a stock GraphQL client and `gpg`.

use std::{collections::BTreeSet, fs};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::{id::RequestId, request::Request};
use waybill_local::{
    receiver::{Received, Reply},
    unpack,
};
use waybill_tests::{
    lake::Lake,
    python::python,
    skip,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use super::{STATUS, customer, input, send};
use crate::{refusal, webhook};

const ROWS: u64 = 400;

/// What the stock client is told to do, as the tenant.
fn task(world: &World, tenant: &Tenant, more: &Value) -> Value {
    let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
    let headers = json!({ "Host": world.stack.host_header, "Authorization": format!("Bearer {token}") });
    let mut task = json!({ "url": format!("{}/graphql", world.stack.api_url), "headers": headers });
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

#[tokio::test]
async fn a_customer_asks_is_told_and_opens_the_report() {
    let world = World::load().await;
    let (tenant, receiver) = (customer(&world, json!({})).await, world.receiver().await);
    Lake::generate(&world, &tenant.id, ROWS, 1).await;
    // Only 200 confirms.
    receiver.reply("/told", [StatusCode::ACCEPTED, StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK].map(Reply::status));
    let retry = json!({ "waits_seconds": [0, 1, 1, 600] });
    webhook::register(&tenant, json!({ "url": receiver.url("/told"), "profile": "tesouro", "retry": retry })).await;

    let answer = python("tesouro_client.py", task(&world, &tenant, &json!({ "input": input(), "wait": true }))).await;
    let (requested, request) = (&answer["requested"], &answer["request"]);
    assert_eq!(requested["status"], "QUEUED", "{answer}");
    assert_eq!((&request["status"], &request["error"]), (&json!("SUCCEEDED"), &Value::Null), "{answer}");
    assert_eq!((&request["requestId"], &request["rowCount"]), (&requested["requestId"], &json!(ROWS)));
    let types: Vec<&str> = answer["types"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(types.contains(&"RequestReportInput") && types.contains(&"ReportFilter"), "{types:?}");

    let calls = receiver.wait_for("/told", 3, LONG).await.unwrap();
    check_calls(&calls, request);
    check_signatures(&world, &calls).await;
    check_file(&world, &tenant, request["fileUrl"].as_str().unwrap()).await;
    let id = RequestId::new(requested["requestId"].as_str().unwrap().parse().unwrap());
    let delivery = webhook::delivery_over(&tenant, id).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DELIVERED"), &json!(3)));
    assert_eq!(receiver.received("/told").len(), 3, "confirmed is confirmed");
    check_end(&world, &tenant, id, request["fileUrl"].as_str().unwrap()).await;
    tenant.nothing_is_left_over(&world).await;
}

/// Exactly the eight fields, those of the attempt anew in each.
fn check_calls(calls: &[Received], request: &Value) {
    let mut deliveries = BTreeSet::new();
    for (at, call) in calls.iter().enumerate() {
        assert_eq!(
            (call.method.as_str(), &call.headers["content-type"]),
            ("POST", &"application/json".parse().unwrap())
        );
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        let fields = json!({
            "requestId": request["requestId"],
            "deliveryId": body["deliveryId"],
            "presenterId": request["presenterId"],
            "fileUrl": request["fileUrl"],
            "createDateTimeUtc": request["createDateTimeUtc"],
            "expireDateTimeUtc": request["expireDateTimeUtc"],
            "deliveryDateTimeUtc": body["deliveryDateTimeUtc"],
            "numberOfAttempts": at + 1,
        });
        assert_eq!(body, fields);
        let time: Timestamp = body["deliveryDateTimeUtc"].as_str().unwrap().parse().unwrap();
        assert!((call.received_at - time).get_seconds().abs() < 30, "of this very call: {body}");
        deliveries.insert(body["deliveryId"].as_str().unwrap().parse::<Uuid>().unwrap());
    }
    assert_eq!(deliveries.len(), calls.len(), "each call has an id of its own");
}

/// Detached, over the bytes as they came, by the key that the service publishes.
async fn check_signatures(world: &World, calls: &[Received]) {
    let signer = String::from_utf8(world.api.get("/.well-known/waybill-openpgp.asc").await.unwrap().body).unwrap();
    for call in calls {
        let signature = BASE64_STANDARD.decode(&call.headers["waybill-openpgp-signature"]).unwrap();
        let verify = |body: &[u8]| unpack::verify_detached_with_gpg(body, &signature, &signer).unwrap();
        match verify(&call.body) {
            Some(good) => assert_eq!((good, verify(&[&call.body[..], b" "].concat())), (true, Some(false))),
            None => skip::lacking("gpg is not installed; Tesouro's notifications are not verified with it"),
        }
    }
}

/// `gpg --decrypt` opens it and finds the service's signature good.
async fn check_file(world: &World, tenant: &Tenant, url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (object, plain) = (folder.path().join("report.pgp"), folder.path().join("report.csv"));
    let downloaded = world.api.open_link(url).await.unwrap().bytes().await.unwrap();
    fs::write(&object, &downloaded).unwrap();
    let signer = String::from_utf8(world.api.get("/.well-known/waybill-openpgp.asc").await.unwrap().body).unwrap();
    let private = tenant.private_key.clone();
    let content = tokio::task::spawn_blocking(move || {
        let opener = unpack::open(&object, &plain, &private, &signer).unwrap();
        if opener != unpack::Opener::Gpg {
            skip::lacking("gpg is not installed; Tesouro's file is not opened with it");
        }
        unpack::measure(&plain).unwrap()
    });
    assert_eq!(content.await.unwrap().csv_rows, ROWS);
}

/// At its end the link says so, the file is deleted, and a new report can be asked for.
async fn check_end(world: &World, tenant: &Tenant, id: RequestId, url: &str) {
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    let stored = world.request(&tenant.id, id).await;
    let ended = Request { expires_at: Some(past), due_at: Some(past), ..stored.row.clone() };
    world.table.replace(&stored, ended).await.unwrap();
    refusal::check(world, "an expired file", &world.api.get(url).await.unwrap(), 410, "link_expired");
    let status = send(&tenant.api, STATUS, json!({ "id": id.uuid() })).await.json()["data"]["reportRequest"].clone();
    assert_eq!(status, json!({ "status": "EXPIRED", "fileUrl": null, "rowCount": ROWS, "error": null }));
    eventually("the file's deletion", async || {
        world.sweep().await;
        world.objects(&format!("{}/", tenant.id)).await.is_empty().then_some(())
    })
    .await;
    refusal::check(world, "a deleted file", &world.api.get(url).await.unwrap(), 410, "link_expired");
    let again = python("tesouro_client.py", task(world, tenant, &json!({ "input": input(), "wait": true }))).await;
    assert_eq!(again["request"]["status"], "SUCCEEDED", "{again}");
    assert_ne!(again["request"]["requestId"], json!(id.uuid()));
}

#[tokio::test]
async fn a_wrong_filter_reaches_the_client_as_an_error_that_names_it() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let mut wrong = input();
    wrong["where"] = json!({ "dateRange": { "from": "2024-02-30" }, "colour": "red", "organisation_id": 0 });
    let answer = python("tesouro_client.py", task(&world, &tenant, &json!({ "input": wrong }))).await;
    let errors = answer["errors"].as_array().unwrap();
    let told = |error: &Value| {
        let extensions = &error["extensions"];
        assert_eq!((&extensions["code"], &error["path"]), (&json!("validation_failed"), &json!(["requestReport"])));
        let argument = extensions["argument"].as_str().unwrap().to_owned();
        assert!(error["message"].as_str().unwrap().starts_with(&argument), "{error}");
        (argument, extensions["fault"].as_str().unwrap().to_owned())
    };
    let mut found: Vec<(String, String)> = errors.iter().map(told).collect();
    found.sort();
    let expected = [
        ("input.where.colour", "unknown"),
        ("input.where.dateRange.from", "format"),
        ("input.where.dateRange.to", "missing"),
        ("input.where.organisation_id", "out_of_range"),
    ];
    assert_eq!(found, expected.map(|(argument, fault)| (argument.to_owned(), fault.to_owned())));
    tenant.nothing_is_recorded(&world).await;
}

/// What may be asked for can be found out by the schema alone.
#[tokio::test]
async fn the_catalogue_says_what_where_takes() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let document = "query($wallet: String!) {
        reports { id formats }
        wallet: report(id: $wallet) { parameters { filter type required } }
        invoices: report(id: \"invoice_lines\") { title parameters { filter name bounds } columns { name } }
    }";
    let variables = json!({ "wallet": waybill_tests::tenant::WALLET });
    let told = task(&world, &tenant, &json!({ "document": document, "variables": variables }));
    let data = python("tesouro_client.py", told).await["data"].clone();
    let ids: Vec<&str> =
        data["reports"].as_array().unwrap().iter().filter_map(|report| report["id"].as_str()).collect();
    assert!(ids.contains(&"invoice_lines") && ids.contains(&waybill_tests::tenant::WALLET), "{ids:?}");
    let expected = json!([
        { "filter": "dateRange.from", "type": "timestamp", "required": true },
        { "filter": "dateRange.to", "type": "timestamp", "required": true },
        { "filter": "organisation_id", "type": "integer", "required": false },
    ]);
    assert_eq!(data["wallet"]["parameters"], expected);
    let invoices = &data["invoices"]["parameters"];
    assert_eq!((&invoices[0]["filter"], &invoices[0]["name"]), (&json!("dateRange"), &json!("dates")));
    assert_eq!((&invoices[1]["filter"], &invoices[1]["bounds"]["max_length"]), (&json!("country"), &json!(64)));
}
