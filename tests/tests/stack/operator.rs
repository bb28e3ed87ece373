//! What the operator sees: metrics of a flow, the dashboard, a request's story, and the runbook's lines.

use std::{path::Path, process::Command};

use futures::{StreamExt, stream};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use waybill::{
    aws::table::keys::Key,
    domain::{delivery::Delivery, id::RequestId},
    telemetry::{NAMESPACE, STACK, Unit, metrics},
};
use waybill_local::{receiver::Reply, stack::Stack};
use waybill_tests::{
    doc_lines::{have, lines, run},
    lake::Lake,
    python::python,
    tenant::Tenant,
    wait::eventually,
    world::World,
};

use crate::webhook;

/// Of no other test: metrics name no tenant.
const ROWS: u64 = 1_031;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

async fn cloudwatch(world: &World) -> Value {
    let stack = &world.stack;
    let input = json!({ "endpoint": stack.aws_endpoint_url, "region": stack.region, "stack": stack.stack_name });
    python("cloudwatch.py", input).await
}

/// A report whose receiver answers 500, and then takes it; with the delivery as it was then.
async fn told_at_the_second_attempt(world: &World, tenant: &Tenant) -> (RequestId, Delivery) {
    let receiver = world.receiver().await;
    let broken = Reply::status(StatusCode::INTERNAL_SERVER_ERROR).body("out of order");
    receiver.reply("/hook", [broken, Reply::status(StatusCode::OK)]);
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let id = tenant.order(&order).await;
    let over = webhook::delivery_over(tenant, id).await;
    assert_eq!(over["status"], "DELIVERED", "{over}");
    let delivery = over["id"].as_str().unwrap().parse().unwrap();
    let row = world.table.get::<Delivery>(&Key::delivery(&tenant.id, id, delivery)).await.unwrap();
    (id, row.unwrap().row)
}

/// Whether a line of metrics says this, as of these dimensions.
fn says(lines: &[Value], dimensions: &[(&str, &str)], name: &str, value: u64) -> bool {
    lines.iter().any(|line| line[name] == value && dimensions.iter().all(|(name, value)| line[name] == *value))
}

#[tokio::test]
async fn a_flow_is_measured() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, ROWS, 1).await;
    let (id, delivery) = told_at_the_second_attempt(&world, &tenant).await;
    let request = world.request(&tenant.id, id).await.row;
    let millis = |from: jiff::Timestamp, to: Option<jiff::Timestamp>| {
        u64::try_from(to.unwrap().as_millisecond() - from.as_millisecond()).unwrap()
    };
    let file = request.file.as_ref().unwrap();
    assert_eq!(file.rows, ROWS);
    let expected = [
        (vec![("Interface", "waybill"), ("Outcome", "accepted")], "Requests", 1),
        (vec![], "QueueTime", millis(request.created_at, request.started_at)),
        (vec![], "Rows", ROWS),
        (vec![], "Bytes", file.object_bytes),
        (vec![], "RunTime", file.timings.total_ms),
        (vec![("Outcome", "succeeded")], "Reports", 1),
        (vec![], "ReportTime", millis(request.created_at, request.finished_at)),
        (vec![("Channel", "webhook"), ("Outcome", "retryable")], "Attempts", 1),
        (vec![("Channel", "webhook"), ("Outcome", "success")], "Attempts", 1),
        (vec![("Channel", "webhook"), ("Outcome", "delivered")], "Deliveries", 1),
        (
            vec![("Channel", "webhook")],
            "DeliveryLatency",
            millis(delivery.announcement.occurred_at, delivery.finished_at),
        ),
        (vec![], "LaneLimit", 100),
    ];
    // A function's output is in its log a moment after it was written.
    eventually("all metrics of the flow", async || {
        let seen = cloudwatch(&world).await;
        let lines = seen["metrics"].as_array().unwrap();
        let missing: Vec<_> = expected.iter().filter(|(dims, name, value)| !says(lines, dims, name, *value)).collect();
        if !missing.is_empty() {
            eprintln!("not yet: {missing:?}");
        }
        missing.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn sweeps_tell_of_themselves_and_every_line_is_of_the_list() {
    let world = World::load().await;
    world.sweep().await;
    let seen = eventually("the metrics of a sweep", async || {
        let seen = cloudwatch(&world).await;
        let lines = seen["metrics"].as_array().unwrap();
        lines.iter().any(|line| line["SweepLag"].is_u64() && line["SweptLeft"] == 0).then_some(seen)
    })
    .await;
    for line in seen["metrics"].as_array().unwrap() {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&directive["Namespace"], &line[STACK]), (&json!(NAMESPACE), &json!(world.stack.stack_name)));
        let names = directive["Dimensions"][0].as_array().unwrap();
        assert_eq!(names[0], STACK);
        let dimensions: Vec<(&str, &str)> = names[1..]
            .iter()
            .map(|name| name.as_str().unwrap())
            .map(|name| (name, line[name].as_str().unwrap()))
            .collect();
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            let unit = match metric["Unit"].as_str().unwrap() {
                "Count" => Unit::Count,
                "Bytes" => Unit::Bytes,
                "Milliseconds" => Unit::Milliseconds,
                "Percent" => Unit::Percent,
                other => panic!("{other}: {line}"),
            };
            assert!(metrics::is_listed(name, unit, &dimensions), "{line}");
            assert!(line[name].is_u64(), "{line}");
        }
    }
}

