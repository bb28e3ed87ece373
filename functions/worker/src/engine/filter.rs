//! A request's filter as an expression of DataFusion. Columns and values become nodes of its tree: no SQL is written.

use datafusion::{
    logical_expr::{Expr, lit},
    prelude::ident,
};
use waybill::domain::{
    definition::parameter::Value,
    filter::{Condition, Filter, Operator},
};

use super::parameters::scalar;

/// What holds of the rows that are wanted.
pub(super) fn condition(filter: &Filter) -> Expr {
    match filter {
        Filter::All(parts) => parts.iter().map(condition).reduce(Expr::and).unwrap_or_else(|| lit(true)),
        Filter::Any(parts) => parts.iter().map(condition).reduce(Expr::or).unwrap_or_else(|| lit(false)),
        Filter::Is(one) => comparison(one),
    }
}

/// The name is one of the columns that the query yields: [`ident`] takes it as it is, capitals and dots included.
fn comparison(Condition { column, operator, value }: &Condition) -> Expr {
    let column = ident(column);
    // A comparison that lacks its value, which no parser lets through, holds of no row.
    let value = || value.as_ref().map_or_else(|| lit(datafusion::scalar::ScalarValue::Null), literal);
    match operator {
        Operator::Eq => column.eq(value()),
        Operator::Ne => column.not_eq(value()),
        Operator::Lt => column.lt(value()),
        Operator::Le => column.lt_eq(value()),
        Operator::Gt => column.gt(value()),
        Operator::Ge => column.gt_eq(value()),
        Operator::Like => column.like(value()),
        Operator::NotLike => column.not_like(value()),
        Operator::Null => column.is_null(),
        Operator::NotNull => column.is_not_null(),
    }
}

fn literal(value: &Value) -> Expr {
    lit(scalar(value))
}
