//! DataFusion, embedded: the default engine.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::datafusion::{
    arrow::datatypes::{DataType, Field, Schema, TimeUnit},
    common::{TableReference, stats::Precision},
    dataframe::DataFrame,
    error::DataFusionError,
    execution::{
        context::SQLOptions,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::LogicalPlan,
    physical_plan::{
        ExecutionPlan, execute_stream,
        statistics::{StatisticsArgs, StatisticsContext},
    },
    prelude::{SessionConfig, SessionContext},
};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use url::Url;
use waybill::domain::{
    definition::{Column, ColumnKind, Definition, parameter::Value},
    failure::FailureCode,
};

use super::{
    Engine, Query, Run, binding, control, fault::classify, filter::condition, footers::Footers, parameters::scalar,
    pool::SpillEarly,
};
use crate::ProduceError;

/// Memory of a function that the query does not get: code, decoded batches, parts on their way out.
const OVERHEAD: usize = 512 << 20;

/// The least that a query gets.
const LEAST_POOL: usize = 64 << 20;

/// Sorted runs that are merged at once; each is read with a batch or two in memory, however many there are.
const RUNS_AT_ONCE: usize = 8;

/// Runs queries in this process, over one object store.
#[derive(Clone)]
pub struct DataFusion {
    lake: Arc<dyn ObjectStore>,
    pool: usize,
    spill: PathBuf,
    footers: Footers,
}

impl DataFusion {
    /// Over `lake`, in a function of `memory` bytes. What a query cannot hold it spills into the folder `spill`,
    /// which belongs to this process alone and is wiped before each run.
    pub fn new(lake: Arc<dyn ObjectStore>, memory: usize, spill: PathBuf) -> Self {
        // Operators do not account for all that they hold; half of the rest is for what the pool does not see.
        let pool = (memory.saturating_sub(OVERHEAD) / 2).max(LEAST_POOL);
        Self { lake, pool, spill, footers: Footers::default() }
    }

    /// The folder for what a run cannot hold, theirs who encode included. It is there while a run is.
    pub fn scratch(&self) -> &Path {
        &self.spill
    }

    /// A session of its own for each run: one thread scans while another encodes, and a sort on one partition
    /// makes do with the pool where two would each need half of it.
    fn session(&self) -> Result<SessionContext, DataFusionError> {
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![self.spill.clone()]))
            .with_max_spill_merge_fan_in(RUNS_AT_ONCE);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(SpillEarly::new(self.pool)))
            .with_disk_manager_builder(disk)
            .with_cache_manager(self.footers.of_this_run())
            .build_arc()?;
        let url = |text: &str| Url::parse(text).map_err(|error| DataFusionError::External(Box::new(error)));
        // The lake is all that a plan can name: not the function's own files.
        runtime.deregister_object_store(&url("file:///")?)?;
        runtime.register_object_store(&url(binding::LAKE)?, self.lake.clone());
        let config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        Ok(SessionContext::new_with_config_rt(config, runtime))
    }

    /// The bound and checked query, of tables that from now on are known; none if no dataset has a file, so that there is
    /// nothing to plan.
    async fn plan(&self, context: &SessionContext, query: Query<'_>) -> Result<Option<DataFrame>, ProduceError> {
        let mut missing = 0;
        for (name, dataset) in &query.definition.datasets {
            match binding::bind(context, dataset, query.tenant).await? {
                Some(view) => {
                    context.register_table(TableReference::bare(name.as_str()), view).map_err(classify)?;
                }
                None => missing += 1,
            }
        }
        if missing > 0 {
            if missing == query.definition.datasets.len() {
                return Ok(None);
            }
            // Rows that a join would have found must not be left out silently.
            let detail = "A dataset of the report has no files yet.";
            return Err(ProduceError::permanent(FailureCode::SourceError, detail));
        }
        let bound = plan_sql(context, &query.definition.sql, query.parameters).await?;
        check_columns(bound.schema().as_arrow(), &query.definition.columns)?;
        match query.filter {
            None => Ok(Some(bound)),
            Some(filter) => bound.filter(condition(filter)).map(Some).map_err(classify),
        }
    }

    #[cfg(test)]
    pub(super) async fn physical_plan(&self, query: Query<'_>) -> Arc<dyn ::datafusion::physical_plan::ExecutionPlan> {
        self.wipe().unwrap();
        let context = self.session().unwrap();
        self.plan(&context, query).await.unwrap().unwrap().create_physical_plan().await.unwrap()
    }

    fn wipe(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.spill) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => std::fs::create_dir_all(&self.spill),
        }
    }
}