#[tokio::test]
async fn the_dashboard_and_the_alarms_are_there() {
    let world = World::load().await;
    let seen = cloudwatch(&world).await;
    let dashboards = seen["dashboards"].as_array().unwrap();
    assert_eq!(dashboards.len(), 1);
    let text = dashboards[0].to_string();
    assert!(text.contains(&world.stack.stack_name) && text.contains(&world.stack.functions.worker));
    let left: Vec<&str> = text.split("${").skip(1).filter(|rest| !rest.starts_with("PROP('Dim.")).collect();
    assert_eq!(left, Vec::<&str>::new(), "all is put in but CloudWatch's own");
    let limits = &text[text.find("\"WorkerMaxConcurrency\",\"value\":").unwrap()..];
    assert!(limits.starts_with("\"WorkerMaxConcurrency\",\"value\":10"), "a figure");
    let alarms = seen["alarms"].as_array().unwrap();
    assert_eq!(dashboards[0]["widgets"][0]["properties"]["alarms"].as_array().unwrap().len(), alarms.len());
    assert!(alarms.iter().all(|alarm| alarm.as_str().unwrap().contains("Runbook, docs/runbook/")));
}

/// `make story`, as an operator types it.
fn story(arguments: &[&str]) -> std::process::Output {
    let file = std::env::var("WAYBILL_STACK").unwrap();
    let mut make = Command::new("make");
    make.args(["--no-print-directory", "story", &format!("STACK_FILE={file}")]).args(arguments).current_dir(root());
    // Those of the make that runs the tests, if it is one.
    make.env_remove("MAKEFLAGS").env_remove("STACK").env_remove("MAKELEVEL").output().unwrap()
}

