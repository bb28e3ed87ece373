//! Lines under construction: bytes that are written without a look at how much room is left, because there is enough.
//!
//! Every cell is written as a chunk of fixed size of which only the beginning counts; the next cell overwrites the rest. So
//! short cells cost no loop, no call and no branch that is hard to foresee.

use super::super::cells::civil;

/// Room that a cell which is not text may take, its chunk included.
pub(super) const CELL: usize = 64;

/// Digits that one chunk holds.
const DIGITS: u64 = 10_u64.pow(16);

/// Eight digits.
const EIGHT: u64 = 100_000_000;

/// What is written, and how far.
pub(super) struct Lines {
    bytes: Vec<u8>,
    at: usize,
}

impl Lines {
    /// Goes on behind what is in `bytes`, with room for about so many more.
    pub(super) fn behind(mut bytes: Vec<u8>, more: usize) -> Self {
        let at = bytes.len();
        bytes.resize(at + more, 0);
        Self { bytes, at }
    }

    /// What was written.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.at);
        self.bytes
    }

    /// How much that is.
    pub(super) fn len(&self) -> usize {
        self.at
    }

    /// Makes sure of room for so many bytes.
    #[inline]
    pub(super) fn reserve(&mut self, more: usize) {
        if self.bytes.len() - self.at < more {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        self.bytes.resize(2 * self.bytes.len() + more, 0);
    }

    /// Writes a chunk of which `used` bytes count.
    #[inline]
    fn put<const N: usize>(&mut self, chunk: [u8; N], used: usize) {
        self.bytes[self.at..self.at + N].copy_from_slice(&chunk);
        self.at += used;
    }

    /// Writes one byte.
    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes[self.at] = byte;
        self.at += 1;
    }

    /// Writes bytes, up to 32 of them without a call.
    #[inline]
    pub(super) fn slice(&mut self, bytes: &[u8]) {
        let (at, length) = (self.at, bytes.len());
        match (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
            (Some(first), Some(last)) if length <= 32 => {
                self.bytes[at..at + 16].copy_from_slice(first);
                self.bytes[at + length - 16..at + length].copy_from_slice(last);
            }
            _ => self.bytes[at..at + length].copy_from_slice(bytes),
        }
        self.at += length;
    }

    /// Writes up to 16 bytes, the first one lowest.
    #[inline]
    pub(super) fn short(&mut self, bytes: u128, length: usize) {
        self.put(bytes.to_le_bytes(), length);
    }

    /// Writes by somebody who appends to a vector.
    pub(super) fn appended(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let room = self.bytes.len();
        self.bytes.truncate(self.at);
        write(&mut self.bytes);
        self.at = self.bytes.len();
        self.bytes.resize(room.max(self.at + CELL), 0);
    }

    /// Writes an integer of at most 16 digits; whether it is one.
    #[inline]
    pub(super) fn integer(&mut self, negative: bool, magnitude: u64) -> bool {
        if magnitude >= DIGITS {
            return false;
        }
        self.sign(negative);
        if magnitude < EIGHT {
            let digits = eight(magnitude);
            let zeros = leading(digits, 7);
            self.put(((digits | ASCII) >> (8 * zeros)).to_le_bytes(), 8 - zeros);
        } else {
            let (digits, zeros) = sixteen(magnitude, 15);
            self.short(digits >> (8 * zeros), 16 - zeros);
        }
        true
    }

    /// Writes `magnitude / 10^scale` with all digits of the scale, 1 to 8 of them, where there are at most 16 in all; whether
    /// there are.
    #[inline]
    pub(super) fn decimal(&mut self, negative: bool, magnitude: u64, scale: usize) -> bool {
        if magnitude >= DIGITS || !(1..=8).contains(&scale) {
            return false;
        }
        self.sign(negative);
        // At least one digit before the point.
        let (digits, zeros) = sixteen(magnitude, 15 - scale);
        let whole = 16 - zeros - scale;
        let fraction = digits >> (8 * (16 - scale));
        self.short(digits >> (8 * zeros), whole);
        self.put(((fraction << 8) | u128::from(b'.')).to_le_bytes(), 1 + scale);
        true
    }

    #[inline]
    fn sign(&mut self, negative: bool) {
        self.bytes[self.at] = b'-';
        self.at += usize::from(negative);
    }

    /// Writes `YYYY-MM-DD`, where the year has four digits; whether it has.
    #[inline]
    pub(super) fn date(&mut self, days: i64) -> bool {
        let (year, month, day) = civil(days);
        let Some(year) = u64::try_from(year).ok().filter(|year| *year <= 9_999) else { return false };
        let d = (eight(year * 10_000 + month * 100 + day) | ASCII).to_le_bytes();
        self.put([d[0], d[1], d[2], d[3], b'-', d[4], d[5], b'-', d[6], d[7], 0, 0, 0, 0, 0, 0], 10);
        true
    }

    /// Writes `THH:MM:SS.mmm`.
    #[inline]
    pub(super) fn time(&mut self, second: u64, millisecond: u64) {
        let clock = second / 3_600 * 1_000_000 + second / 60 % 60 * 10_000 + second % 60 * 100;
        let (c, m) = ((eight(clock) | ASCII).to_le_bytes(), (eight(millisecond) | ASCII).to_le_bytes());
        self.put([b'T', c[0], c[1], b':', c[2], c[3], b':', c[4], c[5], b'.', m[5], m[6], m[7], 0, 0, 0], 13);
    }
}

