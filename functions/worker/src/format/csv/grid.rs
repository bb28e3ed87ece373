//! Short cells of some rows: made column by column, put together row by row.
//!
//! Down a column cells are made alike, several at a time, and no branch is hard to foresee. Along a row each is then sixteen bytes
//! that are copied, whatever they are, of which the last ones count. What is longer is written in its turn.

use super::digits::{ASCII, EIGHT, four, leading};

/// Rows of a grid: few, so that it stays in the processor's nearest cache.
pub(super) const ROWS: usize = 64;

/// Bytes of a short cell, what separates it from the one before included. They end where their slot ends.
pub(super) const SLOT: usize = 16;

/// Longest text of a cell: there may be a separator before it.
const LONGEST: usize = SLOT - 1;

/// Bytes of a column: its slots, and behind them room for what does not count.
const STRIDE: usize = ROWS * SLOT + 64;

/// Length of a cell that is not here.
const LONG: u8 = u8::MAX;

/// Most digits of a number, those behind the point included.
pub(super) const DIGITS: usize = 8;

/// Cells of [`ROWS`] rows.
pub(super) struct Grid {
    separator: u8,
    slots: Vec<[u8; STRIDE]>,
    lengths: Vec<[u8; ROWS]>,
}

impl Grid {
    /// For rows of so many columns with that between them.
    pub(super) fn new(columns: usize, separator: u8) -> Self {
        Self { separator, slots: vec![[0; STRIDE]; columns], lengths: vec![[LONG; ROWS]; columns] }
    }

    /// A column, to be filled.
    pub(super) fn column(&mut self, index: usize) -> Strip<'_> {
        let separator = (index > 0).then_some(self.separator);
        Strip { slots: &mut self.slots[index], lengths: &mut self.lengths[index], separator }
    }

    /// The cells of a row, in order, and how many bytes of each count, the last ones; none where there is none.
    #[inline]
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = Option<(&[u8; SLOT], usize)>> {
        let row = row % ROWS;
        self.slots.iter().zip(&self.lengths).map(move |(slots, lengths)| {
            let length = usize::from(lengths[row]);
            let cell = slots[(row + 1) * SLOT - length.min(SLOT)..].first_chunk()?;
            (length <= SLOT).then_some((cell, length))
        })
    }
}

/// A column of a grid.
pub(super) struct Strip<'a> {
    slots: &'a mut [u8; STRIDE],
    lengths: &'a mut [u8; ROWS],
    separator: Option<u8>,
}

impl Strip<'_> {
    /// None of its cells is short.
    pub(super) fn clear(&mut self) {
        self.lengths.fill(LONG);
    }

    /// Whole numbers, and others by 10 to the power of `scale`, which is less than [`DIGITS`].
    pub(super) fn numbers(&mut self, numbers: &Numbers, scale: usize) {
        let digits = numbers.digits();
        let whole = 8 * (DIGITS - scale);
        for (row, digits) in digits.into_iter().enumerate() {
            let text = digits | ASCII;
            let zeros = leading(digits).min(DIGITS - 1 - scale);
            let end = (row + 1) * SLOT;
            self.slots[end - 8..end].copy_from_slice(&text.to_le_bytes());
            let mut length = DIGITS - zeros;
            if scale > 0 {
                let before = text & ((1 << whole) - 1);
                let behind = (text >> whole << 8 | u64::from(b'.')) << whole;
                self.slots[end - 9..end - 1].copy_from_slice(&(before | behind).to_le_bytes());
                length += 1;
            }
            self.slots[end - length - 1] = b'-';
            length += usize::from(numbers.negative[row]);
            self.end(row, length);
            if !numbers.fit[row] {
                self.lengths[row] = LONG;
            }
        }
    }

    /// Bytes of which the first `length` count, at most [`LONGEST`]; more of them: no short cell. Row after row, since those
    /// that do not count stand in the next one's slot.
    #[inline]
    pub(super) fn text(&mut self, row: usize, text: [u8; SLOT], length: usize) {
        if length > LONGEST {
            self.lengths[row] = LONG;
            return;
        }
        let start = (row + 1) * SLOT - length;
        self.slots[start..start + SLOT].copy_from_slice(&text);
        self.end(row, length);
    }

    /// The same text in that row, of whose slot it is the end, also if the slots behind are filled already.
    #[inline]
    pub(super) fn replace(&mut self, row: usize, text: &Ending) {
        self.slots[row * SLOT..(row + 1) * SLOT].copy_from_slice(&text.slot);
        if text.length > LONGEST {
            self.lengths[row] = LONG;
        } else {
            self.end(row, text.length);
        }
    }

    /// Puts a separator before the last `length` bytes of a slot.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "no more than a slot has")]
    fn end(&mut self, row: usize, length: usize) {
        self.slots[(row + 1) * SLOT - length - 1] = self.separator.unwrap_or_default();
        self.lengths[row] = (length + usize::from(self.separator.is_some())) as u8;
    }
}

/// A text at the end of a slot.
pub(super) struct Ending {
    slot: [u8; SLOT],
    length: usize,
}

impl Ending {
    /// Of that text; more than [`LONGEST`] bytes make no short cell.
    pub(super) fn new(text: &[u8]) -> Self {
        let mut slot = [0; SLOT];
        let length = text.len();
        if length <= LONGEST {
            slot[SLOT - length..].copy_from_slice(text);
        }
        Self { slot, length }
    }
}

/// Numbers of up to [`ROWS`] rows, without a point.
pub(super) struct Numbers {
    magnitudes: [u32; ROWS],
    negative: [bool; ROWS],
    fit: [bool; ROWS],
}

impl Numbers {
    /// Whether each is negative, and its magnitude.
    #[inline]
    pub(super) fn of(values: impl Iterator<Item = (bool, u64)>) -> Self {
        let mut numbers = Self { magnitudes: [0; ROWS], negative: [false; ROWS], fit: [false; ROWS] };
        let each = numbers.magnitudes.iter_mut().zip(&mut numbers.negative).zip(&mut numbers.fit);
        for ((is_negative, value), ((magnitude, negative), fit)) in values.zip(each) {
            *fit = value < EIGHT;
            // infallible: it fits then
            *magnitude = u32::try_from(value % (1 << 32)).unwrap_or_default();
            *negative = is_negative;
        }
        numbers
    }

    /// The digits of each, the first one lowest: loops that become instructions for several numbers.
    #[inline(never)]
    fn digits(&self) -> [u64; ROWS] {
        let (mut high, mut low) = ([0; ROWS], [0; ROWS]);
        for ((value, high), low) in self.magnitudes.iter().zip(&mut high).zip(&mut low) {
            let fours = value / 10_000;
            (*high, *low) = (four(fours), four(value - 10_000 * fours));
        }
        let mut digits = [0; ROWS];
        for ((digits, high), low) in digits.iter_mut().zip(high).zip(low) {
            *digits = u64::from(high) | u64::from(low) << 32;
        }
        digits
    }
}
