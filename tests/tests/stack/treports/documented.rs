//! The shell lines of `docs/treports.md`, as they stand there.

use std::{fs, process::Command};

use waybill_local::instance::workspace_root;
use waybill_tests::{skip, world::World};

use super::{Customer, UID};

/// The blocks of the page that are marked as shell.
fn lines() -> String {
    let page = fs::read_to_string(workspace_root().join("docs/treports.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_lines_of_the_page_work() {
    let world = World::load().await;
    let customer = Customer::of(&world, 40).await;
    for program in ["curl", "jq", "bash"] {
        if Command::new(program).arg("--version").output().is_err() {
            return skip::lacking(&format!("{program} is missing"));
        }
    }
    let token = world.issuer.token(&customer.tenant.subject, jiff::SignedDuration::from_hours(1)).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    // The local cloud tells its APIs apart by the name in `Host`.
    let host = format!("curl() {{ command curl -H 'Host: {}' \"$@\"; }}", world.stack.host_header);
    let script = format!("set -euo pipefail\n{host}\n{}", lines());
    let environment = [("API", world.stack.api_url.as_str()), ("TOKEN", &token), ("REPORT", UID)];
    let mut command = Command::new("bash");
    command.arg("-c").arg(&script).current_dir(folder.path()).envs(environment);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{failed}");
    for (file, begins) in
        [("movements.pdf", &b"%PDF-"[..]), ("movements.xlsx", b"PK"), ("movements.csv", b"unique_id,")]
    {
        let content = fs::read(folder.path().join(file)).unwrap();
        assert!(content.starts_with(begins), "{file}: {}", String::from_utf8_lossy(&content));
    }
    assert!(said.contains("Finalizado"), "{said}");
}
