//! Triggers of other AWS services, by the very templates that operators copy.

use std::{fs, path::Path, time::Duration};

use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::{id::RequestId, request::Request};
use waybill_tests::{
    example::Example,
    function::Function,
    python::python,
    skip,
    tenant::{Tenant, WALLET, fresh_id},
    wait::eventually,
    world::World,
};

/// The stack, where it admits what begins with `waybill-trigger-`, as the local one does.
async fn world() -> Option<World> {
    let world = World::load().await;
    if !world.is_local() {
        skip::skipped("what the stack admits to its intake is known of the local cloud only");
        return None;
    }
    Some(world)
}

/// A name that the stack admits.
fn name(tenant: &Tenant) -> String {
    format!("waybill-trigger-{}", tenant.id)
}

/// The one request of the tenant.
async fn made(world: &World, tenant: &Tenant) -> Request {
    let made = async || world.requests(&tenant.id).await.into_iter().next();
    eventually("the trigger's request", made).await
}

/// Puts an event on a bus.
async fn put_event(world: &World, bus: &str, source: &str, detail: &Value) {
    let event = json!({
        "endpoint": world.stack.aws_endpoint_url, "region": world.stack.region, "bus": bus, "source": source,
        "detail_type": "report.requested", "detail": detail,
    });
    python("put_event.py", event).await;
}

/// Calls the function with a batch of these messages, each from the queue of that ARN; returns which of them failed.
async fn failed(world: &World, messages: &[(&str, &str, Value)]) -> Vec<String> {
    let records: Vec<Value> = messages
        .iter()
        .map(|(id, queue, body)| {
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            json!({ "messageId": id, "body": body, "eventSource": "aws:sqs", "eventSourceARN": queue })
        })
        .collect();
    let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": records })).await;
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

/// Puts a file of triggers into the configuration bucket: in force at once, and beside those of other tests.
async fn put_triggers(world: &World, tenant: &Tenant, text: &str) {
    let key = format!("triggers/{}.toml", tenant.id);
    world.put(&world.stack.buckets.config, &key, text.as_bytes().to_vec()).await;
}

#[tokio::test]
async fn a_rule_on_another_bus_asks_for_its_own_tenant_alone() {
    let Some(world) = world().await else { return };
    let (tenant, victim) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let source = format!("{}.erp", tenant.id);
    let parameters = [
        ("IntakeQueueArn", world.stack.queues.intake_arn.as_str()),
        ("Tenant", &tenant.id),
        ("Source", &source),
        ("RuleName", &name(&tenant)),
    ];
    let example = Example::deploy(&world, "triggers/eventbridge.yaml", &name(&tenant), &parameters).await;
    assert!(example.output("RuleArn").ends_with(&format!("rule/{}", name(&tenant))));
    // In the body a tenant is an unknown field, as it is over HTTP: nobody gets anything by it.
    let mut forged = tenant.wallet_order();
    forged["tenant"] = json!(victim.id);
    put_event(&world, "default", &source, &forged).await;
    put_event(&world, "default", &source, &tenant.wallet_order()).await;
    let request = made(&world, &tenant).await;
    assert_eq!(request.requested_by, format!("event {source}"));
    tenant.succeeded(request.id).await;
    assert_eq!(world.requests(&tenant.id).await.len(), 1);
    victim.nothing_is_recorded(&world).await;
    example.delete().await;
    tenant.nothing_is_left_over(&world).await;
}

/// Triggers for a bucket: a month of each of these tenants, from keys with characters that S3 encodes.
fn triggers(bucket: &str, tenants: &[&str], more: &str) -> String {
    format!(
        r#"
[[objects]]
name = "monthly"
bucket = "{bucket}"
key = "sales é + b/month={{month}}/part *.csv"
tenants = {tenants:?}
{more}
[objects.request]
report = "{WALLET}"
parameters = {{ d1 = "{{month}}-01T00:00:00", d2 = "{{month}}-02T00:00:00" }}
"#
    )
}

const KEY: &str = "sales é + b/month=2024-01/part 1+1%.csv";

/// Whether the request is of the month in [`KEY`], by the trigger of the tenant's file.
fn is_of_the_key(request: &Request, tenant: &Tenant) {
    let expected = json!({ "d1": "2024-01-01T00:00:00", "d2": "2024-01-02T00:00:00" });
    assert_eq!(request.parameters, expected);
    assert_eq!(request.requested_by, format!("trigger {}/monthly", tenant.id));
}

/// As S3 tells a queue of an object.
fn notification(bucket: &str, sequencer: &str) -> Value {
    json!({ "Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-11-27T10:00:00.123Z",
        "s3": { "bucket": { "name": bucket }, "object": {
            "key": "sales+%C3%A9+%2B+b/month%3D2024-01/part+1%2B1%25.csv", "size": 1, "sequencer": sequencer,
        } },
    }] })
}

