//! Patterns of points in time: a few directives of strftime, written by digits.

use super::MAX_PATTERN_LENGTH;

const DATE_DIRECTIVES: &str = "%Y %y %m %d %j %F %%";
const TIME_DIRECTIVES: &str = "%Y %y %m %d %j %F %H %I %p %M %S %3f %T %z %:z %%";

/// How a date or timestamp is written: literal text and the directives of strftime that are listed at
/// [`parse`](Self::parse).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimePattern {
    /// In order.
    pub items: Vec<Item>,
}

/// A piece of a time pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// As it is.
    Text(String),
    /// `%Y`: `2024`. Years beyond four digits as ISO 8601 expands them: `+010000`, `-000001`.
    Year,
    /// `%y`: `24`.
    ShortYear,
    /// `%m`: `02`.
    Month,
    /// `%d`: `29`.
    Day,
    /// `%j`: `060`.
    DayOfYear,
    /// `%H`: `00` to `23`.
    Hour,
    /// `%I`: `01` to `12`.
    Hour12,
    /// `%p`: `AM` or `PM`.
    HalfDay,
    /// `%M`: `00` to `59`.
    Minute,
    /// `%S`: `00` to `59`.
    Second,
    /// `%3f`: `000` to `999`.
    Millisecond,
    /// `%z`: `-0300`; nothing where there is no zone.
    Offset,
    /// `%:z`: `-03:00`; nothing where there is no zone.
    OffsetWithColon,
}

/// A date and time of day, as clocks in its zone show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Of the proleptic Gregorian calendar, where 0 is the year before 1.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999.
    pub millisecond: u16,
    /// Seconds that it is ahead of UTC, where there is a zone.
    pub offset: Option<i32>,
}

impl TimePattern {
    /// Reads a pattern: text, and the directives `%Y %y %m %d %j %F %%`; where `has_time`, also
    /// `%H %I %p %M %S %3f %T %z %:z`. The error is one sentence for its author.
    pub fn parse(text: &str, has_time: bool) -> Result<Self, String> {
        if text.is_empty() || text.chars().count() > MAX_PATTERN_LENGTH || text.chars().any(char::is_control) {
            return Err(format!(
                "A time format has 1 to {MAX_PATTERN_LENGTH} characters, and no control characters among them."
            ));
        }
        let mut pattern = Self { items: Vec::new() };
        let mut rest = text;
        while let Some((literal, behind)) = rest.split_once('%') {
            pattern.push_text(literal);
            rest = pattern.push_directive(behind, has_time)?;
        }
        pattern.push_text(rest);
        if pattern.items.iter().all(|item| matches!(item, Item::Text(_))) {
            return Err("A time format without a directive, such as `%Y`, would make all times the same.".to_owned());
        }
        Ok(pattern)
    }

    /// Appends `moment`.
    pub fn write(&self, out: &mut Vec<u8>, moment: &Moment) {
        for item in &self.items {
            match item {
                Item::Text(text) => out.extend_from_slice(text.as_bytes()),
                Item::Year => write_year(out, moment.year),
                Item::ShortYear => write_digits(out, moment.year.rem_euclid(100), 2),
                Item::Month => write_digits(out, moment.month, 2),
                Item::Day => write_digits(out, moment.day, 2),
                Item::DayOfYear => write_digits(out, moment.day_of_year(), 3),
                Item::Hour => write_digits(out, moment.hour, 2),
                Item::Hour12 => write_digits(out, (moment.hour + 11) % 12 + 1, 2),
                Item::HalfDay => out.extend_from_slice(if moment.hour < 12 { b"AM" } else { b"PM" }),
                Item::Minute => write_digits(out, moment.minute, 2),
                Item::Second => write_digits(out, moment.second, 2),
                Item::Millisecond => write_digits(out, moment.millisecond, 3),
                Item::Offset => moment.offset.iter().for_each(|seconds| write_offset(out, *seconds, "")),
                Item::OffsetWithColon => moment.offset.iter().for_each(|seconds| write_offset(out, *seconds, ":")),
            }
        }
    }