impl Engine for DataFusion {
    async fn run(&self, query: Query<'_>) -> Result<Run, ProduceError> {
        self.wipe().map_err(ProduceError::internal)?;
        let context = self.session().map_err(classify)?;
        match self.plan(&context, query).await? {
            None => without_files(query.definition),
            Some(plan) => {
                let controls = control::plan(&context, query, &plan).await?;
                let tasks = Arc::new(plan.task_ctx());
                let physical = plan.create_physical_plan().await.map_err(classify)?;
                let exact_rows = exact_rows(physical.as_ref());
                let schema = physical.schema();
                let rows = execute_stream(physical, tasks).map_err(classify)?.map_err(classify).boxed();
                Ok(Run { schema, exact_rows, rows, controls })
            }
        }
    }
}

/// A report of no rows; unless there are queries that should vouch for it, of which no column is known.
fn without_files(definition: &Definition) -> Result<Run, ProduceError> {
    if definition.checks.iter().any(|check| check.rule.sql().is_some()) {
        let detail = "The report's datasets have no files yet, so that its checks cannot be made.";
        return Err(ProduceError::permanent(FailureCode::SourceError, detail));
    }
    let controls = definition.checks.iter().map(|_| None).collect();
    let fields: Vec<Field> =
        definition.columns.iter().map(|column| Field::new(&column.name, documented(column.kind), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    Ok(Run { schema, exact_rows: Some(0), rows: futures::stream::empty().boxed(), controls })
}

/// The type of a column of which no file is there to tell more.
fn documented(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Text => DataType::Utf8,
        ColumnKind::Integer => DataType::Int64,
        ColumnKind::Decimal => DataType::Decimal128(38, 10),
        ColumnKind::Boolean => DataType::Boolean,
        ColumnKind::Date => DataType::Date32,
        ColumnKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnKind::Float => DataType::Float64,
    }
}

/// Only what is certain: a filter, a join or a limit makes it a guess.
fn exact_rows(plan: &dyn ExecutionPlan) -> Option<u64> {
    let statistics = StatisticsContext::new().compute(plan, &StatisticsArgs::new()).ok()?;
    match statistics.num_rows {
        Precision::Exact(rows) => u64::try_from(rows).ok(),
        Precision::Inexact(_) | Precision::Absent => None,
    }
}

/// One query over the tables that are known, with its placeholders bound.
pub(super) async fn plan_sql(
    context: &SessionContext,
    sql: &str,
    parameters: &BTreeMap<String, Value>,
) -> Result<DataFrame, ProduceError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let planned = context.sql_with_options(sql, options).await.map_err(classify)?;
    refuse_other_than_rows(planned.logical_plan())?;
    let values: HashMap<_, _> = parameters.iter().map(|(name, value)| (name.clone(), scalar(value))).collect();
    planned.with_param_values(values).map_err(classify)
}

/// What `SQLOptions` lets through and still is no report.
fn refuse_other_than_rows(plan: &LogicalPlan) -> Result<(), ProduceError> {
    match plan {
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_) => {
            Err(ProduceError::permanent(FailureCode::DefinitionInvalid, "The report's SQL is not a query."))
        }
        _ => Ok(()),
    }
}

/// Whether the query yields what the definition documents.
fn check_columns(schema: &Schema, columns: &[Column]) -> Result<(), ProduceError> {
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let documented: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    if names != documented {
        let reason = format!("the query yields ({}), documented are ({})", names.join(", "), documented.join(", "));
        return Err(unlike("The report's query does not yield its documented columns.", reason));
    }
    for (field, column) in schema.fields().iter().zip(columns) {
        if !compatible(field.data_type(), column.kind) {
            let reason = format!("column {} is {}, documented as {:?}", column.name, field.data_type(), column.kind);
            return Err(unlike("A column of the report's query is not of its documented type.", reason));
        }
    }
    Ok(())
}

fn unlike(detail: &str, reason: String) -> ProduceError {
    ProduceError::permanent(FailureCode::DefinitionInvalid, detail).because(reason)
}

fn compatible(data_type: &DataType, kind: ColumnKind) -> bool {
    if let DataType::Dictionary(_, values) = data_type {
        return compatible(values, kind);
    }
    if data_type.is_null() {
        return true;
    }
    match kind {
        ColumnKind::Text => data_type.is_string(),
        ColumnKind::Integer => data_type.is_integer(),
        ColumnKind::Decimal => data_type.is_decimal(),
        ColumnKind::Boolean => *data_type == DataType::Boolean,
        ColumnKind::Date => matches!(data_type, DataType::Date32 | DataType::Date64),
        ColumnKind::Timestamp => matches!(data_type, DataType::Timestamp(..)),
        ColumnKind::Float => data_type.is_floating(),
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn what_can_spill_does_so_early() {
        let engine = DataFusion::new(Arc::new(InMemory::new()), 4 << 30, std::env::temp_dir());
        assert_eq!(engine.session().unwrap().runtime_env().memory_pool.name(), "spill early");
    }
}