/// The same as EventBridge has it.
fn event(bucket: &str, sequencer: &str) -> Value {
    json!({
        "version": "0", "id": Uuid::new_v4(), "source": "aws.s3", "detail-type": "Object Created",
        "time": "2026-11-27T10:00:01Z", "account": "000000000000", "region": "us-east-1", "resources": [],
        "detail": { "bucket": { "name": bucket }, "object": { "key": KEY, "size": 1, "sequencer": sequencer } },
    })
}

#[tokio::test]
async fn an_object_asks_by_way_of_eventbridge() {
    let Some(world) = world().await else { return };
    let (tenant, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let bucket = name(&tenant);
    put_triggers(&world, &tenant, &triggers(&bucket, &[&tenant.id, &other.id], "")).await;
    let parameters = [
        ("IntakeQueueArn", world.stack.queues.intake_arn.as_str()),
        ("BucketName", &bucket),
        ("Prefix", "sales"),
        ("RuleName", &name(&tenant)),
    ];
    let example = Example::deploy(&world, "triggers/s3-eventbridge.yaml", &name(&tenant), &parameters).await;
    world.put(&bucket, "sales é + b/month=2024-01/ignored.txt", vec![0]).await;
    world.put(&bucket, KEY, vec![0]).await;
    for tenant_of_both in [&tenant, &other] {
        let request = made(&world, tenant_of_both).await;
        is_of_the_key(&request, &tenant);
        tenant_of_both.succeeded(request.id).await;
        assert_eq!(world.requests(&tenant_of_both.id).await.len(), 1);
    }
    example.delete().await;
    tenant.nothing_is_left_over(&world).await;
    other.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn an_object_asks_by_s3s_own_notification_and_once_however_it_is_told() {
    let Some(world) = world().await else { return };
    let tenant = Tenant::create(&world).await;
    let bucket = name(&tenant);
    put_triggers(&world, &tenant, &triggers(&bucket, &[&tenant.id], "")).await;
    let queue = world.stack.queues.intake_arn.as_str();
    let parameters = [("IntakeQueueArn", queue), ("BucketName", &bucket), ("Prefix", "sales")];
    let example = Example::deploy(&world, "triggers/s3-queue.yaml", &name(&tenant), &parameters).await;
    world.put(&bucket, KEY, vec![0]).await;
    let first = made(&world, &tenant).await;
    is_of_the_key(&first, &tenant);
    tenant.succeeded(first.id).await;

    // Twice by the one way and once by the other, with the time of the other: still one more.
    let told = [
        ("queue", queue, notification(&bucket, "A1")),
        ("queue again", queue, notification(&bucket, "A1")),
        ("event", queue, event(&bucket, "A1")),
    ];
    assert_eq!(failed(&world, &told).await, Vec::<String>::new());
    assert_eq!(world.requests(&tenant.id).await.len(), 2);
    // It was replaced: another object, another report.
    assert_eq!(failed(&world, &[("next", queue, notification(&bucket, "A2"))]).await, Vec::<String>::new());
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 3);
    for request in requests {
        tenant.succeeded(request.id).await;
    }
    example.delete().await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn further_objects_of_a_partition_ask_for_nothing_where_the_trigger_says_so() {
    let Some(world) = world().await else { return };
    let tenant = Tenant::create(&world).await;
    let bucket = name(&tenant);
    let queue = world.stack.queues.intake_arn.as_str();
    put_triggers(&world, &tenant, &triggers(&bucket, &[&tenant.id], "once_per = \"partition\"")).await;
    let mut other_month = event(&bucket, "A3");
    other_month["detail"]["object"]["key"] = json!("sales é + b/month=2024-02/part 1.csv");
    let told = [
        ("first", queue, notification(&bucket, "A1")),
        ("second", queue, event(&bucket, "A2")),
        ("another month", queue, other_month),
    ];
    assert_eq!(failed(&world, &told).await, Vec::<String>::new());
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 2);
    for request in requests {
        tenant.succeeded(request.id).await;
    }
}

#[tokio::test]
async fn what_no_trigger_wants_is_acknowledged_and_what_cannot_be_asked_for_is_not() {
    let Some(world) = world().await else { return };
    let (tenant, nobody) = (Tenant::create(&world).await, fresh_id());
    let bucket = name(&tenant);
    let queue = world.stack.queues.intake_arn.as_str();
    put_triggers(&world, &tenant, &triggers(&bucket, &[&nobody, &tenant.id], "")).await;
    let mut unfit = event(&bucket, "A2");
    unfit["detail"]["object"]["key"] = json!("sales é + b/month=June/part 1.csv");
    let mut forged = event(&bucket, "A3");
    forged["source"] = json!("acme.erp");
    let told = [
        ("test", queue, json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket })),
        ("another bucket", queue, notification("waybill-trigger-nobodys", "A1")),
        ("unfit", queue, unfit),
        ("forged", queue, forged),
        ("one of two", queue, notification(&bucket, "A1")),
    ];
    assert_eq!(failed(&world, &told).await, ["unfit", "forged", "one of two"]);
    // The other tenant has its report all the same, and no second one when the message comes again.
    assert_eq!(failed(&world, &told[4..]).await, ["one of two"]);
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 1);
    tenant.succeeded(requests[0].id).await;
}

