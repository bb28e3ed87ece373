//! Parquet, compressed by Zstandard: names, types and values as the query yields them, whatever the style says.
//!
//! The file says its types in Parquet's own schema alone. So text is text, whether Arrow had it plain, as views or as a
//! dictionary, and readers that know nothing of Arrow see the same as those that do. What Parquet has no type for is
//! widened without loss: timestamps in seconds have milliseconds, halves of a float are floats, a column of nothing but
//! nulls is text. The name of a time zone is not kept; that a timestamp is UTC is.
//!
//! Rows are held until their row group is large enough to be worth reading, which bounds the memory.

use std::sync::Arc;

use ::parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::{EnabledStatistics, WriterProperties},
};
use datafusion::arrow::{
    array::{ArrayRef, RecordBatch},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
};

use super::{EncodeError, Encoder};

/// Most rows of a row group.
const GROUP_ROWS: usize = 1 << 20;

/// Memory that a row group may take before it is written, in bytes: what is compressed of it, and what is not yet. While
/// it is written it is there twice.
const GROUP_BYTES: usize = 24 << 20;

/// Writes Parquet.
pub(super) struct Parquet {
    /// What the file says of its columns.
    schema: SchemaRef,
    group_bytes: usize,
    writer: ArrowWriter<Vec<u8>>,
}

impl Parquet {
    /// For rows of that schema.
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, EncodeError> {
        Self::with_groups_of(GROUP_BYTES, schema)
    }

    fn with_groups_of(group_bytes: usize, schema: &SchemaRef) -> Result<Self, EncodeError> {
        let schema = Arc::new(plain(schema));
        let properties = WriterProperties::builder()
            .set_created_by("Waybill".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            // Statistics of pages would be kept until the end: memory that grows with the file.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options)?;
        Ok(Self { schema, group_bytes, writer })
    }

    /// Moves what is written to `out`.
    fn drain(&mut self, out: &mut Vec<u8>) {
        let written = self.writer.inner_mut();
        if out.is_empty() {
            std::mem::swap(out, written);
        } else {
            out.append(written);
        }
    }
}

impl Encoder for Parquet {
    fn header(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(array, field)| converted(array, field)).collect::<Result<Vec<_>, _>>()?;
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?;
        if self.writer.memory_size() >= self.group_bytes {
            self.writer.flush()?;
        }
        self.drain(out);
        Ok(())
    }

    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        self.writer.finish()?;
        self.drain(out);
        Ok(false)
    }
}

impl From<ParquetError> for EncodeError {
    fn from(error: ParquetError) -> Self {
        Self::Library(error.into())
    }
}

/// The schema without what Parquet cannot say.
fn plain(schema: &Schema) -> Schema {
    let field = |field: &Arc<Field>| Field::new(field.name(), widened(field.data_type()), field.is_nullable());
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

fn widened(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        DataType::Date64 => DataType::Date32,
        DataType::Float16 => DataType::Float32,
        DataType::Null => DataType::Utf8,
        DataType::Dictionary(key, values) => match widened(values) {
            wider if wider == **values => DataType::Dictionary(key.clone(), values.clone()),
            wider => wider,
        },
        other => other.clone(),
    }
}

fn converted(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == field.data_type() {
        return Ok(array.clone());
    }
    // What does not fit is an error, not a null.
    cast_with_options(array, field.data_type(), &CastOptions { safe: false, ..CastOptions::default() })
}

#[cfg(test)]
mod tests {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use bytes::Bytes;
    use datafusion::arrow::{
        array::{
            Array, AsArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, DictionaryArray, Float64Array,
            Int64Array, NullArray, StringArray, StringViewArray, TimestampMicrosecondArray, TimestampSecondArray,
        },
        compute::concat_batches,
        datatypes::{Date32Type, Int32Type, TimestampMillisecondType},
    };
    use proptest::prelude::*;

    use super::*;

    fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
        let arrays = columns.iter().map(|(name, array)| (*name, array.clone(), true));
        RecordBatch::try_from_iter_with_nullable(arrays).unwrap()
    }

    /// The file that the batches make.
    fn write(schema: &SchemaRef, batches: &[RecordBatch]) -> Bytes {
        let mut encoder = Parquet::new(schema).unwrap();
        let mut file = Vec::new();
        let mut row = 0;
        encoder.header(&mut file).unwrap();
        for batch in batches {
            let mut out = Vec::new();
            encoder.encode(batch, row, &mut out).unwrap();
            file.extend(out);
            row += batch.num_rows() as u64;
        }
        while encoder.footer(&mut file).unwrap() {}
        file.into()
    }

    fn read(file: &Bytes) -> RecordBatch {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
        let schema = builder.schema().clone();
        let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
        concat_batches(&schema, &batches).unwrap()
    }

    #[test]
    fn values_and_types_stay_as_they_are() {
        let most = 10_i128.pow(38) - 1;
        let rows = batch(&[
            ("text", Arc::new(StringArray::from(vec![Some("\u{5e9}\u{1f600}\r\n"), Some(""), None]))),
            ("n", Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(i64::MAX), None]))),
            (
                "d",
                Arc::new(
                    Decimal128Array::from(vec![Some(most), Some(-most), None])
                        .with_precision_and_scale(38, 10)
                        .unwrap(),
                ),
            ),
            ("f", Arc::new(Float64Array::from(vec![Some(-0.0), Some(f64::NEG_INFINITY), None]))),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("day", Arc::new(Date32Array::from(vec![Some(-141_427), Some(2_932_897), None]))),
            ("t", Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), Some(2_147_483_648_000_001), None]))),
            (
                "z",
                Arc::new(TimestampMicrosecondArray::from(vec![Some(1), Some(2), None]).with_timezone("UTC".to_owned())),
            ),
        ]);
        let back = read(&write(&rows.schema(), std::slice::from_ref(&rows)));
        assert_eq!(back, rows);
        let float: &Float64Array = back.column(3).as_primitive();
        assert!(float.value(0).is_sign_negative());
    }

    #[test]
    fn readers_see_plain_types() {
        let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None].into_iter().collect();
        let rows = batch(&[
            ("view", Arc::new(StringViewArray::from(vec![Some("longer than twelve bytes"), None]))),
            ("dictionary", Arc::new(dictionary)),
            ("null", Arc::new(NullArray::new(2))),
            ("seconds", Arc::new(TimestampSecondArray::from(vec![Some(-1), None]))),
            ("day", Arc::new(Date64Array::from(vec![Some(86_400_000), None]))),
        ]);
        let file = write(&rows.schema(), std::slice::from_ref(&rows));
        let back = read(&file);
        assert_eq!(back.column(0).as_string::<i32>().value(0), "longer than twelve bytes");
        assert_eq!(back.column(1).as_string::<i32>().value(0), "a");
        assert_eq!(back.column(2).as_string::<i32>().null_count(), 2);
        assert_eq!(back.column(3).as_primitive::<TimestampMillisecondType>().value(0), -1_000);
        assert_eq!(back.column(4).as_primitive::<Date32Type>().value(0), 1);
        let metadata = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().clone();
        assert_eq!(metadata.file_metadata().created_by(), Some("Waybill"));
        assert_eq!(metadata.file_metadata().key_value_metadata(), None);
    }

    #[test]
    fn a_report_without_rows_has_its_columns() {
        let rows = batch(&[("a", Arc::new(Int64Array::from(vec![1]))), ("b", Arc::new(StringArray::from(vec!["x"])))]);
        let back = read(&write(&rows.schema(), &[]));
        assert_eq!((back.num_rows(), back.schema()), (0, rows.schema()));
    }

    #[test]
    fn a_timestamp_that_does_not_fit_is_an_error() {
        let rows = batch(&[("t", Arc::new(TimestampSecondArray::from(vec![i64::MAX])))]);
        let mut encoder = Parquet::new(&rows.schema()).unwrap();
        assert!(encoder.encode(&rows, 0, &mut Vec::new()).is_err());
    }

    #[test]
    fn row_groups_are_bounded_by_the_memory_of_all_columns() {
        const MOST: usize = 1 << 20;
        let noise = |seed: i64| (0..1_024_i64).map(move |n| (n ^ seed).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let names: Vec<_> = (0..50).map(|number| format!("c{number}")).collect();
        let columns: Vec<_> = (0..)
            .zip(&names)
            .map(|(number, name)| (name.as_str(), Arc::new(Int64Array::from_iter_values(noise(number))) as ArrayRef))
            .collect();
        let rows = batch(&columns);
        let mut encoder = Parquet::with_groups_of(MOST, &rows.schema()).unwrap();
        let mut file = Vec::new();
        for round in 0..8 {
            encoder.encode(&rows, round * 1_024, &mut file).unwrap();
            assert!(encoder.writer.memory_size() < MOST);
        }
        while encoder.footer(&mut file).unwrap() {}
        let file = Bytes::from(file);
        let metadata = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap().metadata().clone();
        assert!((2..=8).contains(&metadata.num_row_groups()), "{}", metadata.num_row_groups());
        assert_eq!(read(&file).slice(7 * 1_024, 1_024), rows);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rows_read_back(
            rows in proptest::collection::vec(
                (any::<Option<String>>(), any::<Option<i128>>(), any::<Option<i64>>()),
                0..50,
            ),
            cut in 0_usize..50,
        ) {
            let decimals: Decimal128Array = rows.iter().map(|row| row.1.map(|n| n % 10_i128.pow(38))).collect();
            let rows = batch(&[
                ("t", Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>())),
                ("d", Arc::new(decimals.with_precision_and_scale(38, 38).unwrap())),
                ("m", Arc::new(rows.iter().map(|row| row.2).collect::<TimestampMicrosecondArray>())),
            ]);
            let cut = cut.min(rows.num_rows());
            let halves = [rows.slice(0, cut), rows.slice(cut, rows.num_rows() - cut)];
            prop_assert_eq!(read(&write(&rows.schema(), &halves)), rows);
        }
    }
}
