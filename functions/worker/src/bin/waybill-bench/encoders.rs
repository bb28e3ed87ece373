//! The CSV encoder beside Arrow's, on rows in memory: `lineitem` of a file, and [`dirty`] ones.
//!
//! Rounds by turns; both must write the same bytes. Prints a JSON object for each kind of rows: MB of text per second,
//! the medians.

use std::{
    error::Error,
    fs::File,
    hint::black_box,
    io::{self, Write},
    path::Path,
    time::Instant,
};

use datafusion::{
    arrow::{
        array::RecordBatch,
        csv::{WriterBuilder, writer::Terminator},
        datatypes::DataType,
    },
    parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
};
use jiff::Timestamp;
use serde_json::json;
use waybill::domain::{
    definition::{Column, ColumnKind},
    outcome::Format,
    style::{Formulas, Style},
};
use waybill_worker::format::{self, Document, EncodeError, Layout};

use super::dirty;

/// Rows of a batch, as the engine makes them.
const BATCH: usize = 8_192;

/// Compares the encoders on the first `rows` rows of the file, and on as many dirty ones.
pub fn run(parquet: &str, rows: usize, rounds: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(parquet)?)?;
    let lineitem = reader.with_batch_size(BATCH).with_limit(rows).build()?.collect::<Result<Vec<_>, _>>()?;
    compare("csv-encode-lineitem", &lineitem, rounds)?;
    drop(lineitem);
    compare("csv-encode-dirty", &dirty::batches(rows, BATCH)?, rounds)
}

fn compare(case: &str, batches: &[RecordBatch], rounds: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let document = document(batches.first().ok_or("no rows")?)?;
    for batch in batches {
        let (mut ours, mut arrows) = (Vec::new(), Vec::new());
        encode(&document, std::slice::from_ref(batch), &mut ours)?;
        by_arrow(std::slice::from_ref(batch), &mut arrows)?;
        if ours != arrows {
            return Err(format!("{case}: the encoders write different bytes").into());
        }
    }
    let (mut ours, mut arrows) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(rate(|out| Ok(encode(&document, batches, out)?))?);
        arrows.push(rate(|out| by_arrow(batches, out))?);
    }
    let (ours, arrows) = (median(ours), median(arrows));
    println!("{}", json!({ "case": case, "mb_per_s": ours, "arrow_mb_per_s": arrows, "ratio": ours / arrows }));
    Ok(())
}

/// Rows as they are: what looks like a formula is left alone, as Arrow leaves it.
fn document(batch: &RecordBatch) -> Result<Document, Box<dyn Error + Send + Sync>> {
    let kind = |data_type: &DataType| match data_type {
        DataType::Int32 | DataType::Int64 => Ok(ColumnKind::Integer),
        DataType::Decimal128(..) => Ok(ColumnKind::Decimal),
        DataType::Date32 => Ok(ColumnKind::Date),
        DataType::Timestamp(..) => Ok(ColumnKind::Timestamp),
        DataType::Utf8View | DataType::Utf8 => Ok(ColumnKind::Text),
        other => Err(format!("no column of the bench is {other}")),
    };
    let column = |field: &datafusion::arrow::datatypes::FieldRef| {
        Ok::<_, String>(Column::new(field.name(), kind(field.data_type())?))
    };
    let columns = batch.schema().fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let style = Style { formulas: Some(Formulas::Raw), ..Style::default() };
    Ok(Document {
        title: String::new(),
        description: String::new(),
        parameters: Vec::new(),
        as_of: Timestamp::UNIX_EPOCH,
        layout: Layout::new(&columns, &style),
    })
}

fn encode(document: &Document, batches: &[RecordBatch], out: &mut dyn Write) -> Result<(), EncodeError> {
    let Some(first) = batches.first() else { return Ok(()) };
    let mut encoder = format::encoder(Format::Csv, document, &first.schema(), Path::new(""))?;
    let mut bytes = Vec::new();
    for batch in batches {
        bytes.clear();
        encoder.encode(batch, 0, &mut bytes)?;
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn by_arrow(batches: &[RecordBatch], out: &mut dyn Write) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut writer = WriterBuilder::new().with_header(false).with_line_terminator(Terminator::CRLF).build(out);
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(())
}

/// Counts what is written, and lets it go.
#[derive(Default)]
struct Gone(usize);

impl Write for Gone {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += black_box(bytes).len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// MB per second.
fn rate(
    write: impl FnOnce(&mut dyn Write) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let (mut gone, began) = (Gone::default(), Instant::now());
    write(&mut gone)?;
    let bytes = f64::from(u32::try_from(gone.0)?);
    Ok(bytes / 1e6 / began.elapsed().as_secs_f64())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