async fn publish(world: &World, topic: &str, message: &Value, queue: Option<(&str, bool)>) -> String {
    let task = json!({
        "endpoint": world.stack.aws_endpoint_url, "region": world.stack.region, "topic": topic,
        "message": message.to_string(), "queue": queue.map(|(arn, _)| arn), "raw": queue.is_some_and(|(_, raw)| raw),
    });
    let published = python("publish.py", task).await;
    published["topic"].as_str().unwrap().to_owned()
}

fn envelope(tenant: &Tenant) -> Value {
    json!({
        "v": "1", "tenant": tenant.id, "source": "a.test", "event_id": Uuid::new_v4(), "time": Timestamp::now(),
        "request": tenant.wallet_order(),
    })
}

#[tokio::test]
async fn a_topics_message_is_its_tenants_whatever_it_says() {
    let Some(world) = world().await else { return };
    let (tenant, victim) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let queue = world.stack.queues.topic_arn.as_str();
    let parameters = [("TopicQueueArn", queue), ("TopicName", &name(&tenant))];
    let example = Example::deploy(&world, "triggers/sns.yaml", &name(&tenant), &parameters).await;
    let topic = example.output("TopicArn").to_owned();
    put_triggers(&world, &tenant, &format!("[[topics]]\ntopic = \"{topic}\"\ntenant = \"{}\"\n", tenant.id)).await;

    // No other test uses this queue: what fails on it need not wait for a minute each time.
    let sqs = aws_sdk_sqs::Client::new(&world.config);
    let url = sqs.get_queue_url().queue_name(queue.rsplit(':').next().unwrap()).send().await.unwrap();
    let visibility = (QueueAttributeName::VisibilityTimeout, "5");
    let hasten = sqs.set_queue_attributes().set_queue_url(url.queue_url).attributes(visibility.0, visibility.1);
    hasten.send().await.unwrap();

    // Wrapped, raw from a topic that the stack admits, and from one that it does not: none of them gets through.
    publish(&world, &topic, &envelope(&victim), None).await;
    publish(&world, &format!("{}-raw", name(&tenant)), &envelope(&victim), Some((queue, true))).await;
    let intake = world.stack.queues.intake_arn.as_str();
    publish(&world, &format!("{}-intake", name(&tenant)), &envelope(&victim), Some((intake, true))).await;
    let stranger =
        publish(&world, &format!("stranger-{}", tenant.id), &tenant.wallet_order(), Some((queue, false))).await;
    publish(&world, &topic, &tenant.wallet_order(), None).await;
    let request = made(&world, &tenant).await;
    assert_eq!(request.requested_by, format!("topic {}", name(&tenant)));
    tenant.succeeded(request.id).await;

    // What was refused lies where the operator looks.
    let dead = world.dead_letter(&world.stack.queues.intake_dlq, |letter| letter["tenant"] == victim.id.as_str()).await;
    assert_eq!(dead["source"], "a.test");

    // The same once more, and seen through.
    let notification = |topic: &str, message: &Value| {
        json!({
            "Type": "Notification", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "TopicArn": topic,
            "Message": message.to_string(), "Timestamp": "2026-11-27T10:00:00.000Z", "Signature": "…",
        })
    };
    let good = notification(&topic, &tenant.wallet_order());
    let told = [
        ("good", queue, good.clone()),
        ("good again", queue, good.clone()),
        ("raw", queue, envelope(&victim)),
        ("envelope", queue, notification(&topic, &envelope(&victim))),
        ("text", queue, notification(&topic, &json!("please"))),
        ("stranger", queue, notification(&stranger, &tenant.wallet_order())),
        ("confirmation", queue, json!({ "Type": "SubscriptionConfirmation", "TopicArn": topic })),
        ("on the other queue", world.stack.queues.intake_arn.as_str(), good),
    ];
    let refused = ["raw", "envelope", "text", "stranger", "confirmation", "on the other queue"];
    assert_eq!(failed(&world, &told).await, refused);
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 2);
    for request in requests {
        tenant.succeeded(request.id).await;
    }
    victim.nothing_is_recorded(&world).await;
    example.delete().await;
    tenant.nothing_is_left_over(&world).await;
}

