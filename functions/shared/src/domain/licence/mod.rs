//! Licences: a tenant's pool of seats, and who holds one.
//!
//! Whoever generates a report for a product that is licensed by seats holds one while it is being generated, and a while
//! longer. An ERP that holds a licence of its own says so by a licence context: all that comes with the same
//! [`WaiverKey`] shares one seat instead of taking another ("abono").
//!
//! The pool's rules are in [`pool`], the context as callers send it in [`context`].

pub mod context;
pub mod pool;
mod waiver;

#[cfg(test)]
mod pool_model;

use serde::{Deserialize, Serialize};

pub use self::{
    context::{ContextFault, LicenceContext},
    waiver::WaiverKey,
};

/// How long a seat stays its key's after the last end, unless the tenant has it otherwise, in seconds: who asks for one
/// report after the other keeps its seat.
pub const DEFAULT_LINGER_SECONDS: u32 = 60;

/// The longest that it may stay so, in seconds. Ends are remembered for longer than that.
pub const MAX_LINGER_SECONDS: u32 = 3600;

/// A seat is wanted for a request. Without a pool its tenant has as many as are asked for, and none is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatAsk {
    /// Who shares it.
    pub key: WaiverKey,
    /// Who that is, for people.
    pub holder: Holder,
}

impl SeatAsk {
    /// The seat of a licence context's key.
    pub fn of_context(context: &LicenceContext) -> Self {
        Self { key: context.waiver_key(), holder: context.holder() }
    }

    /// The tenant's own seat for a user, for whom no context was sent.
    pub fn of_user(tenant: &str, user: &str) -> Self {
        Self { key: WaiverKey::of_user(tenant, user), holder: Holder { user: user.to_owned(), ..Holder::default() } }
    }
}

/// Who holds a seat, as it was said when the key took it. For people alone: nothing is decided by it, and nobody is
/// called by it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the user.
    pub user: String,
    /// The licensed product's module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Where the licensed product runs, `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Its main thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_thread: Option<i64>,
    /// The routine that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Tax number of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federal_id: Option<String>,
    /// The licence server that the licensed product named, `host:port`. Recorded, never dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_server: Option<String>,
}
