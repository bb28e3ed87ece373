//! The API against its own description: schemathesis calls every operation in every way that the description allows, and in
//! many that it does not, with all of its checks.
//!
//! Apart from the other tests of the stack, and after them: its thousands of calls make requests, deliveries and dead letters
//! for which sweeps take so long that nothing else comes at its time.
//!
//! It reads the document that the stack serves, with what answers are made stricter: an answer must have no field that is not
//! described. One run is a tenant's own, one an administrator's, so that every operation is both allowed and refused.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::process::{Command, Output};

use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill_local::{instance::shared_dir, issuer::ADMIN as ADMIN_SUBJECT};
use waybill_tests::{tenant::Tenant, world::World};

/// Cases of each operation in the fuzzing phase. The local cloud answers some 30 calls a second.
const MAX_EXAMPLES: usize = 5;

/// The same cases each time.
const SEED: &str = "20261127";

/// What holds for all runs. Where a check cannot be right, this says why.
const CONFIG: &str = r#"
# A refusal is one, whichever of these it is: too large, gone, or not what `If-Match` says.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "410", "412", "413", "415", "422", "428", "429", "5xx"]

# A deletion here is that of a file, or a revocation: what it was of stays, and says so.
[[operations]]
include-operation-id = ["deleteRequest", "revokeLink", "revokeApiKey", "retireRecipientKey", "eraseTenant"]
checks.use_after_free.enabled = false

# JSON Schema cannot say which texts are the names of zones, that a host is publicly reachable, that the characters of an
# alphabet are each there once, which key is one, or which parameters a report has. And 24.0 is a whole number to it, but not
# to the API.
[[operations]]
include-operation-id = ["createEndpoint", "putEndpoint", "putTenant", "createUser", "putUser", "addRecipientKey", "makeLink",
  "createApiKey", "recoverEndpoint", "createWebhook", "putWebhook", "enableAddress", "enableAddressOfTenant",
  "createSchedule", "putSchedule", "rotateSecret"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "410", "412", "422"]

# Nor what is in the base64 of a licence context.
[[operations]]
include-operation-id = ["createRequest", "repeatRequest"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "422"]

# `confirm` must be the id in the path.
[[operations]]
include-operation-id = ["eraseTenant"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "412", "422"]

# A cursor is one that a page before gave out.
[[operations]]
include-operation-id = ["listRequests", "listDeliveries", "listEndpoints", "listLinks", "listAccesses", "listTenants",
  "listAudit", "listDisabledAddresses", "listDisabledAddressesOfTenant", "listLicences", "listLicencesOfTenant", "listSchedules", "listRuns"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404"]

# What a request or a schedule has come to.
[[operations]]
include-operation-id = ["showPassword", "showManifest", "showManifestFile", "followLink", "redeliver", "deleteSchedule"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410", "412"]
"#;

/// The document that the stack serves, with answers that may have nothing but what is described.
async fn strict_document(world: &World) -> Value {
    let mut document =
        world.api.get("/openapi.json").await.unwrap().expect_status("read the description", &[200]).unwrap();
    for operations in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in operations.as_object_mut().unwrap().values_mut() {
            // Beside operations a path has parameters, in a list.
            if let Some(answers) = operation.get_mut("responses") {
                close(answers);
            }
        }
    }
    close(&mut document["components"]["schemas"]);
    close(&mut document["components"]["responses"]);
    document
}

/// Objects whose fields are described have no others.
fn close(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let is_object = map.get("type").is_some_and(|kind| kind == "object" || kind == &json!(["object", "null"]));
            if is_object && map.contains_key("properties") && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
            map.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

/// Runs schemathesis with a credential; `more` are further arguments, `config` further settings.
async fn run(world: &World, token: &str, more: &[&str], config: &str) -> Output {
    let program = shared_dir().join("venv/bin/schemathesis");
    assert!(program.is_file(), "{} is missing: run `make venv`, or `make test`", program.display());
    let folder = tempfile::tempdir().unwrap();
    let (document, settings) = (folder.path().join("openapi.json"), folder.path().join("schemathesis.toml"));
    std::fs::write(&document, strict_document(world).await.to_string()).unwrap();
    let auth = format!("[auth.openapi.token]\nbearer = \"{token}\"\n");
    std::fs::write(&settings, format!("{auth}{CONFIG}{config}")).unwrap();
    let mut command = Command::new(program);
    command.arg("--config-file").arg(&settings).arg("run").arg(&document).current_dir(folder.path());
    command.args(["--url", &world.stack.api_url, "--header", &format!("Host: {}", world.stack.host_header)]);
    command.args(["--checks", "all", "--seed", SEED, "--generation-deterministic"]);
    command.args([
        "--max-examples",
        &MAX_EXAMPLES.to_string(),
        "--no-shrink",
        "--continue-on-failure",
        "--workers",
        "2",
    ]);
    command.args(["--request-timeout", "30", "--max-redirects", "0", "--no-color", "--suppress-health-check", "all"]);
    command.args(["--output-truncate", "false"]).args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn check(what: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{what}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let cases = said.lines().find(|line| line.contains(" generated, "));
    println!("{what}: {}", cases.expect("a number of cases").trim());
}

/// Chapters of administrators.
const ADMIN: [&str; 3] = ["Tenants", "API keys", "Users"];

/// Interfaces that refuse in words of their own.
const OTHERS: [&str; 3] = ["Eclipse", "TReports", "Tesouro"];

async fn tenant_and_token(world: &World) -> (Tenant, String) {
    let tenant = Tenant::create_with(world, json!({ "interfaces": { "unico": {} } })).await;
    let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
    (tenant, token)
}

#[tokio::test]
async fn a_tenant_finds_what_is_described() {
    let world = World::load().await;
    let (_, token) = tenant_and_token(&world).await;
    let mut others: Vec<&str> = ADMIN.into_iter().chain(OTHERS).flat_map(|tag| ["--exclude-tag", tag]).collect();
    // The local cloud has a `/health` of its own, which some calls end at.
    others.extend(["--exclude-operation-id", "health"]);
    let output = run(&world, &token, &others, "").await;
    check("a tenant", &output);
}

/// With more parameters than all others together, so that every combination of them would take too long.
#[tokio::test]
async fn clients_of_other_products_find_what_is_described() {
    let world = World::load().await;
    let (_, token) = tenant_and_token(&world).await;
    let mut more: Vec<&str> = OTHERS.into_iter().flat_map(|tag| ["--include-tag", tag]).collect();
    // Guesses at passwords are counted by address, and other tests log in from the same one.
    more.extend(["--phases", "examples,fuzzing", "--exclude-operation-id", "logIn"]);
    let output = run(&world, &token, &more, "").await;
    check("clients of other products", &output);
}

#[tokio::test]
async fn an_administrator_finds_what_is_described() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let token = world.issuer.token(ADMIN_SUBJECT, SignedDuration::from_hours(1)).unwrap();
    // Not dead letters, which are of all tenants: other tests have theirs. The other run is refused there.
    let more: Vec<&str> =
        ADMIN.into_iter().chain(["Mail", "Licences"]).flat_map(|tag| ["--include-tag", tag]).collect();
    let own = format!("\n[parameters]\n\"path.tenant\" = \"{}\"\n", tenant.id);
    let output = run(&world, &token, &more, &own).await;
    check("an administrator", &output);
}
