//! Second opinions: scripts in `python/`, run by the virtual environment that `make venv` installs, and in `js/`, run by
//! Node.js with what `make test` installs where npm is there. JSON in, JSON out.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use waybill_local::instance::shared_dir;

use crate::skip;

/// Runs a script.
///
/// # Panics
/// If the virtual environment is missing, or if the script fails: with what it said.
pub async fn python(script: &'static str, input: Value) -> Value {
    tokio::task::spawn_blocking(move || python_now(script, &input)).await.unwrap()
}

/// The same for whoever cannot wait without blocking.
///
/// # Panics
/// As [`python`] does.
pub fn python_now(script: &str, input: &Value) -> Value {
    let program = shared_dir().join("venv/bin/python");
    assert!(program.is_file(), "{} is missing: run `make venv`, or `make test`", program.display());
    run(Command::new(program), &Path::new("python").join(script), input)
}

/// Runs a script of Node.js; none, said aloud, where that is not installed.
///
/// # Panics
/// If the script fails: with what it said.
pub async fn node(script: &'static str, input: Value) -> Option<Value> {
    let modules = shared_dir().join("js/node_modules");
    let has_node = Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !has_node || !modules.is_dir() {
        skip::lacking(
            "Node.js or its packages are not installed; webhooks are not verified with the JavaScript library",
        );
        return None;
    }
    let answer = tokio::task::spawn_blocking(move || {
        let mut command = Command::new("node");
        command.env("NODE_PATH", modules);
        run(command, &Path::new("js").join(script), &input)
    });
    Some(answer.await.unwrap())
}

fn run(mut command: Command, script: &Path, input: &Value) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    command.arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
