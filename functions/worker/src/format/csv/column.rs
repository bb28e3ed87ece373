//! Columns behind their types, for lines of CSV. Short cells without a style are made for many rows at once; others without
//! one are written in their turn, and those with one, and the rare ones that no chunk holds, by way of a text.

use std::ops::Range;

use datafusion::arrow::{
    array::{GenericByteViewArray, LargeStringArray, StringArray},
    buffer::NullBuffer,
    datatypes::StringViewType,
};

use super::{
    super::cells::{Cell, Cells, Clock, DAY, Values},
    Csv, Way,
    digits::DATES,
    grid::{DIGITS, Grid, Numbers, SLOT, Strip},
    line::Lines,
};

/// One column of a batch.
pub(super) struct Column<'a> {
    cells: &'a Cells<'a>,
    nulls: Option<&'a NullBuffer>,
    index: usize,
    fast: Fast<'a>,
}

/// What can be written at once.
enum Fast<'a> {
    Integer(&'a [i64]),
    Unsigned(&'a [u64]),
    Decimal(&'a [i128], usize),
    Date(&'a [i32]),
    Timestamp(&'a [i64], Clock),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a GenericByteViewArray<StringViewType>),
    /// Nothing.
    No,
}

impl<'a> Column<'a> {
    /// Cells that are written that way.
    pub(super) fn new(index: usize, cells: &'a Cells<'a>, way: Way) -> Self {
        let fast = match (way, cells.values()) {
            (Way::Text, Values::Text(array)) => Fast::Text(array),
            (Way::Text, Values::LargeText(array)) => Fast::LargeText(array),
            (Way::Text, Values::TextView(array)) => Fast::TextView(array),
            (Way::Plain, Values::Integer(values)) => Fast::Integer(values),
            (Way::Plain, Values::Unsigned(values)) => Fast::Unsigned(values),
            (Way::Plain, Values::Decimal(array, scale)) => match usize::try_from(*scale) {
                Ok(scale) => Fast::Decimal(array.values(), scale),
                Err(_) => Fast::No,
            },
            (Way::Plain, Values::Date(values)) => Fast::Date(values),
            (Way::Plain, Values::Timestamp(ticks, clock)) => Fast::Timestamp(ticks, *clock),
            _ => Fast::No,
        };
        Self { cells, nulls: cells.nulls(), index, fast }
    }

    /// Makes its short cells of `rows`, no more than a grid has.
    pub(super) fn fill(&self, rows: Range<usize>, csv: &Csv, grid: &mut Grid) {
        let mut strip = grid.column(self.index);
        match &self.fast {
            Fast::Integer(values) => {
                let values = values[rows.clone()].iter().map(|value| (*value < 0, value.unsigned_abs()));
                strip.numbers(&Numbers::of(values), 0);
            }
            Fast::Unsigned(values) => {
                strip.numbers(&Numbers::of(values[rows.clone()].iter().map(|value| (false, *value))), 0);
            }
            Fast::Decimal(values, scale) if *scale < DIGITS => {
                let values = values[rows.clone()].iter().map(|value| match i64::try_from(*value) {
                    Ok(value) => (value < 0, value.unsigned_abs()),
                    Err(_) => (false, u64::MAX),
                });
                strip.numbers(&Numbers::of(values), *scale);
            }
            Fast::Date(values) => {
                let dates = &*DATES;
                for (row, days) in values[rows.clone()].iter().enumerate() {
                    let date = usize::try_from(*days).ok().and_then(|day| dates.get(day));
                    strip.text(row, *date.unwrap_or(&[0; SLOT]), if date.is_some() { 10 } else { SLOT });
                }
            }
            Fast::TextView(array) => {
                for (row, view) in array.views()[rows.clone()].iter().enumerate() {
                    short(*view, row, csv, &mut strip);
                }
            }
            _ => return strip.clear(),
        }
        if let Some(nulls) = self.nulls {
            for (row, index) in rows.enumerate() {
                if nulls.is_null(index) {
                    strip.replace(row, &csv.short_null);
                }
            }
        }
    }

    /// Writes the cell of `row`, of whatever length.
    #[inline]
    pub(super) fn write(&self, row: usize, csv: &Csv, scratch: &mut Vec<u8>, lines: &mut Lines) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return lines.slice(&csv.null);
        }
        match &self.fast {
            Fast::Integer(values) => lines.integer(values[row] < 0, values[row].unsigned_abs()),
            Fast::Unsigned(values) => lines.integer(false, values[row]),
            Fast::Decimal(values, scale) => lines.decimal(values[row] < 0, values[row].unsigned_abs(), *scale),
            Fast::Date(values) if lines.date(values[row].into()) => {}
            Fast::Timestamp(ticks, clock) if timestamp(ticks[row], *clock, lines) => {}
            Fast::Text(array) => text(array.value(row).as_bytes(), csv, lines),
            Fast::LargeText(array) => text(array.value(row).as_bytes(), csv, lines),
            Fast::TextView(array) => text(array.value(row).as_bytes(), csv, lines),
            Fast::Date(_) | Fast::Timestamp(..) | Fast::No => self.slowly(self.cells.get(row), csv, scratch, lines),
        }
    }

    #[cold]
    fn slowly(&self, cell: Cell<'_>, csv: &Csv, scratch: &mut Vec<u8>, lines: &mut Lines) {
        scratch.clear();
        csv.texts.write(self.index, cell, scratch);
        csv.fields.write(b"", scratch, lines);
        lines.reserve(csv.room);
    }
}

#[inline]
fn timestamp(ticks: i64, clock: Clock, lines: &mut Lines) -> bool {
    let (seconds, milliseconds) = clock.read(ticks);
    if !lines.date(seconds.div_euclid(DAY)) {
        return false;
    }
    lines.time(seconds.rem_euclid(DAY).unsigned_abs(), milliseconds.into());
    if clock.zoned {
        lines.byte(b'Z');
    }
    true
}

/// Text, with room for the rest of the line behind it.
#[inline]
fn text(bytes: &[u8], csv: &Csv, lines: &mut Lines) {
    csv.fields.text(bytes, lines);
    lines.reserve(csv.room);
}

/// Text whose view holds all of it, up to twelve bytes, if it stands as it is.
#[inline]
fn short(view: u128, row: usize, csv: &Csv, strip: &mut Strip) {
    // infallible: its first four bytes are the length
    let length = usize::try_from(view & u128::from(u32::MAX)).unwrap_or(usize::MAX);
    let text = view >> 32;
    let [first, ..] = text.to_le_bytes();
    let is_other = length > 12
        || length == csv.fields.null.len()
        || csv.fields.is_guarded(Some(first))
        || csv.fields.special.is_in_short(text);
    strip.text(row, text.to_le_bytes(), if is_other { SLOT } else { length });
}

/// The four bytes that make a field need quotes.
pub(super) struct Special {
    bytes: [u8; 4],
    /// Each eight times.
    eight: [u64; 4],
}

impl Special {
    /// Quote, ends of lines, and the delimiter.
    pub(super) fn new(delimiter: u8) -> Self {
        let bytes = [b'"', b'\r', b'\n', delimiter];
        Self { bytes, eight: bytes.map(|byte| u64::from(byte) * 0x0101_0101_0101_0101) }
    }

    /// Whether one of them is there: 16 bytes at a time, the last ones over again.
    #[inline]
    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        let (chunks, _) = bytes.as_chunks::<16>();
        match bytes.last_chunk::<16>() {
            Some(last) => chunks.iter().chain([last]).any(|chunk| self.is_in_sixteen(chunk)),
            None => bytes.iter().any(|byte| self.bytes.contains(byte)),
        }
    }

    #[inline]
    fn is_in_sixteen(&self, chunk: &[u8; 16]) -> bool {
        let found = |byte: u8| self.bytes.iter().fold(0, |found, special| found | u8::from(byte == *special));
        chunk.iter().fold(0, |any, byte| any | found(*byte)) != 0
    }

    /// Whether one of them is among twelve bytes; zeros are none.
    #[inline]
    fn is_in_short(&self, bytes: u128) -> bool {
        // infallible: masked
        let low = u64::try_from(bytes & u128::from(u64::MAX)).unwrap_or_default();
        let high = u64::try_from(bytes >> 64).unwrap_or_default();
        self.eight.iter().fold(0, |found, byte| found | zeros(low ^ byte) | zeros(high ^ byte)) != 0
    }
}

/// Not zero if, and only if, a byte is.
#[inline]
fn zeros(bytes: u64) -> u64 {
    bytes.wrapping_sub(0x0101_0101_0101_0101) & !bytes & 0x8080_8080_8080_8080
}
