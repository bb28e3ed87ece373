//! What every function of Waybill shares.
//!
//! * [`domain`]: the rules, pure: no I/O, no AWS types, time passed in.
//! * [`aws`]: adapters that know AWS and no rules.
//! * [`accept`]: how a request comes to be, whoever asks.
//! * [`schedules`]: how schedules come to be, and how their runs do.
//! * [`trigger`]: what comes of objects and of topics' messages, as the operator has it.
//! * [`guard`]: the only way to call a URL that somebody else supplied.
//! * [`openpgp`], [`webhook_key`], [`seal`]: keys, signatures and secrets at rest.
//! * [`config`], [`telemetry`]: the environment in, logs and metrics out.

pub mod accept;
pub mod aws;
pub mod clock;
pub mod config;
pub mod digest;
pub mod domain;
pub mod guard;
pub mod openpgp;
pub mod redelivery;
pub mod schedules;
pub mod seal;
pub mod telemetry;
pub mod trigger;
pub mod webhook_key;
