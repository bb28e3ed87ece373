//! The shell lines of a page in `docs/`, run as its reader would.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::{skip, world::World};

/// The lines of that name: a block that follows `<!-- run: name -->`.
///
/// # Panics
/// If the page has none.
pub fn lines<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("<!-- run: {name} -->\n```sh\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// Runs lines in a folder with these variables; returns what they print.
///
/// # Panics
/// If a line fails: with what it said.
pub fn run(script: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder).stdin(Stdio::null());
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The API's base URL, as clients see it: curl finds names under `localhost` by itself.
pub fn public_url(world: &World) -> String {
    let local = world.stack.api_url.starts_with("http://");
    if local { format!("http://{}", world.stack.host_header) } else { world.stack.api_url.clone() }
}

/// Whether all these programs are installed; if not, that is said aloud.
pub fn have(tools: &[&str]) -> bool {
    let lacks = |tool: &&&str| Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_err();
    let missing: Vec<&str> = tools.iter().filter(lacks).copied().collect();
    if !missing.is_empty() {
        skip::lacking(&format!("{} not installed; a page's lines are not run", missing.join(", ")));
    }
    missing.is_empty()
}
