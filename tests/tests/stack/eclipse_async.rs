//! Eclipse's reports delivered: 204, the archive behind a link, its callback, and the documented shell lines.

use std::process::Command;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::table::keys::{Key, story},
    domain::id::RequestId,
};
use waybill_local::{
    api_client::Answer,
    receiver::{Received, Receiver, Reply},
};
use waybill_tests::{
    lake::Lake,
    presigned,
    python::python,
    skip,
    tenant::{Tenant, WALLET, settings},
    wait::LONG,
    world::World,
};

use crate::{
    eclipse_client::{ALL, Shell, customer, encoded, lines, refused, request_of, wallet},
    refusal,
    webhook::{delivery_over, headers},
};

const DAY: i64 = 86_400;

/// Query of a delivery to that URL.
fn to(url: &str) -> String {
    format!("&streamResult=true&deliveryMechanismType=http&deliveryMechanismValue={}", encoded(url))
}

/// Checks the answer; returns the request's id.
fn accepted(answer: &Answer) -> RequestId {
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", String::from_utf8_lossy(&answer.body));
    let id = request_of(answer);
    assert_eq!(answer.header("location"), format!("/v1/requests/{id}"));
    id
}

async fn call(receiver: &Receiver, path: &str, number: usize) -> (Received, Value) {
    let received = receiver.wait_for(path, number, LONG).await.unwrap().remove(number - 1);
    let told = serde_json::from_slice(&received.body).unwrap();
    (received, told)
}

/// Checks the callback's form and signature; returns URL and password.
async fn checked(tenant: &Tenant, id: RequestId, (received, told): &(Received, Value), days: i64) -> (String, String) {
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let (url, password) = (text("reportUrl"), text("password"));
    let expected = json!({ "reportId": WALLET, "reportUrl": url, "password": password, "linkExpiryDays": days });
    assert_eq!(told, &expected);
    assert_eq!(presigned::life(&url), days * DAY, "it lives as long as it says");
    assert!(url.contains(".zip?"), "{url}");
    assert!(password.chars().all(|c| c.is_ascii_alphanumeric()), "{password}");
    assert_eq!(received.headers["x-request-id"].to_str().unwrap(), id.to_string());
    let body = String::from_utf8(received.body.to_vec()).unwrap();
    let task = |body: &str| json!({ "secret": tenant.webhook_secret, "headers": headers(received), "body": body });
    assert_eq!(python("verify_public.py", task(&body)).await["verified"], true);
    assert_eq!(python("verify_public.py", task(&body.replacen('r', "s", 1))).await["verified"], false);
    (url, password)
}

fn has(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success()
}

