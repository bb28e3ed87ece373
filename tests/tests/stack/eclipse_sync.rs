//! Eclipse's reports as the answer to a call: every format, in time or called off, and nothing left of it.

use std::time::{Duration, Instant};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use waybill::{
    aws::table::Write,
    domain::{
        message::RequestMessage,
        request::{Request, Status},
    },
};
use waybill_local::api_client::Answer;
use waybill_tests::{
    events::Consumer,
    files,
    lake::Lake,
    python::python,
    tenant::{Tenant, WALLET},
    wait::eventually,
    world::World,
};

use crate::{
    eclipse_client::{ALL, Shell, ask, customer, lines, path, refused, request_of, wallet},
    failures::every_row_with_every_other,
    faults::Stage,
    webhook::register,
};

/// What a busy machine may take beyond the 15 seconds.
const SLACK: Duration = Duration::from_secs(9);

async fn with_rows(world: &World, rows: u64, settings: Value, more: Value) -> Tenant {
    let tenant = customer(world, settings, more).await;
    Lake::generate(world, &tenant.id, rows, 1).await;
    tenant
}

/// A definition of the tenant's own.
async fn defined(world: &World, tenant: &Tenant, definition: &str) {
    let key = format!("tenants/{}/reports/{WALLET}.toml", tenant.id);
    world.put(&world.stack.buckets.config, &key, definition.as_bytes().to_vec()).await;
}

const DEFINITION: &str = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");

/// The row is at its end, and the bucket is empty: at once where a file was answered, else when the worker has stopped.
async fn nothing_is_left(world: &World, tenant: &Tenant) {
    eventually("an empty bucket", async || {
        let prefix = format!("{}/", tenant.id);
        let (objects, uploads) = (world.objects(&prefix).await, world.uploads(&prefix).await);
        (objects.is_empty() && uploads.is_empty()).then_some(())
    })
    .await;
    tenant.nothing_is_left_over(world).await;
}

fn xml_rows(body: &[u8]) -> usize {
    String::from_utf8_lossy(body).matches("<row>").count()
}

