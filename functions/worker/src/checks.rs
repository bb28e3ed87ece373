//! The checks of a definition: what is counted while the output passes, and what came of them at its end.

use datafusion::arrow::{
    array::{ArrayRef, RecordBatch},
    error::ArrowError,
};
use waybill::domain::{
    check::{CheckOutcome, Figure},
    definition::{CheckRule, Definition},
    failure::FailureCode,
};

use crate::{ProduceError, engine::Control, sum::Sum};

/// Figures of the output. Columns of which no total is asked cost nothing.
pub struct Figures {
    rows: u64,
    /// For each check of the definition, its total if it has one.
    totals: Vec<Option<Total>>,
}

impl Figures {
    /// Before the first row.
    pub fn new(definition: &Definition) -> Self {
        let total = |rule: &CheckRule| match rule {
            CheckRule::Total { column, .. } => Some(Total::of(column)),
            CheckRule::Rows { .. } | CheckRule::RowsEqual(_) | CheckRule::Condition(_) => None,
        };
        Self { rows: 0, totals: definition.checks.iter().map(|check| total(&check.rule)).collect() }
    }

    /// Counts what passes. Returns the rows so far.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<u64, ProduceError> {
        self.rows += batch.num_rows() as u64;
        for total in self.totals.iter_mut().flatten() {
            if let Some(array) = batch.column_by_name(&total.column) {
                total.add(array).map_err(|error| {
                    let detail = format!("The total of {} cannot be counted exactly.", total.column);
                    // The text of the error may quote a value.
                    let kind = if matches!(error, ArrowError::ArithmeticOverflow(_)) { "overflow" } else { "cast" };
                    ProduceError::permanent(FailureCode::DefinitionInvalid, detail).because(kind)
                })?;
            }
        }
        Ok(self.rows)
    }

    /// What came of the checks, in the definition's order: runs their queries one after the other.
    pub async fn outcomes(
        self,
        definition: &Definition,
        controls: Vec<Option<Control>>,
    ) -> Result<Vec<CheckOutcome>, ProduceError> {
        let mut outcomes = Vec::new();
        for ((check, control), total) in definition.checks.iter().zip(controls).zip(self.totals) {
            let value = match control {
                Some(control) => control.await?,
                None => None,
            };
            let name = &check.name;
            let figure = total.map_or(Figure::Rows(self.rows), Total::into_figure);
            outcomes.push(match &check.rule {
                CheckRule::Rows { min, max } => CheckOutcome::rows_within(name, self.rows, *min, *max),
                CheckRule::RowsEqual(_) | CheckRule::Total { .. } => {
                    CheckOutcome::against_control(name, &figure, value)
                }
                CheckRule::Condition(_) => CheckOutcome::condition(name, value.map(|answer| answer == "true")),
            });
        }
        Ok(outcomes)
    }
}

/// The exact sum of a column of integers or decimals.
struct Total {
    column: String,
    sum: Sum,
}

impl Total {
    fn of(column: &str) -> Self {
        Self { column: column.to_owned(), sum: Sum::default() }
    }

    fn add(&mut self, array: &ArrayRef) -> Result<(), ArrowError> {
        self.sum.add(array)
    }

    fn into_figure(self) -> Figure {
        Figure::Total { column: self.column, sum: self.sum.text() }
    }
}

#[cfg(test)]
mod tests;
