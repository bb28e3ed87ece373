//! The lines of `docs/tesouro.md`.

use std::fs;

use jiff::SignedDuration;
use serde_json::json;
use waybill_local::unpack;
use waybill_tests::{
    doc_lines::{have, lines, public_url, run},
    lake::Lake,
    wait::LONG,
    world::World,
};

use super::customer;
use crate::webhook;

const GUIDE: &str = include_str!("../../../../docs/tesouro.md");

#[tokio::test]
async fn the_guides_lines_ask_follow_open_and_verify() {
    if !have(&["curl", "jq", "gpg", "base64"]) {
        return;
    }
    let world = World::load().await;
    let (tenant, receiver) = (customer(&world, json!({})).await, world.receiver().await);
    Lake::generate(&world, &tenant.id, 50, 1).await;
    webhook::register(&tenant, json!({ "url": receiver.url("/told"), "profile": "tesouro" })).await;
    let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
    let (folder, api) = (tempfile::tempdir().unwrap(), public_url(&world));
    let home = folder.path().join("gnupg");
    fs::create_dir(&home).unwrap();
    fs::copy(&tenant.private_key, folder.path().join("private.asc")).unwrap();
    let script = ["ask", "follow", "open"].map(|name| lines(GUIDE, name)).concat();
    let script = format!("gpg --batch --quiet --import private.asc\n{script}");
    let folder = tokio::task::spawn_blocking(move || {
        let variables = [("API", &*api), ("TOKEN", &*token), ("GNUPGHOME", home.to_str().unwrap())];
        run(&script, folder.path(), &variables);
        folder
    });
    let folder = folder.await.unwrap();
    assert_eq!(unpack::measure(&folder.path().join("report.csv")).unwrap().csv_rows, 50);

    let call = receiver.wait_for("/told", 1, LONG).await.unwrap().remove(0);
    fs::write(folder.path().join("body.json"), &call.body).unwrap();
    let signature = call.headers["waybill-openpgp-signature"].to_str().unwrap().to_owned();
    let home = folder.path().join("gnupg");
    tokio::task::spawn_blocking(move || {
        let variables = [("SIGNATURE", &*signature), ("GNUPGHOME", home.to_str().unwrap())];
        run(lines(GUIDE, "verify"), folder.path(), &variables);
    })
    .await
    .unwrap();
}
