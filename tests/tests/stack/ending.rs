//! Calling requests off, and having files deleted.

use http::Method;
use serde_json::{Value, json};
use waybill::{aws::table::keys::Key, domain::admission::Slot};
use waybill_local::receiver::Reply;
use waybill_tests::{
    lake::Lake,
    presigned,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::{refusal, webhook};

async fn cancel(tenant: &Tenant, id: impl std::fmt::Display) -> waybill_local::api_client::Answer {
    tenant.api.post(&format!("/v1/requests/{id}/cancel"), &json!({})).await.unwrap()
}

#[tokio::test]
async fn what_waits_is_cancelled_at_once() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let receiver = world.receiver().await;
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let (first, second) = (tenant.order(&order).await, tenant.order(&tenant.wallet_order()).await);
    tenant.waits(first).await;
    tenant.waits(second).await;

    let cancelled = cancel(&tenant, first).await.expect_status("cancel", &[200]).unwrap();
    assert_eq!((&cancelled["status"], &cancelled["attempt"]), (&json!("CANCELLED"), &json!(0)));
    assert!(cancelled["cancelled_by"].as_str().unwrap().ends_with(&tenant.subject), "{cancelled}");
    let again = cancel(&tenant, first).await.expect_status("cancel again", &[200]).unwrap();
    assert_eq!(again["cancelled_at"], cancelled["cancelled_at"]);
    let told = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    assert_eq!(webhook::verified(&tenant, &told[0]).await["type"], "report.cancelled");

    // What waits behind it has its turn, though the wake-up was for the one that is gone.
    tenant.free_slot(&world, first).await;
    tenant.succeeded(second).await;
    let nothing = tenant.api.delete(&format!("/v1/requests/{first}")).await.unwrap();
    refusal::check(&world, "the deletion of what never was", &nothing, 409, "no_file");
    let over = cancel(&tenant, second).await;
    refusal::check(&world, "a request that has ended", &over, 409, "request_finished");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_run_is_called_off_within_seconds() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    Lake::generate(&world, &tenant.id, 60_000, 10).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    let mut small = tenant.wallet_order();
    small["parameters"] = json!({ "d1": "2020-01-01T00:00:00", "d2": "2020-01-02T00:00:00" });
    let next = tenant.order(&small).await;
    let progress = eventually("the first part and figures", async || {
        let status = tenant.status(id).await;
        assert_ne!(status["status"], "SUCCEEDED", "too quick to be called off: the lake must be larger");
        let uploads = world.uploads(&format!("{}/", tenant.id)).await;
        (status["progress"].is_object() && !uploads.is_empty()).then(|| status["progress"].clone())
    })
    .await;
    assert!(progress["rows_per_second"].as_u64().unwrap() > 0, "{progress}");
    let delete = tenant.api.send(Method::DELETE, &format!("/v1/requests/{id}"), &[], vec![]).await.unwrap();
    refusal::check(&world, "the deletion of what runs", &delete, 409, "request_unfinished");

    let cancelled = cancel(&tenant, id).await.expect_status("cancel", &[200]).unwrap();
    assert_eq!(cancelled["status"], "CANCELLED");
    eventually("the upload's end", async || world.uploads(&format!("{}/", tenant.id)).await.is_empty().then_some(()))
        .await;
    // Its slot is free again: what waited for it runs. (The attempt's lease alone would have kept it for longer.)
    tenant.succeeded(next).await;
    assert_eq!(tenant.status(id).await["status"], "CANCELLED");
    eventually("a slot that was given back", async || {
        let slot = world.table.get::<Slot>(&Key::slot(&tenant.id, 0)).await.unwrap().unwrap();
        slot.row.request.is_none().then_some(())
    })
    .await;
    let objects = world.objects(&format!("{}/{id}/", tenant.id)).await;
    assert!(objects.is_empty(), "{objects:?}");
}

#[tokio::test]
async fn a_deleted_file_is_gone_with_a_receipt() {
    let world = World::load().await;
    let (tenant, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let receiver = world.receiver().await;
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let id = tenant.order(&order).await;
    let done = tenant.succeeded(id).await;
    receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let link = done["link"]["url"].as_str().unwrap().to_owned();
    let presigned = world.api.get(&link).await.unwrap().header("location").to_owned();
    let path = format!("/v1/requests/{id}");

    let theirs = other.api.delete(&path).await.unwrap();
    refusal::check(&world, "somebody else's request", &theirs, 404, "not_found");

    let receipt = tenant.api.delete(&path).await.unwrap().expect_status("delete", &[200]).unwrap();
    assert_eq!(receipt["status"], "EXPIRED");
    assert_eq!(receipt["files"][0]["object_sha256"], done["files"][0]["object_sha256"]);
    assert!(receipt["deleted_by"].as_str().unwrap().ends_with(&tenant.subject), "{receipt}");
    // Now, not later: no object, and no way that was open stays so.
    assert!(world.objects(&format!("{}/", tenant.id)).await.is_empty());
    assert_eq!(presigned::opens(&world, &presigned).await, 404);
    assert_eq!(world.api.get(&link).await.unwrap().status, 410);

    let again = tenant.api.delete(&path).await.unwrap().expect_status("delete again", &[200]).unwrap();
    assert_eq!(again, receipt);
    let status = tenant.status(id).await;
    assert_eq!((&status["status"], &status["link"]), (&json!("EXPIRED"), &Value::Null));
    assert_eq!(status["deleted_at"], receipt["deleted_at"]);
    let told = receiver.wait_for("/hook", 2, LONG).await.unwrap();
    assert_eq!(webhook::verified(&tenant, &told[1]).await["type"], "report.expired");
    tenant.nothing_is_left_over(&world).await;
}

/// A notification that is still to be made does not show a link that opens nothing.
#[tokio::test]
async fn nobody_is_told_of_a_file_that_was_deleted() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let receiver = world.receiver().await;
    receiver.reply("/hook", [Reply::status(http::StatusCode::SERVICE_UNAVAILABLE)]);
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let id = tenant.order(&order).await;
    tenant.succeeded(id).await;
    receiver.wait_for("/hook", 1, LONG).await.unwrap();
    tenant.api.delete(&format!("/v1/requests/{id}")).await.unwrap().expect_status("delete", &[200]).unwrap();
    let ended = eventually("the end of the first notification", async || {
        let list = tenant.get(&format!("/v1/deliveries?request={id}")).await.json();
        let told = list["deliveries"].as_array()?.iter().find(|one| one["event"] == "report.succeeded")?.clone();
        (told["status"] != "PENDING").then_some(told)
    })
    .await;
    assert_eq!(ended["status"], "EXPIRED", "{ended}");
    assert!(ended["attempts"].as_u64().unwrap() < 5, "the schedule was not used up: {ended}");
}
