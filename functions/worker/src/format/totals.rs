//! Totals of columns, for the end of a document.

use datafusion::arrow::array::RecordBatch;

use super::{EncodeError, Layout, text::Texts};
use crate::sum::Sum;

/// Exact sums of the columns that have [`total`](super::LayoutColumn::total): integers and decimals, with room for 256
/// bits.
pub(super) struct Totals {
    texts: Texts,
    /// By column.
    sums: Vec<Option<Sum>>,
}

impl Totals {
    /// Before the first row.
    pub(super) fn new(layout: &Layout) -> Self {
        let sums = layout.columns.iter().map(|column| column.total.then(Sum::default)).collect();
        Self { texts: Texts::new(layout), sums }
    }

    /// Adds rows. Fails if a sum overflows.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), EncodeError> {
        for (sum, array) in self.sums.iter_mut().zip(batch.columns()) {
            if let Some(sum) = sum {
                sum.add(array)?;
            }
        }
        Ok(())
    }

    /// Whether no column has a total.
    pub(super) fn is_empty(&self) -> bool {
        self.sums.iter().all(Option::is_none)
    }

    /// The column's sum, written as its cells are; 0 where it has no values. None for columns without a total.
    pub(super) fn text(&self, column: usize) -> Option<String> {
        let sum = self.sums.get(column)?.as_ref()?;
        let mut out = Vec::new();
        self.texts.write_number(column, &sum.text_or_zero(), &mut out);
        String::from_utf8(out).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::{
        array::{ArrayRef, Decimal128Array, Decimal256Array, Int64Array},
        datatypes::i256,
        error::ArrowError,
    };
    use waybill::domain::{
        definition::{Column, ColumnKind},
        style::Style,
    };

    use super::*;

    fn totals(columns: &[(&str, ColumnKind, bool)], style: &Style) -> Totals {
        let column =
            |(name, kind, total): &(&str, ColumnKind, bool)| Column { total: *total, ..Column::new(*name, *kind) };
        Totals::new(&Layout::new(&columns.iter().map(column).collect::<Vec<_>>(), style))
    }

    fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
        let arrays = columns.iter().map(|(name, array)| (*name, array.clone(), true));
        RecordBatch::try_from_iter_with_nullable(arrays).unwrap()
    }

    fn amounts(unscaled: Vec<Option<i128>>) -> ArrayRef {
        Arc::new(Decimal128Array::from(unscaled).with_precision_and_scale(38, 3).unwrap())
    }

    const KINDS: [(&str, ColumnKind, bool); 3] =
        [("a", ColumnKind::Decimal, true), ("b", ColumnKind::Decimal, false), ("n", ColumnKind::Integer, true)];

    #[test]
    fn totals_are_written_as_cells_are() {
        let style = Style {
            formats: [("a".to_owned(), "#,##0.00".to_owned())].into(),
            decimal_separator: Some(','),
            ..Style::default()
        };
        let mut totals = totals(&KINDS, &style);
        assert!(!totals.is_empty());
        assert_eq!(totals.text(0).as_deref(), Some("0,00"));
        let most = 10_i128.pow(38) - 1;
        for _ in 0..2 {
            let numbers = Arc::new(Int64Array::from(vec![Some(i64::MAX), None]));
            let unscaled = || amounts(vec![Some(most), None]);
            totals.add(&batch(&[("a", unscaled()), ("b", unscaled()), ("n", numbers)])).unwrap();
        }
        assert_eq!(totals.text(0).as_deref(), Some("200.000.000.000.000.000.000.000.000.000.000.000,00"));
        assert_eq!(totals.text(1), None);
        assert_eq!(totals.text(2).as_deref(), Some("18446744073709551614"));
        assert_eq!(totals.text(3), None);
    }

    #[test]
    fn all_digits_without_a_pattern() {
        let mut totals = totals(&KINDS, &Style::default());
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), None]));
        let nulls = amounts(vec![None, None]);
        totals.add(&batch(&[("a", amounts(vec![Some(-1), Some(-4)])), ("b", nulls.clone()), ("n", numbers)])).unwrap();
        assert_eq!((totals.text(0).as_deref(), totals.text(2).as_deref()), (Some("-0.005"), Some("-7")));
    }

    #[test]
    fn a_report_may_have_none() {
        assert!(totals(&[("a", ColumnKind::Decimal, false)], &Style::default()).is_empty());
    }

    #[test]
    fn a_sum_beyond_256_bits_is_an_error() {
        let mut totals = totals(&KINDS[..1], &Style::default());
        let most = Decimal256Array::from(vec![i256::MAX / i256::from(2); 2]);
        let rows = batch(&[("a", Arc::new(most))]);
        totals.add(&rows).unwrap();
        assert!(matches!(totals.add(&rows), Err(EncodeError::Arrow(ArrowError::ArithmeticOverflow(_)))));
    }
}
