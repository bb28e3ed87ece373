//! A stand-in for Jira: it takes what Atlassian's published shapes allow and nothing else, keeps issues and comments,
//! and misbehaves as it is told.
//!
//! [`Kind::Cloud`] speaks REST API 3 at the root, [`Kind::Datacenter`] API 2 below a context path, as many are installed.

mod document;
mod routes;
mod shape;
mod state;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use serde_json::{Value, json};
use waybill::domain::jira::Kind;
use waybill_local::{ca::Ca, receiver::server_config};

use self::state::State;
pub use self::state::{Asked, Issue, Mood, Operation};
use crate::world::World;

/// Whose token it is, in Cloud.
pub const EMAIL: &str = "waybill-bot@acme.example";

/// The token. Nothing that is recorded may hold it.
pub const TOKEN: &str = "ATATT3xFfGF0-of-a-test-Zr7Q";

/// Who can be assigned: an account id, and a user name.
pub const ASSIGNABLE: [&str; 2] = ["5b109f2e9729b51b54dc274d", "fred"];

/// The stand-in. It stops when it is dropped.
pub struct Jira {
    address: SocketAddr,
    kind: Kind,
    state: Arc<Mutex<State>>,
    handle: Handle<SocketAddr>,
}

impl Jira {
    /// Listens on a free port of loopback, with a certificate that the stack trusts, and with the projects OPS and SUP.
    pub async fn start(world: &World, kind: Kind) -> Self {
        Self::start_at(world, kind, 0).await
    }

    /// The same on a certain port.
    pub async fn start_at(world: &World, kind: Kind, port: u16) -> Self {
        let tls = world.stack.tls.clone();
        let ca = Ca { ca_path: tls.ca_path, cert_path: tls.cert_path, key_path: tls.key_path };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::new(kind)));
        let routes = routes::routes(kind).with_state(Arc::clone(&state));
        let routes = match kind {
            Kind::Cloud => routes,
            Kind::Datacenter => Router::new().nest(CONTEXT, routes),
        };
        let handle = Handle::new();
        let tls = RustlsConfig::from_config(Arc::new(server_config(&ca).unwrap()));
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap().handle(handle.clone());
        tokio::spawn(server.serve(routes.into_make_service()));
        handle.listening().await.unwrap();
        Self { address, kind, state, handle }
    }

    /// Settings of a tenant that is told in this Jira, with those that are given besides.
    pub fn settings(&self, more: &Value) -> Value {
        let context = if self.kind == Kind::Cloud { "" } else { CONTEXT };
        let mut site =
            json!({ "base_url": format!("https://{}{context}", self.address), "kind": self.kind, "token": TOKEN });
        if self.kind == Kind::Cloud {
            site["email"] = json!(EMAIL);
        }
        let mut jira = json!({ "site": site, "project": "OPS" });
        jira.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "jira": jira })
    }

    /// How the next requests of that kind are met, one mood each; after that, well.
    pub fn next(&self, operation: Operation, moods: impl IntoIterator<Item = Mood>) {
        self.state.lock().unwrap().moods.entry(operation).or_default().extend(moods);
    }

    /// From now on, an issue is found only so long after it was made.
    pub fn index_lags(&self, by: Duration) {
        self.state.lock().unwrap().index_lag = by;
    }

    /// Makes an issue, as a person would; returns its key.
    pub fn issue_in(&self, project: &str) -> String {
        self.state.lock().unwrap().add(project, json!({ "summary": "of a person" }), &[]).key
    }

    /// The issues, in order, without those of persons.
    pub fn issues(&self) -> Vec<Issue> {
        let state = self.state.lock().unwrap();
        state.issues.iter().filter(|issue| issue.fields["summary"] != "of a person").cloned().collect()
    }

    /// The issue with that key.
    pub fn issue(&self, key: &str) -> Issue {
        self.state.lock().unwrap().issue(key).unwrap().clone()
    }

    /// What was asked, in order.
    pub fn asked(&self, operation: Operation) -> Vec<Asked> {
        let state = self.state.lock().unwrap();
        state.log.iter().filter(|asked| asked.operation == operation).cloned().collect()
    }
}

/// Context path of a Data Center.
const CONTEXT: &str = "/jira";

impl Drop for Jira {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}
