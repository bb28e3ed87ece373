use std::{collections::BTreeMap, sync::Arc};

use datafusion::arrow::{
    array::{Array, Decimal128Array, Decimal256Array, DictionaryArray, Int32Array, Int64Array, NullArray, UInt64Array},
    datatypes::i256,
};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use tempfile::TempDir;
use waybill::domain::{
    check::CheckKind,
    definition::{Binding, Check, ColumnKind, parameter::Value},
};

use super::*;
use crate::{
    engine::{Engine, Query},
    fixture::{Sale, check, condition, dataset, definition, engine, put, total},
};

const SALES: &[Sale] = &[("acme", "a", -1_500, 0), ("globex", "g", 1, 0), ("acme", "b", 2_007, 0)];
const ALL: &str = "SELECT item, amount FROM sales";
const NONE: &str = "SELECT item, amount FROM sales WHERE amount > 999999";

struct Lake {
    store: Arc<InMemory>,
    folder: TempDir,
}

impl Lake {
    fn empty() -> Self {
        Self { store: Arc::default(), folder: TempDir::new().unwrap() }
    }

    async fn new() -> Self {
        let lake = Self::empty();
        put(&lake.store, "sales/1.parquet", SALES).await;
        lake
    }

    /// The outcomes of the checks of a report; `between` happens after its last row.
    async fn run(
        &self,
        sql: &str,
        checks: Vec<Check>,
        between: impl AsyncFnOnce(),
    ) -> Result<Vec<CheckOutcome>, ProduceError> {
        let columns = [("item", ColumnKind::Text), ("amount", ColumnKind::Decimal)];
        let bound = dataset("sales/", &[], Binding::Column("owner".to_owned()));
        let mut definition = definition(sql, &columns, [("sales", bound)]);
        definition.checks = checks;
        let parameters = BTreeMap::from([("least".to_owned(), Value::Decimal { unscaled: 0, scale: 0 })]);
        let query = Query { definition: &definition, parameters: &parameters, filter: None, tenant: "acme" };
        let run = engine(&self.store, self.folder.path()).run(query).await?;
        let mut figures = Figures::new(&definition);
        for batch in run.rows.try_collect::<Vec<_>>().await? {
            figures.add(&batch)?;
        }
        between().await;
        figures.outcomes(&definition, run.controls).await
    }
}

async fn outcome(sql: &str, check: Check) -> Result<CheckOutcome, ProduceError> {
    let mut outcomes = Lake::new().await.run(sql, vec![check], async || ()).await?;
    assert_eq!(outcomes.len(), 1);
    Ok(outcomes.remove(0))
}

