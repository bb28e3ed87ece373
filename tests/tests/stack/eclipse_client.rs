//! A customer of Eclipse's, as its clients were written.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use waybill::domain::id::RequestId;
use waybill_local::api_client::{Answer, ApiClient};
use waybill_tests::{
    tenant::{Tenant, WALLET},
    world::World,
};

const GUIDE: &str = include_str!("../../../docs/eclipse.md");

/// All wallet transactions of a test's lake.
pub const ALL: &str = "d1=2024-01-01T00:00:00.000&d2=2024-12-31T23:59:59.999";

/// A tenant with the interface.
pub async fn customer(world: &World, settings: Value, more: Value) -> Tenant {
    let mut all = json!({ "interfaces": { "eclipse": settings } });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Tenant::create_with(world, all).await
}

/// Path of a report of the tenant's.
pub fn path(tenant: &str, report: &str, query: &str) -> String {
    format!("/eclipse-conductor/rest/v1/tenants/{tenant}/reports/{report}?{query}")
}

/// Text as a value of a query string.
pub fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Asks for the wallet report.
pub async fn wallet(tenant: &Tenant, query: &str) -> Answer {
    ask(&tenant.api, tenant, query).await
}

/// The same with another credential.
pub async fn ask(api: &ApiClient, tenant: &Tenant, query: &str) -> Answer {
    api.get(&path(&tenant.id, WALLET, query)).await.unwrap()
}

/// The request that an answer names.
pub fn request_of(answer: &Answer) -> RequestId {
    answer.header("x-request-id").parse().unwrap_or_else(|_| panic!("{answer:?}"))
}

/// Checks status and code, and that nothing internal shows. Returns the descriptions.
pub fn refused(world: &World, what: &str, answer: &Answer, status: u16, code: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, status, "{what}: {text}");
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    let errors = answer.json();
    let errors = errors.as_array().unwrap_or_else(|| panic!("{what}: no array: {text}"));
    let described = errors.iter().map(|error| {
        let names: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["code", "description", "environment", "severity", "spanId", "traceId", "type"], "{what}");
        assert_eq!(error["code"], code, "{what}: {text}");
        error["description"].as_str().unwrap().to_owned()
    });
    let described: Vec<_> = described.collect();
    assert!(!described.is_empty() && described.iter().all(|one| !one.is_empty()), "{what}: {text}");
    let told = described.join(" ");
    for internal in ["arn:", world.stack.table.as_str(), "panicked", "src/", "amazonaws", "dynamodb", "lambda", "urn:"]
    {
        assert!(!told.contains(internal), "{what} tells of {internal}: {told}");
    }
    described
}

/// The shell lines of that name in the guide.
pub fn lines(name: &str) -> &'static str {
    let (_, rest) = GUIDE.split_once(&format!("<!-- run: {name} -->\n```sh\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// A customer's folder and shell.
pub struct Shell {
    dir: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Shell {
    /// With the tenant's credential.
    pub fn of(world: &World, tenant: &Tenant) -> Self {
        let local = world.stack.api_url.starts_with("http://");
        let host = &world.stack.host_header;
        let api = if local { format!("http://{host}") } else { world.stack.api_url.clone() };
        let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
        let variables = vec![("API", api), ("TOKEN", token), ("TENANT", tenant.id.clone())];
        Self { dir: TempDir::new().unwrap(), variables }
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a script.
    pub fn output(&self, script: &str) -> Output {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]).current_dir(self.path()).env("LC_ALL", "C.UTF-8");
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command.output().unwrap()
    }

    /// Runs a script that must succeed.
    pub fn run(&self, script: &str) -> String {
        let output = self.output(script);
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A file of its folder.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }
}
