//! Cells as text, for formats that are for people.
//!
//! * What has no pattern is written as in formats for programs, with the layout's decimal separator.
//! * Floats that are not finite are `NaN`, `inf` and `-inf` under any pattern.
//! * Where the layout has a zone, timestamps are converted to it from UTC, and have its offset behind them unless a
//!   pattern says otherwise.

use std::cell::Cell as Remembered;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use waybill::domain::{
    definition::ColumnKind,
    style::pattern::{NumberPattern, Separators, TimePattern, write_offset},
};

use super::{
    Layout, LayoutColumn,
    cells::{self, Cell, Clock},
};

/// Cells as text, as the layout says: for formats that are for people.
pub(super) struct Texts {
    columns: Vec<Column>,
    null_text: String,
    separators: Separators,
    zone: Option<Zone>,
}

struct Column {
    /// Whether its text is a number too wide for any other type.
    is_number: bool,
    number: Option<NumberPattern>,
    time: Option<TimePattern>,
}

impl Texts {
    /// For columns of that layout.
    pub(super) fn new(layout: &Layout) -> Self {
        let column = |column: &LayoutColumn| Column {
            is_number: matches!(column.kind, ColumnKind::Integer | ColumnKind::Decimal),
            number: column.number,
            time: column.time.clone(),
        };
        Self {
            columns: layout.columns.iter().map(column).collect(),
            null_text: layout.null_text.clone(),
            separators: Separators { decimal: layout.decimal_separator, grouping: layout.grouping_separator },
            zone: layout.zone.clone().map(Zone::new),
        }
    }

    /// Appends the cell of that column (by index); a null as the layout's null text.
    pub(super) fn write(&self, column: usize, cell: Cell<'_>, out: &mut Vec<u8>) {
        let column = &self.columns[column];
        match cell {
            Cell::Null => out.extend_from_slice(self.null_text.as_bytes()),
            Cell::Text(text) if column.is_number => self.number_text(column, text, out),
            Cell::Text(text) => out.extend_from_slice(text.as_bytes()),
            Cell::Integer(value) => self.integer(column, value, out),
            Cell::Unsigned(value) => self.integer(column, value, out),
            Cell::Decimal(unscaled, scale) => match column.number {
                Some(pattern) => pattern.write(out, unscaled, scale, self.separators),
                None => self.with_separator(out, |out| cells::decimal(out, unscaled, scale)),
            },
            Cell::Boolean(value) => cells::boolean(out, value),
            Cell::Date(days) => match &column.time {
                Some(pattern) => pattern.write(out, &cells::moment(i64::from(days) * cells::DAY, 0, None)),
                None => cells::date(out, i64::from(days)),
            },
            Cell::Timestamp(ticks, clock) => self.timestamp(column, ticks, clock, out),
            Cell::Float(value) => self.float(column, value, out),
            Cell::Single(value) => self.float(column, value, out),
        }
    }

    /// Appends a number in decimal text, as the cells of that column are written.
    pub(super) fn write_number(&self, column: usize, number: &str, out: &mut Vec<u8>) {
        self.number_text(&self.columns[column], number, out);
    }

    fn integer(&self, column: &Column, value: impl itoa::Integer + Into<i128>, out: &mut Vec<u8>) {
        match column.number {
            Some(pattern) => pattern.write(out, value.into(), 0, self.separators),
            None => cells::integer(out, value),
        }
    }

    fn float(&self, column: &Column, value: impl std::fmt::Debug, out: &mut Vec<u8>) {
        let start = out.len();
        cells::float(out, value);
        if column.number.is_some() {
            let shortest = String::from_utf8_lossy(&out[start..]).into_owned();
            out.truncate(start);
            self.number_text(column, &shortest, out);
        } else {
            self.separate(out, start);
        }
    }

    /// A text that is no number after all is written as it is.
    fn number_text(&self, column: &Column, number: &str, out: &mut Vec<u8>) {
        if !column.number.is_some_and(|pattern| pattern.write_text(out, number, self.separators)) {
            self.with_separator(out, |out| out.extend_from_slice(number.as_bytes()));
        }
    }

    fn with_separator(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        write(out);
        self.separate(out, start);
    }

    /// Puts the layout's decimal separator where the point is in what was written last.
    fn separate(&self, out: &mut Vec<u8>, start: usize) {
        let decimal = self.separators.decimal;
        if decimal != '.'
            && let Some(point) = out[start..].iter().position(|byte| *byte == b'.')
        {
            let at = start + point;
            out.splice(at..=at, decimal.encode_utf8(&mut [0; 4]).bytes());
        }
    }

    fn timestamp(&self, column: &Column, ticks: i64, clock: Clock, out: &mut Vec<u8>) {
        let (seconds, milliseconds) = clock.read(ticks);
        let offset = self.zone.as_ref().map(|zone| zone.offset(seconds));
        let local = seconds.saturating_add(offset.map_or(0, i64::from));
        match (&column.time, offset) {
            (Some(pattern), _) => {
                let offset = offset.or(clock.zoned.then_some(0));
                pattern.write(out, &cells::moment(local, milliseconds, offset));
            }
            (None, Some(offset)) => {
                cells::local(out, local, milliseconds);
                write_offset(out, offset, ":");
            }
            (None, None) => cells::timestamp(out, ticks, clock),
        }
    }
}

/// A time zone that remembers the offset between two of its transitions: rows that follow each other are mostly of one
/// season.
pub(super) struct Zone {
    zone: TimeZone,
    known: Remembered<Season>,
}

/// Seconds since 1970 in UTC between which an offset holds, the last one excluded.
#[derive(Clone, Copy)]
struct Season {
    from: i64,
    until: i64,
    offset: i32,
}

impl Zone {
    /// Of that zone.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, known: Remembered::new(Season { from: 0, until: 0, offset: 0 }) }
    }

    /// How many seconds it is ahead of UTC, so many seconds after 1970-01-01T00:00:00 UTC. Beyond the years -9999 and
    /// 9999, as in them.
    pub(super) fn offset(&self, seconds: i64) -> i32 {
        let mut season = self.known.get();
        if seconds < season.from || season.until <= seconds {
            season = self.season(seconds);
            self.known.set(season);
        }
        season.offset
    }

    fn season(&self, seconds: i64) -> Season {
        let inside = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let at = Timestamp::from_second(inside).unwrap_or_default();
        let behind = at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at);
        let before = self.zone.preceding(behind).next().map(|transition| transition.timestamp().as_second());
        let after = self.zone.following(at).next().map(|transition| transition.timestamp().as_second());
        Season {
            from: before.unwrap_or(i64::MIN),
            until: after.unwrap_or(i64::MAX),
            offset: self.zone.to_offset(at).seconds(),
        }
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