#[tokio::test]
async fn every_format_is_the_very_report() {
    let world = World::load().await;
    let tenant = with_rows(&world, 200, json!({}), json!({})).await;
    let dir = TempDir::new().unwrap();
    for (format, own, kind) in [
        ("", "json", "application/json"),
        ("&format=json", "json", "application/json"),
        ("&format=csv", "csv", "text/csv"),
        ("&format=xml", "xml", "application/xml"),
        ("&format=xls", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ] {
        let answer = wallet(&tenant, &format!("{ALL}{format}")).await;
        assert_eq!(answer.status, 200, "{format}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("content-type").split(';').next(), Some(kind));
        assert_eq!(answer.header("cache-control"), "no-store");
        let id = request_of(&answer);
        let name = format!("attachment; filename=\"{WALLET}-{id}.{own}\"");
        assert_eq!(answer.header("content-disposition"), name);
        // Answered, its file is gone, and its status tells what it was.
        let status = tenant.status(id).await;
        assert_eq!(
            (&status["status"], &status["rows"], &status["attempt"]),
            (&json!("EXPIRED"), &json!(200), &json!(1))
        );
        assert_eq!(status["deleted_by"], status["requested_by"]);
        assert_eq!(status["files"][0]["object_bytes"], answer.body.len());
        assert_eq!(status["files"][0]["object_sha256"], waybill::digest::sha256_hex(&answer.body), "{format}");
        match own {
            "json" => assert_eq!(answer.json().as_array().unwrap().len(), 200),
            "xml" => assert_eq!(xml_rows(&answer.body), 200),
            "xlsx" => {
                let file = dir.path().join("report.xlsx");
                std::fs::write(&file, &answer.body).unwrap();
                let opened = python("xlsx_rows.py", json!({ "path": file })).await;
                assert_eq!((&opened["rows"], &opened["header"][0]), (&json!(200), &json!("transaction_date")));
            }
            _ => {
                let text = String::from_utf8(answer.body.clone()).unwrap();
                assert!(text.starts_with("transaction_date,organisation_name,organisation_id,"), "{text}");
            }
        }
    }
    nothing_is_left(&world, &tenant).await;
}

#[tokio::test]
async fn parameters_mean_what_they_say() {
    let world = World::load().await;
    let zone = json!({ "time_zone": "Africa/Johannesburg" });
    let tenant = with_rows(&world, 300, zone, json!({})).await;
    let rows = async |query: &str| -> Vec<Value> {
        let answer = wallet(&tenant, query).await;
        assert!([200, 204].contains(&answer.status), "{query}: {}", String::from_utf8_lossy(&answer.body));
        answer.json().as_array().cloned().unwrap_or_default()
    };
    let all = rows("d1=2024-01-01T00:00:00.000Z&d2=2024-12-31T23:59:59.999Z").await;
    assert_eq!(all.len(), 300);
    // The very moment of one transaction, in three ways.
    let at: jiff::civil::DateTime = all[150]["transaction_date"].as_str().unwrap().parse().unwrap();
    let utc = at.strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string();
    let there = (at + SignedDuration::from_hours(2)).strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string();
    let same = |rows: &[Value]| rows.iter().all(|row| row["transaction_date"] == all[150]["transaction_date"]);
    for (d1, d2) in [
        (format!("{utc}Z"), format!("{utc}Z")),
        (there.clone(), there.clone()),
        (format!("{there}%2B02:00"), format!("{utc}Z")),
    ] {
        let found = rows(&format!("d1={d1}&d2={d2}")).await;
        assert!(!found.is_empty() && same(&found), "{d1}: {found:?}");
    }
    let organisation = &all[0]["organisation_id"];
    let expected = all.iter().filter(|row| row["organisation_id"] == *organisation).count();
    let one = format!("d1=2024-01-01T00:00:00.000Z&d2=2024-12-31T23:59:59.999Z&organisationId={organisation}");
    assert_eq!(rows(&one).await.len(), expected);
    nothing_is_left(&world, &tenant).await;
}

#[tokio::test]
async fn the_guides_lines_fetch_a_report_and_no_rows_are_204() {
    let world = World::load().await;
    let tenant = with_rows(&world, 300, json!({}), json!({})).await;
    let shell = Shell::of(&world, &tenant);
    shell.run(lines("sync"));
    let text = String::from_utf8(shell.read("transactions.csv")).unwrap();
    assert!(text.starts_with("transaction_date,") && text.lines().count() > 1, "{text}");

    let empty = wallet(&tenant, "d1=1999-01-01&d2=1999-12-31&format=csv").await;
    assert_eq!((empty.status, empty.body.len()), (204, 0));
    assert_eq!(tenant.status(request_of(&empty)).await["rows"], 0);
    nothing_is_left(&world, &tenant).await;
}

#[tokio::test]
async fn a_byte_order_mark_survives() {
    let world = World::load().await;
    let tenant = with_rows(&world, 5, json!({}), json!({})).await;
    defined(&world, &tenant, &format!("{DEFINITION}\n[output]\nbom = true\n")).await;
    let answer = wallet(&tenant, &format!("{ALL}&format=csv")).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let status = tenant.status(request_of(&answer)).await;
    assert!(answer.body.starts_with("\u{FEFF}transaction_date".as_bytes()));
    assert_eq!(status["files"][0]["object_sha256"], waybill::digest::sha256_hex(&answer.body));
}

#[tokio::test]
async fn a_slow_report_is_called_off_and_the_other_way_is_named() {
    let world = World::load().await;
    let tenant = with_rows(&world, 3_000, json!({}), json!({})).await;
    defined(&world, &tenant, &every_row_with_every_other()).await;
    let began = Instant::now();
    let answer = wallet(&tenant, &format!("{ALL}&format=csv")).await;
    let took = began.elapsed();
    let told = refused(&world, "a slow report", &answer, 422, "VAL001");
    assert!(told[0].contains("streamResult=true") && told[0].contains("15 seconds"), "{told:?}");
    assert!(took >= Duration::from_secs(15) && took < Duration::from_secs(15) + SLACK, "{took:?}");
    let id = request_of(&answer);
    let ended = world.request(&tenant.id, id).await.row;
    assert!(matches!(ended.status, Status::Cancelled | Status::Failed), "{ended:?}");
    nothing_is_left(&world, &tenant).await;
    // Nor later.
    world.sweep().await;
    let after = world.request(&tenant.id, id).await.row;
    assert_eq!((after.status, after.attempt), (ended.status, 1));
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let world = World::load().await;
    let tenant = with_rows(&world, 3_000, json!({}), json!({})).await;
    defined(&world, &tenant, &every_row_with_every_other()).await;
    let query = format!("{ALL}&format=csv");
    let gone = tokio::time::timeout(Duration::from_secs(3), wallet(&tenant, &query)).await;
    assert!(gone.is_err(), "it hangs up");
    let ended = eventually("the end of what nobody waits for", async || {
        world.requests(&tenant.id).await.into_iter().find(|request| request.status.is_final())
    })
    .await;
    assert!(!ended.status.has_file() && ended.attempt <= 1, "{ended:?}");
    nothing_is_left(&world, &tenant).await;
}

#[tokio::test]
async fn a_large_report_is_no_answer() {
    let world = World::load().await;
    let tenant = with_rows(&world, 20_000, json!({}), json!({})).await;
    let answer = wallet(&tenant, ALL).await;
    let told = refused(&world, "a large report", &answer, 422, "VAL001");
    assert!(told[0].contains("streamResult=true") && told[0].contains("4194304"), "{told:?}");
    let status = tenant.status(request_of(&answer)).await;
    assert!(status["files"][0]["object_bytes"].as_u64().unwrap() > 4 * 1024 * 1024, "{status}");
    nothing_is_left(&world, &tenant).await;
}

#[tokio::test]
async fn the_bus_is_told_and_no_endpoint() {
    let world = World::load().await;
    let (tenant, receiver) = (with_rows(&world, 10, json!({}), json!({})).await, world.receiver().await);
    register(&tenant, json!({ "url": receiver.url("/all") })).await;
    let consumer = Consumer::of(&world, &tenant.id).await;
    let answer = wallet(&tenant, ALL).await;
    assert_eq!(answer.status, 200);
    let id = json!(request_of(&answer));
    for event in ["report.succeeded", "report.expired"] {
        consumer.detail(|detail| detail["event"] == event && detail["request_id"] == id).await;
    }
    consumer.close().await;
    nothing_is_left(&world, &tenant).await;
    assert_eq!(tenant.status(request_of(&answer)).await["deliveries"], json!([]));
    assert_eq!(receiver.received("/all").len(), 0);
}

#[tokio::test]
async fn it_takes_its_turn_among_the_tenants_reports() {
    let world = World::load().await;
    let one = json!({ "quotas": { "running": 1 } });
    let tenant = with_rows(&world, 10, json!({}), one).await;
    tenant.hold_slot(&world).await;
    let answer = wallet(&tenant, ALL).await;
    let told = refused(&world, "no free slot", &answer, 429, "RLT001");
    assert!(told[0].contains("streamResult=true"), "{told:?}");
    assert!(!answer.header("retry-after").is_empty());
    let id = request_of(&answer);
    assert_eq!(tenant.status(id).await["status"], "CANCELLED");

    // One that is freed in time is taken.
    let (answer, ()) = tokio::join!(wallet(&tenant, ALL), async {
        let parked = eventually("a parked request", async || {
            world.requests(&tenant.id).await.into_iter().find(|request| request.waiting)
        });
        tenant.free_slot(&world, parked.await.id).await;
    });
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    nothing_is_left(&world, &tenant).await;
    assert_eq!(tenant.status(id).await["attempt"], 0, "what was refused is not run later");
}

#[tokio::test]
async fn a_days_quota_holds() {
    let world = World::load().await;
    let one = json!({ "quotas": { "requests_per_day": 1 } });
    let tenant = with_rows(&world, 10, json!({}), one).await;
    assert_eq!(wallet(&tenant, ALL).await.status, 200);
    for query in [
        ALL.to_owned(),
        format!("{ALL}&streamResult=true&deliveryMechanismType=http&deliveryMechanismValue=https://127.0.0.1/x"),
    ] {
        let answer = wallet(&tenant, &query).await;
        refused(&world, "one too many", &answer, 429, "RLT001");
        assert_eq!(answer.header("ratelimit-remaining"), "0");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    nothing_is_left(&world, &tenant).await;
}

#[tokio::test]
async fn several_at_once_have_their_own_answers() {
    let world = World::load().await;
    let tenant = with_rows(&world, 100, json!({}), json!({})).await;
    let formats = ["json", "xml", "xml", "json"];
    let answers = futures::future::join_all(formats.map(|format| {
        let query = format!("{ALL}&format={format}");
        let tenant = &tenant;
        async move { wallet(tenant, &query).await }
    }))
    .await;
    let mut ids: Vec<_> = answers.iter().map(request_of).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let rows = |answer: &Answer, format: &str| match format {
        "json" => answer.json().as_array().unwrap().len(),
        _ => xml_rows(&answer.body),
    };
    for (answer, format) in answers.iter().zip(formats) {
        assert_eq!((answer.status, rows(answer, format)), (200, 100), "{format}");
    }
    nothing_is_left(&world, &tenant).await;
}

/// As of an `api` that died: the worker's call was lost, or came too late.
#[tokio::test]
async fn what_is_lost_does_not_run_later() {
    let stage = Stage::set().await;
    let (world, tenant) = (&stage.world, &stage.tenant);
    let waited_for =
        |answer_by| Request { answer_by: Some(answer_by), due_at: Some(answer_by), delivery: None, ..stage.queued() };
    let late = waited_for(Timestamp::now() - SignedDuration::from_secs(1));
    stage.insert(&late).await;
    let message = RequestMessage::V1 { tenant: tenant.id.clone(), request: late.id, dead: None };
    let answer = world.invoke(&world.stack.functions.worker, &json!(message)).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    eventually("the sweeper to end it", async || {
        world.sweep().await;
        (tenant.status(late.id).await["status"] == "CANCELLED").then_some(())
    })
    .await;
    let ended = world.request(&tenant.id, late.id).await.row;
    assert_eq!((ended.attempt, ended.cancellation.unwrap().by.as_str()), (0, "waybill"));

    // In time it is run; the file of an answer that nobody fetched goes with the sweeper.
    let lost = waited_for(Timestamp::now() + SignedDuration::from_secs(60));
    stage.insert(&lost).await;
    let message = RequestMessage::V1 { tenant: tenant.id.clone(), request: lost.id, dead: None };
    world.invoke(&world.stack.functions.worker, &json!(message)).await;
    let done = world.request(&tenant.id, lost.id).await;
    assert_eq!(done.row.status, Status::Succeeded);
    let ends = done.row.expires_at.unwrap();
    assert!(ends <= lost.answer_by.unwrap() + SignedDuration::from_secs(60), "{ends}");
    let over = Timestamp::now() - SignedDuration::from_secs(1);
    let aged = Request { expires_at: Some(over), due_at: Some(over), ..done.row.clone() };
    world.table.write(vec![Write::replace(&done, &aged).unwrap()]).await.unwrap();
    eventually("the sweeper to delete it", async || {
        world.sweep().await;
        (tenant.status(lost.id).await["status"] == "EXPIRED" && world.files(&lost.folder(1)).await.is_empty())
            .then_some(())
    })
    .await;
    assert_eq!(stage.receiver.received("/hook").len(), 0, "told to nobody");
}

#[tokio::test]
async fn every_fault_of_a_query_is_told_at_once() {
    let world = World::load().await;
    let tenant = customer(&world, json!({ "time_zone": "Europe/Berlin" }), json!({})).await;
    let cases: [(&str, &[&str]); 14] = [
        ("", &["d1", "d2"]),
        ("d1=2024-02-30T00:00:00.000&d2=2024-03-31T02:30:00.000", &["d1", "d2"]),
        ("d1=2024-02-01&d2=2024-01-01", &["d1", "d2"]),
        ("d1=2024-01-01&d1=2024-01-01&d2=2024-01-02", &["d1"]),
        ("d1=2024-01-01&d2=2024-01-02&d3=2024-01-03&s1=x&n8=1", &["d3", "n8", "s1"]),
        ("d1=2024-01-01&d2=2024-01-02&organisationId=x", &["organisationId"]),
        ("d1=2024-01-01&d2=2024-01-02&organisationId=0", &["organisationId"]),
        ("d1=2024-01-01&d2=2024-01-02&format=pdf&color=red", &["color", "format"]),
        ("d1=2024-01-01&d2=2024-01-02&d9=x&s21=x&n0=x", &["d9", "n0", "s21"]),
        ("d1=2024-01-01T00:00:00+02:00&d2=2024-01-02", &["d1"]),
        (
            "d1=2024-01-01&d2=2024-01-02&deliveryMechanismType=http&deliveryMechanismValue=https://a.example",
            &["deliveryMechanismType", "deliveryMechanismValue"],
        ),
        (
            "d1=2024-01-01&d2=2024-01-02&streamResult=maybe",
            &["deliveryMechanismType", "deliveryMechanismValue", "streamResult"],
        ),
        (
            "d1=x&streamResult=true&deliveryMechanismType=fax&webhookAdditionalHeaders=a",
            &[
                "d1",
                "d2",
                "deliveryMechanismType",
                "deliveryMechanismValue",
                "webhookAdditionalHeaders",
                "webhookAdditionalHeaders",
            ],
        ),
        ("d1=%FF&d2=%00", &["d1", "d2"]),
    ];
    for (query, expected) in cases {
        let told = refused(&world, query, &wallet(&tenant, query).await, 400, "VAL001");
        let mut named: Vec<_> = told.iter().map(|one| one.split(':').next().unwrap()).collect();
        named.sort_unstable();
        assert_eq!(named, expected, "{query}: {told:?}");
    }
    tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn nobody_gets_what_is_not_theirs() {
    let world = World::load().await;
    let (tenant, other) = tokio::join!(customer(&world, json!({}), json!({})), Tenant::create(&world));
    let answer = ask(&other.api, &tenant, ALL).await;
    let told = refused(&world, "another tenant's", &answer, 403, "SEC001");
    let answer = other.api.get(&path("no-such-tenant", WALLET, ALL)).await.unwrap();
    assert_eq!(refused(&world, "no tenant", &answer, 403, "SEC001"), told, "it tells nothing");
    refused(&world, "switched off", &wallet(&other, ALL).await, 403, "SEC001");
    refused(&world, "no credential", &ask(&world.api, &tenant, ALL).await, 401, "SEC001");
    refused(&world, "bad credential", &ask(&world.api.with_token("x"), &tenant, ALL).await, 401, "SEC001");
    refused(&world, "the operator", &ask(&world.admin, &tenant, ALL).await, 403, "SEC001");
    for report in ["no_such_report", "..x", "%ff", "a%00b"] {
        let answer = tenant.api.get(&path(&tenant.id, report, ALL)).await.unwrap();
        refused(&world, report, &answer, 404, "NFE001");
    }
    let limited = customer(&world, json!({}), json!({ "allowed_reports": ["invoice_lines"] })).await;
    refused(&world, "not allowed", &wallet(&limited, ALL).await, 404, "NFE001");
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = tenant.api.send(method, &path(&tenant.id, WALLET, ALL), &[], vec![]).await.unwrap();
        refused(&world, "another method", &answer, 405, "VAL001");
        assert_eq!(answer.header("allow"), "GET");
    }
    let head = tenant.api.send(Method::HEAD, &path(&tenant.id, WALLET, ALL), &[], vec![]).await.unwrap();
    assert_eq!(head.status, 405, "it would run the report");
    for tenant in [&tenant, &other, &limited] {
        tenant.nothing_is_recorded(&world).await;
    }
}

#[tokio::test]
async fn who_may_not_read_gets_no_answer() {
    let world = World::load().await;
    let tenant = customer(&world, json!({}), json!({})).await;
    let path = format!("/v1/tenants/{}/api-keys", tenant.id);
    let made = world.admin.post(&path, &json!({ "name": "asks only", "scopes": ["reports:request"] })).await.unwrap();
    let key = made.expect_status("an API key", &[201]).unwrap();
    let asks = world.api.with_token(key["api_key"].as_str().unwrap());
    refused(&world, "may ask alone", &ask(&asks, &tenant, ALL).await, 403, "SEC001");
    tenant.nothing_is_recorded(&world).await;
    let delivered =
        format!("{ALL}&streamResult=true&deliveryMechanismType=http&deliveryMechanismValue=https://127.0.0.1/x");
    assert_eq!(ask(&asks, &tenant, &delivered).await.status, 204, "delivered, it is");
}

#[tokio::test]
async fn a_definition_that_does_not_fit_its_data_is_no_fault_of_the_callers() {
    let world = World::load().await;
    let tenant = with_rows(&world, 10, json!({}), json!({})).await;
    let broken = DEFINITION.replace("location, external_transaction_id", "place AS location, external_transaction_id");
    defined(&world, &tenant, &broken).await;
    let answer = wallet(&tenant, ALL).await;
    let told = refused(&world, "a broken definition", &answer, 500, "UNK001");
    assert!(!told[0].contains("place") && !told[0].contains("DataFusion"), "{told:?}");
    assert_eq!(tenant.status(request_of(&answer)).await["failure"]["code"], "DEFINITION_INVALID");
    nothing_is_left(&world, &tenant).await;
}

/// The same rows as through Waybill's own API.
#[tokio::test]
async fn it_is_the_report_of_the_own_api() {
    let world = World::load().await;
    let tenant = with_rows(&world, 150, json!({}), json!({})).await;
    let answer = wallet(&tenant, &format!("{ALL}&format=csv")).await;
    let mut order = tenant.wallet_order();
    order["packaging"] = json!("plain");
    order["format"] = json!("csv");
    let status = tenant.succeeded(tenant.order(&order).await).await;
    let opened = files::open(&world, &tenant, &status).await;
    let sorted = |text: &[u8]| {
        let mut lines: Vec<_> = String::from_utf8(text.to_vec()).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&answer.body), sorted(&std::fs::read(&opened.path).unwrap()));
}
