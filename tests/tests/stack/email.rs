//! Mails, as the mail service was given them: asked for over HTTP, in the tenant's words, with or without a password.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use waybill::domain::id::RequestId;
use waybill_local::{
    mail::{self, Mail},
    up::EMAIL_FROM,
};
use waybill_tests::{
    lake::Lake,
    tenant::{Tenant, WALLET, fresh_id},
    wait::eventually,
    world::World,
};

const ROWS: u64 = 50;

/// An address that no other test has.
fn address() -> String {
    format!("{}@customer.example", fresh_id())
}

/// A tenant whose archives are opened by a password that is made for each.
async fn tenant(world: &World, email: Value) -> Tenant {
    let tenant = Tenant::create_with(world, json!({ "packaging": "zip", "email": email })).await;
    Lake::generate(world, &tenant.id, ROWS, 1).await;
    tenant
}

async fn order(tenant: &Tenant, to: &[&str]) -> RequestId {
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "email": { "to": to } });
    tenant.order(&order).await
}

/// Its mails, once there are so many.
async fn mails(world: &World, to: &str, count: usize) -> Vec<Mail> {
    eventually("mails", async || {
        let mails = mail::sent_to(&world.stack.aws_endpoint_url, to).await.unwrap();
        (mails.len() >= count).then_some(mails)
    })
    .await
}

/// A request's deliveries, once all are over.
async fn deliveries(tenant: &Tenant, id: RequestId, count: usize) -> Vec<Value> {
    eventually("the end of all deliveries", async || {
        let status = tenant.status(id).await;
        let deliveries = status["deliveries"].as_array().unwrap().clone();
        let over = deliveries.len() == count && deliveries.iter().all(|one| one["status"] != "PENDING");
        over.then_some(deliveries)
    })
    .await
}

