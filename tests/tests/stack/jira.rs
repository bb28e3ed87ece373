//! Reports that are told in Jira: issues, comments, refusals, and answers that are lost.

use std::time::Duration;

use serde_json::{Value, json};
use waybill::{
    aws::table::keys::{Key, story},
    domain::{id::RequestId, jira::Kind},
};
use waybill_tests::{
    jira::{Issue, Jira, Mood, Operation, TOKEN},
    lake::Lake,
    skip::skipped,
    tenant::{Tenant, WALLET},
    wait::eventually,
    world::World,
};

use crate::webhook::delivery_over;

const DEFINITION: &str = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");

/// A tenant that is told in that Jira, and whose reports are archives with passwords.
async fn told_in(world: &World, jira: &Jira, more: Value) -> Tenant {
    let mut settings = jira.settings(&more);
    settings["packaging"] = json!("zip");
    Tenant::create_with(world, settings).await
}

/// Asks for a report that is told in Jira.
async fn order(tenant: &Tenant, jira: Value) -> RequestId {
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "jira": jira });
    tenant.order(&order).await
}

/// The request's only delivery with all its attempts, once it is over.
async fn over(tenant: &Tenant, id: RequestId) -> Value {
    let delivery = delivery_over(tenant, id).await;
    shown(tenant, &delivery["id"]).await
}

async fn shown(tenant: &Tenant, delivery: &Value) -> Value {
    let path = format!("/v1/deliveries/{}", delivery.as_str().unwrap());
    tenant.get(&path).await.expect_status("a delivery", &[200]).unwrap()
}

async fn delivered(tenant: &Tenant, id: RequestId) -> Value {
    let delivery = over(tenant, id).await;
    assert_eq!(delivery["status"], "DELIVERED", "{delivery}");
    delivery
}

/// The stack tries a delivery again; returns it, once it is over.
async fn again(tenant: &Tenant, delivery: &Value) -> Value {
    let path = format!("/v1/deliveries/{}/redeliver", delivery["id"].as_str().unwrap());
    tenant.api.post(&path, &json!({})).await.unwrap().expect_status("redeliver", &[202]).unwrap();
    eventually("the end of a delivery that is made again", async || {
        let shown = shown(tenant, &delivery["id"]).await;
        (shown["status"] != "PENDING").then_some(shown)
    })
    .await
}

/// The only issue.
fn only(jira: &Jira) -> Issue {
    let issues = jira.issues();
    assert_eq!(issues.len(), 1, "{issues:?}");
    issues.into_iter().next().unwrap()
}

/// Value of a line that begins so.
fn line<'a>(text: &'a str, begins: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(begins)).unwrap_or_else(|| panic!("no {begins:?} in {text}"))
}

async fn password(tenant: &Tenant, id: RequestId) -> String {
    let answer = tenant.get(&format!("/v1/requests/{id}/password")).await;
    answer.expect_status("a password", &[200]).unwrap()["password"].as_str().unwrap().to_owned()
}

/// Nothing that the table or the API tells holds the token.
async fn the_token_is_nowhere(world: &World, tenant: &Tenant, id: RequestId) {
    let recorded = world.text_of(&Key::tenant(&tenant.id).pk).await + &world.text_of(&story(&tenant.id, id)).await;
    assert!(!recorded.contains(TOKEN), "the table has it sealed");
    let settings = world.admin.get(&format!("/v1/tenants/{}", tenant.id)).await.unwrap();
    assert!(!settings.json().to_string().contains(TOKEN), "settings show none");
}

