//! Eclipse's other two mechanisms: a mail, an issue in Jira or a comment on one, each with a link and a password that the
//! documented lines open.

use std::process::Command;

use serde_json::json;
use waybill::domain::{id::RequestId, jira::Kind};
use waybill_local::mail;
use waybill_tests::{
    jira::Jira,
    lake::Lake,
    presigned, skip,
    tenant::{Tenant, WALLET, fresh_id},
    wait::eventually,
    world::World,
};

use crate::{
    eclipse_client::{ALL, Shell, customer, lines, refused, request_of, wallet},
    webhook::delivery_over,
};

const ROWS: u64 = 40;
const DAY: i64 = 86_400;

/// Asks for a delivery; returns the request, once it has succeeded and its only delivery is over.
async fn delivered(tenant: &Tenant, mechanism: &str, value: &str) -> RequestId {
    let query =
        format!("{ALL}&format=csv&streamResult=true&deliveryMechanismType={mechanism}&deliveryMechanismValue={value}");
    let answer = wallet(tenant, &query).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", String::from_utf8_lossy(&answer.body));
    let id = request_of(&answer);
    tenant.succeeded(id).await;
    let delivery = delivery_over(tenant, id).await;
    assert_eq!(delivery["status"], "DELIVERED", "{delivery}");
    id
}

/// What stands behind that label in a text for people.
fn behind<'a>(text: &'a str, label: &str) -> &'a str {
    text.lines().find_map(|line| line.trim().strip_prefix(label)).unwrap_or_else(|| panic!("no {label:?} in {text}"))
}

/// The link lives for the promised day, and the documented lines open what it leads to.
async fn opens(world: &World, tenant: &Tenant, id: RequestId, url: &str, password: &str) {
    assert_eq!(presigned::life(url), DAY, "{url}");
    assert_eq!(password.len(), 10);
    if !Command::new("sh").args(["-c", "command -v unzip"]).output().unwrap().status.success() {
        skip::lacking("unzip is not installed; the archive is not opened");
        return;
    }
    let mut shell = Shell::of(world, tenant);
    shell.set("URL", url);
    shell.set("PASSWORD", password);
    shell.run(lines("download"));
    let opened = shell.read(&format!("{WALLET}-{id}.csv"));
    assert_eq!(tenant.status(id).await["files"][0]["plaintext_sha256"], waybill::digest::sha256_hex(&opened));
}

#[tokio::test]
async fn a_mail_brings_link_password_and_days() {
    let world = World::load().await;
    let tenant = customer(&world, json!({}), json!({})).await;
    // The words of a template that an operator of Eclipse has.
    let words =
        "{{data.reportId}}\nUrl: {{data.reportUrl}}\nPassword: {{data.password}}\nDays: {{data.linkExpiryDays}}\n";
    let template = format!("tenants/{}/templates/email/en/ready.text.mustache", tenant.id);
    world.put(&world.stack.buckets.config, &template, words.as_bytes().to_vec()).await;
    Lake::generate(&world, &tenant.id, ROWS, 1).await;
    let to = format!("{}@customer.example", fresh_id());
    let id = delivered(&tenant, "email", &to).await;
    let mails = eventually("the mail", async || {
        let mails = mail::sent_to(&world.stack.aws_endpoint_url, &to).await.unwrap();
        (!mails.is_empty()).then_some(mails)
    })
    .await;
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert!(mail.subject.contains(WALLET), "the subject names the report: {}", mail.subject);
    let text = mail.body_text.as_deref().unwrap();
    assert!(text.starts_with(WALLET), "{text}");
    assert_eq!(behind(text, "Days: "), "1");
    opens(&world, &tenant, id, behind(text, "Url: "), behind(text, "Password: ")).await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn jira_gets_an_issue_and_a_comment() {
    let world = World::load().await;
    let jira = Jira::start(&world, Kind::Cloud).await;
    let settings = jira.settings(&json!({
        "description": "Url: {{data.reportUrl}}\nPassword: {{data.password}}\nDays: {{data.linkExpiryDays}}",
    }));
    let tenant = customer(&world, json!({}), settings).await;
    Lake::generate(&world, &tenant.id, ROWS, 1).await;

    let id = delivered(&tenant, "jira", "OPS").await;
    let issues = jira.issues();
    let [issue] = &issues[..] else { panic!("{issues:?}") };
    assert!(issue.fields["summary"].as_str().unwrap().contains(WALLET), "{issue:?}");
    let text = issue.description();
    assert_eq!(behind(&text, "Days: "), "1");
    opens(&world, &tenant, id, behind(&text, "Url: "), behind(&text, "Password: ")).await;

    let of_a_person = jira.issue_in("OPS");
    let commented = delivered(&tenant, "jira", &of_a_person).await;
    assert_eq!(jira.issues().len(), 1, "no further issue");
    let status = tenant.status(commented).await;
    assert_eq!(status["delivery"], json!({ "jira": { "issue": of_a_person } }));
    let text = jira.issue(&of_a_person).comment(0);
    opens(&world, &tenant, commented, behind(&text, "Url: "), behind(&text, "Password: ")).await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_by_the_parameters_name() {
    let world = World::load().await;
    let email = json!({ "email": { "allowed_domains": ["customer.example"] } });
    let tenant = customer(&world, json!({}), email).await;
    for (mechanism, value) in [
        ("email", "x"),
        ("email", "a@other.example"),
        ("email", "a@customer.example,b@customer.example"),
        ("email", "a@customer.example%0D%0ABcc:%20b@customer.example"),
        ("jira", "no%20key"),
        ("fax", "1"),
    ] {
        let query = format!("{ALL}&streamResult=true&deliveryMechanismType={mechanism}&deliveryMechanismValue={value}");
        let what = format!("{mechanism} {value}");
        let told = refused(&world, &what, &wallet(&tenant, &query).await, 400, "VAL001");
        assert!(told.iter().any(|one| one.contains("deliveryMechanism")), "{what}: {told:?}");
    }
    tenant.nothing_is_recorded(&world).await;
}
