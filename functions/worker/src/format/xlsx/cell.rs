//! Cells of a sheet.

use datafusion::arrow::datatypes::DataType;
use unicode_width::UnicodeWidthStr;
use waybill::domain::{
    definition::ColumnKind,
    style::pattern::{NumberPattern, TimePattern},
};

use super::{
    super::{
        EncodeError, Layout, LayoutColumn,
        cells::{self, Cell, Clock, DAY},
        text::{Texts, Zone},
    },
    escape::escape,
    parts::{Style, Styles, write},
};

/// The least integer whose digits a spreadsheet does not keep: of 16 digits.
const TOO_PRECISE: u64 = 1_000_000_000_000_000;

/// Most significant digits that it keeps.
const DIGITS: usize = 15;

/// 1970-01-01 as a day number of spreadsheets.
const EPOCH: i64 = 25_569;

/// 1900-03-01 and 9999-12-31. Before, day numbers of spreadsheets count a 1900-02-29 that was none; behind there are none.
const DAYS: std::ops::RangeInclusive<i64> = 61..=2_958_465;

/// Most characters of a cell, in UTF-16.
const TEXT_LENGTH: usize = 32_767;

/// Most digits behind the point that a number format can show.
const SHOWN_DECIMALS: i8 = 30;

/// Widest column that is set, in characters.
const MAX_WIDTH: usize = 60;

/// Room beside a title, for the filter's button.
const BUTTON: usize = 4;

/// What all columns share.
pub(super) struct Notation {
    zone: Option<Zone>,
    has_null_text: bool,
    /// For what spreadsheets have no type for: all digits, ISO 8601.
    texts: Texts,
}

impl Notation {
    /// Of that layout.
    pub(super) fn new(layout: &Layout) -> Self {
        let mut exact = layout.clone();
        for column in &mut exact.columns {
            (column.number, column.time) = (None, None);
        }
        Self {
            zone: layout.zone.clone().map(Zone::new),
            has_null_text: !layout.null_text.is_empty(),
            texts: Texts::new(&exact),
        }
    }

    /// Seconds since 1970-01-01T00:00:00 as clocks show it, and milliseconds.
    fn local(&self, ticks: i64, clock: Clock) -> (i64, u16) {
        let (seconds, milliseconds) = clock.read(ticks);
        let offset = self.zone.as_ref().map_or(0, |zone| zone.offset(seconds));
        (seconds.saturating_add(offset.into()), milliseconds)
    }
}

/// One column.
pub(super) struct Column {
    index: usize,
    letters: String,
    title: String,
    width: usize,
    /// Whether its text is a number too wide for any other type.
    is_number: bool,
    /// What stands before a cell's row: `<c r="AB`.
    open: Vec<u8>,
    /// What stands between it and a number: `" s="3"><v>`.
    value: Vec<u8>,
}

impl Column {
    /// The column of that index, from 0, whose values are of that type.
    pub(super) fn new(index: usize, column: &LayoutColumn, data_type: &DataType, styles: &mut Styles) -> Self {
        let style = format_code(column, data_type).map_or(Style::PLAIN, |code| styles.formatted(code));
        let letters = letters(index);
        let open = format!("<c r=\"{letters}").into_bytes();
        let mut value = b"\"".to_vec();
        style.write(&mut value);
        value.extend_from_slice(b"><v>");
        Self {
            index,
            letters,
            width: (column.title.width() + BUTTON).max(usual_width(column.kind)).min(MAX_WIDTH),
            title: column.title.clone(),
            is_number: matches!(column.kind, ColumnKind::Integer | ColumnKind::Decimal),
            open,
            value,
        }
    }

    /// Its name in the sheet: `AB`.
    pub(super) fn letters(&self) -> &str {
        &self.letters
    }

    /// Writes its width; `number` counts from 1.
    pub(super) fn write_width(&self, number: usize, out: &mut Vec<u8>) {
        let width = self.width;
        write(out, format_args!("<col min=\"{number}\" max=\"{number}\" width=\"{width}\" customWidth=\"1\"/>"));
    }

    /// Writes its title into the first row.
    pub(super) fn write_title(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.write_text(&self.title, Style::HEADER, b"1", out)
    }