#[tokio::test]
async fn a_report_becomes_an_issue_of_the_cloud() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let parent = jira.issue_in("OPS");
    let settings = json!({
        "issue_type": "Bug", "assignee": "5b109f2e9729b51b54dc274d", "parent": parent, "labels": ["reports"],
        "summary": "{{data.reportId}}: {{data.rows}} rows",
    });
    let tenant = told_in(&world, &jira, settings).await;
    let id = order(&tenant, json!({})).await;
    let delivery = delivered(&tenant, id).await;
    assert_eq!(delivery["target"], json!({ "jira": { "issue": null } }));

    let issue = only(&jira);
    let label = format!("waybill-{}", delivery["id"].as_str().unwrap());
    let expected = json!({
        "project": { "key": "OPS" }, "issuetype": { "name": "Bug" }, "parent": { "key": parent },
        "assignee": { "id": "5b109f2e9729b51b54dc274d" }, "labels": ["reports", label],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&issue.fields[name], value, "{name}");
    }
    let status = tenant.status(id).await;
    assert_eq!(status["delivery"], json!({ "jira": { "issue": null } }));
    assert_eq!(issue.fields["summary"], format!("{}: {} rows", status["report"].as_str().unwrap(), status["rows"]));
    assert_eq!(
        issue.properties["waybill.delivery"],
        json!({ "delivery": delivery["id"], "request": id, "generation": 0 })
    );
    let text = issue.description();
    assert_eq!(line(&text, "Password: "), password(&tenant, id).await);
    assert!(text.contains(&format!("Request {id}")), "{text}");
    // The link in it opens the file.
    let opened = world.api.open_link(line(&text, "Download: ")).await.unwrap();
    assert_eq!(opened.status().as_u16(), 200);
    assert!(opened.bytes().await.unwrap().starts_with(b"PK"));

    let attempt = &delivery["attempt_log"][0];
    assert_eq!((&attempt["http_status"], &attempt["outcome"]), (&json!(201), &json!("success")), "{attempt}");
    assert!(attempt["response"].as_str().unwrap().contains(&issue.key), "support finds the issue: {attempt}");
    assert!(jira.asked(Operation::Search).is_empty(), "a first attempt has nothing to look for");
    the_token_is_nowhere(&world, &tenant, id).await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_data_center_takes_wiki_markup_and_a_personal_token() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Datacenter).await;
    let tenant = told_in(&world, &jira, json!({ "assignee": "fred", "issue_type": "10001" })).await;
    let id = order(&tenant, json!({})).await;
    let delivery = delivered(&tenant, id).await;

    let issue = only(&jira);
    assert_eq!(issue.fields["assignee"], json!({ "name": "fred" }));
    assert_eq!(issue.fields["issuetype"], json!({ "id": "10001" }));
    let text = issue.fields["description"].as_str().unwrap();
    let link = line(text, "Download: ").strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    assert_eq!(world.api.open_link(link).await.unwrap().status().as_u16(), 200);
    assert_eq!(line(text, "Password: "), password(&tenant, id).await);

    let again = again(&tenant, &delivery).await;
    assert_eq!((&again["status"], jira.issues().len()), (&json!("DELIVERED"), 1), "{again}");
    assert_eq!(only(&jira).comments.len(), 1, "told again where it was told before");
    the_token_is_nowhere(&world, &tenant, id).await;
}

