//! Formats, packages and parts as a customer asks for them. That every tool opens them, and what is in them, is tried in
//! the test `interop`.

use std::io::{Cursor, Read};

use serde_json::{Value, json};
use waybill::domain::outcome::Format;
use waybill_tests::{
    lake::Lake,
    tenant::{Tenant, fresh_id},
    world::World,
};
use zip::ZipArchive;

use crate::refusal;

const ROWS: u64 = 1_200;

/// Movements, in every format.
const DEFINITION: &str = r##"
version = 1
title = "Movements"
formats = ["csv", "ndjson", "json", "xml", "xlsx", "parquet", "html", "txt", "pdf"]
sql = "SELECT unique_id, transaction_date, amount FROM transactions"

[datasets.transactions]
location = "wallet/transactions/tenant={tenant}/"
source = "parquet"
partitions = [{ name = "month", type = "text" }]
binding = { kind = "path" }

[output]
decimal_separator = ","

[[columns]]
name = "unique_id"
type = "text"

[[columns]]
name = "transaction_date"
title = "When"
type = "timestamp"

[[columns]]
name = "amount"
title = "Amount"
type = "decimal"
format = "#,##0.00"
total = true
"##;

/// A tenant with so many movements, and the id of its report.
async fn tenant_with(world: &World, rows: u64) -> (Tenant, String) {
    let tenant = Tenant::create(world).await;
    Lake::generate(world, &tenant.id, rows, 1).await;
    let id = fresh_id();
    let key = format!("tenants/{}/reports/{id}.toml", tenant.id);
    world.put(&world.stack.buckets.config, &key, format!("id = \"{id}\"\n{DEFINITION}").into()).await;
    (tenant, id)
}

/// A status, and what its link leads to.
struct Downloaded {
    status: Value,
    media_type: String,
    disposition: String,
    body: Vec<u8>,
}

async fn download(world: &World, tenant: &Tenant, order: &Value) -> Downloaded {
    let status = tenant.succeeded(tenant.order(order).await).await;
    let response = world.api.open_link(status["link"]["url"].as_str().unwrap()).await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (media_type, disposition) = (header("content-type"), header("content-disposition"));
    Downloaded { status, media_type, disposition, body: response.bytes().await.unwrap().to_vec() }
}

/// Names and contents, in the archive's order.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.name().unwrap().into_owned(), content)
        })
        .collect()
}