/// Kind, whether it passed, what was expected and what was found.
async fn told(sql: &str, check: Check) -> (CheckKind, bool, Option<String>, Option<String>) {
    let outcome = outcome(sql, check).await.unwrap();
    (outcome.kind, outcome.passed, outcome.expected, outcome.actual)
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn rows_equal(sql: &str) -> Check {
    check(CheckRule::RowsEqual(sql.to_owned()))
}

#[tokio::test]
async fn rows_are_those_of_the_output() {
    let bounds = |min, max| check(CheckRule::Rows { min, max });
    assert_eq!(
        told(ALL, bounds(Some(2), Some(2))).await,
        (CheckKind::Rows, true, Some(text("exactly 2")), Some(text("2")))
    );
    assert_eq!(
        told(NONE, bounds(Some(1), None)).await,
        (CheckKind::Rows, false, Some(text("at least 1")), Some(text("0")))
    );
    let all = || rows_equal("SELECT count(*) FROM sales");
    assert_eq!(told(ALL, all()).await, (CheckKind::Rows, true, Some(text("2")), Some(text("2"))));
    assert_eq!(told(NONE, all()).await, (CheckKind::Rows, false, Some(text("2")), Some(text("0"))));
    // Decimals and typed nulls are values as well.
    assert!(told(ALL, rows_equal("SELECT CAST(2 AS DECIMAL(5, 2))")).await.1);
    assert_eq!(told(ALL, rows_equal("SELECT NULL")).await, (CheckKind::Rows, false, None, Some(text("2"))));
}

#[tokio::test]
async fn totals_are_exact() {
    let sum = |of: &str| total("amount", &format!("SELECT sum({of}) FROM sales"));
    assert_eq!(told(ALL, sum("amount")).await, (CheckKind::Total, true, Some(text("0.507")), Some(text("0.507"))));
    assert_eq!(
        told(ALL, sum("amount + CAST('0.001' AS DECIMAL(4, 3))")).await,
        (CheckKind::Total, false, Some(text("0.509")), Some(text("0.507")))
    );
    // Nothing to sum: SQL's sum is null, and so agrees.
    let none = "SELECT sum(amount) FROM sales WHERE amount > 999999";
    assert_eq!(told(NONE, total("amount", none)).await, (CheckKind::Total, true, None, Some(text("0"))));
    assert_eq!(told(ALL, total("amount", none)).await, (CheckKind::Total, false, None, Some(text("0.507"))));
    assert_eq!(
        told(NONE, total("amount", "SELECT 0")).await,
        (CheckKind::Total, true, Some(text("0")), Some(text("0")))
    );
    // A control table without an entry says nothing, rather than anything.
    let absent = "SELECT amount FROM sales WHERE item = 'nothing'";
    assert_eq!(told(ALL, total("amount", absent)).await, (CheckKind::Total, false, None, Some(text("0.507"))));
    let nulls = "SELECT item, CAST(NULL AS DECIMAL(5, 2)) AS amount FROM sales";
    assert_eq!(told(nulls, total("amount", "SELECT NULL")).await, (CheckKind::Total, true, None, Some(text("0"))));
}

#[tokio::test]
async fn a_condition_sees_output_datasets_and_placeholders() {
    for (sql, answer) in [
        ("SELECT count(*) = 2 FROM output", Some("true")),
        ("SELECT count(*) = 0 FROM output WHERE amount < $least", Some("false")),
        ("SELECT (SELECT count(*) FROM output) = (SELECT count(*) FROM sales)", Some("true")),
        ("SELECT sum(amount) > 0 FROM output WHERE item = 'nothing'", None),
        ("SELECT amount > 0 FROM output WHERE item = 'nothing'", None),
        ("SELECT NULL FROM output LIMIT 1", None),
    ] {
        let expected = (CheckKind::Condition, answer == Some("true"), Some(text("true")), answer.map(str::to_owned));
        assert_eq!(told(ALL, condition(sql)).await, expected, "{sql}");
    }
    assert!(told(NONE, condition("SELECT count(*) = 0 FROM output")).await.1);
    // The output is that of the report, with its order and limit.
    let first = "SELECT item, amount FROM sales ORDER BY amount DESC LIMIT 1";
    assert!(told(first, condition("SELECT min(item) = 'b' AND count(*) = 1 FROM output")).await.1);
}

#[tokio::test]
async fn what_is_no_single_fitting_value_is_a_broken_definition() {
    let broken = [
        rows_equal("SELECT count(*), 1 FROM sales"),
        rows_equal("SELECT line FROM sales"),
        rows_equal("SELECT '2'"),
        rows_equal("SELECT count(*) = 2 FROM sales"),
        total("amount", "SELECT CAST(sum(amount) AS DOUBLE) FROM sales"),
        total("amount", "SELECT sum(price) FROM sales"),
        total("amount", "SELECT sum(amount) FROM output"),
        total("amount", "SELECT sum(amount) FROM sales WHERE item = $missing"),
        total("amount", "SELECT line / (line - line) FROM sales LIMIT 1"),
        condition("SELECT count(*) FROM output"),
        condition("SELECT amount > 0 FROM output"),
        condition("SELECT true FROM elsewhere"),
    ];
    for check in broken {
        let shown = format!("{check:?}");
        let error = outcome(ALL, check).await.unwrap_err();
        assert_eq!(error.code(), Some(FailureCode::DefinitionInvalid), "{shown}");
        assert!(error.to_string().contains("The check c could not be made."), "{error}");
    }
}

#[tokio::test]
async fn checks_reach_nothing_but_the_views() {
    let lake = Lake::new().await;
    let outside = lake.folder.path().join("outside.csv");
    std::fs::write(&outside, "n\n1\n").unwrap();
    let outside = outside.display();
    for sql in [
        format!("SELECT n FROM '{outside}'"),
        format!("COPY sales TO '{outside}'"),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "DELETE FROM sales".to_owned(),
        "SET datafusion.catalog.information_schema = true".to_owned(),
        "SHOW TABLES".to_owned(),
        "EXPLAIN SELECT 1".to_owned(),
        "SELECT count(*) > 0 FROM information_schema.tables".to_owned(),
        "SELECT true; SELECT true".to_owned(),
    ] {
        for check in [rows_equal(&sql), total("amount", &sql), condition(&sql)] {
            let error = outcome(ALL, check).await.unwrap_err();
            assert_eq!(error.code(), Some(FailureCode::DefinitionInvalid), "{sql}");
        }
    }
    // Another tenant's rows are in no check's reach either.
    assert!(told(ALL, condition("SELECT count(*) = 0 FROM sales, output WHERE owner <> 'acme'")).await.1);
}

#[tokio::test]
async fn checks_read_the_files_that_the_rows_came_from() {
    let lake = Lake::new().await;
    let count = "SELECT count(*) FROM sales";
    let checks = || vec![rows_equal(count), condition("SELECT count(*) = 2 FROM output")];
    let late = async || put(&lake.store, "sales/2.parquet", SALES).await;
    let outcomes = lake.run(ALL, checks(), late).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.passed), "{outcomes:?}");
    let outcomes = lake.run(ALL, checks(), async || ()).await.unwrap();
    assert_eq!(outcomes.iter().map(|outcome| outcome.passed).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn without_any_file_only_bounds_can_be_checked() {
    let lake = Lake::empty();
    let bounds = check(CheckRule::Rows { min: Some(1), max: None });
    let outcomes = lake.run(ALL, vec![bounds], async || ()).await.unwrap();
    assert!(!outcomes[0].passed);
    let error = lake.run(ALL, vec![rows_equal("SELECT 0")], async || ()).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::SourceError));
}