/// What a test does to a payload.
type Change<'a> = &'a dyn Fn(&mut Value);

#[tokio::test]
async fn a_call_is_answered() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let call = async |payload: &Value| world.invoke(&world.stack.functions.intake, payload).await;
    let payload = envelope(&tenant);
    let first = call(&payload).await;
    assert_eq!(first["status"], "RECORDED", "{first}");
    let id: RequestId = first["request_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(call(&payload).await, json!({ "status": "REPLAYED", "request_id": id }));
    assert_eq!(tenant.succeeded(id).await["requested_by"], "call a.test");

    let mut valid = envelope(&tenant);
    valid["request"]["validate_only"] = json!(true);
    assert_eq!(call(&valid).await, json!({ "status": "VALID" }));
    let mut process = envelope(&tenant);
    process["process"] = json!({ "id": "p-1", "status": 3 });
    process.as_object_mut().unwrap().remove("request");
    assert_eq!(call(&process).await, json!({ "status": "RECORDED" }));
    assert_eq!(call(&process).await, json!({ "status": "REPLAYED" }));

    let refused = async |change: Change| {
        let mut payload = payload.clone();
        change(&mut payload);
        let answer = call(&payload).await;
        assert_eq!(answer["status"], "REFUSED", "{answer}");
        answer["errors"].as_array().unwrap().iter().map(|one| (one["pointer"].clone(), one["code"].clone())).collect()
    };
    let cases: [(Change, &str, &str); 10] = [
        (&|payload| *payload = json!(null), "", "malformed"),
        (&|payload| payload["more"] = json!(1), "", "malformed"),
        (&|payload| payload["process"] = json!({}), "", "malformed"),
        (&|payload| payload["v"] = json!("2"), "/v", "not_allowed"),
        (&|payload| payload["tenant"] = json!("t-nobody"), "/tenant", "unknown_tenant"),
        (&|payload| payload["tenant"] = json!("../x"), "/tenant", "unknown_tenant"),
        (&|payload| payload["source"] = json!("x".repeat(300)), "/source", "out_of_range"),
        (&|payload| payload["request"]["parameters"]["d1"] = json!("x".repeat(70_000)), "/request", "out_of_range"),
        // The event is known, and was another.
        (&|payload| payload["request"]["report"] = json!("nothing"), "/event_id", "idempotency_key_reused"),
        (
            &|payload| {
                payload["event_id"] = json!("new");
                payload["request"]["parameters"]["d1"] = json!("yesterday");
            },
            "/request/parameters/d1",
            "format",
        ),
    ];
    for (change, pointer, code) in cases {
        let found: Vec<(Value, Value)> = refused(change).await;
        assert_eq!(found, [(json!(pointer), json!(code))]);
    }
    tenant.nothing_is_left_over(&world).await;
}

