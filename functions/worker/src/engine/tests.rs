use std::collections::BTreeMap;

use ::datafusion::{arrow::util::pretty::pretty_format_batches, physical_plan::displayable};
use futures::TryStreamExt;
use jiff::civil::{date, datetime};
use object_store::memory::InMemory;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tempfile::TempDir;
use waybill::domain::{
    definition::{
        Binding, ColumnKind, Definition, Source,
        parameter::{Value, ValueType},
    },
    failure::FailureCode,
    filter::Filter,
};

use super::{Engine, Query, Run};
use crate::{
    ProduceError,
    fixture::{Sale, dataset, definition, engine, put, put_bytes},
};

const ITEM: &[(&str, ColumnKind)] = &[("item", ColumnKind::Text)];

struct Lake {
    store: Arc<InMemory>,
    folder: TempDir,
}

impl Lake {
    async fn of(files: &[(&str, &[Sale])]) -> Self {
        let lake = Self { store: Arc::default(), folder: TempDir::new().unwrap() };
        for (path, sales) in files {
            put(&lake.store, path, sales).await;
        }
        lake
    }

    async fn rows(
        &self,
        definition: &Definition,
        tenant: &str,
        parameters: &[(&str, Value)],
    ) -> Result<Vec<String>, ProduceError> {
        let parameters = named(parameters);
        let query = Query { definition, parameters: &parameters, filter: None, tenant };
        self.cells(engine(&self.store, self.folder.path()).run(query).await?).await
    }

    async fn cells(&self, run: Run) -> Result<Vec<String>, ProduceError> {
        let batches: Vec<_> = run.rows.try_collect().await?;
        let table = pretty_format_batches(&batches).unwrap().to_string();
        let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(",");
        Ok(table.lines().skip(3).filter(|line| line.starts_with('|')).map(cells).collect())
    }
}

fn named(parameters: &[(&str, Value)]) -> BTreeMap<String, Value> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn code(result: Result<Vec<String>, ProduceError>) -> FailureCode {
    result.unwrap_err().code().unwrap()
}

fn both() -> [Sale; 2] {
    [("acme", "a", 1, 0), ("globex", "g", 2, 0)]
}