fn sum(arrays: &[ArrayRef]) -> Result<Option<String>, ArrowError> {
    let mut total = Total::of("n");
    arrays.iter().try_for_each(|array| total.add(array))?;
    match total.into_figure() {
        Figure::Total { sum, .. } => Ok(sum),
        Figure::Rows(_) => panic!("no total"),
    }
}

#[test]
fn every_exact_type_is_summed() {
    let decimal = Decimal128Array::from(vec![Some(10_i128.pow(38) - 1), None, Some(1)]);
    let decimal = Arc::new(decimal.with_precision_and_scale(38, 2).unwrap());
    let keyed = DictionaryArray::new(Int32Array::from(vec![Some(2), None, Some(1), Some(2)]), decimal.clone());
    let cases: Vec<(ArrayRef, Option<&str>)> = vec![
        (Arc::new(Int64Array::from(vec![i64::MAX, i64::MAX])), Some("18446744073709551614")),
        (Arc::new(Int32Array::from(vec![-7, 2])), Some("-5")),
        (Arc::new(UInt64Array::from(vec![u64::MAX])), Some("18446744073709551615")),
        (decimal, Some("1000000000000000000000000000000000000.00")),
        (Arc::new(keyed), Some("0.02")),
        (Arc::new(NullArray::new(3)), None),
        (Arc::new(Int64Array::from(Vec::<i64>::new())), None),
    ];
    for (array, expected) in cases {
        let shown = array.data_type().clone();
        assert_eq!(sum(&[array]).unwrap().as_deref(), expected, "{shown}");
    }
    let half: ArrayRef = Arc::new(Decimal128Array::from(vec![5]).with_precision_and_scale(3, 1).unwrap());
    assert_eq!(sum(&[half.clone(), half.clone(), half]).unwrap().as_deref(), Some("1.5"));
}

#[test]
fn a_sum_that_overflows_is_an_error() {
    let most: ArrayRef = Arc::new(Decimal256Array::from(vec![i256::MAX / i256::from(2); 2]));
    assert!(sum(std::slice::from_ref(&most)).unwrap().is_some());
    assert!(matches!(sum(&[most.clone(), most]), Err(ArrowError::ArithmeticOverflow(_))));
}