/// The digit zero, eight times.
const ASCII: u64 = 0x3030_3030_3030_3030;

/// Eight decimal digits, each in a byte, the first one lowest: halves, quarters and eighths at the same time.
#[inline]
fn eight(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | ((twos - 10 * tens) << 8)
}

/// Sixteen digits as text, and how many zeros they begin with, at most `most`.
#[inline]
fn sixteen(value: u64, most: usize) -> (u128, usize) {
    let (high, low) = (eight(value / EIGHT), eight(value % EIGHT));
    let zeros = if high == 0 { 8 + leading(low, 8) } else { leading(high, 8) };
    (u128::from(high | ASCII) | (u128::from(low | ASCII) << 64), zeros.min(most))
}

/// How many digits are zero at the beginning, at most `most`.
#[inline]
fn leading(digits: u64, most: usize) -> usize {
    ((digits.trailing_zeros() >> 3) as usize).min(most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Lines) -> bool) -> Option<String> {
        let mut lines = Lines::behind(b"#".to_vec(), 100);
        let written = write(&mut lines);
        written.then(|| String::from_utf8(lines.finish()).unwrap()[1..].to_owned())
    }

    fn near_powers() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            (0_u32..20, 0_u64..200).prop_map(|(power, near)| {
                10_u64.checked_pow(power).unwrap_or(u64::MAX).wrapping_add(near).wrapping_sub(100)
            })
        ]
    }

    proptest! {
        #[test]
        fn integers_are_those_of_the_standard_library(value in near_powers(), negative in any::<bool>()) {
            let expected = format!("{}{value}", if negative { "-" } else { "" });
            let written = text(|lines| lines.integer(negative, value));
            prop_assert_eq!(written, (value < DIGITS).then_some(expected));
        }

        #[test]
        fn decimals_are_those_that_are_written_digit_by_digit(value in near_powers(), scale in 0_u8..12, negative in any::<bool>()) {
            let unscaled = i128::from(value) * if negative { -1 } else { 1 };
            let mut expected = Vec::new();
            super::super::super::cells::decimal(&mut expected, unscaled, scale.cast_signed());
            let written = text(|lines| lines.decimal(negative && value > 0, value, scale.into()));
            let fits = value < DIGITS && (1..=8).contains(&scale);
            prop_assert_eq!(written, fits.then(|| String::from_utf8(expected).unwrap()));
        }

        #[test]
        fn dates_and_times_likewise(days in -800_000_i64..3_000_000, second in 0_u64..86_400, millisecond in 0_u64..1_000) {
            let mut expected = Vec::new();
            super::super::super::cells::date(&mut expected, days);
            let written = text(|lines| lines.date(days));
            prop_assert_eq!(written, (expected.len() == 10).then(|| String::from_utf8(expected).unwrap()));
            let (hour, minute) = (second / 3_600, second / 60 % 60);
            let expected = format!("T{hour:02}:{minute:02}:{:02}.{millisecond:03}", second % 60);
            let written = text(|lines| { lines.time(second, millisecond); true });
            prop_assert_eq!(written, Some(expected));
        }

        #[test]
        fn slices_of_every_length(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut lines = Lines::behind(vec![1], 100);
            lines.slice(&bytes);
            prop_assert_eq!(&lines.finish()[1..], &bytes);
        }
    }
}