#[tokio::test]
async fn a_column_binding_leaves_only_the_tenants_rows() {
    let lake = Lake::of(&[("sales/1.parquet", &both())]).await;
    let bound = dataset("sales/", &[], Binding::Column("owner".to_owned()));
    let all = definition("SELECT item FROM sales WHERE owner = 'globex' OR TRUE", ITEM, [("sales", bound)]);
    assert_eq!(lake.rows(&all, "acme", &[]).await.unwrap(), ["a"]);
    assert_eq!(lake.rows(&all, "globex", &[]).await.unwrap(), ["g"]);
    assert!(lake.rows(&all, "initech", &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_partition_can_bind() {
    let files: &[(&str, &[Sale])] =
        &[("s/tenant=acme/1.parquet", &both()[..1]), ("s/tenant=globex/1.parquet", &both()[1..])];
    let lake = Lake::of(files).await;
    let bound = dataset("s/", &["tenant"], Binding::Column("tenant".to_owned()));
    let all = definition("SELECT item FROM sales", ITEM, [("sales", bound)]);
    assert_eq!(lake.rows(&all, "globex", &[]).await.unwrap(), ["g"]);
}

#[tokio::test]
async fn a_path_binding_leaves_only_the_tenants_files() {
    let files: &[(&str, &[Sale])] = &[
        ("s/tenant=ac/1.parquet", &[("x", "other", 1, 0)]),
        ("s/tenant=acme/month=2024-01/1.parquet", &[("x", "own", 1, 0)]),
        ("s/tenant=acme-2/1.parquet", &[("x", "another", 1, 0)]),
    ];
    let lake = Lake::of(files).await;
    let bound = dataset("s/tenant={tenant}/", &["month"], Binding::Path);
    let all = definition("SELECT item FROM sales", ITEM, [("sales", bound)]);
    assert_eq!(lake.rows(&all, "acme", &[]).await.unwrap(), ["own"]);
}

#[tokio::test]
async fn shared_data_is_for_the_listed() {
    let lake = Lake::of(&[("sales/1.parquet", &both())]).await;
    let bound = dataset("sales/", &[], Binding::Shared(vec!["acme".to_owned()]));
    let all = definition("SELECT item FROM sales ORDER BY item DESC", ITEM, [("sales", bound)]);
    assert_eq!(lake.rows(&all, "acme", &[]).await.unwrap(), ["g", "a"]);
    assert_eq!(code(lake.rows(&all, "globex", &[]).await), FailureCode::DefinitionInvalid);
}

#[tokio::test]
async fn the_sql_reaches_nothing_but_the_views() {
    let lake = Lake::of(&[("sales/1.parquet", &both())]).await;
    let outside = lake.folder.path().join("outside.csv");
    std::fs::write(&outside, "item\nsecret\n").unwrap();
    let outside = outside.display();
    let refused = [
        "SELECT item FROM \"?table?\"".to_owned(),
        "SELECT table_name AS item FROM information_schema.tables".to_owned(),
        format!("SELECT item FROM '{outside}'"),
        format!("SELECT item FROM \"{outside}\""),
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{outside}'"),
        format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{}sales/'", super::binding::LAKE),
        format!("COPY sales TO '{outside}'"),
        "CREATE TABLE t AS SELECT item FROM sales".to_owned(),
        "INSERT INTO sales SELECT * FROM sales".to_owned(),
        "DELETE FROM sales".to_owned(),
        "SET datafusion.catalog.information_schema = true".to_owned(),
        "SHOW TABLES".to_owned(),
        "DESCRIBE sales".to_owned(),
        "EXPLAIN SELECT item FROM sales".to_owned(),
        "EXPLAIN ANALYZE SELECT item FROM sales".to_owned(),
        "PREPARE p AS SELECT item FROM sales".to_owned(),
        "SELECT item FROM sales; SELECT item FROM sales".to_owned(),
        "SELECT item FROM sales WHERE item = $missing".to_owned(),
        "SELECT item FROM".to_owned(),
    ];
    for sql in refused {
        let bound = dataset("sales/", &[], Binding::Column("owner".to_owned()));
        let definition = definition(&sql, ITEM, [("sales", bound)]);
        assert_eq!(code(lake.rows(&definition, "acme", &[]).await), FailureCode::DefinitionInvalid, "{sql}");
    }
}

#[tokio::test]
async fn only_the_months_asked_for_are_scanned() {
    let months: Vec<String> = (1..=12).map(|month| format!("s/month=2024-{month:02}/1.parquet")).collect();
    let files: Vec<(&str, &[Sale])> = months.iter().map(|path| (path.as_str(), &[("acme", "a", 1, 0)][..])).collect();
    let lake = Lake::of(&files).await;
    let bound = dataset("s/", &["month"], Binding::Column("owner".to_owned()));
    let sql = "SELECT month FROM s WHERE month BETWEEN $dates_from_month AND $dates_to_month";
    let definition = definition(sql, &[("month", ColumnKind::Text)], [("s", bound)]);
    let months = [
        ("dates_from_month", Value::Text("2024-05".to_owned())),
        ("dates_to_month", Value::Text("2024-06".to_owned())),
    ];
    assert_eq!(lake.rows(&definition, "acme", &months).await.unwrap(), ["2024-05", "2024-06"]);

    let parameters = named(&months);
    let query = Query { definition: &definition, parameters: &parameters, filter: None, tenant: "acme" };
    let plan = engine(&lake.store, lake.folder.path()).physical_plan(query).await;
    let shown = displayable(plan.as_ref()).indent(true).to_string();
    assert_eq!(shown.matches(".parquet").count(), 2, "{shown}");
    assert!(shown.contains("month=2024-05/1.parquet") && shown.contains("month=2024-06/1.parquet"), "{shown}");
}

#[tokio::test]
async fn placeholders_are_typed_also_where_they_are_null() {
    let noon = 1_709_208_000_000_000;
    let sales = [("acme", "early", 1_000, noon - 1), ("acme", "late", 2_500, noon)];
    let lake = Lake::of(&[("sales/1.parquet", &sales)]).await;
    let sql = "SELECT item FROM sales
        WHERE ($item IS NULL OR item = $item) AND ($least IS NULL OR amount >= $least)
          AND ($since IS NULL OR sold >= $since) AND ($day IS NULL OR CAST(sold AS DATE) = $day)
          AND ($line IS NULL OR line = $line) AND ($any IS NULL OR $any)";
    let definition = definition(sql, ITEM, [("sales", dataset("sales/", &[], Binding::Public))]);
    let nulls = [
        ("item", Value::Null(ValueType::Text)),
        ("least", Value::Null(ValueType::Decimal { scale: 5 })),
        ("since", Value::Null(ValueType::Timestamp)),
        ("day", Value::Null(ValueType::Date)),
        ("line", Value::Null(ValueType::Integer)),
        ("any", Value::Null(ValueType::Boolean)),
    ];
    assert_eq!(lake.rows(&definition, "acme", &nulls).await.unwrap(), ["early", "late"]);
    let given = [
        Value::Text("late".to_owned()),
        Value::Decimal { unscaled: 250_000, scale: 5 },
        Value::Timestamp(datetime(2024, 2, 29, 12, 0, 0, 0)),
        Value::Date(date(2024, 2, 29)),
        Value::Integer(2),
        Value::Boolean(true),
    ];
    for (index, value) in given.into_iter().enumerate() {
        let mut parameters = nulls.clone();
        parameters[index].1 = value;
        let expected: &[&str] = if matches!(index, 3 | 5) { &["early", "late"] } else { &["late"] };
        assert_eq!(lake.rows(&definition, "acme", &parameters).await.unwrap(), expected, "{}", parameters[index].0);
    }
}

#[tokio::test]
async fn values_are_never_sql() {
    let lake = Lake::of(&[("sales/1.parquet", &both())]).await;
    let bound = dataset("sales/", &[], Binding::Public);
    let definition = definition("SELECT item FROM sales WHERE item = $item", ITEM, [("sales", bound)]);
    let item = Value::Text("' OR '1' = '1".to_owned());
    assert!(lake.rows(&definition, "acme", &[("item", item)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_filter_leaves_rows_out_of_what_the_query_yields() {
    let noon = 1_709_208_000_000_000;
    let sales: &[Sale] = &[("acme", "a%b", 1_000, noon), ("acme", "axb", 2_500, noon + 1), ("globex", "g'", 7, noon)];
    let lake = Lake::of(&[("sales/1.parquet", sales)]).await;
    let columns: &[(&str, ColumnKind)] = &[
        ("Item", ColumnKind::Text),
        ("amount", ColumnKind::Decimal),
        ("sold", ColumnKind::Timestamp),
        ("half", ColumnKind::Float),
    ];
    let sql =
        r#"SELECT item AS "Item", amount, sold, CASE WHEN owner = 'acme' THEN 0.5e0 END AS half FROM sales ORDER BY 1"#;
    let definition = definition(sql, columns, [("sales", dataset("sales/", &[], Binding::Public))]);
    let cases: [(Json, &[&str]); 11] = [
        (json!({ "column": "Item", "operator": "eq", "value": "g'" }), &["g'"]),
        (json!({ "column": "Item", "operator": "like", "value": "a%b" }), &["a%b", "axb"]),
        (json!({ "column": "Item", "operator": "like", "value": "a\\%b" }), &["a%b"]),
        (json!({ "column": "Item", "operator": "not_like", "value": "a%" }), &["g'"]),
        (json!({ "column": "Item", "operator": "ne", "value": "' OR 1=1 --" }), &["a%b", "axb", "g'"]),
        (json!({ "column": "amount", "operator": "gt", "value": "0.007" }), &["a%b", "axb"]),
        (json!({ "column": "amount", "operator": "le", "value": "1.00000001" }), &["a%b", "g'"]),
        (json!({ "column": "sold", "operator": "eq", "value": "2024-02-29T12:00:00" }), &["a%b", "g'"]),
        (json!({ "column": "half", "operator": "null" }), &["g'"]),
        (json!({ "column": "half", "operator": "lt", "value": "0.75" }), &["a%b", "axb"]),
        (
            json!({ "any": [
                { "all": [{ "column": "Item", "operator": "ge", "value": "b" }, { "column": "half", "operator": "not_null" }] },
                { "column": "amount", "operator": "eq", "value": "2.5" },
            ] }),
            &["axb"],
        ),
    ];
    for (asked, expected) in cases {
        let filter = Filter::parse(&asked, &definition.columns).unwrap();
        let query = Query { definition: &definition, parameters: &named(&[]), filter: Some(&filter), tenant: "acme" };
        let run = engine(&lake.store, lake.folder.path()).run(query).await.unwrap();
        assert_eq!(run.exact_rows, None, "a filter makes it a guess");
        let rows = lake.cells(run).await.unwrap();
        let items: Vec<&str> = rows.iter().filter_map(|row| row.split(',').next()).collect();
        assert_eq!(items, expected, "{asked}");
    }
}

#[tokio::test]
async fn the_query_must_yield_the_documented_columns() {
    let lake = Lake::of(&[("sales/1.parquet", &both())]).await;
    let wrong: [(&str, &[(&str, ColumnKind)]); 4] = [
        ("SELECT item, line FROM sales", ITEM),
        ("SELECT item AS other FROM sales", ITEM),
        ("SELECT line AS item FROM sales", ITEM),
        ("SELECT line, item FROM sales", &[("item", ColumnKind::Text), ("line", ColumnKind::Integer)]),
    ];
    for (sql, columns) in wrong {
        let definition = definition(sql, columns, [("sales", dataset("sales/", &[], Binding::Public))]);
        assert_eq!(code(lake.rows(&definition, "acme", &[]).await), FailureCode::DefinitionInvalid, "{sql}");
    }
}

#[tokio::test]
async fn a_tenant_without_files_gets_no_rows_from_a_checked_query() {
    let lake = Lake::of(&[("s/tenant=globex/sales/1.parquet", &both()), ("items/1.parquet", &both())]).await;
    let datasets = || {
        let own = dataset("s/tenant={tenant}/sales/", &[], Binding::Path);
        [("sales", own), ("items", dataset("items/", &[], Binding::Public))]
    };
    let sql = "SELECT items.item FROM items LEFT JOIN sales ON sales.item = items.item WHERE sales.item IS NULL";
    let anti = definition(sql, ITEM, datasets());
    assert_eq!(lake.rows(&anti, "acme", &[]).await.unwrap(), ["a", "g"]);
    let inner = definition("SELECT sales.item FROM sales JOIN items USING (item)", ITEM, datasets());
    assert!(lake.rows(&inner, "acme", &[]).await.unwrap().is_empty());
    let broken = definition("SELECT price AS item FROM sales", ITEM, datasets());
    assert_eq!(code(lake.rows(&broken, "acme", &[]).await), FailureCode::DefinitionInvalid);
}

#[tokio::test]
async fn a_dataset_that_nobody_has_files_in() {
    let lake = Lake::of(&[("items/1.parquet", &both())]).await;
    let own = || dataset("s/tenant={tenant}/", &["month"], Binding::Path);
    let alone = definition("SELECT item FROM sales", ITEM, [("sales", own())]);
    assert!(lake.rows(&alone, "acme", &[]).await.unwrap().is_empty());
    let joined = [("sales", own()), ("items", dataset("items/", &[], Binding::Public))];
    let left = definition("SELECT items.item FROM items LEFT JOIN sales USING (item)", ITEM, joined);
    assert_eq!(code(lake.rows(&left, "acme", &[]).await), FailureCode::SourceError);
}

#[tokio::test]
async fn csv_and_ndjson_are_sources_too() {
    let lake = Lake::of(&[]).await;
    put_bytes(&lake.store, "csv/month=2024-01/1.csv", b"owner,item,line\nacme,a,1\nglobex,\"g,\",2\n".to_vec()).await;
    put_bytes(
        &lake.store,
        "json/1.ndjson",
        b"{\"owner\":\"acme\",\"line\":3}\n{\"owner\":\"x\",\"line\":4}\n".to_vec(),
    )
    .await;
    let bound = |location, partitions, source| {
        let mut bound = dataset(location, partitions, Binding::Column("owner".to_owned()));
        bound.source = source;
        bound
    };
    let datasets = [("c", bound("csv/", &["month"], Source::Csv)), ("j", bound("json/", &[], Source::Ndjson))];
    let sql = "SELECT c.month, c.line + j.line AS line FROM c JOIN j ON c.owner = j.owner";
    let joined = definition(sql, &[("month", ColumnKind::Text), ("line", ColumnKind::Integer)], datasets);
    assert_eq!(lake.rows(&joined, "acme", &[]).await.unwrap(), ["2024-01,4"]);
}

#[tokio::test]
async fn columns_that_came_later_are_null_before() {
    let lake = Lake::of(&[]).await;
    put_bytes(&lake.store, "json/1.ndjson", b"{\"line\":1}\n".to_vec()).await;
    put_bytes(&lake.store, "json/2.ndjson", b"{\"line\":2,\"item\":\"b\"}\n".to_vec()).await;
    let mut source = dataset("json/", &[], Binding::Public);
    source.source = Source::Ndjson;
    let sql = "SELECT line, item FROM j ORDER BY line";
    let all = definition(sql, &[("line", ColumnKind::Integer), ("item", ColumnKind::Text)], [("j", source)]);
    assert_eq!(lake.rows(&all, "acme", &[]).await.unwrap(), ["1,", "2,b"]);
}

#[tokio::test]
async fn damaged_files_and_failing_sums_are_told_apart() {
    let lake = Lake::of(&[("sales/1.parquet", &both())]).await;
    let public = || [("sales", dataset("sales/", &[], Binding::Public))];
    let divided = definition("SELECT line / (line - line) AS n FROM sales", &[("n", ColumnKind::Integer)], public());
    assert_eq!(code(lake.rows(&divided, "acme", &[]).await), FailureCode::DefinitionInvalid);
    put_bytes(&lake.store, "sales/2.parquet", b"This is no Parquet file.".to_vec()).await;
    let all = definition("SELECT item FROM sales", ITEM, public());
    let error = lake.rows(&all, "acme", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::SourceError));
    assert!(matches!(error, ProduceError::Failed { retryable: false, .. }));
}

#[tokio::test]
async fn how_many_rows_there_will_be_is_told_only_where_it_is_certain() {
    let sales: &[Sale] = &[("acme", "a", 1, 0), ("acme", "b", 2, 0), ("globex", "c", 3, 0)];
    let lake = Lake::of(&[("sales/tenant=acme/1.parquet", sales), ("sales/tenant=acme/2.parquet", sales)]).await;
    let exact = async |sql: &str, binding: Binding| {
        let location = if binding == Binding::Path { "sales/tenant={tenant}/" } else { "sales/" };
        let definition = definition(sql, ITEM, [("sales", dataset(location, &[], binding))]);
        let parameters = named(&[]);
        let query = Query { definition: &definition, parameters: &parameters, filter: None, tenant: "acme" };
        engine(&lake.store, lake.folder.path()).run(query).await.unwrap().exact_rows
    };
    assert_eq!(exact("SELECT item FROM sales", Binding::Path).await, Some(6), "of the files' own statistics");
    assert_eq!(exact("SELECT item FROM sales ORDER BY amount", Binding::Path).await, Some(6));
    assert_eq!(exact("SELECT item FROM sales WHERE amount > 1", Binding::Path).await, None, "a filter");
    assert_eq!(exact("SELECT item FROM sales", Binding::Column("owner".to_owned())).await, None, "bound by a filter");
}