#[tokio::test]
async fn every_format_comes_under_its_name_and_type() {
    let world = World::load().await;
    let (tenant, report) = tenant_with(&world, ROWS).await;
    for format in Format::ALL {
        let order = json!({ "report": report, "format": format, "packaging": "plain" });
        let got = download(&world, &tenant, &order).await;
        let name = format!("{report}-{}.{}", got.status["id"].as_str().unwrap(), format.name());
        assert_eq!(got.status["files"][0]["name"], name);
        assert_eq!(got.media_type, format.media_type());
        assert_eq!(got.disposition, format!("attachment; filename=\"{name}\""));
        assert_eq!(got.status["rows"], ROWS, "{format:?}");
        let begins: &[u8] = match format {
            Format::Csv => b"unique_id,When,Amount\r\n",
            Format::Ndjson => b"{\"unique_id\":",
            Format::Json => b"[\n{\"unique_id\":",
            Format::Xml => b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            Format::Xlsx => b"PK\x03\x04",
            Format::Parquet => b"PAR1",
            Format::Html => b"<!DOCTYPE html>",
            Format::Txt => b"unique_id ",
            Format::Pdf => b"%PDF-",
        };
        let head = &got.body[..got.body.len().min(60)];
        assert!(head.to_ascii_lowercase().starts_with(&begins.to_ascii_lowercase()), "{format:?}: {head:?}");
    }
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_report_in_parts_is_one_archive_with_its_manifest_last() {
    let world = World::load().await;
    let (tenant, report) = tenant_with(&world, ROWS).await;
    let order = json!({ "report": report, "packaging": "plain", "split": { "rows": 500 } });
    let got = download(&world, &tenant, &order).await;
    let file = &got.status["files"][0];
    assert_eq!((&file["parts"], got.media_type.as_str()), (&json!(3), "application/zip"));
    let entries = entries(&got.body);
    let stem = format!("{report}-{}", got.status["id"].as_str().unwrap());
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    let parts = [1, 2, 3].map(|number| format!("{stem}-{number:04}.csv"));
    let last = ["manifest.json", "manifest.json.asc", "manifest.json.sig"];
    assert_eq!(names, parts.iter().map(String::as_str).chain(last).collect::<Vec<_>>());
    let lines = |index: usize| String::from_utf8_lossy(&entries[index].1).lines().count();
    assert_eq!([lines(0), lines(1), lines(2)], [501, 501, 201], "each whole, with its header");
    let inside: Value = serde_json::from_slice(&entries[3].1).unwrap();
    let beside = tenant.get(&format!("/v1/requests/{}/manifest", got.status["id"].as_str().unwrap())).await.json();
    assert_eq!(inside["files"], beside["files"]);
    assert!(inside["object"].is_null() && beside["object"]["sha256"] == file["object_sha256"]);
    let rows: Vec<&Value> = inside["files"].as_array().unwrap().iter().map(|part| &part["rows"]).collect();
    assert_eq!(rows, [500, 500, 200]);

    // By bytes, without the manifest inside; and the same again.
    let order = json!({
        "report": report, "packaging": "plain", "split": { "bytes": 65_536 }, "package": { "manifest": false },
    });
    let got = download(&world, &tenant, &order).await;
    let repeat = format!("/v1/requests/{}/repeat", got.status["id"].as_str().unwrap());
    let repeated = tenant.api.post(&repeat, &json!({})).await.unwrap().expect_status("repeat", &[202]).unwrap();
    let repeated = tenant.succeeded(repeated["id"].as_str().unwrap().parse().unwrap()).await;
    for name in ["parts", "plaintext_sha256"] {
        assert_eq!(repeated["files"][0][name], got.status["files"][0][name], "{name}");
    }
    let entries = self::entries(&got.body);
    assert!(
        entries.len() > 1
            && entries.iter().all(|(name, content)| { name.starts_with(&report) && content.len() <= 65_536 })
    );
}

#[tokio::test]
async fn a_request_may_want_values_otherwise_than_the_definition() {
    let world = World::load().await;
    let (tenant, report) = tenant_with(&world, 5).await;
    let first = |body: Vec<u8>| String::from_utf8(body).unwrap().lines().take(2).collect::<Vec<_>>().join("\n");
    let order = json!({ "report": report, "packaging": "plain" });
    let plain = first(download(&world, &tenant, &order).await.body);
    let (header, row) = plain.split_once('\n').unwrap();
    assert_eq!(header, "unique_id,When,Amount");
    assert!(row.ends_with('"') && row.contains('T'), "a decimal comma is quoted: {row}");

    let output = json!({
        "titles": { "amount": "Valor" }, "time_zone": "America/Sao_Paulo", "timestamp_format": "%d/%m/%Y %H:%M",
        "delimiter": ";", "bom": true,
    });
    let order = json!({ "report": report, "packaging": "plain", "output": output });
    let got = download(&world, &tenant, &order).await;
    assert_eq!(got.status["output"], output, "the status shows what was asked");
    let other = first(got.body);
    let (header, row) = other.split_once('\n').unwrap();
    assert_eq!(header, "\u{feff}unique_id;When;Valor");
    let cells: Vec<&str> = row.split(';').collect();
    assert_eq!((cells.len(), cells[1].len(), cells[1].matches('/').count()), (3, 16, 2), "{row}");
    assert!(cells[2].contains(','), "of the definition: {row}");
}

#[tokio::test]
async fn wishes_that_contradict_each_other_are_all_named() {
    let world = World::load().await;
    let (tenant, report) = tenant_with(&world, 5).await;
    let order = json!({
        "report": report, "format": "parquet", "packaging": "openpgp",
        "output": { "time_zone": "Mars/Olympus", "titles": { "nobody": "x" } },
        "split": { "bytes": 70_000 }, "package": { "compression": "gzip", "cipher": "aes256" },
    });
    let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
    let problem = refusal::check(&world, "contradictions", &answer, 422, "validation_failed");
    let pointers: Vec<String> = refusal::faults(&problem).into_iter().map(|(pointer, _)| pointer).collect();
    for wanted in ["/output", "/split/bytes", "/package/compression", "/package/cipher"] {
        assert!(pointers.iter().any(|pointer| pointer.starts_with(wanted)), "{wanted} is not in {problem}");
    }
    tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn what_a_format_cannot_hold_is_refused_with_a_better_one() {
    let world = World::load().await;
    let (tenant, report) = tenant_with(&world, 20_001).await;
    let order = json!({ "report": report, "format": "pdf", "packaging": "plain" });
    let status = tenant.finished(tenant.order(&order).await).await;
    assert_eq!((&status["status"], &status["failure"]["code"]), (&json!("FAILED"), &json!("TOO_LARGE")), "{status}");
    assert_eq!(status["attempt"], 1, "no further attempt would end otherwise");
    let detail = status["failure"]["detail"].as_str().unwrap();
    assert!(detail.contains("20000") && detail.contains("xlsx"), "{detail}");
    tenant.nothing_is_left_over(&world).await;
}
