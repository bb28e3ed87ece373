//! Second opinions: scripts in `python/`, run by the virtual environment that `make venv` installs. JSON in, JSON out.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use waybill_local::instance::shared_dir;

/// Runs a script.
///
/// # Panics
/// If the virtual environment is missing, or if the script fails: with what it said.
pub async fn python(script: &'static str, input: Value) -> Value {
    tokio::task::spawn_blocking(move || run(script, &input)).await.unwrap()
}

fn run(script: &str, input: &Value) -> Value {
    let program = shared_dir().join("venv/bin/python");
    assert!(program.is_file(), "{} is missing: run `make venv`, or `make test`", program.display());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    let mut command = Command::new(program);
    command.arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
