//! What of a block was there before, up to 32 KiB back: one look for each place, and the first that is found is taken.
//!
//! Of the last place of every hash only its 16 lowest bits are kept. Twice the window wide, they tell how far back it is;
//! one that is older reads as another place, and the comparison decides either way.

use super::block::{BLOCK, Block};

/// How far back a match may begin.
const WINDOW: usize = 1 << 15;

/// Bytes that must be the same. Shorter ones are as dear as their bytes, which are mostly digits.
const LEAST: u32 = 6;

/// Longest match that deflate has.
const LONGEST: usize = 258;

const HASH_BITS: u32 = 14;

/// Sequences of a block; each but the last is as long as the shortest match.
const MOST: usize = 1 << 16;

/// So near to the end no match is looked for.
const TAIL: usize = 16;

/// Bytes as they are, and then some of before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sequence {
    /// How many bytes as they are.
    pub(super) literals: u32,
    /// How many of before; none in the last sequence.
    pub(super) length: u16,
    /// How far back, less one.
    pub(super) back: u16,
}

/// A block as sequences, and how often what deflate has codes for comes up.
pub(super) struct Matches {
    heads: Box<[u16; 1 << HASH_BITS]>,
    sequences: Box<[Sequence; MOST]>,
    count: usize,
    /// Of bytes, the end of the block (256), and lengths (from 257).
    pub(super) symbols: [u32; SYMBOLS],
    /// Of distances.
    pub(super) distances: [u32; DISTANCES],
}

/// Codes for bytes, the end and lengths.
pub(super) const SYMBOLS: usize = 286;

/// Codes for distances.
pub(super) const DISTANCES: usize = 30;

/// Code of the end of a block.
pub(super) const END_OF_BLOCK: usize = 256;

impl Matches {
    pub(super) fn new() -> Self {
        // infallible: they have these lengths
        let heads = vec![0; 1 << HASH_BITS].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        let sequences = vec![Sequence::default(); MOST].into_boxed_slice();
        let sequences = sequences.try_into().unwrap_or_else(|_| unreachable!());
        Self { heads, sequences, count: 0, symbols: [0; SYMBOLS], distances: [0; DISTANCES] }
    }

    pub(super) fn sequences(&self) -> &[Sequence] {
        &self.sequences[..self.count]
    }

    /// Finds those of `block`. Two places are looked at together, since mostly there is nothing at either, and one branch
    /// that is foreseen is cheaper than two.
    pub(super) fn find(&mut self, block: &Block) {
        let end = block.bytes().len();
        let stop = end.saturating_sub(TAIL);
        let mut tally = Tally::default();
        self.heads.fill(0);
        self.count = 0;
        let (mut at, mut from) = (0, 0);
        while at < stop {
            let (first, second) = (self.look(block, at), self.look(block, at + 1));
            if first.differs() && second.differs() {
                tally.bytes[0][usize::from(first.byte())] += 1;
                tally.bytes[1][usize::from(second.byte())] += 1;
                at += 2;
                continue;
            }
            let found = if first.differs() {
                tally.bytes[0][usize::from(first.byte())] += 1;
                at += 1;
                second
            } else {
                first
            };
            let length = found.length(block, at, end);
            tally.lengths[usize::from(length_code(length)) & 31] += 1;
            tally.distances[distance_code(found.back - 1) & 31] += 1;
            self.push(at - from, length, found.back - 1);
            self.note(block, at + 2);
            at += length;
            self.note(block, at - 2);
            self.note(block, at - 1);
            from = at;
        }
        for byte in &block.bytes()[at.min(end)..] {
            tally.bytes[0][usize::from(*byte)] += 1;
        }
        self.push(end - from, 0, 0);
        tally.write(&mut self.symbols, &mut self.distances);
    }

    /// What the last place with the same hash has in common with `at`, which takes its place.
    #[inline]
    fn look(&mut self, block: &Block, at: usize) -> Look {
        let here = block.eight(at);
        let head = &mut self.heads[hash(here)];
        let back = low(at).wrapping_sub(*head);
        *head = low(at);
        let back = usize::from(back);
        Look { here, difference: here ^ block.eight(at.wrapping_sub(back)), back }
    }

    /// Remembers a place without a look.
    #[inline]
    fn note(&mut self, block: &Block, at: usize) {
        self.heads[hash(block.eight(at))] = low(at);
    }

    #[inline]
    fn push(&mut self, literals: usize, length: usize, back: usize) {
        // infallible: a block has no more bytes, a match and the window none of these sizes
        let narrow = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
        let literals = u32::try_from(literals).unwrap_or(u32::MAX);
        self.sequences[self.count & (MOST - 1)] = Sequence { literals, length: narrow(length), back: narrow(back) };
        self.count += 1;
    }
}

