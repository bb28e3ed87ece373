//! What of a block was there before, up to 32 KiB back: one look for each place, and what is found is taken.
//!
//! Of the last place of every hash only its 16 lowest bits are kept. Twice the window wide, they tell how far back it is;
//! one that is older reads as another place, and the comparison decides either way.

use super::{
    block::{BLOCK, Block},
    symbols::{DISTANCES, END_OF_BLOCK, FIRST_BACK, LONGEST, SYMBOLS, distance_code, length_code},
};

/// How far back a match may begin.
const WINDOW: usize = 1 << 15;

/// Bytes that must be the same. Shorter ones are as dear as their bytes, which are mostly digits.
const LEAST: u32 = 6;

/// So near to the end no match is looked for.
const TAIL: usize = 16;

/// Bytes that are compared without a branch.
const AT_ONCE: usize = 16;

const HASH_BITS: u32 = 15;

/// What a block is made of: a byte as it is, two of them, or a match. From the lowest bit on: 9 bits of what is
/// written first, a byte, or 256 and the length less [`SHORTEST`]; 9 bits of what is written then, a byte, 256 and the code of
/// the distance, or [`NOTHING`]; the bits that stand behind the distance's code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token(u32);

/// Shortest match that deflate has.
const SHORTEST: usize = 3;

/// Values of what is written first, and of what is written then.
pub(super) const VALUES: usize = 512;

/// Values from here on are lengths or distances.
const MATCH: usize = 256;

/// What is written then is nothing.
const NOTHING: u32 = 511;

impl Token {
    #[inline]
    fn byte(byte: u8) -> Self {
        Self(u32::from(byte) | (NOTHING << 9))
    }

    #[inline]
    fn bytes(first: u8, second: u8) -> Self {
        Self(u32::from(first) | (u32::from(second) << 9))
    }

    /// A match of that length; of the distance the code, and the distance less one.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "9, 9 and 13 bits")]
    fn of(length: usize, code: usize, back: usize) -> Self {
        let behind = back - usize::from(FIRST_BACK[code]);
        Self(((MATCH - SHORTEST + length) | ((MATCH + code) << 9) | (behind << 18)) as u32)
    }

    /// What is written first.
    #[inline]
    pub(super) fn first(self) -> usize {
        (self.0 & 511) as usize
    }

    /// What is written then.
    #[inline]
    pub(super) fn second(self) -> usize {
        ((self.0 >> 9) & 511) as usize
    }

    /// What stands behind it.
    #[inline]
    pub(super) fn behind(self) -> u32 {
        self.0 >> 18
    }

    /// The length of a match that begins with that.
    pub(super) fn length(first: usize) -> Option<usize> {
        first.checked_sub(MATCH).map(|length| length + SHORTEST)
    }

    /// The code of the distance that is written then, if it is one.
    pub(super) fn distance(second: usize) -> Option<usize> {
        second.checked_sub(MATCH).filter(|code| *code < DISTANCES)
    }
}

/// A block as tokens, and how often what deflate has codes for comes up.
pub(super) struct Matches {
    heads: Box<[u16; 1 << HASH_BITS]>,
    tokens: Box<[Token; BLOCK]>,
    count: usize,
    /// Of bytes, the end of the block (256), and lengths (from 257).
    pub(super) symbols: [u32; SYMBOLS],
    /// Of distances.
    pub(super) distances: [u32; DISTANCES],
}

impl Matches {
    pub(super) fn new() -> Self {
        // infallible: they have these lengths
        let heads = vec![0; 1 << HASH_BITS].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        let tokens = vec![Token::default(); BLOCK].into_boxed_slice();
        let tokens = tokens.try_into().unwrap_or_else(|_| unreachable!());
        Self { heads, tokens, count: 0, symbols: [0; SYMBOLS], distances: [0; DISTANCES] }
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens[..self.count]
    }

    /// Finds those of `block`. Bytes without a match go in pairs. After a pair of them only the first place of the next one is
    /// looked at: where numbers stand there is seldom a match, and one that begins at the second place is found a byte later.
    pub(super) fn find(&mut self, block: &Block) {
        let end = block.bytes().len();
        let stop = end.saturating_sub(TAIL);
        let mut tally = Tally::default();
        self.heads.fill(0);
        self.count = 0;
        let (mut at, mut alone) = (0, false);
        while at < stop {
            let first = self.look(block, at);
            if !first.differs() {
                at = self.take(block, &first, at, end, &mut tally);
                alone = false;
                continue;
            }
            let [byte, next, ..] = first.here.to_le_bytes();
            tally.bytes[0][usize::from(byte)] += 1;
            if alone {
                self.note(block, at + 1);
            } else {
                let second = self.look(block, at + 1);
                if !second.differs() {
                    self.push(Token::byte(byte));
                    at = self.take(block, &second, at + 1, end, &mut tally);
                    continue;
                }
            }
            tally.bytes[1][usize::from(next)] += 1;
            self.push(Token::bytes(byte, next));
            at += 2;
            alone = true;
        }
        for byte in &block.bytes()[at.min(end)..] {
            tally.bytes[0][usize::from(*byte)] += 1;
            self.push(Token::byte(*byte));
        }
        tally.write(&mut self.symbols, &mut self.distances);
    }

    /// Takes what was found at `at`; where to go on.
    #[inline]
    fn take(&mut self, block: &Block, found: &Look, mut at: usize, end: usize, tally: &mut Tally) -> usize {
        let length = found.length(block, at, end);
        let code = distance_code(found.back - 1) & 31;
        tally.lengths[usize::from(length_code(length)) & 31] += 1;
        tally.distances[code] += 1;
        self.push(Token::of(length, code, found.back - 1));
        self.note(block, at + 1);
        self.note(block, at + 2);
        at += length;
        self.note(block, at - 2);
        self.note(block, at - 1);
        at
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
    fn push(&mut self, token: Token) {
        self.tokens[self.count & (BLOCK - 1)] = token;
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

    /// How long the match is, that begins at `at` of a block that ends at `end`.
    #[inline]
    fn length(&self, block: &Block, at: usize, end: usize) -> usize {
        let further = same(block.eight(at + 8) ^ block.eight(at + 8 - self.back));
        let length = same(self.difference) + if self.difference == 0 { further } else { 0 };
        if length < AT_ONCE { length } else { extended(block, at, self.back, LONGEST.min(end - at)) }
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
