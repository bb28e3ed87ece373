//! The pieces of a stream that are compressed each by itself.

use super::lane::LANES;

/// Bytes of a block that is not the last of its stream.
pub(super) const BLOCK: usize = 1 << 17;

/// Beyond the last byte, so that sixteen can be read wherever one can.
const MARGIN: usize = 16;

/// Up to [`BLOCK`] bytes.
pub(super) struct Block {
    bytes: Box<[u8; BLOCK + MARGIN]>,
    length: usize,
}

impl Default for Block {
    fn default() -> Self {
        // infallible: it has that length
        let bytes = vec![0; BLOCK + MARGIN].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        Self { bytes, length: 0 }
    }
}

impl Block {
    /// What it holds.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Whether nothing more goes in.
    pub(super) fn is_full(&self) -> bool {
        self.length == BLOCK
    }

    /// Takes as much of `bytes` as there is room for; how much.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(BLOCK - self.length);
        self.bytes[self.length..self.length + taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
        taken
    }

    /// Forgets what it holds.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Eight bytes from `at` on, those beyond the end anything, and eight more. Masked, so that nothing is left to check: `at`
    /// is less than [`BLOCK`] anyway.
    #[inline]
    pub(super) fn sixteen(&self, at: usize) -> (u64, u64) {
        let at = at & (BLOCK - 1);
        let (mut eight, mut more) = ([0; 8], [0; 8]);
        eight.copy_from_slice(&self.bytes[at..at + 8]);
        more.copy_from_slice(&self.bytes[at + 8..at + 16]);
        (u64::from_le_bytes(eight), u64::from_le_bytes(more))
    }
}

/// Blocks one after the other, as many as are [gone through by turns](super::lane).
#[derive(Default)]
pub(super) struct Strip([Block; LANES]);

impl Strip {
    /// All of its blocks.
    pub(super) fn blocks(&self) -> &[Block; LANES] {
        &self.0
    }

    /// Those that hold something.
    pub(super) fn filled(&self) -> impl Iterator<Item = &Block> {
        self.0.iter().filter(|block| !block.bytes().is_empty())
    }

    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0[0].bytes().is_empty()
    }

    /// Whether nothing more goes in.
    pub(super) fn is_full(&self) -> bool {
        self.0[LANES - 1].is_full()
    }

    /// Takes as much of `bytes` as there is room for in one block; how much.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> usize {
        self.0.iter_mut().find(|block| !block.is_full()).map_or(0, |block| block.fill(bytes))
    }

    /// Forgets what it holds.
    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(Block::clear);
    }
}