/// A place and the one before it that has the same hash.
struct Look {
    here: u64,
    /// Of eight bytes, the first one lowest.
    difference: u64,
    back: usize,
}

impl Look {
    /// Whether it is no match: too short, or too far back.
    #[inline]
    fn differs(&self) -> bool {
        let too_far = u64::from(self.back.wrapping_sub(1) >= WINDOW);
        (self.difference | too_far) << (64 - 8 * LEAST) != 0
    }

    #[inline]
    fn byte(&self) -> u8 {
        self.here.to_le_bytes()[0]
    }

    /// How long the match is, that begins at `at` of a block that ends at `end`.
    #[inline]
    fn length(&self, block: &Block, at: usize, end: usize) -> usize {
        let most = LONGEST.min(end - at);
        let same = same(self.difference);
        if same < 8 { same.min(most) } else { extended(block, at, self.back, most) }
    }
}

/// Rare, and long.
#[inline(never)]
fn extended(block: &Block, at: usize, back: usize, most: usize) -> usize {
    let mut length = 8;
    while length < most {
        let difference = block.eight(at + length) ^ block.eight(at + length - back);
        length += same(difference);
        if difference != 0 {
            break;
        }
    }
    length.min(most)
}

/// Of eight bytes, how many at the beginning are the same.
#[inline]
fn same(difference: u64) -> usize {
    (difference.trailing_zeros() >> 3) as usize
}

/// Of the bytes that must be the same.
#[inline]
fn hash(bytes: u64) -> usize {
    let hash = (bytes << (64 - 8 * LEAST)).wrapping_mul(0x9E37_79B1_85EB_CA87);
    (hash >> (64 - HASH_BITS)) as usize
}

/// The lowest 16 bits of a place.
#[inline]
fn low(at: usize) -> u16 {
    let [first, second, ..] = at.to_le_bytes();
    u16::from_le_bytes([first, second])
}

/// How often each code comes up. Bytes are counted by two tables in turn: one that comes twice in a row need not wait.
struct Tally {
    bytes: [[u32; 256]; 2],
    lengths: [u32; 32],
    distances: [u32; 32],
}

impl Default for Tally {
    fn default() -> Self {
        Self { bytes: [[0; 256]; 2], lengths: [0; 32], distances: [0; 32] }
    }
}

impl Tally {
    fn write(&self, symbols: &mut [u32; SYMBOLS], distances: &mut [u32; DISTANCES]) {
        for (symbol, (first, second)) in symbols.iter_mut().zip(self.bytes[0].iter().zip(&self.bytes[1])) {
            *symbol = first + second;
        }
        symbols[END_OF_BLOCK] = 1;
        symbols[END_OF_BLOCK + 1..].copy_from_slice(&self.lengths[..SYMBOLS - END_OF_BLOCK - 1]);
        distances.copy_from_slice(&self.distances[..DISTANCES]);
    }
}

/// First length of each code, and how many bits tell which of its lengths it is (RFC 1951, section 3.2.5).
pub(super) const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The same of distances.
pub(super) const BACK: [(u16, u8); DISTANCES] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// The code of a length, from 0.
#[inline]
pub(super) fn length_code(length: usize) -> u8 {
    LENGTH_CODES[length & 511]
}

/// The code of a distance, less one.
#[inline]
pub(super) fn distance_code(back: usize) -> usize {
    let index = if back < 256 { back } else { 256 + (back >> 7) };
    usize::from(DISTANCE_CODES[index & 511])
}

/// By length.
static LENGTH_CODES: [u8; 512] = {
    let mut codes = [0; 512];
    let mut code: u8 = 0;
    while (code as usize) < LENGTHS.len() {
        let (first, bits) = LENGTHS[code as usize];
        let mut length = first as usize;
        while length < first as usize + (1 << bits) && length <= LONGEST {
            codes[length] = code;
            length += 1;
        }
        code += 1;
    }
    codes
};

/// By distance less one up to 256, then by its 128th part, from 256 on.
static DISTANCE_CODES: [u8; 512] = {
    let mut codes = [0; 512];
    let mut code: u8 = 0;
    while (code as usize) < BACK.len() {
        let (first, bits) = BACK[code as usize];
        let mut back = first as usize - 1;
        while back < first as usize - 1 + (1 << bits) {
            codes[if back < 256 { back } else { 256 + (back >> 7) }] = code;
            back += 1;
        }
        code += 1;
    }
    codes
};

const _: () = assert!(BLOCK / LEAST as usize + 2 < MOST, "every sequence has its place");