#[tokio::test]
async fn the_guides_lines_get_and_open_a_report() {
    let world = World::load().await;
    let (tenant, receiver) = (customer(&world, json!({}), json!({})).await, world.receiver().await);
    Lake::generate(&world, &tenant.id, 300, 1).await;
    let mut shell = Shell::of(&world, &tenant);
    shell.set("CALLBACK", &receiver.url("/webhooks/report-ready"));
    shell.run(lines("stream"));
    let answer = String::from_utf8(shell.read("answer.txt")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");

    let told = call(&receiver, "/webhooks/report-ready", 1).await;
    let id: RequestId = told.0.headers["x-request-id"].to_str().unwrap().parse().unwrap();
    assert!(answer.contains(&id.to_string()), "{answer}");
    let (url, password) = checked(&tenant, id, &told, 1).await;
    assert_eq!(password.len(), 10);

    shell.set("URL", &url);
    shell.set("PASSWORD", &password);
    let status = tenant.succeeded(id).await;
    let name = format!("{WALLET}-{id}.csv");
    if has("unzip") {
        shell.run(lines("download"));
        let opened = shell.read(&name);
        assert_eq!(status["files"][0]["plaintext_sha256"], waybill::digest::sha256_hex(&opened));
        let listed = shell.run("unzip -Z1 report.zip");
        assert_eq!(listed.trim(), name, "the report and nothing else");
        assert!(!shell.output("unzip -o -P wrong report.zip").status.success(), "with another password");
    } else {
        skip::lacking("unzip is not installed; the archive is not opened with it");
    }
    for (programs, script) in [
        (&["bsdtar"][..], "-x --passphrase \"$PASSWORD\" -f report.zip -C b"),
        (&["7z", "7zz"], "x -ob -p\"$PASSWORD\" report.zip"),
    ] {
        if let Some(program) = programs.iter().find(|program| has(program)) {
            shell.run(&format!("rm -rf b && mkdir b && {program} {script}"));
            assert_eq!(
                status["files"][0]["plaintext_sha256"],
                waybill::digest::sha256_hex(&shell.read(&format!("b/{name}")))
            );
        } else {
            skip::lacking(&format!("{} is not installed; archives are not opened with it", programs[0]));
        }
    }
    let archive = shell.path().join("report.zip");
    let task = json!({ "archive": archive, "into": shell.path(), "password": password, "cipher": "zipcrypto" });
    assert_eq!(python("extract.py", task).await["names"], json!([name]));
    assert_eq!(delivery_over(&tenant, id).await["status"], "DELIVERED");

    // The file outlives every attempt by the promised day.
    let time = |name: &str| status[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let kept = time("expires_at").duration_since(time("finished_at"));
    assert_eq!(kept.as_hours(), 24 + 1, "an hour for the schedule here");
    tenant.nothing_is_left_over(&world).await;
}

/// As the contract has it, with the verification that is used above.
#[tokio::test]
async fn the_signatures_test_vector() {
    let body = r#"{"alias":"bluXSSCPCZ","cardOnFileId":"8e2c86a5-1acf-48b7-aa70-11a1b18c0d84","last4Digits":"0028"}"#;
    let signature = "t=1625602409535,v1=b2+TTx2JbaHqeM67fpRye30Go1vdyvyGdoljBqdL9Rg=";
    let task = json!({ "secret": "HelloWorld", "headers": { "eclipse-signature": signature }, "body": body });
    assert_eq!(python("verify_public.py", task).await["verified"], true);
}

#[tokio::test]
async fn every_attempt_has_a_link_of_its_own_for_all_of_its_days() {
    let world = World::load().await;
    let settings = json!({ "link_days": 2, "cipher": "aes256", "password_length": 24 });
    let (tenant, receiver) = (customer(&world, settings, json!({})).await, world.receiver().await);
    let failing = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::GONE, StatusCode::CREATED];
    receiver.reply("/late", failing.map(Reply::status));
    let id = accepted(&wallet(&tenant, &format!("{ALL}&format=csv{}", to(&receiver.url("/late")))).await);
    let mut urls = Vec::new();
    for number in 1..=3 {
        let told = call(&receiver, "/late", number).await;
        let (url, password) = checked(&tenant, id, &told, 2).await;
        assert_eq!(password.len(), 24);
        assert_eq!(presigned::opens(&world, &url).await, 200);
        urls.push((url, password));
    }
    assert!(urls[0].0 != urls[1].0 && urls[1].0 != urls[2].0, "signed anew");
    assert!(urls[0].1 == urls[2].1, "the archive is the same");
    let delivery = delivery_over(&tenant, id).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DELIVERED"), &json!(3)), "{delivery}");
    let archive = presigned::get(&world, &urls[2].0).await.body;
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("a.zip"), archive).unwrap();
    let task = json!({
        "archive": dir.path().join("a.zip"), "into": dir.path(), "password": urls[2].1, "cipher": "aes256",
    });
    assert_eq!(python("extract.py", task).await["names"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn parallel_runs_are_told_apart() {
    let world = World::load().await;
    let (tenant, receiver) = (customer(&world, json!({}), json!({})).await, world.receiver().await);
    Lake::generate(&world, &tenant.id, 400, 1).await;
    let months = ["01", "02", "03"];
    let asked = months.map(|month| {
        let query =
            format!("d1=2024-{month}-01&d2=2024-{month}-28T23:59:59.999&format=csv{}", to(&receiver.url("/all")));
        let tenant = &tenant;
        async move { accepted(&wallet(tenant, &query).await) }
    });
    let ids = futures::future::join_all(asked).await;
    let calls = receiver.wait_for("/all", 3, LONG).await.unwrap();
    for (id, month) in ids.iter().zip(months) {
        let call = calls.iter().find(|call| call.headers["x-request-id"].to_str().unwrap() == id.to_string()).unwrap();
        let told: Value = serde_json::from_slice(&call.body).unwrap();
        let (url, _) = checked(&tenant, *id, &(call.clone(), told), 1).await;
        assert!(url.contains(&id.to_string()), "{url}");
        let status = tenant.succeeded(*id).await;
        assert_eq!(status["parameters"]["d1"], format!("2024-{month}-01T00:00:00.000"), "{status}");
    }
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn additional_headers_are_sent_sealed_and_kept_by_a_repetition() {
    let world = World::load().await;
    let held =
        json!({ "zip": { "cipher": "aes256", "password": { "kind": "held", "value": "correct horse battery" } } });
    let (tenant, receiver) = (customer(&world, json!({}), held).await, world.receiver().await);
    receiver.reply_with("/hook", |received, _| {
        let echo = format!("{:?}", received.headers);
        Reply::status(StatusCode::OK).body(echo)
    });
    let secret = "s3cr3t-of-the-customer";
    let additional = encoded(&format!("X-Api-Key,{secret},Authorization,Bearer abc"));
    let query = format!("{ALL}{}&webhookAdditionalHeaders={additional}", to(&receiver.url("/hook")));
    let first = accepted(&wallet(&tenant, &query).await);
    let told = call(&receiver, "/hook", 1).await;
    let (_, password) = checked(&tenant, first, &told, 1).await;
    assert!(password.len() == 10 && password != "correct horse battery", "made for it, whatever the tenant holds");
    let sent = |received: &Received| {
        [&received.headers["x-api-key"], &received.headers["authorization"]].map(|v| v.to_str().unwrap().to_owned())
    };
    assert_eq!(sent(&told.0), [secret.to_owned(), "Bearer abc".to_owned()]);
    delivery_over(&tenant, first).await;

    let repeat = tenant.api.post(&format!("/v1/requests/{first}/repeat"), &json!({})).await.unwrap();
    let repeat = repeat.expect_status("repeat", &[202]).unwrap();
    assert_eq!((&repeat["packaging"], &repeat["package"]["cipher"]), (&json!("zip"), &json!("zipcrypto")), "{repeat}");
    let second: RequestId = repeat["id"].as_str().unwrap().parse().unwrap();
    let told = call(&receiver, "/hook", 2).await;
    let (_, password) = checked(&tenant, second, &told, 1).await;
    assert_eq!((password.len(), sent(&told.0)), (10, [secret.to_owned(), "Bearer abc".to_owned()]));
    let delivery = delivery_over(&tenant, second).await;

    for id in [first, second] {
        let recorded = world.text_of(&Key::tenant(&tenant.id).pk).await + &world.text_of(&story(&tenant.id, id)).await;
        assert!(!recorded.contains(secret) && !recorded.contains(&password), "sealed, and echoes are struck out");
        assert!(!tenant.status(id).await.to_string().contains(secret));
    }
    let shown = tenant.get(&format!("/v1/deliveries/{}", delivery["id"].as_str().unwrap())).await;
    let text = String::from_utf8(shown.body).unwrap();
    assert!(text.contains("x-api-key") && !text.contains(secret), "{text}");
    let kept = world.request(&tenant.id, second).await.row;
    let original = world.request(&tenant.id, first).await.row;
    assert_eq!(
        (kept.link, kept.retention_hours, kept.interface),
        (original.link, original.retention_hours, original.interface)
    );
}

/// The repetition of an answer is an ordinary request.
#[tokio::test]
async fn an_answer_can_be_repeated_as_an_ordinary_request() {
    let world = World::load().await;
    let tenant = customer(&world, json!({}), json!({})).await;
    Lake::generate(&world, &tenant.id, 10, 1).await;
    let answer = wallet(&tenant, ALL).await;
    assert_eq!(answer.status, 200);
    let path = format!("/v1/requests/{}/repeat", request_of(&answer));
    let repeat = tenant.api.post(&path, &json!({})).await.unwrap().expect_status("repeat", &[202]).unwrap();
    let status = tenant.succeeded(repeat["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!((&status["rows"], &status["link"]["mode"]), (&json!(10), &json!("managed")), "{status}");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_callback_that_points_inward_is_refused_and_nothing_recorded() {
    let world = World::load().await;
    let tenant = customer(&world, json!({}), json!({})).await;
    for url in [
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "http://app.example.com/",
        "https://user:secret@app.example.com/",
        "file:///etc/passwd",
        "not a url",
        "app.example.com",
    ] {
        let answer = wallet(&tenant, &format!("{ALL}{}", to(url))).await;
        let told = refused(&world, url, &answer, 400, "VAL001");
        assert!(told.len() == 1 && told[0].starts_with("deliveryMechanismValue:"), "{url}: {told:?}");
        assert!(!told[0].contains("secret"), "{told:?}");
    }
    let long = format!("https://app.example.com/{}", "x".repeat(2_100));
    let told = refused(&world, "a long URL", &wallet(&tenant, &format!("{ALL}{}", to(&long))).await, 400, "VAL001");
    assert!(told[0].starts_with("deliveryMechanismValue:"), "{told:?}");
    for (name, text) in
        [("hop by hop", "Connection,close"), ("a signature", "Eclipse-Signature,x"), ("a line", "A,b\r\nC: d")]
    {
        let query = format!("{ALL}{}&webhookAdditionalHeaders={}", to("https://app.example.com/"), encoded(text));
        let told = refused(&world, name, &wallet(&tenant, &query).await, 400, "VAL001");
        assert!(told[0].starts_with("webhookAdditionalHeaders:"), "{told:?}");
    }
    tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn a_report_that_fails_is_told_to_nobody() {
    let world = World::load().await;
    let (tenant, receiver) = (customer(&world, json!({}), json!({})).await, world.receiver().await);
    let key = format!("tenants/{}/reports/{WALLET}.toml", tenant.id);
    let definition = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");
    let broken = definition.replace("location, external_transaction_id", "place AS location, external_transaction_id");
    world.put(&world.stack.buckets.config, &key, broken.into_bytes()).await;
    Lake::generate(&world, &tenant.id, 10, 1).await;
    let id = accepted(&wallet(&tenant, &format!("{ALL}{}", to(&receiver.url("/hook")))).await);
    assert_eq!(tenant.finished(id).await["status"], "FAILED");
    tenant.nothing_is_left_over(&world).await;
    assert_eq!(tenant.status(id).await["deliveries"], json!([]), "no delivery that could only die");
    assert_eq!(receiver.received("/hook").len(), 0);
}

#[tokio::test]
async fn a_promise_that_cannot_be_kept_is_no_setting_and_a_weak_cipher_is_named() {
    let world = World::load().await;
    let tenant = customer(&world, json!({}), json!({})).await;
    let path = format!("/v1/tenants/{}", tenant.id);
    let mut wanted = settings(&world, &tenant.subject);
    wanted["interfaces"] = json!({ "eclipse": { "link_days": 7 } });
    let answer = world.admin.put(&path, &wanted).await.unwrap();
    let problem = refusal::check(&world, "seven days and the schedule", &answer, 422, "validation_failed");
    let fault = ("/interfaces/eclipse/link_days".to_owned(), "out_of_range".to_owned());
    assert_eq!(refusal::faults(&problem), [fault]);
    let shown = world.admin.get(&path).await.unwrap().json();
    let eclipse = json!({ "time_zone": "UTC", "link_days": 1, "cipher": "zipcrypto", "password_length": 10 });
    assert_eq!(shown["interfaces"], json!({ "eclipse": eclipse }));
    assert!(shown["warnings"].to_string().contains("zipcrypto of the interface eclipse is weak"), "{shown}");
    assert_eq!(world.admin.put(&path, &shown).await.unwrap().status, 200, "what is shown can be put back");
}

#[tokio::test]
async fn a_file_is_there_for_its_days_even_after_the_tenants_own_time() {
    let world = World::load().await;
    let short = json!({ "retention_hours": 1, "link": { "mode": "managed", "life_hours": 1 }, "packaging": "plain" });
    let (tenant, receiver) = (customer(&world, json!({}), short).await, world.receiver().await);
    let id = accepted(&wallet(&tenant, &format!("{ALL}&format=xml{}", to(&receiver.url("/hook")))).await);
    let (url, _) = checked(&tenant, id, &call(&receiver, "/hook", 1).await, 1).await;
    assert_eq!(presigned::opens(&world, &url).await, 200);
    let status = tenant.succeeded(id).await;
    let ends: Timestamp = status["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(ends > Timestamp::now() + SignedDuration::from_secs(DAY), "{status}");
    assert_eq!((&status["packaging"], &status["link"]["mode"]), (&json!("zip"), &json!("direct")));
}
