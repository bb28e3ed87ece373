//! Aligned columns of text: one line a row, the columns' titles above, under each title as many dashes as its column is
//! wide. Who cuts the lines where the dashes stand has the cells.
//!
//! * Columns are as wide as their widest cell or title, and two spaces apart; numbers stand to the right, all else to
//!   the left. Lines end in LF and have no spaces for padding behind their last cell.
//! * Width counts columns of a terminal: an ideogram or an emoji takes two, a combining accent none (Unicode's East Asian
//!   Width, as the crate `unicode-width` reads it). Text that runs from right to left stands in its logical order.
//! * A line stays a line: control characters are shown by their pictures (`␊` for a line feed, `␉` for a tab), other
//!   line ends of Unicode as `␤`, the controls that have no picture as U+FFFD.
//!
//! How wide a column is, is known after its last cell. Until then all cells wait on disk.

mod spool;

use std::{io, path::Path};

use datafusion::arrow::array::RecordBatch;
use unicode_width::UnicodeWidthStr;
use waybill::domain::definition::ColumnKind;

use self::spool::{Spool, Spooled};
use super::{EncodeError, Encoder, Layout, LayoutColumn, cells::CellArray, text::Texts};

/// Spaces between columns.
const GAP: usize = 2;

/// Widest line, in columns of a terminal. One long cell pads every line to its width: beyond this nobody reads the
/// lines, and the file would be spaces.
const MAX_LINE: usize = 64 * 1024;

/// Bytes that one call of `footer` appends, give or take a line.
const PIECE: usize = 1024 * 1024;

/// Writes aligned columns.
pub(super) struct Txt {
    columns: Vec<TxtColumn>,
    texts: Texts,
    held: Held,
    /// Rows that are held.
    rows: u64,
    /// The cell under way, before its controls are replaced.
    cell: Vec<u8>,
    /// Cells on their way to disk, one a line.
    lines: String,
}

struct TxtColumn {
    title: String,
    /// In columns of a terminal.
    width: usize,
    is_number: bool,
}

/// The rows, until they are written.
enum Held {
    Taking(Spool),
    Giving(Spooled),
    Nothing,
}

impl Txt {
    /// For rows of these columns, which wait in that folder.
    pub(super) fn new(layout: &Layout, scratch: &Path) -> Result<Self, EncodeError> {
        Ok(Self {
            columns: layout.columns.iter().map(TxtColumn::new).collect(),
            texts: Texts::new(layout),
            held: Held::Taking(Spool::new(scratch).map_err(refusal)?),
            rows: 0,
            cell: Vec::new(),
            lines: String::new(),
        })
    }

    /// Titles and dashes.
    fn head(&self, out: &mut Vec<u8>) {
        let mut titles = Line::new(out);
        for column in &self.columns {
            titles.cell(&column.title, column);
        }
        titles.end();
        let mut dashes = Line::new(out);
        for column in &self.columns {
            dashes.cell(&"-".repeat(column.width), column);
        }
        dashes.end();
    }

    /// The next row.
    fn row(&self, spooled: &mut Spooled, cell: &mut String, out: &mut Vec<u8>) -> io::Result<()> {
        let mut line = Line::new(out);
        for column in &self.columns {
            spooled.next(cell)?;
            line.cell(cell, column);
        }
        line.end();
        Ok(())
    }

    fn check_width(&self) -> Result<(), EncodeError> {
        let width: usize = self.columns.iter().map(|column| column.width + GAP).sum();
        if width <= MAX_LINE + GAP {
            return Ok(());
        }
        let detail = format!(
            "With its columns aligned, the lines of the report would have more than {MAX_LINE} characters each. Ask for \
             csv or parquet."
        );
        Err(EncodeError::TooLarge(detail))
    }
}

impl Encoder for Txt {
    fn header(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Held::Taking(spool) = &mut self.held else { return Ok(()) };
        let arrays = CellArray::of(batch)?;
        let cells = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        self.lines.clear();
        for row in 0..batch.num_rows() {
            for (index, (column, cells)) in self.columns.iter_mut().zip(&cells).enumerate() {
                self.cell.clear();
                self.texts.write(index, cells.get(row), &mut self.cell);
                let start = self.lines.len();
                show(&String::from_utf8_lossy(&self.cell), &mut self.lines);
                column.width = column.width.max(width(&self.lines[start..]));
                self.lines.push('\n');
            }
        }
        spool.write(&self.lines).map_err(refusal)?;
        self.rows += batch.num_rows() as u64;
        self.check_width()
    }

    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let start = out.len();
        let mut spooled = match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Taking(spool) => {
                self.check_width()?;
                self.head(out);
                spool.read().map_err(refusal)?
            }
            Held::Giving(spooled) => spooled,
            Held::Nothing => return Ok(false),
        };
        let mut cell = String::new();
        while self.rows > 0 && out.len() - start < PIECE {
            self.row(&mut spooled, &mut cell, out)?;
            self.rows -= 1;
        }
        if self.rows > 0 {
            self.held = Held::Giving(spooled);
        }
        Ok(self.rows > 0)
    }
}

impl TxtColumn {
    fn new(column: &LayoutColumn) -> Self {
        let mut title = String::new();
        show(&column.title, &mut title);
        Self {
            // One dash at least shows where the column is.
            width: width(&title).max(1),
            title,
            is_number: matches!(column.kind, ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float),
        }
    }
}

/// A line under way.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    /// Spaces before what comes next; none where nothing does.
    spaces: usize,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, spaces: 0 }
    }

    fn cell(&mut self, text: &str, column: &TxtColumn) {
        let room = column.width.saturating_sub(width(text));
        if text.is_empty() {
            self.spaces += room + GAP;
            return;
        }
        let (before, behind) = if column.is_number { (room, 0) } else { (0, room) };
        self.out.resize(self.out.len() + self.spaces + before, b' ');
        self.out.extend_from_slice(text.as_bytes());
        self.spaces = behind + GAP;
    }

    fn end(self) {
        self.out.push(b'\n');
    }
}

/// Columns of a terminal.
fn width(text: &str) -> usize {
    // Nothing else is as wide as it is long; controls have been replaced.
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Appends `text` with what would end or shift a line replaced by what can be seen.
fn show(text: &str, out: &mut String) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.push_str(text);
    } else {
        out.extend(text.chars().map(visible));
    }
}

fn visible(c: char) -> char {
    match c {
        '\u{85}' | '\u{2028}' | '\u{2029}' => '\u{2424}',
        '\u{7f}' => '\u{2421}',
        // The pictures stand in the order of their characters.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{80}'..='\u{9f}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// A full disk is a report too large for this format; the query's own spilling shares it.
fn refusal(error: io::Error) -> EncodeError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let detail = "The report is too large to be aligned: its rows do not fit onto the worker's disk. Ask for csv \
                          or parquet.";
            EncodeError::TooLarge(detail.to_owned())
        }
        _ => EncodeError::Io(error),
    }
}

#[cfg(test)]
mod tests;