    /// Writes a cell into the row of that number.
    pub(super) fn write(
        &self,
        cell: Cell<'_>,
        row: &[u8],
        notation: &Notation,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match cell {
            Cell::Null if !notation.has_null_text => {}
            Cell::Text(text) if self.is_number && is_precise_text(text) => {
                self.write_value(row, out, |out| out.extend_from_slice(text.as_bytes()));
            }
            Cell::Text(text) => self.write_text(text, text_style(text), row, out)?,
            Cell::Integer(value) if value.unsigned_abs() < TOO_PRECISE => {
                self.write_value(row, out, |out| cells::integer(out, value));
            }
            Cell::Unsigned(value) if value < TOO_PRECISE => {
                self.write_value(row, out, |out| cells::integer(out, value));
            }
            Cell::Decimal(unscaled, scale) if is_precise(unscaled) => {
                self.write_value(row, out, |out| cells::decimal(out, unscaled, scale));
            }
            Cell::Float(value) if value.is_finite() => self.write_value(row, out, |out| cells::float(out, value)),
            Cell::Single(value) if value.is_finite() => self.write_value(row, out, |out| cells::float(out, value)),
            Cell::Boolean(value) => self.write_boolean(value, row, out),
            Cell::Date(days) if DAYS.contains(&(i64::from(days) + EPOCH)) => {
                self.write_value(row, out, |out| cells::integer(out, i64::from(days) + EPOCH));
            }
            Cell::Timestamp(ticks, clock) => {
                let (seconds, milliseconds) = notation.local(ticks, clock);
                let day = seconds.div_euclid(DAY).saturating_add(EPOCH);
                if DAYS.contains(&day) {
                    let second = seconds.rem_euclid(DAY).unsigned_abs();
                    self.write_value(row, out, |out| serial(out, day, second * 1_000 + u64::from(milliseconds)));
                } else {
                    self.write_otherwise(cell, row, notation, out)?;
                }
            }
            _ => self.write_otherwise(cell, row, notation, out)?,
        }
        Ok(())
    }

    fn write_value(&self, row: &[u8], out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.open);
        out.extend_from_slice(row);
        out.extend_from_slice(&self.value);
        value(out);
        out.extend_from_slice(b"</v></c>");
    }

    fn write_boolean(&self, value: bool, row: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.open);
        out.extend_from_slice(row);
        out.extend_from_slice(if value { b"\" t=\"b\"><v>1</v></c>" } else { b"\" t=\"b\"><v>0</v></c>" });
    }

    fn write_text(&self, text: &str, style: Style, row: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        // No text has more characters in UTF-16 than bytes in UTF-8.
        if text.len() > TEXT_LENGTH && text.encode_utf16().count() > TEXT_LENGTH {
            let detail = format!(
                "The column \"{}\" has a text of more than the {TEXT_LENGTH} characters that a cell of xlsx can hold. \
                 Ask for csv.",
                self.title
            );
            return Err(EncodeError::TooLarge(detail));
        }
        out.extend_from_slice(&self.open);
        out.extend_from_slice(row);
        out.push(b'"');
        style.write(out);
        out.extend_from_slice(b" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
        escape(out, text);
        out.extend_from_slice(b"</t></is></c>");
        Ok(())
    }

    /// Writes as text what is no number to a spreadsheet.
    fn write_otherwise(
        &self,
        cell: Cell<'_>,
        row: &[u8],
        notation: &Notation,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut text = Vec::new();
        notation.texts.write(self.index, cell, &mut text);
        let text = String::from_utf8_lossy(&text);
        self.write_text(&text, text_style(&text), row, out)
    }
}

/// How numbers, dates and timestamps of that column are shown; none: as they are.
fn format_code(column: &LayoutColumn, data_type: &DataType) -> Option<String> {
    let number = column.number.map(NumberPattern::excel_code);
    let time = column.time.as_ref().and_then(TimePattern::excel_code);
    match column.kind {
        // Without a format Excel would show more than eleven digits as a power of ten.
        ColumnKind::Integer => number.or_else(|| Some("0".to_owned())),
        ColumnKind::Decimal => number.or_else(|| decimals(data_type)),
        ColumnKind::Float => number,
        ColumnKind::Date => time.or_else(|| Some("yyyy-mm-dd".to_owned())),
        ColumnKind::Timestamp => time.or_else(|| Some("yyyy-mm-dd hh:mm:ss.000".to_owned())),
        ColumnKind::Text | ColumnKind::Boolean => None,
    }
}

/// The format that shows all digits of a decimal's scale.
fn decimals(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => match usize::try_from((*scale).min(SHOWN_DECIMALS)) {
            Ok(shown @ 1..) => Some(format!("0.{}", "0".repeat(shown))),
            _ => Some("0".to_owned()),
        },
        DataType::Dictionary(_, values) => decimals(values),
        _ => None,
    }
}

/// Whether a spreadsheet keeps all digits of that number, wherever its point is.
fn is_precise(unscaled: i128) -> bool {
    let mut digits = unscaled.unsigned_abs();
    while digits >= u128::from(TOO_PRECISE) {
        if !digits.is_multiple_of(10) {
            return false;
        }
        digits /= 10;
    }
    true
}

