//! The end of a file's life.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use waybill::{
    aws::table::{Write, keys::Key, rows::LinkRow},
    domain::{
        link::{Link, LinkPointer},
        request::Request,
    },
};
use waybill_tests::{presigned::opens, tenant::Tenant, wait::eventually, world::World};

use crate::refusal;

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
    let capability = link.rsplit('/').next().unwrap();
    let pointer = world.table.get::<LinkRow>(&Key::link_pointer(capability)).await.unwrap().unwrap().row.pointer;
    let stored = world.table.get::<Link>(&Key::link(&tenant.id, id, pointer.link.unwrap())).await.unwrap().unwrap();
    let ended = Link { expires_at: past, ..stored.row.clone() };
    let ended = world.table.replace(&stored, ended).await.unwrap();
    let answer = world.api.get(&link).await.unwrap();
    refusal::check(&world, "an expired link", &answer, 410, "link_expired");
    world.table.replace(&ended, stored.row).await.unwrap();
    assert_eq!(world.api.get(&link).await.unwrap().status, 302, "of a file that is there");

    // As the release before recorded a link.
    let hash = waybill::digest::sha256_hex(capability.as_bytes());
    let earlier = LinkRow { hash, pointer: LinkPointer { link: None, ..pointer } };
    world.table.write(vec![Write::overwrite(&earlier).unwrap()]).await.unwrap();
    assert_eq!(world.api.get(&link).await.unwrap().status, 302);

    let stored = world.request(&tenant.id, id).await;
    let ended = Request { expires_at: Some(past), due_at: Some(past), ..stored.row.clone() };
    world.table.replace(&stored, ended).await.unwrap();
    let answer = world.api.get(&link).await.unwrap();
    refusal::check(&world, "a link that outlives its file", &answer, 410, "link_expired");
    let status = tenant.status(id).await;
    assert_eq!(status["status"], "EXPIRED");
    assert!(status["link"].is_null(), "{status}");
    let answer = tenant.api.post(&format!("/v1/requests/{id}/links"), &json!({})).await.unwrap();
    refusal::check(&world, "a new link to it", &answer, 410, "file_gone");

    eventually("the file's deletion", async || {
        world.sweep().await;
        world.objects(&format!("{}/", tenant.id)).await.is_empty().then_some(())
    })
    .await;
    assert_eq!(opens(&world, &presigned).await, 404, "even for who has a presigned URL");
    let answer = world.api.get(&link).await.unwrap();
    refusal::check(&world, "a deleted file's link", &answer, 410, "link_expired");
    let status = tenant.status(id).await;
    assert_eq!((&status["status"], &status["rows"]), (&json!("EXPIRED"), &json!(0)), "its figures stay");
    tenant.nothing_is_left_over(&world).await;
}
