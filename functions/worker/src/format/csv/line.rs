//! Lines under construction: bytes that are written without a look at how much room is left, because there is enough.
//!
//! Short cells come from a [grid](super::grid); of others, numbers and times too are written as chunks of a fixed size of which
//! only the beginning counts, and what comes next overwrites the rest: no loop, no call, no branch that is hard to foresee.

use super::{
    digits::{ASCII, DATES, SIXTEEN, eight, iso, sixteen},
    grid::SLOT,
};

/// Room that a cell which is not text may take, its chunk included.
pub(super) const CELL: usize = 64;

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
        self.bytes.resize(self.bytes.len() + self.bytes.len() / 2 + more, 0);
    }

    /// Writes the cells of a line: of each, as many of the bytes as are told. Those that are not there are left to `other`, by
    /// index.
    #[inline]
    pub(super) fn cells<'a>(
        &mut self,
        cells: impl Iterator<Item = Option<(&'a [u8; SLOT], usize)>>,
        mut other: impl FnMut(usize, &mut Self),
    ) {
        let mut at = self.at;
        for (index, cell) in cells.enumerate() {
            if let Some((bytes, length)) = cell {
                self.bytes[at..at + SLOT].copy_from_slice(bytes);
                at += length;
            } else {
                self.at = at;
                other(index, self);
                at = self.at;
            }
        }
        self.at = at;
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

    /// Writes a field in quotes, those in it doubled, with `prefix` in front; it takes at most twice as many bytes and three.
    pub(super) fn quoted(&mut self, prefix: &[u8], bytes: &[u8]) {
        self.byte(b'"');
        self.slice(prefix);
        for (index, piece) in bytes.split(|byte| *byte == b'"').enumerate() {
            if index > 0 {
                self.slice(b"\"\"");
            }
            self.slice(piece);
        }
        self.byte(b'"');
    }

    /// Writes an integer.
    #[inline]
    pub(super) fn integer(&mut self, negative: bool, magnitude: u64) {
        self.sign(negative);
        self.digits(magnitude.into(), 1);
    }

    /// Writes `magnitude / 10^scale` with all digits of the scale.
    #[inline]
    pub(super) fn decimal(&mut self, negative: bool, magnitude: u128, scale: usize) {
        self.sign(negative);
        let start = self.at;
        self.digits(magnitude, scale + 1);
        if scale > 0 {
            // Room for the point: what stands behind it, one further.
            let point = self.at - scale;
            if scale <= 16 {
                let mut fraction = [0; 16];
                fraction.copy_from_slice(&self.bytes[point..point + 16]);
                self.bytes[point + 1..point + 17].copy_from_slice(&fraction);
            } else {
                self.bytes.copy_within(point..self.at, point + 1);
            }
            self.bytes[point] = b'.';
            self.at += 1;
        }
        debug_assert!(self.at > start);
    }

    /// Writes a number with at least so many digits, sixteen at a time.
    #[inline]
    fn digits(&mut self, value: u128, least: usize) {
        match u64::try_from(value) {
            Ok(value) if value < SIXTEEN && least <= 16 => {
                let (digits, zeros) = sixteen(value);
                let zeros = zeros.min(16 - least);
                self.put((digits >> (8 * zeros)).to_le_bytes(), 16 - zeros);
            }
            _ => self.many_digits(value, least),
        }
    }

    #[inline(never)]
    fn many_digits(&mut self, value: u128, least: usize) {
        let mut parts = [0_u64; 3];
        let mut rest = value;
        for part in parts.iter_mut().rev() {
            // infallible: a remainder of that
            *part = u64::try_from(rest % u128::from(SIXTEEN)).unwrap_or_default();
            rest /= u128::from(SIXTEEN);
        }
        let start = self.at;
        for part in parts {
            self.put(sixteen(part).0.to_le_bytes(), 16);
        }
        let written = &self.bytes[start..self.at];
        let zeros = written.iter().take_while(|digit| **digit == b'0').count().min(written.len() - least);
        self.bytes.copy_within(start + zeros..self.at, start);
        self.at -= zeros;
    }

    #[inline]
    fn sign(&mut self, negative: bool) {
        self.bytes[self.at] = b'-';
        self.at += usize::from(negative);
    }

    /// Writes `YYYY-MM-DD`, where the year has four digits; whether it has.
    #[inline]
    pub(super) fn date(&mut self, days: i64) -> bool {
        match usize::try_from(days).ok().and_then(|day| DATES.get(day)) {
            Some(date) => {
                self.put(*date, 10);
                true
            }
            None => self.other_date(days),
        }
    }

    #[cold]
    fn other_date(&mut self, days: i64) -> bool {
        let date = iso(days);
        self.put(date.unwrap_or_default(), if date.is_some() { 10 } else { 0 });
        date.is_some()
    }

    /// Writes `THH:MM:SS.mmm`.
    #[inline]
    pub(super) fn time(&mut self, second: u64, millisecond: u64) {
        let clock = second / 3_600 * 1_000_000 + second / 60 % 60 * 10_000 + second % 60 * 100;
        let (c, m) = ((eight(clock) | ASCII).to_le_bytes(), (eight(millisecond) | ASCII).to_le_bytes());
        self.put([b'T', c[0], c[1], b':', c[2], c[3], b':', c[4], c[5], b'.', m[5], m[6], m[7], 0, 0, 0], 13);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::cells;

    fn text(write: impl FnOnce(&mut Lines)) -> String {
        let mut lines = Lines::behind(b"#".to_vec(), 2 * CELL);
        write(&mut lines);
        String::from_utf8(lines.finish()).unwrap()[1..].to_owned()
    }

    fn near_powers() -> impl Strategy<Value = u128> {
        prop_oneof![
            any::<u128>(),
            any::<u64>().prop_map(u128::from),
            (0_u32..39, 0_u128..200).prop_map(|(power, near)| { (10_u128.pow(power) + near).saturating_sub(100) })
        ]
    }

    proptest! {
        #[test]
        fn integers_are_those_of_the_standard_library(value in near_powers(), negative in any::<bool>()) {
            let value = u64::try_from(value % (1 << 64)).unwrap();
            let expected = format!("{}{value}", if negative { "-" } else { "" });
            prop_assert_eq!(text(|lines| lines.integer(negative, value)), expected);
        }

        #[test]
        fn decimals_are_those_that_are_written_digit_by_digit(value in near_powers(), scale in 0_i8..39, negative in any::<bool>()) {
            let magnitude = i128::try_from(value >> 1).unwrap();
            let unscaled = if negative { -magnitude } else { magnitude };
            let mut expected = Vec::new();
            cells::decimal(&mut expected, unscaled, scale);
            let written = text(|lines| lines.decimal(unscaled < 0, unscaled.unsigned_abs(), scale.unsigned_abs().into()));
            prop_assert_eq!(written, String::from_utf8(expected).unwrap());
        }

        #[test]
        fn dates_and_times_likewise(days in -800_000_i64..3_000_000, second in 0_u64..86_400, millisecond in 0_u64..1_000) {
            let mut expected = Vec::new();
            cells::date(&mut expected, days);
            let mut fits = false;
            let written = text(|lines| fits = lines.date(days));
            prop_assert_eq!(fits, expected.len() == 10);
            prop_assert!(!fits || written.as_bytes() == expected);
            let (hour, minute) = (second / 3_600, second / 60 % 60);
            let expected = format!("T{hour:02}:{minute:02}:{:02}.{millisecond:03}", second % 60);
            prop_assert_eq!(text(|lines| lines.time(second, millisecond)), expected);
        }

        #[test]
        fn slices_of_every_length(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut lines = Lines::behind(vec![1], 200);
            lines.slice(&bytes);
            prop_assert_eq!(&lines.finish()[1..], &bytes);
            let mut lines = Lines::behind(vec![], 200);
            lines.quoted(b"'", &bytes);
            let doubled: Vec<u8> = bytes.iter().flat_map(|byte| if *byte == b'"' { vec![b'"'; 2] } else { vec![*byte] }).collect();
            prop_assert_eq!(lines.finish(), [b"\"'", &doubled[..], b"\""].concat());
        }
    }
}
