//! The API against its own description: schemathesis calls every operation in every way that the description allows, and in
//! many that it does not, with all of its checks.
//!
//! It reads the document that the stack serves, with what answers are made stricter: an answer must have no field that is not
//! described. One run is a tenant's own, one an administrator's, so that every operation is both allowed and refused.

use std::{
    path::Path,
    process::{Command, Output},
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill_local::{instance::shared_dir, issuer::ADMIN};
use waybill_tests::{tenant::Tenant, world::World};

/// Cases of each operation in the fuzzing phase. The local cloud answers some 30 calls a second.
const MAX_EXAMPLES: usize = 8;

/// The same cases each time.
const SEED: &str = "20261127";

/// What holds for all runs. Where a check cannot be right, this says why.
const CONFIG: &str = r#"
# A deletion here is that of a file, or a revocation: what it was of stays, and says so.
[[operations]]
include-operation-id = ["deleteRequest", "revokeLink", "revokeApiKey", "retireRecipientKey", "eraseTenant"]
checks.use_after_free.enabled = false

# JSON Schema cannot say which texts are the names of zones, that a host is publicly reachable, that the characters of an
# alphabet are each there once, which key is one, or which parameters a report has.
[[operations]]
include-operation-id = ["createEndpoint", "putEndpoint", "putTenant", "createUser", "putUser", "addRecipientKey", "makeLink",
  "createApiKey", "recoverEndpoint", "createWebhook", "putWebhook"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "410", "422"]

# Nor what is in the base64 of a licence context.
[[operations]]
include-operation-id = ["createRequest", "repeatRequest"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "422"]

# `confirm` must be the id in the path.
[[operations]]
include-operation-id = ["eraseTenant"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "422"]

# A cursor is one that a page before gave out.
[[operations]]
include-operation-id = ["listRequests", "listDeliveries", "listEndpoints", "listLinks", "listAccesses", "listTenants",
  "listAudit", "listDisabledAddresses", "listDisabledAddressesOfTenant", "listLicences", "listLicencesOfTenant"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404"]

# Of a request that has ended.
[[operations]]
include-operation-id = ["showPassword", "showManifest", "showManifestFile", "followLink", "redeliver"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410"]
"#;

/// The document that the stack serves, with answers that may have nothing but what is described.
async fn strict_document(world: &World) -> Value {
    let mut document =
        world.api.get("/openapi.json").await.unwrap().expect_status("read the description", &[200]).unwrap();
    for operations in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in operations.as_object_mut().unwrap().values_mut() {
            for answer in operation["responses"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
                close(answer);
            }
        }
    }
    close(&mut document["components"]["schemas"]);
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
    command.args(["--checks", "all", "--seed", SEED, "--generation-deterministic", "--generation-database", "none"]);
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
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    keep(folder.path());
    output
}

/// The folder is only there for the run.
fn keep(_: &Path) {}

fn check(what: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{what}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let cases =
        said.lines().filter(|line| line.contains("generated") || line.contains("Test cases")).collect::<Vec<_>>();
    println!("{what}: {}", cases.join("; "));
}

#[tokio::test]
async fn a_tenant_finds_what_is_described() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "interfaces": { "unico": {} } })).await;
    let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
    // Guesses at passwords are counted by address, and other tests log in from the same one.
    let output = run(&world, &token, &["--exclude-operation-id", "logIn"], "").await;
    check("a tenant", &output);
}

#[tokio::test]
async fn an_administrator_finds_what_is_described() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let token = world.issuer.token(ADMIN, SignedDuration::from_hours(1)).unwrap();
    // Dead letters are of all tenants: other tests have theirs. A tenant's credential is refused there, in the other run.
    let more = ["--include-path-regex", "^/v1/(tenants|erasures|email)", "--exclude-path", "/v1/dead-letters/redrive"];
    let own = format!("\n[parameters]\ntenant = \"{}\"\n", tenant.id);
    let output = run(&world, &token, &more, &own).await;
    check("an administrator", &output);
}
