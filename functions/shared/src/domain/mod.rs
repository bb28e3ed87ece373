//! The rules of Waybill, as pure functions over plain data.
//!
//! Nothing here reads a clock, a random source, the network or the environment: what a rule needs is
//! passed in. A state machine has the form `(state, event, now) -> (state, effects)` or a named refusal.

pub mod admission;
pub mod api_key;
pub mod audit;
pub mod check;
pub mod definition;
pub mod delivery;
pub mod email;
pub mod empty;
pub mod endpoint;
pub mod erasure;
pub mod failure;
pub mod filter;
pub mod health;
pub mod id;
pub mod interface;
pub mod issuer;
pub mod jira;
pub mod lane;
pub mod licence;
pub mod link;
pub mod message;
pub mod outcome;
pub mod password;
pub mod process;
pub mod quota;
pub mod recovery;
pub mod request;
pub mod retry;
pub mod schedule;
pub mod secret;
pub mod statistics;
pub mod style;
pub mod tenant;
pub mod tries;
pub mod user;
pub mod wrapping;
