//! HTML: one page to be read in a browser or printed, which needs nothing from anywhere and runs nothing.
//!
//! * Above the table stand title, description, parameters and the time that the data is of; in its foot the totals, since
//!   rows are streamed; below it the number of rows.
//! * A cell holds its text and nothing else, as a parser gives it back. Characters that HTML cannot hold (controls besides
//!   tab, line feed and carriage return; Unicode's noncharacters) become U+FFFD.
//! * Numbers have the class `n`, dates and timestamps `t`, nulls `null` and the layout's text for them. Text that is not
//!   ASCII finds its own direction.
//! * A policy within the page forbids scripts and everything external, whatever its text may bring along.

use datafusion::arrow::array::RecordBatch;
use waybill::domain::definition::ColumnKind;

use super::{
    Document, EncodeError, Encoder,
    cells::{Cell, CellArray},
    text::Texts,
    totals::Totals,
};

/// How the page looks, on the screen and on paper.
const STYLE: &str = include_str!("html/page.css");

/// With more columns, paper lies on its side.
const UPRIGHT_COLUMNS: usize = 8;

/// Writes a page.
pub(super) struct Html {
    document: Document,
    looks: Vec<Look>,
    texts: Texts,
    totals: Totals,
    rows: u64,
    /// The cell under way, before it is escaped.
    cell: Vec<u8>,
}

/// The attributes that tell style sheets, and programs, what a column's cells are.
struct Look {
    cell: &'static str,
    null: &'static str,
}

impl Look {
    fn of(kind: ColumnKind) -> Self {
        let (cell, null) = match kind {
            ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float => (" class=\"n\"", " class=\"n null\""),
            ColumnKind::Date | ColumnKind::Timestamp => (" class=\"t\"", " class=\"t null\""),
            ColumnKind::Text | ColumnKind::Boolean => ("", " class=\"null\""),
        };
        Self { cell, null }
    }
}

impl Html {
    /// For the rows of that document.
    pub(super) fn new(document: &Document) -> Self {
        let layout = &document.layout;
        Self {
            looks: layout.columns.iter().map(|column| Look::of(column.kind)).collect(),
            texts: Texts::new(layout),
            totals: Totals::new(layout),
            document: document.clone(),
            rows: 0,
            cell: Vec::new(),
        }
    }

    /// Title, description, parameters.
    fn introduction(&self, out: &mut Vec<u8>) {
        let document = &self.document;
        out.extend_from_slice(b"<header>\n");
        element(out, "h1", &[], &document.title);
        if !document.description.is_empty() {
            out.push(b'\n');
            element(out, "p", &[], &document.description);
        }
        out.extend_from_slice(b"\n<dl>\n");
        element(out, "dt", &[], "Data as of");
        element(out, "dd", &[], &document.as_of_text());
        out.push(b'\n');
        for (name, value) in &document.parameters {
            element(out, "dt", &[], name);
            element(out, "dd", &[], value);
            out.push(b'\n');
        }
        out.extend_from_slice(b"</dl>\n</header>\n");
    }

    fn column_heads(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<thead>\n<tr>");
        for (column, look) in self.document.layout.columns.iter().zip(&self.looks) {
            element(out, "th", &[" scope=\"col\"", look.cell], &column.title);
        }
        out.extend_from_slice(b"</tr>\n</thead>\n");
    }

    /// A row with the sums under their columns; the first says what it is, where it has no sum itself.
    fn sums(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<tfoot>\n<tr>");
        for (index, look) in self.looks.iter().enumerate() {
            match self.totals.text(index) {
                Some(sum) => element(out, "td", &[look.cell], &sum),
                None if index == 0 => element(out, "th", &[" scope=\"row\""], "Total"),
                None => element(out, "td", &[look.cell], ""),
            }
        }
        out.extend_from_slice(b"</tr>\n</tfoot>\n");
    }
}

impl Encoder for Html {
    fn header(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(
            b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
            <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
            <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
            <meta name=\"referrer\" content=\"no-referrer\">\n",
        );
        element(out, "title", &[], &self.document.title);
        out.extend_from_slice(b"\n<style>\n");
        out.extend_from_slice(STYLE.as_bytes());
        let is_wide = self.looks.len() > UPRIGHT_COLUMNS;
        let body = if is_wide { "</style>\n</head>\n<body class=\"wide\">\n" } else { "</style>\n</head>\n<body>\n" };
        out.extend_from_slice(body.as_bytes());
        self.introduction(out);
        out.extend_from_slice(b"<table translate=\"no\">\n");
        self.column_heads(out);
        out.extend_from_slice(b"<tbody>");
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.totals.add(batch)?;
        let arrays = CellArray::of(batch)?;
        let columns = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            out.extend_from_slice(b"\n<tr>");
            for (index, (column, look)) in columns.iter().zip(&self.looks).enumerate() {
                let cell = column.get(row);
                let attributes = if cell == Cell::Null { look.null } else { look.cell };
                self.cell.clear();
                self.texts.write(index, cell, &mut self.cell);
                element(out, "td", &[attributes], &String::from_utf8_lossy(&self.cell));
            }
            out.extend_from_slice(b"</tr>");
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        out.extend_from_slice(b"</tbody>\n");
        if !self.totals.is_empty() {
            self.sums(out);
        }
        out.extend_from_slice(b"</table>\n<footer>");
        let unit = if self.rows == 1 { "row" } else { "rows" };
        element(out, "p", &[], &format!("{} {unit}", self.document.layout.count_text(self.rows)));
        out.extend_from_slice(b"</footer>\n</body>\n</html>\n");
        Ok(false)
    }
}

/// Writes `<name attributes>text</name>`; attributes begin with a space each.
fn element(out: &mut Vec<u8>, name: &str, attributes: &[&str], text: &str) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    for attribute in attributes {
        out.extend_from_slice(attribute.as_bytes());
    }
    // ASCII has no letter that runs from right to left.
    out.extend_from_slice(if text.is_ascii() { b">" } else { b" dir=\"auto\">" });
    escape(out, text);
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

fn escape(out: &mut Vec<u8>, text: &str) {
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let Some(instead) = replacement(c) else { continue };
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        out.extend_from_slice(instead.as_bytes());
        plain = at + c.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
}

/// What stands for a character that cannot stand for itself.
fn replacement(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        // As itself it would be read as a line feed.
        '\r' => Some("&#13;"),
        '\t' | '\n' => None,
        '\u{fdd0}'..='\u{fdef}' => Some("\u{fffd}"),
        // The last two of each plane.
        _ if c.is_control() || u32::from(c) & 0xfffe == 0xfffe => Some("\u{fffd}"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
