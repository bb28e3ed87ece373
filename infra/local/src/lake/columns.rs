//! Rows as Arrow columns, and how they are written to Parquet.

use std::fmt::Write;
use std::io;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringBuilder, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::ledger::Movement;

/// Digits of an amount, and those after the point: room for 9,999,999,999 units and the digits of a bitcoin, in
/// 64 bits.
const PRECISION: u8 = 18;
const SCALE: i8 = 8;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let decimal = DataType::Decimal128(PRECISION, SCALE);
    let field = |name: &str, data_type: &DataType| Field::new(name, data_type.clone(), false);
    let nullable = |name: &str, data_type: &DataType| Field::new(name, data_type.clone(), true);
    Arc::new(Schema::new(vec![
        field("transaction_date", &DataType::Timestamp(TimeUnit::Millisecond, None)),
        field("organisation_name", &DataType::Utf8),
        field("organisation_id", &DataType::Int64),
        field("wallet_id", &DataType::Int64),
        nullable("wallet_name", &DataType::Utf8),
        nullable("other_wallet_id", &DataType::Int64),
        field("transaction_type", &DataType::Utf8),
        field("amount", &decimal),
        nullable("description", &DataType::Utf8),
        nullable("location", &DataType::Utf8),
        nullable("external_transaction_id", &DataType::Utf8),
        nullable("unit_type", &DataType::Utf8),
        field("wallet_closing_balance", &decimal),
        field("unique_id", &DataType::Utf8),
    ]))
});

/// The report's columns, in its order; tenant and month are in the path.
pub fn schema() -> SchemaRef {
    SCHEMA.clone()
}

/// Row groups small enough to prune by time and to be written without much memory.
pub fn writer_properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(131_072))
        .set_statistics_enabled(EnabledStatistics::None);
    for pruned in ["transaction_date", "organisation_id", "wallet_id"] {
        properties = properties.set_column_statistics_enabled(ColumnPath::from(pruned), EnabledStatistics::Chunk);
    }
    // These hardly repeat: looking for repetitions is most of the time that writing them takes.
    for varied in ["transaction_date", "amount", "wallet_closing_balance", "external_transaction_id", "unique_id"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(varied), false);
    }
    properties.build()
}

/// Rows on their way to a record batch.
#[derive(Default)]
pub struct Columns {
    transaction_date: Vec<i64>,
    organisation_name: StringBuilder,
    organisation_id: Vec<i64>,
    wallet_id: Vec<i64>,
    wallet_name: StringBuilder,
    other_wallet_id: Vec<Option<i64>>,
    transaction_type: StringBuilder,
    amount: Vec<i128>,
    description: StringBuilder,
    location: StringBuilder,
    external_transaction_id: StringBuilder,
    unit_type: StringBuilder,
    wallet_closing_balance: Vec<i128>,
    unique_id: StringBuilder,
    text: String,
}

impl Columns {
    /// Rows so far.
    pub fn len(&self) -> u64 {
        self.amount.len() as u64
    }

    /// Adds a row.
    pub fn push(&mut self, row: &Movement<'_>) {
        self.transaction_date.push(row.at);
        self.organisation_name.append_value(row.organisation_name);
        self.organisation_id.push(row.organisation_id);
        self.wallet_id.push(row.wallet_id);
        self.wallet_name.append_option(row.wallet_name);
        self.other_wallet_id.push(row.other_wallet_id);
        self.transaction_type.append_value(row.transaction_type);
        self.amount.push(row.amount.into());
        self.description.append_option(row.description);
        let location = row.location.map(std::net::Ipv4Addr::from);
        Self::append_shown(&mut self.location, &mut self.text, location);
        let reference = row.external_transaction_id.map(|number| format!("EXT{number:010}"));
        self.external_transaction_id.append_option(reference);
        self.unit_type.append_option(row.unit_type);
        self.wallet_closing_balance.push(row.closing_balance.into());
        Self::append_shown(&mut self.unique_id, &mut self.text, Some(uuid::Uuid::from_u128(row.unique_id)));
    }

    fn append_shown(builder: &mut StringBuilder, text: &mut String, value: Option<impl std::fmt::Display>) {
        match value {
            None => builder.append_null(),
            Some(value) => {
                text.clear();
                _ = write!(text, "{value}");
                builder.append_value(text);
            }
        }
    }

    /// The rows as a batch of [`schema`].
    pub fn into_batch(self) -> io::Result<RecordBatch> {
        let text = |mut builder: StringBuilder| -> ArrayRef { Arc::new(builder.finish()) };
        let integers = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let decimals = |values: Vec<i128>| -> Result<ArrayRef, arrow::error::ArrowError> {
            Ok(Arc::new(Decimal128Array::from(values).with_precision_and_scale(PRECISION, SCALE)?))
        };
        let columns = || {
            Ok(vec![
                Arc::new(TimestampMillisecondArray::from(self.transaction_date)) as ArrayRef,
                text(self.organisation_name),
                integers(self.organisation_id),
                integers(self.wallet_id),
                text(self.wallet_name),
                Arc::new(Int64Array::from(self.other_wallet_id)),
                text(self.transaction_type),
                decimals(self.amount)?,
                text(self.description),
                text(self.location),
                text(self.external_transaction_id),
                text(self.unit_type),
                decimals(self.wallet_closing_balance)?,
                text(self.unique_id),
            ])
        };
        columns().and_then(|columns| RecordBatch::try_new(schema(), columns)).map_err(io::Error::other)
    }
}