/// Documents by their schemas in `docs/schemas/in`: what is wrong with each.
async fn faults(documents: Value) -> Value {
    python("validate_examples.py", json!({ "documents": documents })).await
}

#[tokio::test]
async fn what_is_documented_fits_its_schema_and_is_taken() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let found = python("validate_examples.py", json!({ "page": "triggers.md" })).await;
    assert_eq!(found["faults"], json!([]));
    let examples = found["examples"].as_array().unwrap();
    let of = |schema: &str| -> Vec<&Value> {
        examples.iter().filter(|one| one["schema"] == schema).map(|one| &one["document"]).collect()
    };
    let as_ours = |document: &Value| {
        let mut ours = document.clone();
        ours["tenant"] = json!(tenant.id);
        if ours["request"].is_object() {
            ours["request"] = tenant.wallet_order();
        }
        ours
    };
    let (messages, calls) = (of("message"), of("call"));
    assert!(messages.len() >= 2 && !calls.is_empty() && of("answer").len() >= 2, "{examples:#?}");
    let queue = world.stack.queues.intake_arn.as_str();
    for message in messages {
        assert_eq!(failed(&world, &[("one", queue, as_ours(message))]).await, Vec::<String>::new(), "{message}");
    }
    for payload in calls {
        let answer = world.invoke(&world.stack.functions.intake, &as_ours(payload)).await;
        assert_eq!(faults(json!([{ "schema": "answer", "document": answer }])).await["faults"], json!([]), "{answer}");
    }
    // And the schemas refuse what is refused.
    let mut without = envelope(&tenant);
    without.as_object_mut().unwrap().remove("tenant");
    let mut both = envelope(&tenant);
    both["process"] = json!({ "id": "p", "status": 1 });
    for (schema, document) in [("message", without), ("message", both.clone()), ("call", both), ("call", json!([]))] {
        let found = faults(json!([{ "schema": schema, "document": document }])).await;
        assert_eq!(found["faults"].as_array().map(Vec::is_empty), Some(false), "{document}");
    }
    for request in world.requests(&tenant.id).await {
        tenant.succeeded(request.id).await;
    }
}

#[tokio::test]
async fn an_alias_is_for_its_tenant_alone() {
    let Some(world) = world().await else { return };
    let (tenant, victim) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let function = world.stack.functions.intake.as_str();
    let parameters = [("IntakeFunctionName", function), ("Tenant", tenant.id.as_str())];
    let example = Example::deploy(&world, "triggers/direct.yaml", &name(&tenant), &parameters).await;
    let alias = format!("{function}:tenant-{}", tenant.id);
    assert!(example.output("AliasArn").ends_with(&alias));
    assert_eq!(world.invoke(&alias, &envelope(&tenant)).await["status"], "RECORDED");

    // The local cloud calls the function behind an alias by the function's own name. Lambda says what was called; so here
    // the test is Lambda.
    let intake = Function::start(&world, "waybill-intake", &alias).await;
    let time = Duration::from_secs(30);
    let refused = intake.invoke(&envelope(&victim), time).await;
    assert_eq!(refused["status"], "REFUSED", "{refused}");
    assert_eq!(refused["errors"][0]["pointer"], "/tenant");
    let mut unnamed = envelope(&victim);
    unnamed.as_object_mut().unwrap().remove("tenant");
    let taken = intake.invoke(&unnamed, time).await;
    assert_eq!(taken["status"], "RECORDED", "{taken}");
    victim.nothing_is_recorded(&world).await;
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 2);
    for request in requests {
        tenant.succeeded(request.id).await;
    }
    example.delete().await;
}

