//! XLSX: a workbook that spreadsheets open with numbers as numbers and dates as dates, written while the rows come.
//!
//! * **Numbers** are cells of numbers as long as a spreadsheet, which calculates in doubles, keeps all of their digits:
//!   integers and decimals of up to 15 significant digits, and floats that are finite. Others are text.
//! * **Dates and timestamps** are days since 1900 with a date format, in the layout's zone where it has one, with
//!   milliseconds. Before March 1900, where Excel's calendar has a day too many, and after 9999 they are text.
//! * **Text** is text, never a formula, whatever it begins with. More than 32,767 characters are refused.
//! * **Nulls** are empty cells, or the layout's null text.
//! * The first row has the titles, stays in sight and filters. A sheet that is full is followed by another one with the
//!   same first row.
//! * Number and date patterns become Excel's own formats, so that it shows separators as its user has set them.

mod archive;
mod cell;
mod escape;
mod parts;
#[cfg(test)]
mod tests;

use std::io;

use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};

use self::{
    archive::Archive,
    cell::{Column, Notation},
    parts::{Styles, write},
};
use super::{Document, EncodeError, Encoder, cells::CellArray};

/// Bytes of XML that are compressed at once.
const PIECE: usize = 64 << 10;

/// When a sheet is full.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Rows, the titles included.
    rows: u32,
    /// Bytes of XML, so far below the 4 GiB of an entry that no row can go beyond them.
    bytes: u64,
}

/// Of Excel.
const LIMITS: Limits = Limits { rows: 1_048_576, bytes: 3 << 30 };

/// Writes XLSX.
pub(super) struct Xlsx {
    document: Document,
    columns: Vec<Column>,
    notation: Notation,
    styles: Styles,
    limits: Limits,
    archive: Archive,
    /// What waits to be compressed.
    xml: Vec<u8>,
    sheets: u32,
    /// Rows of the sheet, the titles included.
    rows: u32,
    /// Bytes of the sheet that were compressed.
    bytes: u64,
}

impl Xlsx {
    /// For rows of that schema.
    pub(super) fn new(document: &Document, schema: &SchemaRef) -> Self {
        Self::with_limits(document, schema, LIMITS)
    }

    fn with_limits(document: &Document, schema: &SchemaRef, limits: Limits) -> Self {
        let layout = &document.layout;
        let mut styles = Styles::default();
        let columns = layout.columns.iter().zip(schema.fields()).enumerate();
        let columns =
            columns.map(|(index, (column, field))| Column::new(index, column, field.data_type(), &mut styles));
        Self {
            columns: columns.collect(),
            notation: Notation::new(layout),
            document: document.clone(),
            styles,
            limits,
            archive: Archive::new(),
            xml: Vec::new(),
            sheets: 0,
            rows: 0,
            bytes: 0,
        }
    }

    fn begin_sheet(&mut self) -> Result<(), EncodeError> {
        self.sheets += 1;
        (self.rows, self.bytes) = (1, 0);
        self.archive.begin(&format!("xl/worksheets/sheet{}.xml", self.sheets)).map_err(refused)?;
        parts::sheet_root(&mut self.xml);
        let selected = if self.sheets == 1 { " tabSelected=\"1\"" } else { "" };
        let frozen = format_args!(
            "<sheetViews><sheetView{selected} workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" \
             activePane=\"bottomLeft\" state=\"frozen\"/><selection pane=\"bottomLeft\" activeCell=\"A2\" \
             sqref=\"A2\"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight=\"15\"/><cols>"
        );
        write(&mut self.xml, frozen);
        for (number, column) in (1..).zip(&self.columns) {
            column.write_width(number, &mut self.xml);
        }
        self.xml.extend_from_slice(b"</cols><sheetData><row r=\"1\">");
        for column in &self.columns {
            column.write_title(&mut self.xml)?;
        }
        self.xml.extend_from_slice(b"</row>");
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), EncodeError> {
        let last = self.columns.last().map_or("A", Column::letters);
        write(&mut self.xml, format_args!("</sheetData><autoFilter ref=\"A1:{last}{}\"/></worksheet>", self.rows));
        self.compress()?;
        self.archive.end().map_err(refused)
    }

    /// Compresses what waits.
    fn compress(&mut self) -> Result<(), EncodeError> {
        self.archive.write(&self.xml).map_err(refused)?;
        self.bytes += self.xml.len() as u64;
        self.xml.clear();
        Ok(())
    }
}

impl Encoder for Xlsx {
    fn header(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let archive = &mut self.archive;
        archive.add("_rels/.rels", &parts::root_relations()).map_err(refused)?;
        archive.add("docProps/app.xml", &parts::application()).map_err(refused)?;
        archive.add("docProps/core.xml", &parts::properties(&self.document)).map_err(refused)?;
        archive.add("xl/styles.xml", &self.styles.part()).map_err(refused)?;
        self.begin_sheet()?;
        self.archive.take(out);
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let arrays = CellArray::of(batch)?;
        let cells = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            if self.rows >= self.limits.rows || self.bytes >= self.limits.bytes {
                self.end_sheet()?;
                self.begin_sheet()?;
            }
            self.rows += 1;
            let mut number = itoa::Buffer::new();
            let number = number.format(self.rows).as_bytes();
            self.xml.extend_from_slice(b"<row r=\"");
            self.xml.extend_from_slice(number);
            self.xml.extend_from_slice(b"\">");
            for (column, cells) in self.columns.iter().zip(&cells) {
                column.write(cells.get(row), number, &self.notation, &mut self.xml)?;
            }
            self.xml.extend_from_slice(b"</row>");
            if self.xml.len() >= PIECE {
                self.compress()?;
            }
        }
        self.compress()?;
        self.archive.take(out);
        Ok(())
    }

    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        self.end_sheet()?;
        let archive = &mut self.archive;
        archive.add("xl/_rels/workbook.xml.rels", &parts::workbook_relations(self.sheets)).map_err(refused)?;
        archive.add("xl/workbook.xml", &parts::workbook(&self.document.title, self.sheets)).map_err(refused)?;
        archive.add("[Content_Types].xml", &parts::content_types(self.sheets)).map_err(refused)?;
        archive.finish().map_err(refused)?;
        archive.take(out);
        Ok(false)
    }
}

/// Why the archive took no more.
fn refused(error: io::Error) -> EncodeError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => EncodeError::TooLarge(
            "The report does not fit into the 4 GiB of one xlsx file. Ask for csv or parquet, split it into parts, or \
             narrow it."
                .to_owned(),
        ),
        _ => error.into(),
    }
}
