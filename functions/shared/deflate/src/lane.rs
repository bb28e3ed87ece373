//! What of a block was there before, up to 32 KiB back: one look for each place, and what is found is taken.
//!
//! Each step waits for the one before, which says where to go on; and whether there is a match is for nobody to foresee. So
//! there is no branch for it, and several blocks are gone through by turns: while one waits, another gets on.
//!
//! Of the last place of every hash only its 16 lowest bits are kept. Twice the window wide, they tell how far back it is;
//! one that is older reads as another place, and the comparison decides either way.

use std::hint::select_unpredictable as either;

use super::{
    block::{BLOCK, Block},
    symbols::LONGEST,
};

/// Blocks that are gone through by turns. With one more it is no faster: the processor is busy then.
pub(super) const LANES: usize = 3;

/// How far back a match may begin.
const WINDOW: usize = 1 << 15;

/// Bytes that must be the same. Shorter ones are as dear as their bytes, which are mostly digits.
const LEAST: usize = 6;

/// So near to the end no match is looked for.
const TAIL: usize = 16;

/// Bytes that are compared without a branch.
const AT_ONCE: usize = 15;

const HASH_BITS: u32 = 15;

/// What stands at a place. From the lowest bit on: 16 bits, the bytes as they are or, of a match, how far back it
/// begins, less one; 15 bits, how many bytes it is; one bit, whether the byte before is part of the match too.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found(u32);

impl Found {
    /// One byte, or two, the first one lowest.
    #[expect(clippy::cast_possible_truncation, reason = "1 or 2")]
    const fn bytes(bytes: u16, length: usize) -> Self {
        Self(bytes as u32 | (length as u32) << 16)
    }

    /// The bytes as they are or, of a match, how far back it begins, less one.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lowest 16 bits")]
    pub(super) fn what(self) -> u16 {
        self.0 as u16
    }

    /// One: a byte as it is. Two: two of them. Else a match.
    #[inline]
    pub(super) fn length(self) -> u32 {
        (self.0 >> 16) & 0x7FFF
    }

    /// 1 if the byte before is part of the match too, 0 if not.
    #[inline]
    pub(super) fn earlier(self) -> u32 {
        self.0 >> 31
    }
}

/// One block's way.
pub(super) struct Lane {
    heads: Box<[u16; 1 << HASH_BITS]>,
    /// Nothing, what was found, and nothing again.
    found: Box<[Found; BLOCK]>,
    count: usize,
    at: usize,
    /// Where the last step was.
    before: usize,
    stop: usize,
}

impl Lane {
    pub(super) fn new() -> Self {
        // infallible: they have these lengths
        let heads = vec![0; 1 << HASH_BITS].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        let found = vec![Found::default(); BLOCK].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        Self { heads, found, count: 0, at: 0, before: 0, stop: 0 }
    }

    /// What was found, in order, with nothing before and behind it.
    pub(super) fn found(&self) -> &[Found] {
        &self.found[..self.count + 2]
    }

    /// Goes to the beginning. The first two bytes are as they are: a step looks at the byte before, too.
    fn begin(&mut self, block: &Block) {
        let bytes = block.bytes();
        // Not the first byte: nothing is before it.
        self.heads.fill(1);
        (self.at, self.before, self.count, self.stop) = (0, 0, 0, bytes.len().saturating_sub(TAIL));
        if let [first, second, ..] = *bytes {
            self.push(Found::bytes(u16::from_le_bytes([first, second]), 2));
            self.at = 2;
        }
    }

    /// The rest of the way.
    fn end(&mut self, block: &Block) {
        while self.at < self.stop {
            self.step(block);
        }
        for byte in block.bytes().iter().skip(self.at) {
            self.push(Found::bytes((*byte).into(), 1));
        }
        self.found[self.count + 1] = Found::default();
    }

    /// Masked, so that nothing is left to check: all but the first and the last few are two bytes and more, so there are fewer.
    #[inline]
    fn push(&mut self, found: Found) {
        self.count += 1;
        self.found[self.count & (BLOCK - 1)] = found;
    }

    /// Takes a match, or else two bytes as they are, since where numbers stand there is seldom a match. One that begins at
    /// the second of them is found with the next step, which looks at the byte before, too.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "only next to each other steps run at the same time")]
    #[expect(clippy::cast_possible_truncation, reason = "16 and 15 bits")]
    fn step(&mut self, block: &Block) {
        let at = self.at;
        let (here, next) = block.sixteen(at - 1);
        self.heads[hash::<0>(here)] = low(at - 1);
        let head = &mut self.heads[hash::<1>(here)];
        let back = usize::from(low(at).wrapping_sub(*head));
        *head = low(at);
        self.heads[hash::<2>(here)] = low(at + 1);
        // The second place in a match. Of a pair it is this one, whose turn is not before now.
        let skipped = self.before + 2;
        self.heads[hash::<0>(block.sixteen(skipped).0)] = low(skipped);

        let (there, after) = block.sixteen(at.wrapping_sub(back).wrapping_sub(1));
        // If it is the same place or too far back, bits that make the first byte differ.
        let too_far = back.wrapping_sub(1) as u64 & !(WINDOW as u64 - 1);
        let difference = ((here ^ there) & !0xFF) | too_far;
        let same = bytes(difference) - 1 + either(difference == 0, bytes(next ^ after), 0);
        let is_match = same >= LEAST;
        let mut length = either(is_match, same, 2);
        if length >= AT_ONCE {
            // One less than the longest: the byte before may come in addition.
            length = extended(block, at, back, (LONGEST - 1).min(self.stop + TAIL - at));
        }
        let earlier = u32::from((here ^ there).to_le_bytes()[0] == 0) << 31;
        let what = either(is_match, back.wrapping_sub(1) as u32 | earlier, (here >> 8) as u32 & 0xFFFF);
        self.push(Found(what | (length as u32) << 16));
        (self.before, self.at) = (at, at + length);
    }
}

/// Goes through blocks.
pub(super) fn find(lanes: &mut [Lane; LANES], blocks: &[Block; LANES]) {
    for (lane, block) in lanes.iter_mut().zip(blocks) {
        lane.begin(block);
    }
    let ([a, b, c], [first, second, third]) = (&mut *lanes, blocks);
    while a.at < a.stop && b.at < b.stop && c.at < c.stop {
        a.step(first);
        b.step(second);
        c.step(third);
    }
    for (lane, block) in lanes.iter_mut().zip(blocks) {
        lane.end(block);
    }
}

/// Rare, and long.
#[inline(never)]
fn extended(block: &Block, at: usize, back: usize, most: usize) -> usize {
    let mut length = 8;
    while length < most {
        let difference = block.sixteen(at + length).0 ^ block.sixteen(at + length - back).0;
        length += bytes(difference);
        if difference != 0 {
            break;
        }
    }
    length.min(most)
}

/// Of eight bytes, how many at the beginning are none.
#[inline]
fn bytes(difference: u64) -> usize {
    (difference.trailing_zeros() >> 3) as usize
}

/// Of the bytes that must be the same, from the one with that index on.
#[inline]
fn hash<const FROM: u32>(eight: u64) -> usize {
    let six = eight & (u64::MAX << (8 * FROM));
    let hash = six.wrapping_mul(0x9E37_79B1_85EB_CA87 << (16 - 8 * FROM));
    (hash >> (64 - HASH_BITS)) as usize
}

/// The lowest 16 bits of a place.
#[inline]
fn low(at: usize) -> u16 {
    let [first, second, ..] = at.to_le_bytes();
    u16::from_le_bytes([first, second])
}