/// The same of a number in decimal text.
fn is_precise_text(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let significant = digits.trim_start_matches(['0', '.']).trim_end_matches(['0', '.']);
    are_digits(whole) && are_digits(fraction) && significant.bytes().filter(u8::is_ascii_digit).count() <= DIGITS
}

/// Writes a day and the milliseconds since its midnight as spreadsheets count time: in days.
fn serial(out: &mut Vec<u8>, day: i64, milliseconds: u64) {
    const MILLISECONDS: u64 = 86_400_000;
    cells::integer(out, day);
    if milliseconds == 0 {
        return;
    }
    // Eleven digits tell a microsecond. They are those of the number with a 1 in front, which holds the zeros.
    let fraction = (milliseconds * 100_000_000_000 + MILLISECONDS / 2) / MILLISECONDS + 100_000_000_000;
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(fraction).trim_end_matches('0');
    out.push(b'.');
    out.extend_from_slice(&digits.as_bytes()[1..]);
}

fn text_style(text: &str) -> Style {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { Style::QUOTED } else { Style::PLAIN }
}

/// Width that suits most values, in characters.
fn usual_width(kind: ColumnKind) -> usize {
    match kind {
        ColumnKind::Boolean => 8,
        ColumnKind::Date | ColumnKind::Integer => 12,
        ColumnKind::Decimal | ColumnKind::Float => 16,
        ColumnKind::Timestamp | ColumnKind::Text => 24,
    }
}

/// The name of a column: `A` to `Z`, `AA` and so on.
fn letters(index: usize) -> String {
    let mut rest = index + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or_default()));
        rest /= 26;
    }
    letters.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_have_letters() {
        let named = [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")];
        for (index, name) in named {
            assert_eq!(letters(index), name);
        }
    }

    #[test]
    fn fifteen_digits_are_precise() {
        for precise in [0, 999_999_999_999_999, -999_999_999_999_999, 10_i128.pow(38), -12_i128 * 10_i128.pow(30)] {
            assert!(is_precise(precise), "{precise}");
        }
        for lost in [1_000_000_000_000_001, -9_999_999_999_999_999, i128::MAX, i128::MIN] {
            assert!(!is_precise(lost), "{lost}");
        }
    }

    fn serial_text(day: i64, milliseconds: u64) -> String {
        let mut out = Vec::new();
        serial(&mut out, day, milliseconds);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn time_is_a_part_of_a_day() {
        assert_eq!(serial_text(61, 0), "61");
        assert_eq!(serial_text(25_569, 43_200_000), "25569.5");
        assert_eq!(serial_text(25_569, 1), "25569.00000001157");
        assert_eq!(serial_text(2_958_465, 86_399_999), "2958465.99999998843");
    }

    proptest! {
        #[test]
        fn milliseconds_read_back(day in 61_i32..=2_958_465, milliseconds in 0_u32..86_400_000) {
            let read: f64 = serial_text(day.into(), milliseconds.into()).parse().unwrap();
            let read = (read - f64::from(day)) * 86_400_000.0;
            prop_assert!((read - f64::from(milliseconds)).abs() < 0.1, "{}", read);
        }

        #[test]
        fn text_is_as_precise_as_its_number(unscaled in any::<i128>(), cut in 0_u32..38, scale in 0_i8..38) {
            let unscaled = unscaled / 10_i128.pow(cut) * if scale % 2 == 0 { 10_i128.pow(cut) } else { 1 };
            let mut text = Vec::new();
            cells::decimal(&mut text, unscaled, scale);
            prop_assert_eq!(is_precise_text(std::str::from_utf8(&text).unwrap()), is_precise(unscaled));
        }

        #[test]
        fn what_is_precise_is_so_to_a_double(unscaled in any::<i128>(), cut in 20_u32..38, scale in 0_i8..38) {
            let unscaled = unscaled / 10_i128.pow(cut);
            let mut text = Vec::new();
            cells::decimal(&mut text, unscaled, scale);
            let text = String::from_utf8(text).unwrap();
            if is_precise(unscaled) {
                let digits = format!("{:.14e}", text.parse::<f64>().unwrap());
                let (mantissa, exponent) = digits.split_once('e').unwrap();
                let back: i128 = mantissa.replace('.', "").parse().unwrap();
                let shift = exponent.parse::<i32>().unwrap() - 14 + i32::from(scale);
                let back = if shift < 0 { back / 10_i128.pow(shift.unsigned_abs()) } else { back * 10_i128.pow(shift.unsigned_abs()) };
                prop_assert_eq!(back, unscaled);
            }
        }
    }
}
