//! PDF: a document to read and to print. Title, description, parameters and the time that the data is of; below, the table,
//! whose header is on every page and whose totals follow the last row; title and page number at the foot of each page.
//!
//! * **Paper** is A4, upright if the table fits, else across, with text of 8 points down to 6. Where even that would break
//!   words and numbers, it is A3. Cells wrap; a row stays on one page unless it is higher than a page.
//! * **Text** can be searched and copied as it is. What runs from right to left (Hebrew, Arabic) is shaped and ordered by
//!   Unicode's rules. Characters that the typeface lacks, as those of Chinese, show as U+FFFD; readers that know
//!   `ActualText` still copy the characters themselves.
//! * **Values** are written as the layout says. Line breaks in a cell stay, a tab is a space, other control characters show
//!   as U+FFFD.
//! * Pages say how many there are, so that all rows are held, as text, until the last one is known: 32 MiB at most, and
//!   64 KiB of one cell. The same rows make the same bytes.

mod book;
mod columns;
mod face;
mod heading;
mod held;
mod pages;
mod paper;
mod table;
#[cfg(test)]
mod tests;
mod wrap;

use datafusion::arrow::array::RecordBatch;
use waybill::domain::definition::ColumnKind;

use self::{
    book::{Book, BookError},
    face::Face,
    held::Held,
};
use super::{Document, EncodeError, Encoder, LayoutColumn, cells::CellArray, text::Texts, totals::Totals};

/// DejaVu Sans Condensed: narrow digits, many scripts, and a licence that lets it go along with the files.
static REGULAR: &[u8] = include_bytes!("../../fonts/DejaVuSansCondensed.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/DejaVuSansCondensed-Bold.ttf");

/// Writes PDF.
pub(super) struct Pdf {
    document: Document,
    texts: Texts,
    totals: Totals,
    cells: Held,
    rows: u64,
}

/// The typefaces of a document.
struct Faces {
    regular: Face,
    bold: Face,
}

/// A column of the table.
struct Column {
    title: String,
    /// Whether its cells may have several lines though there is room for one: they are text.
    wraps: bool,
    /// Whether its cells end at its right: they are numbers.
    right: bool,
}

impl Pdf {
    /// Before the first row.
    pub(super) fn new(document: &Document) -> Self {
        Self {
            texts: Texts::new(&document.layout),
            totals: Totals::new(&document.layout),
            document: document.clone(),
            cells: Held::default(),
            rows: 0,
        }
    }

    /// What the heading says besides title and description: names and values.
    fn facts(&self) -> Vec<(String, String)> {
        let mut facts = vec![("Data as of".to_owned(), self.document.as_of_text())];
        facts.extend(self.document.parameters.iter().cloned());
        facts.push(("Rows".to_owned(), self.document.layout.count_text(self.rows)));
        facts
    }

    /// The totals under their columns; the first column says what they are, where it has none itself.
    fn sums(&self) -> Vec<String> {
        if self.totals.is_empty() {
            return Vec::new();
        }
        let text = |index| match self.totals.text(index) {
            Some(sum) => sum,
            None if index == 0 => "Total".to_owned(),
            None => String::new(),
        };
        (0..self.document.layout.columns.len()).map(text).collect()
    }
}

impl Encoder for Pdf {
    fn header(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.totals.add(batch)?;
        let arrays = CellArray::of(batch)?;
        let columns = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        let mut cell = Vec::new();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                cell.clear();
                self.texts.write(index, column.get(row), &mut cell);
                if !self.cells.push(&cell) {
                    return Err(too_large());
                }
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let columns: Vec<_> = self.document.layout.columns.iter().map(Column::new).collect();
        let book = Book {
            title: &self.document.title,
            description: &self.document.description,
            facts: &self.facts(),
            created: self.document.as_of,
            columns: &columns,
            cells: &self.cells,
            totals: &self.sums(),
        };
        let bytes = book.write(&Faces::new()?).map_err(|error| match error {
            BookError::TooLong => too_large(),
            BookError::Library(detail) => EncodeError::Library(detail.into()),
        })?;
        out.extend_from_slice(&bytes);
        Ok(false)
    }
}

impl Faces {
    fn new() -> Result<Self, EncodeError> {
        let face = |bytes| Face::new(bytes).ok_or_else(|| EncodeError::Library("the typeface cannot be read".into()));
        Ok(Self { regular: face(REGULAR)?, bold: face(BOLD)? })
    }
}

impl Column {
    fn new(column: &LayoutColumn) -> Self {
        Self {
            title: column.title.clone(),
            wraps: column.kind == ColumnKind::Text,
            right: matches!(column.kind, ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float),
        }
    }
}

fn too_large() -> EncodeError {
    let detail =
        "The report has more text than one pdf file can hold. Ask for xlsx or csv, split it into parts, or narrow it.";
    EncodeError::TooLarge(detail.to_owned())
}