/// With a configuration bucket of its own: the file would be in the way of every other test.
#[tokio::test]
async fn a_file_that_cannot_be_read_loses_no_object_and_holds_up_no_other_file() {
    let Some(world) = world().await else { return };
    let tenant = Tenant::create(&world).await;
    let bucket = name(&tenant);
    aws_sdk_s3::Client::new(&world.config).create_bucket().bucket(&bucket).send().await.unwrap();
    let put = async |key: &str, text: &str| world.put(&bucket, key, text.as_bytes().to_vec()).await;
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../infra/reports/{WALLET}.toml"));
    put(&format!("reports/{WALLET}.toml"), &fs::read_to_string(definition).unwrap()).await;
    put("triggers/good.toml", &triggers("lake-of-a-test", &[&tenant.id], "")).await;
    put("triggers/bad.toml", "[[objects]]\nname = \"x\"\nbukket = \"y\"\n").await;
    let changes = [("WAYBILL_CONFIG_BUCKET", bucket.as_str())];
    let intake = Function::start_with(&world, "waybill-intake", &world.stack.functions.intake, &changes).await;
    let record = json!({ "messageId": "m-1", "body": notification("lake-of-a-test", "A1").to_string() });
    let told = async || {
        let answer = intake.invoke(&json!({ "Records": [record] }), Duration::from_secs(30)).await;
        answer["batchItemFailures"].as_array().unwrap().len()
    };
    assert_eq!(told().await, 1);
    assert!(intake.log().contains("triggers/bad.toml is not valid: bad.toml:"), "{}", intake.log());
    assert_eq!(world.requests(&tenant.id).await.len(), 1, "the other file's report");
    // Mended: in force at once.
    put("triggers/bad.toml", &triggers("lake-of-a-test", &[&tenant.id], "")).await;
    assert_eq!(told().await, 0);
    assert_eq!(told().await, 0);
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 2, "one for each trigger");
    for request in requests {
        tenant.succeeded(request.id).await;
    }
}

#[tokio::test]
async fn the_log_says_what_is_wrong_with_an_event_and_where() {
    let Some(world) = world().await else { return };
    let tenant = Tenant::create(&world).await;
    let mut wrong = envelope(&tenant);
    wrong["request"]["parameters"]["d1"] = json!("yesterday");
    let record = json!({ "messageId": "m-1", "body": wrong.to_string(), "eventSource": "aws:sqs" });
    let intake = Function::start(&world, "waybill-intake", &world.stack.functions.intake).await;
    let answer = intake.invoke(&json!({ "Records": [record] }), Duration::from_secs(30)).await;
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "m-1");
    let lines: Vec<Value> = intake.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let has = |wanted: &[(&str, &str)]| {
        lines.iter().any(|line| wanted.iter().all(|(field, value)| line[*field].as_str() == Some(value)))
    };
    assert!(
        has(&[("message", "fault in an event"), ("pointer", "/parameters/d1"), ("message.id", "m-1")]),
        "{lines:#?}"
    );
    assert!(has(&[("message", "event not accepted"), ("kind", "eventbridge"), ("message.id", "m-1")]), "{lines:#?}");
    assert!(has(&[("Kind", "eventbridge"), ("Outcome", "refused")]), "{lines:#?}");
    tenant.nothing_is_recorded(&world).await;
}
