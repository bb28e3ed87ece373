//! Mails as they would read: the stack's, a tenant's, and those of templates that are not in force yet.

use serde_json::{Value, json};
use waybill_tests::{tenant::Tenant, world::World};

async fn preview(world: &World, path: &str, body: Value) -> Value {
    let answer = world.admin.post(path, &body).await.unwrap();
    answer.expect_status("preview a mail", &[200]).unwrap()
}

fn of(tenant: &Tenant) -> String {
    format!("/v1/tenants/{}/email/preview", tenant.id)
}

#[tokio::test]
async fn a_preview_shows_what_is_in_force_and_where_it_comes_from() {
    let world = World::load().await;
    let settings = json!({ "email": { "language": "pt-BR", "password": "second" } });
    let tenant = Tenant::create_with(&world, settings).await;
    let key = format!("tenants/{}/templates/email/pt-BR/ready.text.mustache", tenant.id);
    let own = "{{data.tenantName}}: {{data.reportUrl}} {{data.password}}{{data.passwordFollows}}";
    world.put(&world.stack.buckets.config, &key, own.as_bytes().to_vec()).await;

    let shown = preview(&world, &of(&tenant), json!({ "mail": "ready" })).await;
    assert_eq!((&shown["language"], &shown["valid"]), (&json!("pt-BR"), &json!(true)), "{shown}");
    let text = &shown["parts"]["text"];
    assert_eq!((&text["source"], &text["key"], &text["template"]), (&json!("tenant"), &json!(key), &json!(own)));
    let url = "https://reports.example.com/v1/links/sample?a=1&b=2";
    assert_eq!(text["rendered"], format!("of a test: {url} true"), "the password comes in a mail of its own");
    let subject = &shown["parts"]["subject"];
    assert_eq!((&subject["source"], &subject["key"]), (&json!("built_in"), &Value::Null));
    assert_eq!(subject["rendered"], "O relatório monthly_sales está pronto");

    // The stack's own know nothing of it.
    let shown = preview(&world, "/v1/email/preview", json!({ "mail": "ready" })).await;
    assert_eq!((&shown["language"], &shown["parts"]["text"]["source"]), (&json!("en"), &json!("built_in")));
    let html = shown["parts"]["html"]["rendered"].as_str().unwrap();
    assert!(html.contains("K7m-Q2x&quot;&lt;&amp;4") && html.starts_with("<!doctype html>"), "{html}");
    let failed = preview(&world, "/v1/email/preview", json!({ "mail": "failed", "language": "pt-BR" })).await;
    assert!(failed["parts"]["text"]["rendered"].as_str().unwrap().contains("Reduza o período"), "{failed}");
}

#[tokio::test]
async fn templates_are_judged_before_they_are_in_force() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let templates = json!({
        "subject": "{{data.reportId}}\r\nBcc: everybody@customer.example",
        "text": "one\n two {{data.nobody}} {{reportUrl}}",
        "html": "<p>{{#data.password}}\n</p>",
    });
    for path in [of(&tenant), "/v1/email/preview".to_owned()] {
        let shown = preview(&world, &path, json!({ "mail": "ready", "templates": templates })).await;
        let parts = &shown["parts"];
        assert_eq!(shown["valid"], false);
        assert_eq!(parts["subject"]["rendered"], "monthly_sales Bcc: everybody@customer.example", "one line");
        let places = |part: &str| -> Vec<Value> {
            assert_eq!((&parts[part]["source"], &parts[part]["rendered"]), (&json!("given"), &Value::Null));
            let faults = parts[part]["faults"].as_array().unwrap().iter();
            faults.map(|fault| json!([fault["line"], fault["column"], fault["code"]])).collect()
        };
        assert_eq!(places("text"), [json!([2, 6, "unknown_variable"]), json!([2, 22, "unknown_variable"])]);
        assert_eq!(places("html"), [json!([1, 4, "syntax"])]);
    }
    // Nothing of it is kept.
    let shown = preview(&world, &of(&tenant), json!({ "mail": "ready" })).await;
    let sources = ["subject", "text", "html"].map(|part| shown["parts"][part]["source"].clone());
    assert_eq!(sources, ["built_in"; 3]);

    let refused = world.admin.post(&of(&tenant), &json!({ "mail": "news", "to": "a@b.example" })).await.unwrap();
    assert_eq!(refused.status, 422);
    let pointers: Vec<Value> =
        refused.json()["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect();
    assert_eq!(pointers, ["/to", "/mail"]);
    let nobodys = world.admin.post("/v1/tenants/t-nobody/email/preview", &json!({ "mail": "ready" })).await.unwrap();
    assert_eq!(nobodys.status, 404);
}