async fn told(arguments: Vec<String>) -> String {
    let output = tokio::task::spawn_blocking(move || story(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Entries of the timeline: where each is from, and what it says.
fn timeline(story: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries = story["timeline"].as_array().unwrap();
    entries.iter().map(|entry| (text(&entry["from"]), text(&entry["what"]))).collect()
}

#[tokio::test]
async fn a_requests_story_is_told_from_its_id() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, ROWS, 1).await;
    let (id, delivery) = told_at_the_second_attempt(&world, &tenant).await;
    let status = tenant.status(id).await;
    let link = status["link"]["url"].as_str().unwrap_or_default().to_owned();
    assert_eq!(world.api.send(Method::GET, &link, &[], vec![]).await.unwrap().status, 302);
    let expected = [
        ("table", "recorded: QUEUED"),
        ("api", "INFO request recorded"),
        ("table", "claimed by a worker for the first time: RUNNING"),
        ("worker", "INFO run begins"),
        ("worker", "INFO file produced"),
        ("table", "ended: SUCCEEDED"),
        ("table", "(managed) by"),
        ("table", "followed (GET)"),
        ("api", "INFO link followed"),
        ("table", "of report.succeeded made: webhook at"),
        ("table", "attempt 1 of dlv_"),
        ("dispatcher", "INFO attempt over"),
        ("table", "HTTP 500 in"),
        ("table", "answer: 'out of order'"),
        ("table", "HTTP 200 in"),
        ("table", ": DELIVERED"),
    ];
    let story = eventually("a story with all lines", async || {
        let story: Value = serde_json::from_str(&told(vec![format!("REQUEST={id}"), "JSON=1".into()]).await).unwrap();
        let seen = timeline(&story);
        let lacks = |(from, what): &&(&str, &str)| !seen.iter().any(|entry| entry.0 == *from && entry.1.contains(what));
        let missing: Vec<_> = expected.iter().filter(lacks).collect();
        if !missing.is_empty() {
            eprintln!("not yet: {missing:?} in {seen:#?}");
        }
        missing.is_empty().then_some(story)
    })
    .await;
    assert_eq!((&story["request"], &story["tenant"]), (&json!(id), &json!(tenant.id)));
    let since: Vec<i64> =
        story["timeline"].as_array().unwrap().iter().map(|entry| entry["since_ms"].as_i64().unwrap()).collect();
    assert!(since.is_sorted() && since[0] == 0, "{since:?}");
    let facts = story["facts"].to_string();
    assert!(facts.contains("SUCCEEDED") && facts.contains(&format!("{ROWS} rows")), "{facts}");

    let of_delivery = told(vec![format!("REQUEST={}", delivery.id), "JSON=1".into()]).await;
    let of_delivery: Value = serde_json::from_str(&of_delivery).unwrap();
    assert_eq!(of_delivery["request"], json!(id), "a delivery leads to its request");
    let text = told(vec![format!("REQUEST={id}"), format!("TENANT={}", tenant.id)]).await;
    assert!(text.contains("attempt over") && text.contains("HTTP 500"), "{text}");
    let capability = link.rsplit('/').next().unwrap();
    for secret in [capability, "/hook", "2024-01-01T00:00:00", tenant.webhook_secret.as_str(), "link_sealed"] {
        assert!(!secret.is_empty() && !text.contains(secret) && !story.to_string().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_story_that_is_not_there_is_said_to_be_not() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    for (arguments, says) in [
        (vec![format!("REQUEST={}", RequestId::generate())], "There is no request req_"),
        (vec![format!("REQUEST={}", RequestId::generate()), format!("TENANT={}", tenant.id)], "of tenant t-"),
        (vec!["REQUEST=dlv_0".to_owned()], "There is no delivery dlv_0"),
        (vec!["REQUEST=x".to_owned()], "name a request (req_…)"),
    ] {
        let output =
            tokio::task::spawn_blocking(move || story(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(says), "{said}");
        assert!(!said.contains("Traceback"), "{said}");
    }
}

/// Runs lines as an operator of the stack would.
fn typed(stack: &Stack, script: &str, outputs: &str) -> String {
    let mut variables = vec![("STACK", stack.stack_name.as_str()), ("OUTPUTS", outputs), ("AWS_PAGER", "")];
    if stack.aws_endpoint_url.is_empty() {
        return run(script, root(), &variables);
    }
    variables.extend([
        ("AWS_ENDPOINT_URL", stack.aws_endpoint_url.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", stack.region.as_str()),
    ]);
    // The CLI's first version takes an endpoint of SQS by its option alone.
    let aws = "aws() { command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }\n";
    run(&format!("{aws}{script}"), root(), &variables)
}

#[tokio::test]
async fn the_runbooks_lines_run() {
    if !have(&["aws"]) {
        return;
    }
    let world = World::load().await;
    let folder = root().join("docs/runbook");
    let functions = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let functions = lines(&functions, "functions").to_owned();
    let outputs = typed(&world.stack, &format!("{functions}printf %s \"$OUTPUTS\""), "");
    assert!(outputs.contains(&world.stack.table), "{outputs}");
    let pages = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let pages: Vec<_> = pages.filter(|path| !path.ends_with("README.md")).collect();
    assert!(pages.len() > 15);
    let runs = stream::iter(pages).map(|page| {
        let text = std::fs::read_to_string(&page).unwrap();
        let script = format!("{functions}{}", lines(&text, "look"));
        let (stack, outputs) = (world.stack.clone(), outputs.clone());
        tokio::task::spawn_blocking(move || typed(&stack, &script, &outputs))
    });
    let mut said: Vec<String> = runs.buffer_unordered(4).map(Result::unwrap).collect().await;
    said.retain(|said| !said.trim().is_empty());
    assert!(said.len() > 5, "some of them have something to show: {said:?}");
}
