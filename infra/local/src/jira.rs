//! The stack's own Jira, as the local cloud has it: an address on this machine, where nobody listens until a test does.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
};

use crate::{
    deploy::Outputs,
    error::{Context, Result},
    instance::{Instance, write_file},
    stack::JiraSite,
};

/// Context path, as many a Data Center has one.
const CONTEXT: &str = "/jira";

/// Port of the instance's Jira: a free one, and the same each time that the stack is deployed.
pub fn port(instance: &Instance) -> Result<u16> {
    let path = instance.dir.join("jira-port");
    if let Some(port) = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
        return Ok(port);
    }
    let what = "find a free port for the stack's Jira";
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(what)?;
    let port = listener.local_addr().context(what)?.port();
    write_file(&path, port.to_string().as_bytes(), false)?;
    Ok(port)
}

/// What the stack's parameter `JiraBaseUrl` is.
pub fn base_url(port: u16) -> String {
    format!("https://127.0.0.1:{port}{CONTEXT}")
}

/// The site, with the secret that the stack's outputs name.
pub fn of(outputs: &Outputs, port: u16) -> Result<JiraSite> {
    Ok(JiraSite { port, secret: outputs.get("JiraSecretArn")? })
}
