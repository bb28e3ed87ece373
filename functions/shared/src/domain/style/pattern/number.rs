//! Patterns of numbers. Everything is done on decimal digits: no value becomes a float on the way.

use std::io::Write;

use super::MAX_PATTERN_LENGTH;

/// Digits that a pattern may have after the point.
const MAX_DECIMALS: usize = 38;

/// Digits after the point that Excel can show.
const MAX_EXCEL_DECIMALS: usize = 30;

/// Digits of the widest number there is, a decimal of 256 bits.
const MAX_DIGITS: usize = 77;

/// How a number is written: `0`, `0.00`, `#,##0`, `#,##0.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberPattern {
    /// Digits after the point.
    pub decimals: u8,
    /// Whether thousands are grouped.
    pub grouped: bool,
}

/// What stands between digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separators {
    /// Between whole and fraction.
    pub decimal: char,
    /// Between thousands.
    pub grouping: char,
}

impl NumberPattern {
    /// Reads a pattern: `0` or `#,##0`, with a point and up to 38 `0` behind it if wanted. The error is one sentence for
    /// its author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown: String = text.chars().take(MAX_PATTERN_LENGTH).collect();
            format!(
                "\"{shown}\" is no number format. Use 0, 0.00, #,##0 or #,##0.00, with up to {MAX_DECIMALS} zeros after \
                 the point."
            )
        };
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, zeros)| (whole, Some(zeros)));
        let grouped = match whole {
            "0" => false,
            "#,##0" => true,
            _ => return Err(wrong()),
        };
        let decimals = match fraction {
            None => 0,
            Some(zeros) if zeros.is_empty() || zeros.len() > MAX_DECIMALS => return Err(wrong()),
            Some(zeros) if zeros.bytes().all(|byte| byte == b'0') => u8::try_from(zeros.len()).map_err(|_| wrong())?,
            Some(_) => return Err(wrong()),
        };
        Ok(Self { decimals, grouped })
    }

    /// Appends `unscaled / 10^scale`. Digits that the pattern has no place for are rounded, half away from zero; what
    /// it has more of is filled with zeros. What is zero by then has no sign.
    pub fn write(self, out: &mut Vec<u8>, unscaled: i128, scale: i8, separators: Separators) {
        self.write_digits(out, Digits::of(unscaled, scale), separators);
    }

    /// As [`write`](Self::write), of a number in decimal text such as `-12.5` or `1e300`. Appends nothing and returns
    /// `false` if it is none, or has more digits than a decimal of 256 bits.
    pub fn write_text(self, out: &mut Vec<u8>, number: &str, separators: Separators) -> bool {
        let digits = Digits::parse(number);
        let is_number = digits.is_some();
        if let Some(digits) = digits {
            self.write_digits(out, digits, separators);
        }
        is_number
    }

    /// The same as a number format of Excel, which shows 30 digits after the point at most.
    pub fn excel_code(self) -> String {
        let zeros = "0".repeat(usize::from(self.decimals).min(MAX_EXCEL_DECIMALS));
        let whole = if self.grouped { "#,##0" } else { "0" };
        if zeros.is_empty() { whole.to_owned() } else { format!("{whole}.{zeros}") }
    }

    fn write_digits(self, out: &mut Vec<u8>, mut digits: Digits, separators: Separators) {
        let decimals = i32::from(self.decimals);
        digits.round(decimals);
        if digits.negative && digits.length > 0 {
            out.push(b'-');
        }
        for place in (0..digits.whole().max(1)).rev() {
            out.push(digits.at(place));
            if self.grouped && place > 0 && place % 3 == 0 {
                push(out, separators.grouping);
            }
        }
        if decimals > 0 {
            push(out, separators.decimal);
            out.extend((1..=decimals).map(|place| digits.at(-place)));
        }
    }
}

fn push(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A number as decimal digits, the first of which is not `0`; none is zero.
struct Digits {
    negative: bool,
    /// ASCII; one more than there can be, for what rounding carries over.
    bytes: [u8; MAX_DIGITS + 1],
    length: usize,
    /// How many of them stand after the point; negative: zeros that follow before it.
    scale: i32,
}

impl Digits {
    fn none(negative: bool, scale: i32) -> Self {
        Self { negative, bytes: [b'0'; MAX_DIGITS + 1], length: 0, scale }
    }

    fn of(unscaled: i128, scale: i8) -> Self {
        let mut digits = Self::none(unscaled < 0, i32::from(scale));
        if unscaled != 0 {
            let mut room = digits.bytes.as_mut_slice();
            // It is wide enough: writing cannot fail.
            let _ = write!(room, "{}", unscaled.unsigned_abs());
            digits.length = MAX_DIGITS + 1 - room.len();
        }
        digits
    }

    /// Of `-12.5`, `.5`, `1e-7`.
    fn parse(number: &str) -> Option<Self> {
        let (mantissa, exponent) = match number.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
            None => (number, 0),
        };
        let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let scale = i32::try_from(fraction.len()).ok()? - i32::from(exponent);
        let mut digits = Self::none(unsigned.len() < mantissa.len(), scale);
        whole.bytes().chain(fraction.bytes()).try_for_each(|byte| digits.push(byte))?;
        Some(digits)
    }

    /// Adds a digit at the end; none if it is no digit, or one too many.
    fn push(&mut self, digit: u8) -> Option<()> {
        if !digit.is_ascii_digit() || self.length == MAX_DIGITS {
            return None;
        }
        if self.length > 0 || digit != b'0' {
            self.bytes[self.length] = digit;
            self.length += 1;
        }
        Some(())
    }

    /// Leaves no more than `decimals` digits after the point.
    fn round(&mut self, decimals: i32) {
        let Ok(cut @ 1..) = usize::try_from(self.scale - decimals) else { return };
        let up = cut <= self.length && self.bytes[self.length - cut] >= b'5';
        self.length = self.length.saturating_sub(cut);
        self.scale = decimals;
        if up {
            self.increment();
        }
    }

    fn increment(&mut self) {
        for digit in self.bytes[..self.length].iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        // All were 9, or there was none.
        self.bytes[self.length] = b'0';
        self.bytes[0] = b'1';
        self.length += 1;
    }

    /// How many of them stand before the point; negative: zeros that follow it.
    fn whole(&self) -> i32 {
        i32::try_from(self.length).unwrap_or(i32::MAX).saturating_sub(self.scale)
    }

    /// The digit worth `10^place`.
    fn at(&self, place: i32) -> u8 {
        let index = usize::try_from(self.whole() - 1 - place).ok();
        index.filter(|index| *index < self.length).map_or(b'0', |index| self.bytes[index])
    }
}