    /// Adds the directive that `text` begins with, and returns what is behind it.
    fn push_directive<'t>(&mut self, text: &'t str, has_time: bool) -> Result<&'t str, String> {
        let directive = ["3f", ":z"].into_iter().find(|long| text.starts_with(long));
        let length = directive.map_or_else(|| text.chars().next().map_or(0, char::len_utf8), str::len);
        let (name, rest) = text.split_at(length);
        match name {
            "%" => self.push_text("%"),
            "F" => self.push_all([Item::Year, Item::Month, Item::Day], "-"),
            "T" if has_time => self.push_all([Item::Hour, Item::Minute, Item::Second], ":"),
            _ => {
                let known = if has_time { TIME_DIRECTIVES } else { DATE_DIRECTIVES };
                let of = if has_time { "timestamps" } else { "dates" };
                let item = date_item(name).or_else(|| time_item(name).filter(|_| has_time));
                let item = item.ok_or_else(|| format!("%{name} has no meaning in a format of {of}. Use {known}."))?;
                self.items.push(item);
            }
        }
        Ok(rest)
    }

    fn push_all<const N: usize>(&mut self, items: [Item; N], between: &str) {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push_text(between);
            }
            self.items.push(item);
        }
    }

    fn push_text(&mut self, text: &str) {
        match self.items.last_mut() {
            _ if text.is_empty() => {}
            Some(Item::Text(last)) => last.push_str(text),
            _ => self.items.push(Item::Text(text.to_owned())),
        }
    }
}

fn date_item(directive: &str) -> Option<Item> {
    Some(match directive {
        "Y" => Item::Year,
        "y" => Item::ShortYear,
        "m" => Item::Month,
        "d" => Item::Day,
        "j" => Item::DayOfYear,
        _ => return None,
    })
}

fn time_item(directive: &str) -> Option<Item> {
    Some(match directive {
        "H" => Item::Hour,
        "I" => Item::Hour12,
        "p" => Item::HalfDay,
        "M" => Item::Minute,
        "S" => Item::Second,
        "3f" => Item::Millisecond,
        "z" => Item::Offset,
        ":z" => Item::OffsetWithColon,
        _ => return None,
    })
}

impl Moment {
    /// 1 to 366.
    fn day_of_year(&self) -> u16 {
        const BEFORE: [u16; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let is_leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let before = BEFORE.get(usize::from(self.month).saturating_sub(1)).copied().unwrap_or_default();
        before + u16::from(self.day) + u16::from(is_leap && self.month > 2)
    }
}

/// Appends the year with four digits, or as ISO 8601 expands it.
fn write_year(out: &mut Vec<u8>, year: i64) {
    if (0..=9999).contains(&year) {
        write_digits(out, year, 4);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        write_digits(out, year.saturating_abs(), 6);
    }
}

/// Appends an offset from UTC in seconds as `-03:00`, with this between hours and minutes. Zones of the 19th century
/// have seconds too: `-03:06:28`.
pub fn write_offset(out: &mut Vec<u8>, seconds: i32, colon: &str) {
    out.push(if seconds < 0 { b'-' } else { b'+' });
    let seconds = seconds.saturating_abs();
    write_digits(out, seconds / 3_600, 2);
    out.extend_from_slice(colon.as_bytes());
    write_digits(out, seconds / 60 % 60, 2);
    if seconds % 60 > 0 {
        out.extend_from_slice(colon.as_bytes());
        write_digits(out, seconds % 60, 2);
    }
}

/// Appends a number that is not negative with at least `width` digits.
fn write_digits(out: &mut Vec<u8>, value: impl Into<i64>, width: usize) {
    let mut rest = value.into().unsigned_abs();
    let start = out.len();
    while rest > 0 || out.len() - start < width {
        out.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
        rest /= 10;
    }
    out[start..].reverse();
}