#[tokio::test]
async fn an_issue_that_is_named_gets_a_comment() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let mut settings = jira.settings(&json!({ "comment_projects": ["SUP"], "password": "withheld" }));
    settings["packaging"] = json!("zip");
    settings["link"] = json!({ "mode": "direct" });
    let tenant = Tenant::create_with(&world, settings).await;
    let key = jira.issue_in("SUP");
    let id = order(&tenant, json!({ "issue": key })).await;
    let delivery = delivered(&tenant, id).await;
    assert_eq!(delivery["target"], json!({ "jira": { "issue": key } }));

    let issue = jira.issue(&key);
    assert_eq!((issue.comments.len(), jira.issues().len()), (1, 0));
    let text = issue.comment(0);
    let password = password(&tenant, id).await;
    assert!(!text.contains(&password) && !text.contains("Password:"), "{text}");
    assert!(text.contains(&format!("/v1/requests/{id}/password")), "where it is read instead: {text}");
    assert!(line(&text, "Download: ").contains("X-Amz-Signature="), "by the tenant's policy, a link that S3 opens");
    let words = format!("waybill-{}-0", delivery["id"].as_str().unwrap().trim_start_matches("dlv_"));
    assert_eq!(text.lines().last(), Some(words.as_str()));
    assert_eq!(issue.comments[0]["properties"][0]["value"]["delivery"], delivery["id"]);

    // The same again is told in the same issue.
    let repeat = format!("/v1/requests/{id}/repeat");
    let repeated = tenant.api.post(&repeat, &json!({})).await.unwrap().expect_status("repeat", &[202]).unwrap();
    delivered(&tenant, repeated["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!(jira.issue(&key).comments.len(), 2);
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn what_was_made_and_not_answered_is_not_made_again() {
    let world = World::load().await;
    for mood in [Mood::DoneAndLost, Mood::DoneAndAnswered(500), Mood::DoneAndAnswered(504)] {
        let jira = Jira::start(&world, Kind::Cloud).await;
        let tenant = told_in(&world, &jira, json!({})).await;
        // As Jira's index does: what is looked for at once is not found.
        jira.index_lags(Duration::from_secs(8));
        jira.next(Operation::Create, [mood.clone()]);
        let id = order(&tenant, json!({})).await;
        let delivery = delivered(&tenant, id).await;
        assert_eq!(delivery["attempts"], 2, "{mood:?}: {delivery}");
        assert!(delivery["attempt_log"][1]["response"].as_str().unwrap().contains(&only(&jira).key), "{delivery}");
        let (created, searched) = (jira.asked(Operation::Create), jira.asked(Operation::Search));
        assert_eq!((created.len(), searched.len()), (1, 1), "{mood:?}");
        let waited = searched[0].at.duration_since(created[0].at);
        assert!(waited.as_secs() >= 14, "the index has its time: {waited:?}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_makes_no_second_issue() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    jira.next(Operation::Create, [Mood::DoneAndLate]);
    let id = order(&tenant, json!({})).await;
    let delivery = delivered(&tenant, id).await;
    assert!(delivery["attempt_log"][0]["outcome"].as_str().unwrap().contains("no complete answer"), "{delivery}");
    assert_eq!((only(&jira).comments.len(), &delivery["attempts"]), (0, &json!(2)));
}

#[tokio::test]
async fn a_comment_whose_answer_is_lost_is_not_made_again() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Datacenter).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    let key = jira.issue_in("OPS");
    jira.next(Operation::Comment, [Mood::DoneAndLost]);
    // The first look fails too: nothing is made unseen.
    jira.next(Operation::Comments, [Mood::error(502, "Bad gateway")]);
    let id = order(&tenant, json!({ "issue": key })).await;
    let delivery = delivered(&tenant, id).await;
    assert_eq!(delivery["attempts"], 3, "{delivery}");
    assert_eq!((jira.issue(&key).comments.len(), jira.asked(Operation::Comment).len()), (1, 1));
}

#[tokio::test]
async fn what_was_not_made_is_made_by_the_next_attempt() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    jira.next(Operation::Create, [Mood::Silence, Mood::error(503, "Service unavailable")]);
    jira.next(Operation::Search, [Mood::error(401, "Client must be authenticated to access this resource.")]);
    let id = order(&tenant, json!({})).await;
    let delivery = delivered(&tenant, id).await;
    // Silence, a look that is refused, 503, and then it is made.
    let statuses: Vec<&Value> =
        delivery["attempt_log"].as_array().unwrap().iter().map(|attempt| &attempt["http_status"]).collect();
    assert_eq!(statuses, [&Value::Null, &json!(401), &json!(503), &json!(201)], "{delivery}");
    assert_eq!(only(&jira).comments.len(), 0);
}

#[tokio::test]
async fn a_busy_jira_is_asked_again_when_it_says() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    jira.next(Operation::Create, [Mood::busy(429, 4)]);
    let id = order(&tenant, json!({})).await;
    let delivery = delivered(&tenant, id).await;
    assert_eq!((only(&jira).key, &delivery["attempts"]), ("OPS-1".to_owned(), &json!(2)));
    assert!(delivery["attempt_log"][0]["outcome"].as_str().unwrap().contains("429"), "{delivery}");
    let asked = jira.asked(Operation::Create);
    let waited = asked[1].at.duration_since(asked[0].at);
    assert!((3..14).contains(&waited.as_secs()), "Retry-After is heeded, and no more than that: {waited:?}");
}

