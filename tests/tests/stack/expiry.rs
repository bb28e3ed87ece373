//! The end of a file's life.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use waybill::{
    aws::table::{keys::Key, rows::LinkRow},
    domain::request::Request,
};
use waybill_local::api_client::ApiClient;
use waybill_tests::{tenant::Tenant, wait::eventually, world::World};

use crate::refusal;

/// The status with which S3 answers a presigned URL.
async fn opens(world: &World, presigned: &str) -> u16 {
    let host = presigned.split('/').nth(2).unwrap();
    ApiClient::at(&world.stack.api_url, host).unwrap().get(presigned).await.unwrap().status
}

#[tokio::test]
async fn an_expired_report_is_refused_at_once_and_then_deleted() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    let link = tenant.succeeded(id).await["link"]["url"].as_str().unwrap().to_owned();
    let presigned = world.api.get(&link).await.unwrap().header("location").to_owned();
    assert_eq!(opens(&world, &presigned).await, 200);

    // Its time is over; nobody has swept yet.
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    let capability = link.rsplit('/').next().unwrap().to_owned();
    let stored = world.table.get::<LinkRow>(&Key::link(&capability)).await.unwrap().unwrap();
    let mut ended = LinkRow { capability, ..stored.row.clone() };
    ended.link.expires_at = past;
    world.table.replace(&stored, ended).await.unwrap();
    let answer = world.api.get(&link).await.unwrap();
    refusal::check(&world, "an expired link", &answer, 410, "link_expired");

    let stored = world.request(&tenant.id, id).await;
    let ended = Request { expires_at: Some(past), due_at: Some(past), ..stored.row.clone() };
    world.table.replace(&stored, ended).await.unwrap();
    let status = tenant.status(id).await;
    assert_eq!(status["status"], "EXPIRED");
    assert!(status["link"].is_null(), "{status}");

    eventually("the file's deletion", async || {
        world.sweep().await;
        world.objects(&format!("{}/", tenant.id)).await.is_empty().then_some(())
    })
    .await;
    assert_eq!(opens(&world, &presigned).await, 404, "even for who has a presigned URL");
    let answer = world.api.get(&link).await.unwrap();
    refusal::check(&world, "a deleted file's link", &answer, 410, "link_expired");
    let status = tenant.status(id).await;
    assert_eq!((&status["status"], &status["file"]["rows"]), (&json!("EXPIRED"), &json!(0)), "its figures stay");
    tenant.nothing_is_left_over(&world).await;
}
