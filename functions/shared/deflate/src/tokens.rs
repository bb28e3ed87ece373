//! A block as what is written of it.

use super::{
    block::BLOCK,
    lane::{Found, Lane},
    symbols::{DISTANCES, END_OF_BLOCK, SYMBOLS, length_code},
};

/// From the lowest bit on: 9 bits of what is written first, a byte, or 256 and the length less [`SHORTEST`]; 9 bits of what is
/// written then, a byte, 256 and the code of the distance, or [`NOTHING`]; the bits that stand behind the distance's code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token(u32);

/// Shortest match that deflate has.
const SHORTEST: u32 = 3;

/// Values of what is written first, and of what is written then.
pub(super) const VALUES: usize = 512;

/// Values from here on are lengths or distances.
const MATCH: u32 = 256;

/// What is written then is nothing.
const NOTHING: u32 = 511;

impl Token {
    /// Of what was found; what was found before and behind it decides about a byte that a match may take from a pair. Without a
    /// branch, so that it becomes instructions for several tokens.
    #[inline]
    fn of(before: Found, found: Found, behind: Found) -> Self {
        let (what, length) = (u32::from(found.what()), found.length());
        let alone = u32::from(length == 1) | behind.earlier();
        let second = if alone == 0 { what >> 8 } else { NOTHING };
        let bytes = (what & 0xFF) | second << 9;

        let length_of_match = length + (found.earlier() & u32::from(before.length() == 2));
        let (code, bits) = distance(found.what());
        let back = (MATCH + code) << 9 | (what & ((1 << bits) - 1)) << 18;
        let is_match = length > 2;
        Self(if is_match { (MATCH - SHORTEST).wrapping_add(length_of_match) | back } else { bytes })
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
        first.checked_sub(MATCH as usize).map(|length| length + SHORTEST as usize)
    }

    /// The code of the distance that is written then, if it is one.
    pub(super) fn distance(second: usize) -> Option<usize> {
        second.checked_sub(MATCH as usize).filter(|code| *code < DISTANCES)
    }
}

/// The code of a distance, less one, and how many of its bits stand behind that (RFC 1951, section 3.2.5): its highest bit
/// and the one below are the exponent and the mantissa's first bit of a floating-point number.
#[inline]
fn distance(back: u16) -> (u32, u32) {
    let float = f32::from(back).to_bits() >> 22;
    let code = if back < 2 { back.into() } else { float.wrapping_sub(2 * 127) };
    (code, (code >> 1).max(1) - 1)
}

/// A block as tokens, and how often what deflate has codes for comes up.
pub(super) struct Tokens {
    tokens: Box<[Token; BLOCK]>,
    count: usize,
    /// Of bytes, the end of the block (256), and lengths (from 257).
    pub(super) symbols: [u32; SYMBOLS],
    /// Of distances.
    pub(super) distances: [u32; DISTANCES],
}

/// Tokens that are made before they are counted.
const AT_ONCE: usize = 2_048;

impl Tokens {
    pub(super) fn new() -> Self {
        // infallible: it has that length
        let tokens = vec![Token::default(); BLOCK].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
        Self { tokens, count: 0, symbols: [0; SYMBOLS], distances: [0; DISTANCES] }
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens[..self.count]
    }

    /// Becomes what was found.
    pub(super) fn take(&mut self, lane: &Lane) {
        let found = lane.found();
        self.count = found.len() - 2;
        let (mut first, mut second) = ([0; VALUES], [0; VALUES]);
        let found = found.chunks(AT_ONCE).zip(found[1..].chunks(AT_ONCE)).zip(found[2..].chunks(AT_ONCE));
        for (tokens, ((before, found), behind)) in self.tokens[..self.count].chunks_mut(AT_ONCE).zip(found) {
            for (token, ((before, found), behind)) in tokens.iter_mut().zip(before.iter().zip(found).zip(behind)) {
                *token = Token::of(*before, *found, *behind);
            }
            for token in tokens {
                first[token.first()] += 1;
                second[token.second()] += 1;
            }
        }
        self.count_codes(&first, &second);
    }

    /// From how often values are written first, and then.
    fn count_codes(&mut self, first: &[u32; VALUES], second: &[u32; VALUES]) {
        self.symbols = [0; SYMBOLS];
        for (value, (first, second)) in first.iter().zip(second).enumerate() {
            match Token::length(value) {
                None => self.symbols[value] = first + second,
                Some(length) => self.symbols[END_OF_BLOCK + 1 + usize::from(length_code(length))] += first,
            }
        }
        self.symbols[END_OF_BLOCK] = 1;
        self.distances.copy_from_slice(&second[MATCH as usize..][..DISTANCES]);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::symbols::BACK, *};

    #[test]
    fn distances_are_told_by_code_and_bits_behind() {
        for back in 0..1 << 15 {
            let (code, bits) = distance(back);
            let (first, extra) = BACK[code as usize];
            assert_eq!(bits, u32::from(extra), "{back}");
            assert_eq!(u32::from(first - 1) + (u32::from(back) & ((1 << bits) - 1)), u32::from(back), "{back}");
        }
    }
}