#[tokio::test]
async fn field_errors_are_final_and_named() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let settings =
        json!({ "issue_type": "Saga", "assignee": "nobody", "parent": "OPS-77", "summary": "{{data.password}}" });
    let tenant = told_in(&world, &jira, settings).await;
    let id = order(&tenant, json!({})).await;
    let delivery = over(&tenant, id).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DEAD"), &json!(1)), "{delivery}");
    let reason = delivery["reason"].as_str().unwrap();
    for named in [
        "400 Bad Request",
        "assignee: The user cannot be assigned issues.",
        "issuetype: Specify a valid issue type",
        "parent: Could not find issue by id or key.",
    ] {
        assert!(reason.contains(named), "{named}: {reason}");
    }
    assert_eq!(tenant.status(id).await["deliveries"][0]["reason"], delivery["reason"]);

    // The operator mends the settings, and what died is made again.
    let path = format!("/v1/tenants/{}", tenant.id);
    let mut settings = world.admin.get(&path).await.unwrap().json();
    for (name, value) in [("issue_type", json!("Task")), ("assignee", Value::Null), ("parent", Value::Null)] {
        settings["jira"][name] = value;
    }
    world.admin.put(&path, &settings).await.unwrap().expect_status("mend the settings", &[200]).unwrap();
    let again = again(&tenant, &delivery).await;
    assert_eq!(again["status"], "DELIVERED", "the token is still the one that was sent: {again}");
    assert_eq!(only(&jira).properties["waybill.delivery"]["generation"], 1);
}

#[tokio::test]
async fn an_issue_that_is_not_there_gets_no_comment() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    let id = order(&tenant, json!({ "issue": "OPS-404" })).await;
    let delivery = over(&tenant, id).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DEAD"), &json!(1)), "{delivery}");
    assert!(delivery["reason"].as_str().unwrap().contains("OPS-404"), "{delivery}");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_credential_that_is_refused_can_be_mended() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    let path = format!("/v1/tenants/{}", tenant.id);
    let mut settings = world.admin.get(&path).await.unwrap().json();
    settings["jira"]["site"]["token"] = json!("revoked");
    world.admin.put(&path, &settings).await.unwrap().expect_status("a bad token", &[200]).unwrap();
    let id = order(&tenant, json!({})).await;
    eventually("a refused attempt", async || {
        let delivery = tenant.status(id).await["deliveries"][0].clone();
        delivery["reason"].as_str().is_some_and(|reason| reason.contains("401")).then_some(())
    })
    .await;
    settings["jira"]["site"]["token"] = json!(TOKEN);
    world.admin.put(&path, &settings).await.unwrap().expect_status("a good token", &[200]).unwrap();
    let delivery = over(&tenant, id).await;
    let delivery = if delivery["status"] == "DEAD" { again(&tenant, &delivery).await } else { delivery };
    assert_eq!((&delivery["status"], jira.issues().len()), (&json!("DELIVERED"), 1), "{delivery}");
}

/// A report that fails, for its definition does not fit its data.
async fn fails(world: &World, tenant: &Tenant) -> RequestId {
    let definition =
        DEFINITION.replace("location, external_transaction_id", "place AS location, external_transaction_id");
    assert_ne!(definition, DEFINITION);
    let key = format!("tenants/{}/reports/{WALLET}.toml", tenant.id);
    world.put(&world.stack.buckets.config, &key, definition.into_bytes()).await;
    Lake::generate(world, &tenant.id, 10, 1).await;
    let id = order(tenant, json!({})).await;
    assert_eq!(tenant.finished(id).await["status"], "FAILED");
    id
}

#[tokio::test]
async fn failures_are_told_where_the_operator_wants_it() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({ "failure": { "summary": "FAILED {{data.reportId}}" } })).await;
    let id = fails(&world, &tenant).await;
    delivered(&tenant, id).await;
    let issue = only(&jira);
    assert_eq!(issue.fields["summary"], format!("FAILED {WALLET}"));
    let failure = tenant.status(id).await["failure"].clone();
    let text = issue.description();
    assert!(text.contains(failure["detail"].as_str().unwrap()) && text.contains("DEFINITION_INVALID"), "{text}");
    assert_eq!(line(&text, "What to do: "), failure["next_action"].as_str().unwrap());

    let quiet = told_in(&world, &jira, json!({ "on_failure": false })).await;
    let id = fails(&world, &quiet).await;
    quiet.nothing_is_left_over(&world).await;
    assert_eq!((quiet.status(id).await["deliveries"].as_array().unwrap().len(), jira.issues().len()), (0, 1));
}

