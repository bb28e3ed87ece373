//! The worker: turns a claimed request into a packaged file in the report bucket.
//!
//! [`pipeline::produce`] is the whole data path. Rows stream through it, stage by stage, joined by bounded
//! channels, so that memory does not depend on how large the report is:
//!
//! ```text
//! engine (SQL over the lake) ─batches─▶ format ▶ package (a thread of their own) ─parts─▶ sink (S3)
//!                                                                                manifest ─▶
//! ```

pub mod checks;
pub mod engine;
pub mod error;
#[cfg(test)]
mod fixture;
pub mod format;
mod job;
pub mod manifest;
pub mod meter;
pub mod package;
pub mod pipeline;
pub mod sink;
mod sum;
pub mod upload;

pub use error::{ProduceError, Stop};
pub use job::Job;
pub use meter::Progress;
pub use package::Package;
pub use pipeline::{Context, Produced, produce};