async fn password(tenant: &Tenant, id: RequestId) -> String {
    let answer = tenant.get(&format!("/v1/requests/{id}/password")).await;
    answer.expect_status("read a password", &[200]).unwrap()["password"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_mail_brings_link_and_password_to_each_address() {
    let world = World::load().await;
    let tenant = tenant(&world, json!({ "reply_to": "help@tenant.example" })).await;
    let (one, other) = (address(), address());
    let id = order(&tenant, &[&one, &other]).await;
    let status = tenant.succeeded(id).await;
    assert_eq!(status["delivery"], json!({ "email": { "to": [one, other] } }));
    let deliveries = deliveries(&tenant, id, 2).await;
    assert!(deliveries.iter().all(|one| one["status"] == "DELIVERED" && one["attempts"] == 1), "{deliveries:?}");

    let password = password(&tenant, id).await;
    for to in [&one, &other] {
        let mails = mails(&world, to, 1).await;
        let [mail] = &mails[..] else { panic!("{mails:?}") };
        assert_eq!((mail.source.as_str(), &mail.to), (EMAIL_FROM, &vec![to.clone()]), "nobody sees the others");
        assert_eq!(mail.subject, format!("Report {WALLET} is ready"));
        let text = mail.body_text.as_ref().unwrap();
        let url = status["link"]["url"].as_str().unwrap();
        assert!(text.contains(url) && text.contains(&password) && text.contains(&id.to_string()), "{text}");
        let html = mail.body_html.as_ref().unwrap();
        assert!(html.contains(&format!("href=\"{url}\"")) && html.starts_with("<!doctype html>"), "{html}");
    }
    let shown = tenant.get(&format!("/v1/deliveries/{}", deliveries[0]["id"].as_str().unwrap())).await.json();
    let to: BTreeSet<&str> = [one.as_str(), other.as_str()].into();
    assert!(to.contains(shown["target"]["email"]["to"][0].as_str().unwrap()), "{shown}");
    assert!(shown["attempt_list"].is_null() || !shown.to_string().contains(&password));
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn the_password_goes_where_the_tenant_says() {
    let world = World::load().await;
    let (second, never) = tokio::join!(
        tenant(&world, json!({ "password": "second" })),
        tenant(&world, json!({ "password": "never", "language": "pt-BR" })),
    );
    let (to_second, to_never) = (address(), address());
    let (of_second, of_never) = (order(&second, &[&to_second]).await, order(&never, &[&to_never]).await);
    let (twice, _) = tokio::join!(deliveries(&second, of_second, 2), deliveries(&never, of_never, 1));
    assert!(twice.iter().all(|one| one["status"] == "DELIVERED"));

    let secret = password(&second, of_second).await;
    let mut mails_of_second = mails(&world, &to_second, 2).await;
    mails_of_second.sort_by_key(|mail| mail.subject.starts_with("Password"));
    let [link, with_password] = &mails_of_second[..] else { panic!("{mails_of_second:?}") };
    let url = second.status(of_second).await["link"]["url"].as_str().unwrap().to_owned();
    let texts = |mail: &Mail| [mail.body_text.clone().unwrap(), mail.body_html.clone().unwrap()];
    assert!(texts(link).iter().all(|text| text.contains(&url) && !text.contains(&secret)), "{link:?}");
    assert!(
        texts(with_password).iter().all(|text| text.contains(&secret) && !text.contains(&url)),
        "{with_password:?}"
    );

    let secret = password(&never, of_never).await;
    let mails_of_never = mails(&world, &to_never, 1).await;
    let [mail] = &mails_of_never[..] else { panic!("{mails_of_never:?}") };
    assert_eq!(mail.subject, format!("O relatório {WALLET} está pronto"));
    assert!(texts(mail).iter().all(|text| !text.contains(&secret) && text.contains("não é enviada por e-mail")));
    second.nothing_is_left_over(&world).await;
    never.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_failure_is_told_with_what_to_do_unless_the_tenant_does_not_want_it() {
    let world = World::load().await;
    let (told, untold) = tokio::join!(tenant(&world, json!({})), tenant(&world, json!({ "failure_notices": false })));
    let broken = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");
    let broken = broken.replace("max_rows = 100_000_000", "max_rows = 5");
    for tenant in [&told, &untold] {
        let key = format!("tenants/{}/reports/{WALLET}.toml", tenant.id);
        world.put(&world.stack.buckets.config, &key, broken.clone().into_bytes()).await;
    }
    let (to, nobody) = (address(), address());
    let (failed, silent) = (order(&told, &[&to]).await, order(&untold, &[&nobody]).await);
    let (status, _) = tokio::join!(told.finished(failed), untold.finished(silent));
    assert_eq!(status["status"], "FAILED", "{status}");
    let mails_of_it = mails(&world, &to, 1).await;
    assert_eq!(mails_of_it[0].subject, format!("Report {WALLET} could not be made"));
    let text = mails_of_it[0].body_text.as_ref().unwrap();
    let failure = &status["failure"];
    for said in [&failure["code"], &failure["detail"], &failure["next_action"]] {
        assert!(text.contains(said.as_str().unwrap()), "{said} in {text}");
    }
    untold.nothing_is_left_over(&world).await;
    assert_eq!(untold.status(silent).await["deliveries"], json!([]));
    assert!(mail::sent_to(&world.stack.aws_endpoint_url, &nobody).await.unwrap().is_empty());
}

#[tokio::test]
async fn templates_are_the_tenants_or_the_operators() {
    let world = World::load().await;
    let tenant = tenant(&world, json!({})).await;
    let put = async |name: &str, text: &str| {
        let key = format!("tenants/{}/templates/email/en/{name}.mustache", tenant.id);
        world.put(&world.stack.buckets.config, &key, text.as_bytes().to_vec()).await;
    };
    put("ready.subject", "{{data.reportId}} for {{{data.tenantName}}}\r\nBcc: everybody@customer.example").await;
    put("ready.text", "{{data.reportUrl}} {{data.password}} {{data.linkExpiryDays}}").await;
    put("ready.html", "<a href=\"{{{data.reportUrl}}}\">{{data.password}}</a>").await;
    let to = address();
    let id = order(&tenant, &[&to]).await;
    tenant.succeeded(id).await;
    let mails = mails(&world, &to, 1).await;
    let (url, password) =
        (tenant.status(id).await["link"]["url"].as_str().unwrap().to_owned(), password(&tenant, id).await);
    assert_eq!(mails[0].subject, format!("{WALLET} for of a test Bcc: everybody@customer.example"), "one line");
    // Four days, less what it took to tell; in whole ones three, unless it took no second.
    let text = mails[0].body_text.as_deref().unwrap().trim_end();
    assert!(["3", "4"].map(|days| format!("{url} {password} {days}")).contains(&text.to_owned()), "{text}");
    let html = mails[0].body_html.as_deref().unwrap().trim_end();
    assert_eq!(html, format!("<a href=\"{url}\">{password}</a>"));
    assert!(mail::sent_to(&world.stack.aws_endpoint_url, "everybody@customer.example").await.unwrap().is_empty());
}

#[tokio::test]
async fn addresses_are_checked_before_anything_is_recorded() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "email": { "allowed_domains": ["customer.example"] } })).await;
    let cases = [
        (json!(["a@elsewhere.example"]), "/delivery/email/to/0", "domain_not_allowed"),
        (json!(["a@customer.example", "a@sub.customer.example"]), "/delivery/email/to/1", "domain_not_allowed"),
        (json!(["a@customer.example\r\nBcc: b@customer.example"]), "/delivery/email/to/0", "format"),
        (json!(["a@customer.example, b@customer.example"]), "/delivery/email/to/0", "format"),
        (json!([]), "/delivery/email/to", "out_of_range"),
    ];
    for (to, pointer, code) in cases {
        let mut order = tenant.wallet_order();
        order["delivery"] = json!({ "email": { "to": to } });
        let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
        assert_eq!(answer.status, 422, "{to}");
        let fault = &answer.json()["errors"][0];
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!(pointer), &json!(code)), "{to}");
    }
    tenant.nothing_is_recorded(&world).await;
}
