//! What runs a definition's SQL over the lake. Engines stand beside one another behind [`Engine`]; whichever
//! runs, the SQL sees only what the definition's bindings leave to the tenant, and values reach it as
//! placeholders.

mod binding;
mod control;
pub mod datafusion;
mod fault;
mod filter;
mod footers;
mod parameters;
mod pool;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, future::Future};

use ::datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use futures::{future::BoxFuture, stream::BoxStream};
use waybill::domain::{
    definition::{Definition, parameter::Value},
    filter::Filter,
};

use crate::ProduceError;

/// Rows, batch by batch, whose columns are the definition's, in its order. Dropping it ends the query.
pub type Rows = BoxStream<'static, Result<RecordBatch, ProduceError>>;

/// One run of a definition.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// What to run.
    pub definition: &'a Definition,
    /// Its placeholders, by name without the `$`.
    pub parameters: &'a BTreeMap<String, Value>,
    /// Which rows of its output are wanted; none: all.
    pub filter: Option<&'a Filter>,
    /// Who asks.
    pub tenant: &'a str,
}

/// A run that was planned and started.
pub struct Run {
    /// What the rows look like.
    pub schema: SchemaRef,
    /// How many rows there will be, where the files' own statistics tell for certain.
    pub exact_rows: Option<u64>,
    /// Its rows.
    pub rows: Rows,
    /// The query of each check of the definition, in its order; none where a check has no query.
    pub controls: Vec<Option<Control>>,
}

/// The one value that a check's query yields, as text: an exact decimal, or `true` or `false`; none for `NULL` and where
/// it yields no row. It is planned, and reads the files that the run's rows come from, but nothing before it is polled.
pub type Control = BoxFuture<'static, Result<Option<String>, ProduceError>>;

/// Runs queries.
pub trait Engine {
    /// Plans the query, and those of its checks, and starts it. Errors of the definition come from here, errors of the
    /// data mostly from the rows.
    fn run(&self, query: Query<'_>) -> impl Future<Output = Result<Run, ProduceError>> + Send;
}
