//! Execute, poll, download.

use http::Method;
use serde_json::json;
use waybill::{digest::sha256_hex, domain::id::RequestId};
use waybill_tests::{presigned, wait::LONG, world::World};

use super::{Customer, execute, of_sample, refused};
use crate::webhook;

#[tokio::test]
async fn as_the_samples_do() {
    let world = World::load().await;
    let customer = Customer::with(&world, 300, json!({ "quotas": { "running": 1 } }), "").await;
    customer.tenant.hold_slot(&world).await;
    let mut body = of_sample(0);
    body["GenerateParams"]["CustomData"] = json!("pedido 7");
    let id = customer.execute(&body).await;

    // Nothing while it is not ready: neither where it stands, nor a file.
    let request = RequestId::new(id);
    customer.tenant.waits(request).await;
    let info = format!("/api/trep/v1/generateds/{id}/info");
    let early = customer.get(&info).await;
    assert_eq!((early.status, early.body.len()), (200, 0));
    let file = customer.get(&format!("/api/trep/v1/generateds/{id}/file?exportFileType=0")).await;
    refused(&world, "a file that is not made", &file, 409, "request_unfinished");
    assert_eq!(file.header("retry-after"), "2");
    customer.tenant.free_slot(&world, request).await;

    let info = customer.info(id).await;
    assert_eq!((&info["status"], &info["errorMessage"]), (&json!("Finalizado"), &json!(null)));
    assert_eq!((&info["customData"], &info["createdBy"]), (&json!("pedido 7"), &json!("usuarioLogado")));
    assert_eq!((&info["requestId"], &info["exportFileType"]), (&info["id"], &json!(0)));
    for date in ["scheduleDate", "startDate", "endDate", "createdOn", "modifiedOn"] {
        assert!(info[date].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{date}: {info}");
    }
    assert_eq!(customer.info(id).await["id"], info["id"], "the number stays");

    let file = customer.file(&info, 0).await;
    assert_eq!((file.status, file.header("content-type")), (200, "application/pdf"));
    assert!(file.body.starts_with(b"%PDF-"));
    let own = customer.tenant.status(request).await;
    assert_eq!(own["files"][0]["object_sha256"].as_str().unwrap(), sha256_hex(&file.body));
    assert!(file.header("content-disposition").contains(own["files"][0]["name"].as_str().unwrap()));
    assert_eq!(own["packaging"], "plain", "whatever the tenant's default is");

    // By its UUID too; each use is on record, and another format was not made.
    let again = customer.get(&format!("/api/trep/v1/generateds/{id}/file")).await;
    assert_eq!(again.body, file.body);
    let accesses = customer.tenant.get(&format!("/v1/requests/{request}/accesses")).await.json();
    assert_eq!(accesses["accesses"].as_array().unwrap().len(), 2, "{accesses}");
    let error = refused(&world, "another format", &customer.file(&info, 2).await, 400, "validation_failed");
    assert!(error["detailedMessage"].as_str().unwrap().contains("as pdf"), "{error}");

    // Once it is deleted, it is gone here too.
    customer.tenant.api.delete(&format!("/v1/requests/{request}")).await.unwrap();
    refused(&world, "a deleted file", &customer.file(&info, 0).await, 410, "file_deleted");
    assert_eq!(customer.info(id).await["status"], "Finalizado");
    customer.tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_large_file_is_a_redirect_that_every_client_can_follow() {
    let world = World::load().await;
    let customer = Customer::of(&world, 60_000).await;
    let info = customer.info(customer.execute(&of_sample(2)).await).await;
    let answer = customer.file(&info, 2).await;
    assert_eq!((answer.status, answer.body.len()), (302, 0));
    let file = presigned::get(&world, answer.header("location")).await;
    let status = customer.tenant.status(RequestId::new(info["uIdRequest"].as_str().unwrap().parse().unwrap())).await;
    assert!(file.body.len() > 4 << 20, "{} bytes", file.body.len());
    assert_eq!(file.body.len() as u64, status["files"][0]["object_bytes"].as_u64().unwrap());
    assert_eq!(String::from_utf8(file.body).unwrap().lines().count(), 60_001);
    let path = format!("/api/trep/v1/generateds/{}/file", info["id"]);
    let head = customer.tenant.api.send(Method::HEAD, &path, &[], vec![]).await.unwrap();
    assert_eq!(head.status, 302);
}

#[tokio::test]
async fn whoever_is_named_is_told() {
    let world = World::load().await;
    let customer = Customer::of(&world, 100).await;
    let receiver = world.receiver().await;
    let mut body = of_sample(5);
    body["NotificationParams"] = json!({ "Webhook": receiver.url("/hook") });
    let id = customer.execute(&body).await;
    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let told = webhook::verified(&customer.tenant, &received[0]).await;
    assert_eq!(told["data"]["request_id"], RequestId::new(id).to_string());

    let endpoint =
        webhook::register(&customer.tenant, json!({ "url": receiver.url("/other"), "events": ["report.succeeded"] }))
            .await;
    body["NotificationParams"] = json!({ "endpoint": endpoint.id });
    customer.execute(&body).await;
    receiver.wait_for("/other", 1, LONG).await.unwrap();
}

#[tokio::test]
async fn what_checks_find_is_an_error_or_a_warning() {
    let world = World::load().await;
    let check = "[[checks]]\nname = \"few\"\nkind = \"rows\"\nmax = 10\n";
    let customer = Customer::with(&world, 100, json!({}), check).await;
    let mut body = of_sample(2);
    let info = customer.info(customer.execute(&body).await).await;
    assert_eq!(info["status"], "Erro");
    assert!(info["errorMessage"].as_str().unwrap().starts_with("few: "), "{info}");
    refused(&world, "a report that its checks refuse", &customer.file(&info, 2).await, 409, "report_divergent");
    body["GenerateParams"]["StopExecutionOnError"] = json!(false);
    let info = customer.info(customer.execute(&body).await).await;
    assert_eq!(info["status"], "Aviso");
    assert_eq!(customer.file(&info, 2).await.status, 200);
}

#[tokio::test]
async fn language_packaging_and_progress_are_settings() {
    let world = World::load().await;
    let treports = json!({ "language": "en", "info_while_running": true, "packaging": "zip" });
    let settings = json!({ "interfaces": { "treports": treports }, "quotas": { "running": 1 } });
    let customer = Customer::with(&world, 50, settings, "").await;
    customer.tenant.hold_slot(&world).await;
    // Without settings of its own, a report has an identifier that is made of its id.
    let listed = customer.get("/api/trep/v1/reports").await.json();
    let items = listed["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["code"] == customer.report.as_str()).unwrap();
    let answer = customer.post(&execute(item["uId"].as_str().unwrap()), &of_sample(2)).await;
    let id = answer.expect_status("execute", &[200]).unwrap()["uIdRequest"].as_str().unwrap().parse().unwrap();
    customer.tenant.waits(RequestId::new(id)).await;
    let early = customer.info(id).await;
    assert_eq!((&early["status"], &early["endDate"]), (&json!("Pending"), &json!(null)));
    customer.tenant.free_slot(&world, RequestId::new(id)).await;
    customer.tenant.succeeded(RequestId::new(id)).await;
    let info = customer.info(id).await;
    assert_eq!((&info["status"], &info["id"]), (&json!("Finished"), &early["id"]));
    let file = customer.file(&info, 2).await;
    assert_eq!(file.header("content-type"), "application/zip");
    assert!(file.body.starts_with(b"PK"));
}
