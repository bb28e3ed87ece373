//! The queries of checks: planned with the report's own, under the same rules, and each yields one value.

use datafusion::{
    arrow::{array::Array, datatypes::DataType, util::display::array_value_to_string},
    common::TableReference,
    dataframe::DataFrame,
    error::DataFusionError,
    prelude::SessionContext,
};
use futures::{FutureExt, StreamExt};
use waybill::domain::{
    definition::{Check, CheckRule},
    failure::{Failure, FailureCode},
};

use super::{Control, Query, datafusion::plan_sql, fault::classify};
use crate::ProduceError;

/// The table as which a condition sees the output.
const OUTPUT: &str = "output";

/// The queries of the definition's checks, in its order, beside the planned query of the `report` itself.
pub(super) async fn plan(
    context: &SessionContext,
    query: Query<'_>,
    report: &DataFrame,
) -> Result<Vec<Option<Control>>, ProduceError> {
    let mut controls = Vec::new();
    for check in &query.definition.checks {
        let planned = match &check.rule {
            CheckRule::Rows { .. } => None,
            CheckRule::RowsEqual(sql) | CheckRule::Total { equals: sql, .. } => {
                Some(plan_one(context, query, sql, is_exact).await)
            }
            CheckRule::Condition(sql) => Some(plan_condition(context, query, sql, report).await),
        };
        let control = planned.transpose().map_err(|error| of(check, error))?.map(|planned| {
            let check = check.clone();
            async move { value(planned).await.map_err(|error| of(&check, error)) }.boxed()
        });
        controls.push(control);
    }
    Ok(controls)
}

/// Only a condition sees the output, which is a view: the report's query becomes a part of the condition's.
async fn plan_condition(
    context: &SessionContext,
    query: Query<'_>,
    sql: &str,
    report: &DataFrame,
) -> Result<DataFrame, ProduceError> {
    let output = || TableReference::bare(OUTPUT);
    context.register_table(output(), report.clone().into_view()).map_err(classify)?;
    let planned = plan_one(context, query, sql, |data_type| *data_type == DataType::Boolean).await;
    context.deregister_table(output()).map_err(classify)?;
    planned
}

async fn plan_one(
    context: &SessionContext,
    query: Query<'_>,
    sql: &str,
    fits: impl Fn(&DataType) -> bool,
) -> Result<DataFrame, ProduceError> {
    let planned = plan_sql(context, sql, query.parameters).await?;
    let fields = planned.schema().fields();
    match fields.as_ref() {
        [field] if field.data_type().is_null() || fits(field.data_type()) => Ok(planned),
        [field] => Err(not_one_value().because(format!("its value is of type {}", field.data_type()))),
        fields => Err(not_one_value().because(format!("it yields {} columns", fields.len()))),
    }
}

/// A float has lost what a control is there to find.
fn is_exact(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_decimal()
}

fn not_one_value() -> ProduceError {
    let detail = "Its query does not yield one value, a whole number, a decimal or, for a condition, a boolean.";
    ProduceError::permanent(FailureCode::DefinitionInvalid, detail)
}

/// The value in the first row. The query is given up where there is a second one.
async fn value(planned: DataFrame) -> Result<Option<String>, ProduceError> {
    let mut batches = planned.execute_stream().await.map_err(classify)?;
    let (mut rows, mut value) = (0, None);
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(classify)?;
        rows += batch.num_rows();
        if rows > 1 {
            return Err(not_one_value().because("it yields more than one row"));
        }
        if batch.num_rows() == 1 && batch.column(0).logical_nulls().is_none_or(|nulls| nulls.is_valid(0)) {
            let text = array_value_to_string(batch.column(0), 0);
            value = Some(text.map_err(|error| classify(DataFusionError::from(error)))?);
        }
    }
    Ok(value)
}

/// The error, with the check in which it arose.
fn of(check: &Check, error: ProduceError) -> ProduceError {
    match error {
        ProduceError::Failed { failure: Failure { code, detail }, retryable, cause } => {
            let failure = Failure::new(code, format!("The check {} could not be made. {detail}", check.name));
            ProduceError::Failed { failure, retryable, cause }
        }
        stopped @ ProduceError::Stopped(_) => stopped,
    }
}
