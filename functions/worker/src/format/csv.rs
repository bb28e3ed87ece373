//! CSV by RFC 4180, readable by spreadsheets without running what is in it.
//!
//! * Lines end in CR LF; fields are quoted only where they must be; the header holds the columns' titles.
//! * A null is the layout's null text without quotes: nothing, unless it is set. Any other cell that reads the same is
//!   quoted, so that an empty text is `""`. Only a null text with the delimiter in it must have quotes itself, and
//!   cannot be told from such a cell.
//! * A line of one null that is nothing is `""` too, since readers skip empty lines and the row would be lost.
//! * Text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, TAB or CR) gets a `'`
//!   in front, titles too, unless formulas are to be raw. Columns of other kinds never do: `-5` stays a number.
//! * Decimals have all digits of their scale, timestamps milliseconds, floats the fewest digits that read back,
//!   unless the layout [says otherwise](super::text).

mod column;
mod digits;
mod grid;
mod line;

use datafusion::arrow::array::RecordBatch;
use waybill::domain::{definition::ColumnKind, style::Formulas};

use self::{
    column::{Column, Special},
    grid::{Ending, Grid, ROWS},
    line::{CELL, Lines},
};
use super::{EncodeError, Encoder, Layout, LayoutColumn, cells::CellArray, text::Texts};

/// What programs take for UTF-8 when it begins a file.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Writes CSV.
pub(super) struct Csv {
    titles: Vec<String>,
    ways: Vec<Way>,
    texts: Texts,
    fields: Fields,
    /// A null, quoted where it must be.
    null: Vec<u8>,
    /// The same for a grid.
    short_null: Ending,
    /// What a line without its text may take, in bytes.
    room: usize,
    /// What a line took on average when rows were encoded last, in bytes.
    usual: usize,
    bom: bool,
}

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As text, guarded and quoted where it must be.
    Text,
    /// As in formats for programs.
    Plain,
    /// As the layout says, quoted where it must be.
    Styled,
}

impl Way {
    fn of(column: &LayoutColumn, layout: &Layout) -> Self {
        let has_point = layout.decimal_separator == '.';
        let is_styled = match column.kind {
            ColumnKind::Text => return Self::Text,
            ColumnKind::Boolean => false,
            ColumnKind::Integer => column.number.is_some(),
            ColumnKind::Decimal | ColumnKind::Float => column.number.is_some() || !has_point,
            ColumnKind::Date => column.time.is_some(),
            ColumnKind::Timestamp => column.time.is_some() || layout.zone.is_some(),
        };
        // Any cell may read as a null text.
        if is_styled || !layout.null_text.is_empty() { Self::Styled } else { Self::Plain }
    }
}

impl Csv {
    /// For rows of these columns.
    pub(super) fn new(layout: &Layout) -> Self {
        let special = Special::new(layout.delimiter);
        let null = layout.null_text.as_bytes();
        let mut written = Lines::behind(Vec::new(), 2 * null.len() + CELL);
        if special.is_in(null) {
            written.quoted(b"", null);
        } else {
            written.slice(null);
        }
        let guard = layout.formulas == Formulas::Guard;
        let fields = Fields { delimiter: layout.delimiter, special, guard, null: null.to_vec() };
        let null = written.finish();
        Self {
            titles: layout.columns.iter().map(|column| column.title.clone()).collect(),
            ways: layout.columns.iter().map(|column| Way::of(column, layout)).collect(),
            texts: Texts::new(layout),
            fields,
            room: (CELL + null.len()) * (layout.columns.len() + 1),
            usual: CELL,
            short_null: Ending::new(&null),
            null,
            bom: layout.bom,
        }
    }

    /// Writes a row, whose short cells are in the grid.
    #[inline]
    fn line(&self, row: usize, grid: &Grid, columns: &[Column], scratch: &mut Vec<u8>, lines: &mut Lines) {
        lines.reserve(self.room);
        let start = lines.len();
        lines.cells(grid.row(row), |index, lines| {
            if index > 0 {
                lines.byte(self.fields.delimiter);
            }
            columns[index].write(row, self, scratch, lines);
        });
        if lines.len() == start {
            lines.slice(b"\"\"");
        }
        lines.slice(b"\r\n");
    }
}

impl Encoder for Csv {
    fn header(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.bom {
            out.extend_from_slice(BYTE_ORDER_MARK.as_bytes());
        }
        let mut lines = Lines::behind(std::mem::take(out), self.room);
        for (index, title) in self.titles.iter().enumerate() {
            if index > 0 {
                lines.byte(self.fields.delimiter);
            }
            self.fields.text(title.as_bytes(), &mut lines);
            lines.reserve(CELL);
        }
        lines.slice(b"\r\n");
        *out = lines.finish();
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let arrays = CellArray::of(batch)?;
        let cells = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        let ways = self.ways.iter().copied().enumerate();
        let columns: Vec<_> =
            cells.iter().zip(ways).map(|(cells, (index, way))| Column::new(index, cells, way)).collect();
        let before = out.len();
        // As much as before, and a little more: whatever room is left was cleared for nothing.
        let mut lines =
            Lines::behind(std::mem::take(out), self.room + batch.num_rows() * (self.usual + self.usual / 32));
        let mut scratch = Vec::new();
        let mut grid = Grid::new(columns.len(), self.fields.delimiter);
        for first in (0..batch.num_rows()).step_by(ROWS) {
            let rows = first..batch.num_rows().min(first + ROWS);
            for column in &columns {
                column.fill(rows.clone(), self, &mut grid);
            }
            for row in rows {
                self.line(row, &grid, &columns, &mut scratch, &mut lines);
            }
        }
        self.usual = (lines.len() - before) / batch.num_rows().max(1) + 1;
        *out = lines.finish();
        Ok(())
    }

    fn footer(&mut self, _out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        Ok(false)
    }
}

/// What decides how a field is written.
struct Fields {
    delimiter: u8,
    /// What makes it need quotes.
    special: Special,
    /// Whether text that looks like a formula is guarded.
    guard: bool,
    /// What a null reads as.
    null: Vec<u8>,
}

impl Fields {
    /// Writes text, guarded and quoted where it must be.
    #[inline]
    fn text(&self, bytes: &[u8], lines: &mut Lines) {
        self.write(if self.is_guarded(bytes.first().copied()) { b"'" } else { b"" }, bytes, lines);
    }

    /// Writes a field of both; the prefix is nothing that would need quotes.
    #[inline]
    fn write(&self, prefix: &[u8], bytes: &[u8], lines: &mut Lines) {
        lines.reserve(2 * bytes.len() + CELL);
        if self.reads_as_null(prefix, bytes) || self.special.is_in(bytes) {
            return lines.quoted(prefix, bytes);
        }
        lines.slice(prefix);
        lines.slice(bytes);
    }

    /// Whether text that begins so looks like a formula, and is not to.
    #[inline]
    fn is_guarded(&self, first: Option<u8>) -> bool {
        self.guard && matches!(first, Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'))
    }

    /// By length first: comparing with an empty text, whose address is none, costs some processors more than all the rest
    /// of a field.
    #[inline]
    fn reads_as_null(&self, prefix: &[u8], bytes: &[u8]) -> bool {
        let length = prefix.len() + bytes.len();
        length == self.null.len() && (length == 0 || self.null.strip_prefix(prefix) == Some(bytes))
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
