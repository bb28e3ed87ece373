//! A small lake in memory, and definitions over it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
        datatypes::{DataType, Field, Schema, TimeUnit},
    },
    parquet::arrow::ArrowWriter,
};
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory};
use waybill::domain::{
    definition::{
        Binding, Check, CheckRule, Column, ColumnKind, Dataset, Definition, Limits, Partition, PartitionKind, Source,
    },
    outcome::Format,
    style::Style,
};

use crate::engine::datafusion::DataFusion;

/// A sale: owner, item, amount in thousandths, microseconds since 1970.
pub type Sale = (&'static str, &'static str, i128, i64);

/// Puts sales as Parquet into the lake.
pub async fn put(lake: &InMemory, path: &str, sales: &[Sale]) {
    put_bytes(lake, path, parquet(sales)).await;
}

/// Puts a file into the lake.
pub async fn put_bytes(lake: &InMemory, path: &str, bytes: Vec<u8>) {
    lake.put(&object_store::path::Path::from(path), bytes.into()).await.unwrap();
}

/// Sales as a Parquet file.
pub fn parquet(sales: &[Sale]) -> Vec<u8> {
    let amounts = Decimal128Array::from_iter_values(sales.iter().map(|sale| sale.2));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(sales.iter().map(|sale| sale.0))),
        Arc::new(StringArray::from_iter_values(sales.iter().map(|sale| sale.1))),
        Arc::new(Int64Array::from_iter_values((1..).take(sales.len()))),
        Arc::new(amounts.with_precision_and_scale(12, 3).unwrap()),
        Arc::new(TimestampMicrosecondArray::from_iter_values(sales.iter().map(|sale| sale.3))),
    ];
    let schema = Arc::new(Schema::new(vec![
        Field::new("owner", DataType::Utf8, true),
        Field::new("item", DataType::Utf8, true),
        Field::new("line", DataType::Int64, true),
        Field::new("amount", DataType::Decimal128(12, 3), true),
        Field::new("sold", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ]));
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// A Parquet dataset.
pub fn dataset(location: &str, partitions: &[&str], binding: Binding) -> Dataset {
    let partition = |name: &&str| Partition { name: (*name).to_owned(), kind: PartitionKind::Text };
    Dataset {
        location: location.to_owned(),
        source: Source::Parquet,
        partitions: partitions.iter().map(partition).collect(),
        binding,
    }
}

/// A definition over datasets of those names.
pub fn definition<const N: usize>(
    sql: &str,
    columns: &[(&str, ColumnKind)],
    datasets: [(&str, Dataset); N],
) -> Definition {
    let column = |(name, kind): &(&str, ColumnKind)| Column { title: name.to_uppercase(), ..Column::new(*name, *kind) };
    Definition {
        id: "sales".to_owned(),
        version: 1,
        title: "Sales".to_owned(),
        description: String::new(),
        sql: sql.to_owned(),
        datasets: BTreeMap::from(datasets.map(|(name, dataset)| (name.to_owned(), dataset))),
        parameters: Vec::new(),
        columns: columns.iter().map(column).collect(),
        formats: vec![Format::Csv],
        style: Style::default(),
        limits: Limits::default(),
        checks: Vec::new(),
    }
}

/// A check called `c`.
pub fn check(rule: CheckRule) -> Check {
    Check { name: "c".to_owned(), rule }
}

/// A check of the total of `column`.
pub fn total(column: &str, equals: &str) -> Check {
    check(CheckRule::Total { column: column.to_owned(), equals: equals.to_owned() })
}

/// A check of a condition.
pub fn condition(sql: &str) -> Check {
    check(CheckRule::Condition(sql.to_owned()))
}

/// The engine over that lake, with the least memory.
pub fn engine(lake: &Arc<InMemory>, folder: &Path) -> DataFusion {
    let spill: PathBuf = folder.join("spill");
    DataFusion::new(Arc::clone(lake) as Arc<dyn ObjectStore>, 0, spill)
}
