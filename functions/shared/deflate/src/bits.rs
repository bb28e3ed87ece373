//! Bits into bytes, the least significant first.

use super::block::BLOCK;

/// More than a block can take: no code is longer than 14 bits.
const ROOM: usize = 2 * BLOCK;

/// What is written of a block.
pub(super) struct Bits {
    out: Box<[u8; ROOM + 8]>,
    length: usize,
    /// Not yet written, the first ones lowest.
    pending: u64,
    count: u32,
}

impl Bits {
    pub(super) fn new() -> Self {
        // infallible: it has that length
        let out = vec![0; ROOM + 8].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        Self { out, length: 0, pending: 0, count: 0 }
    }

    pub(super) fn clear(&mut self) {
        (self.length, self.pending, self.count) = (0, 0, 0);
    }

    /// Adds bits. Of those that are not [flushed](Self::flush) there is room for 56.
    #[inline]
    pub(super) fn add(&mut self, bits: u64, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
    }

    /// Writes what makes whole bytes; at most seven bits are left. Masked, so that nothing is left to check.
    #[inline]
    pub(super) fn flush(&mut self) {
        let at = self.length & (ROOM - 1);
        self.out[at..at + 8].copy_from_slice(&self.pending.to_le_bytes());
        self.length += (self.count >> 3) as usize;
        self.pending >>= self.count & !7;
        self.count &= 7;
    }

    /// Adds few bits and writes.
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        self.add(bits, count);
        self.flush();
    }

    /// Zeros up to a whole byte.
    pub(super) fn align(&mut self) {
        self.put(0, self.count.wrapping_neg() & 7);
    }

    /// All of it, once it is aligned.
    pub(super) fn written(&self) -> &[u8] {
        &self.out[..self.length]
    }
}