#[tokio::test]
async fn the_stacks_own_jira_serves_tenants_without_a_site() {
    let world = World::load().await;
    let Some(site) = &world.stack.jira else { return skipped("the stack has no Jira of its own") };
    let tenant = Tenant::create_with(&world, json!({ "packaging": "zip", "jira": { "project": "OPS" } })).await;
    let id = order(&tenant, json!({})).await;
    let waits = async |reason: &str| {
        eventually(reason, async || {
            let delivery = tenant.status(id).await["deliveries"][0].clone();
            delivery["reason"].as_str().is_some_and(|said| said.contains(reason)).then_some(())
        })
        .await;
    };
    waits("no usable credential").await;
    let secrets = aws_sdk_secretsmanager::Client::new(&world.config);
    let value = json!({ "token": TOKEN }).to_string();
    secrets.put_secret_value().secret_id(&site.secret).secret_string(value).send().await.unwrap();
    let jira = Jira::start_at(&world, Kind::Datacenter, site.port).await;
    let delivery = over(&tenant, id).await;
    let delivery = if delivery["status"] == "DEAD" { again(&tenant, &delivery).await } else { delivery };
    assert_eq!(delivery["status"], "DELIVERED", "{delivery}");
    assert!(only(&jira).fields["description"].as_str().unwrap().contains(&password(&tenant, id).await));
    the_token_is_nowhere(&world, &tenant, id).await;
}

/// The documented residue: an index that is later than we wait.
#[tokio::test]
async fn an_issue_that_cannot_be_found_is_made_twice() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    jira.index_lags(Duration::from_mins(10));
    jira.next(Operation::Create, [Mood::DoneAndLost]);
    let id = order(&tenant, json!({})).await;
    delivered(&tenant, id).await;
    let issues = jira.issues();
    assert_eq!((issues.len(), jira.asked(Operation::Search).len()), (2, 1));
    assert_eq!(issues[0].fields["labels"], issues[1].fields["labels"], "whoever looks finds both");
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_at_once() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let asked = async |tenant: &Tenant, jira: Value| {
        let mut order = tenant.wallet_order();
        order["delivery"] = json!({ "jira": jira });
        let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
        assert_eq!(answer.status, 422);
        let errors = answer.json()["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
        (errors[0]["pointer"].as_str().unwrap().to_owned(), errors[0]["code"].as_str().unwrap().to_owned())
    };
    let expected = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    let without = Tenant::create(&world).await;
    assert_eq!(asked(&without, json!({})).await, expected("/delivery/jira", "channel_off"));
    without.nothing_is_recorded(&world).await;
    let with = told_in(&world, &jira, json!({})).await;
    for (issue, code) in [("SUP-1", "not_allowed"), ("OPS", "format"), ("OPS-1/../../x", "format"), ("ops-1", "format")]
    {
        assert_eq!(asked(&with, json!({ "issue": issue })).await, expected("/delivery/jira/issue", code), "{issue}");
    }
    with.nothing_is_recorded(&world).await;
    assert!(jira.asked(Operation::Comment).is_empty());
}

#[tokio::test]
async fn settings_are_judged_and_a_token_goes_nowhere_else() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let tenant = told_in(&world, &jira, json!({})).await;
    let path = format!("/v1/tenants/{}", tenant.id);
    let known = world.admin.get(&path).await.unwrap().json();
    let faults = async |change: &dyn Fn(&mut Value)| {
        let mut settings = known.clone();
        change(&mut settings["jira"]);
        let answer = world.admin.put(&path, &settings).await.unwrap();
        assert_eq!(answer.status, 422, "{}", answer.json());
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        errors
            .iter()
            .map(|e| format!("{} {}", e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        faults(&|jira| jira["site"]["base_url"] = json!("https://elsewhere.example")).await,
        ["/jira/site/token missing"],
        "a token is not carried to another site"
    );
    assert_eq!(
        faults(&|jira| jira["site"] =
            json!({ "base_url": "https://169.254.169.254/", "email": "a@b.example", "token": "t" }))
        .await,
        ["/jira/site/base_url url_refused"]
    );
    assert_eq!(faults(&|jira| jira["description"] = json!("{{data.secret}}")).await, ["/jira/description template"]);
    // What is shown can be put back as it is.
    world.admin.put(&path, &known).await.unwrap().expect_status("what was shown", &[200]).unwrap();
    let id = order(&tenant, json!({})).await;
    delivered(&tenant, id).await;
}
