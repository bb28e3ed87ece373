//! A worker whose function's time runs out in the middle of a run.

use std::time::Duration;

use serde_json::{Value, json};
use waybill::domain::{id::RequestId, outcome::Packaging, request::Request};
use waybill_tests::{function::Function, lake::Lake, skip, tenant::WALLET, wait::eventually};

use crate::{failures::every_row_with_every_other, faults::Stage};

/// What the worker keeps of its time to end properly is 20 s; the rest lets it start an upload on a busy machine.
const SHORT: Duration = Duration::from_secs(35);

/// As the function is deployed.
const USUAL: Duration = Duration::from_secs(900);

#[tokio::test]
async fn a_worker_stops_ahead_of_its_deadline_and_goes_on_with_the_next() {
    let (endless, usual) = tokio::join!(Stage::set(), Stage::set());
    if !endless.world.is_local() {
        skip::skipped("a worker's deadline can be set in the local cloud only");
        return;
    }
    let request = endless_request(&endless).await;
    let worker = Function::start(&endless.world, "waybill-worker", &endless.world.stack.functions.worker).await;
    let event = batch(&endless, request.id);
    let (answer, ()) = tokio::join!(worker.invoke(&event, SHORT), upload_begins(&endless, request.id));
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    stopped_cleanly(&endless, request.id).await;

    // Of another tenant: the process knows the first one's definition for a while.
    let request = usual.queued();
    usual.insert(&request).await;
    let answer = worker.invoke(&batch(&usual, request.id), USUAL).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    usual.ends_once(request.id, 1).await;
}

/// A request that only this test's worker learns of, and that takes minutes: 81 million rows. In plain files the first
/// part goes early.
async fn endless_request(stage: &Stage) -> Request {
    let key = format!("tenants/{}/reports/{WALLET}.toml", stage.tenant.id);
    let definition = every_row_with_every_other();
    stage.world.put(&stage.world.stack.buckets.config, &key, definition.into_bytes()).await;
    Lake::generate(&stage.world, &stage.tenant.id, 3_000, 3).await;
    let request = Request { packaging: Packaging::Plain, delivery: None, ..stage.queued() };
    stage.insert(&request).await;
    request
}

/// The event of the request's message, as the queue's poller makes it.
fn batch(stage: &Stage, id: RequestId) -> Value {
    json!({ "Records": [{
        "messageId": "of-a-test",
        "receiptHandle": "of-a-test",
        "body": stage.message(id),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": stage.world.stack.region,
    }] })
}

async fn upload_begins(stage: &Stage, id: RequestId) {
    eventually("the upload's first part", async || {
        let begun = !stage.world.uploads(&prefix(stage, id)).await.is_empty();
        let status = stage.world.request(&stage.tenant.id, id).await.row.status;
        assert!(begun || !status.is_final(), "{status:?} before the upload began: nothing to clean up");
        begun.then_some(())
    })
    .await;
}

async fn stopped_cleanly(stage: &Stage, id: RequestId) {
    let status = stage.tenant.status(id).await;
    assert_eq!((&status["status"], &status["attempt"]), (&json!("FAILED"), &json!(1)), "{status}");
    assert_eq!(status["failure"]["code"], "TIMED_OUT", "{status}");
    assert_eq!(stage.world.uploads(&prefix(stage, id)).await, [""; 0], "half an upload");
    assert_eq!(stage.world.objects(&prefix(stage, id)).await, [""; 0], "a file of a failed request");
    stage.tenant.nothing_is_left_over(&stage.world).await;
}

fn prefix(stage: &Stage, id: RequestId) -> String {
    format!("{}/{id}/", stage.tenant.id)
}
