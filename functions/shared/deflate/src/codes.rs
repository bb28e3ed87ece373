//! The codes of a block (RFC 1951, section 3.2.7), and the block in them.

use super::{
    bits::Bits,
    symbols::{BACK, DISTANCES, END_OF_BLOCK, LENGTHS, SYMBOLS, length_code},
    tokens::{Token, Tokens, VALUES},
};

/// Longest code. Deflate has one bit more; with four of these and what is left of a byte, 64 bits suffice.
const LONGEST: u8 = 14;

/// Longest code of what tells the lengths of codes.
const LONGEST_OF_LENGTHS: u8 = 7;

/// In which order lengths of codes are told.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A prefix code: bits as they are written, and how many, by symbol.
struct Prefix<const N: usize> {
    lengths: [u8; N],
    bits: [u16; N],
}

/// The codes of one block.
pub(super) struct Codes {
    symbols: Prefix<SYMBOLS>,
    distances: Prefix<DISTANCES>,
    header: Header,
}

impl Codes {
    /// Those that fit how often everything comes up.
    pub(super) fn of(tokens: &Tokens) -> Self {
        let symbols = Prefix::of(&tokens.symbols, LONGEST);
        let distances = Prefix::of(&tokens.distances, LONGEST);
        let header = Header::of(&symbols.lengths, &distances.lengths);
        Self { symbols, distances, header }
    }

    /// How long the block will be.
    pub(super) fn bits(&self, tokens: &Tokens) -> u64 {
        let lengths = LENGTHS.iter().map(|(_, extra)| *extra);
        let extras = std::iter::repeat_n(0, END_OF_BLOCK + 1).chain(lengths);
        self.header.bits()
            + cost(&tokens.symbols, &self.symbols.lengths, extras)
            + cost(&tokens.distances, &self.distances.lengths, BACK.iter().map(|(_, extra)| *extra))
    }

    /// Writes the block, which is not the last one.
    pub(super) fn write(&self, tokens: &Tokens, out: &mut Bits) {
        self.header.write(out);
        let (first, second) = (self.first(), self.second());
        for token in tokens.tokens() {
            let code = &first[token.first()];
            out.add(u64::from(code.bits), code.count.into());
            let code = &second[token.second()];
            out.add(u64::from(code.bits) | u64::from(token.behind()) << code.length, code.count.into());
            out.flush();
        }
        out.put(self.symbols.bits[END_OF_BLOCK].into(), self.symbols.lengths[END_OF_BLOCK].into());
    }

    /// Bytes' codes, and those of lengths with the bits behind them.
    fn first(&self) -> Box<[Written; VALUES]> {
        let mut written = Box::new([Written::default(); VALUES]);
        for (value, written) in written.iter_mut().enumerate() {
            *written = match Token::length(value) {
                None => self.symbols.written(value, 0, 0),
                Some(length) => {
                    let code = usize::from(length_code(length));
                    let (first, extra) = LENGTHS[code];
                    // infallible: a length is no longer
                    let which = u32::try_from(length - usize::from(first)).unwrap_or_default();
                    self.symbols.written(END_OF_BLOCK + 1 + code, which, extra)
                }
            };
        }
        written
    }

    /// Bytes' codes, those of distances, for which the bits behind them are still to come, and for all else nothing.
    fn second(&self) -> Box<[Written; VALUES]> {
        let mut written = Box::new([Written::default(); VALUES]);
        for (value, written) in written.iter_mut().enumerate() {
            match Token::distance(value) {
                Some(code) => *written = self.distances.written(code, 0, BACK[code].1),
                None if value < END_OF_BLOCK => *written = self.symbols.written(value, 0, 0),
                None => {}
            }
        }
        written
    }
}

/// A code as it is written.
#[derive(Clone, Copy, Default)]
struct Written {
    /// The code, and what is known of the bits behind it.
    bits: u32,
    /// Bits of the code.
    length: u8,
    /// And with those behind it.
    count: u8,
}

impl<const N: usize> Prefix<N> {
    /// The code of a symbol, with so many bits behind it.
    fn written(&self, symbol: usize, behind: u32, extra: u8) -> Written {
        let length = self.lengths[symbol];
        Written { bits: u32::from(self.bits[symbol]) | behind << length, length, count: length + extra }
    }
}

fn cost(counts: &[u32], lengths: &[u8], extras: impl Iterator<Item = u8>) -> u64 {
    let each = counts.iter().zip(lengths).zip(extras);
    each.map(|((count, length), extra)| u64::from(*count) * u64::from(length + extra)).sum()
}

impl<const N: usize> Prefix<N> {
    /// The shortest for these counts, no code longer than `longest`.
    fn of(counts: &[u32; N], longest: u8) -> Self {
        let lengths = lengths(counts, longest);
        Self { bits: canonical(&lengths), lengths }
    }
}

/// The codes of these lengths, first bit lowest (RFC 1951, section 3.2.2).
fn canonical<const N: usize>(lengths: &[u8; N]) -> [u16; N] {
    let mut next = [0_u16; 16];
    for length in 1..16 {
        let shorter = lengths.iter().filter(|other| usize::from(**other) == length - 1 && **other > 0).count();
        // infallible: there are no more symbols
        let shorter = u16::try_from(shorter).unwrap_or_default();
        next[length] = next[length - 1].wrapping_add(shorter) << 1;
    }
    std::array::from_fn(|symbol| {
        let length = lengths[symbol];
        if length == 0 {
            return 0;
        }
        let code = &mut next[usize::from(length)];
        let bits = code.reverse_bits() >> (16 - length);
        *code = code.wrapping_add(1);
        bits
    })
}

/// Lengths of the codes: Huffman's, cut at `longest` and made to fit again by lengthening the cheapest of the others. What
/// never comes up has none. There are two codes at least: some decoders demand a whole tree.
fn lengths<const N: usize>(counts: &[u32; N], longest: u8) -> [u8; N] {
    let mut lengths = [0; N];
    let mut symbols: Vec<(u32, usize)> =
        counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(symbol, count)| (*count, symbol)).collect();
    symbols.sort_unstable();
    if symbols.len() < 2 {
        let only = symbols.first().map_or(0, |(_, symbol)| *symbol);
        lengths[only] = 1;
        lengths[usize::from(only == 0)] = 1;
        return lengths;
    }
    let mut of_length = depths(&symbols, longest.into());
    fit(&mut of_length, longest.into());
    // The rarest get the longest codes.
    let by_length = (1..=longest).rev().flat_map(|length| std::iter::repeat_n(length, of_length[usize::from(length)]));
    for ((_, symbol), length) in symbols.iter().zip(by_length) {
        lengths[*symbol] = length;
    }
    lengths
}

/// How many leaves of Huffman's tree are how deep; those deeper than `longest` as deep as that. Leaves come sorted, so
/// that the nodes that are made come sorted too, and two queues suffice.
fn depths(symbols: &[(u32, usize)], longest: usize) -> [usize; 16] {
    let leaves = symbols.len();
    let mut parents = vec![0; 2 * leaves - 1];
    let mut weights: Vec<u64> = symbols.iter().map(|(count, _)| u64::from(*count)).collect();
    let (mut leaf, mut node) = (0, leaves);
    for made in leaves..2 * leaves - 1 {
        let mut lightest = || {
            let is_leaf = leaf < leaves && (node >= made || weights[leaf] <= weights[node]);
            let next = if is_leaf { &mut leaf } else { &mut node };
            *next += 1;
            *next - 1
        };
        let (first, second) = (lightest(), lightest());
        (parents[first], parents[second]) = (made, made);
        weights.push(weights[first] + weights[second]);
    }
    let mut of_length = [0; 16];
    let mut depth = vec![0; 2 * leaves - 1];
    for index in (0..2 * leaves - 2).rev() {
        depth[index] = depth[parents[index]] + 1;
        if index < leaves {
            of_length[depth[index].min(longest)] += 1;
        }
    }
    of_length
}

/// Makes room: as long as all codes together are too many, a code of the longest ones goes below one that is shorter.
fn fit(of_length: &mut [usize; 16], longest: usize) {
    let taken: usize = (1..=longest).map(|length| of_length[length] << (longest - length)).sum();
    for _ in 1 << longest..taken {
        let Some(shorter) = (1..longest).rev().find(|length| of_length[*length] > 0) else { return };
        of_length[longest] -= 1;
        of_length[shorter] -= 1;
        of_length[shorter + 1] += 2;
    }
}

/// What tells the lengths of codes, in a code of its own.
struct Header {
    symbols: usize,
    distances: usize,
    told: usize,
    /// Code of a length, or of a repetition, and what stands behind it: bits and how many.
    runs: Vec<(usize, u32, u8)>,
    prefix: Prefix<19>,
}

impl Header {
    fn of(symbols: &[u8; SYMBOLS], distances: &[u8; DISTANCES]) -> Self {
        let used = |lengths: &[u8]| lengths.iter().rposition(|length| *length > 0).map_or(0, |last| last + 1);
        let (count, back) = (used(symbols), used(distances).max(1));
        let lengths = [&symbols[..count], &distances[..back]].concat();
        let runs: Vec<_> =
            lengths.chunk_by(|one, next| one == next).flat_map(|run| repeated(run[0], run.len())).collect();
        let mut counts = [0; 19];
        for (code, ..) in &runs {
            counts[*code] += 1;
        }
        let prefix = Prefix::of(&counts, LONGEST_OF_LENGTHS);
        let told = ORDER.iter().rposition(|code| prefix.lengths[*code] > 0).map_or(4, |last| (last + 1).max(4));
        Self { symbols: count, distances: back, told, runs, prefix }
    }

    fn bits(&self) -> u64 {
        let of_run = |(code, _, extra): &(usize, u32, u8)| u64::from(self.prefix.lengths[*code] + extra);
        17 + 3 * self.told as u64 + self.runs.iter().map(of_run).sum::<u64>()
    }

    fn write(&self, out: &mut Bits) {
        // Not the last block; with codes of its own.
        out.put(0b100, 3);
        out.put(self.symbols as u64 - 257, 5);
        out.put(self.distances as u64 - 1, 5);
        out.put(self.told as u64 - 4, 4);
        for code in &ORDER[..self.told] {
            out.put(self.prefix.lengths[*code].into(), 3);
        }
        for (code, bits, count) in &self.runs {
            out.put(self.prefix.bits[*code].into(), self.prefix.lengths[*code].into());
            out.put((*bits).into(), (*count).into());
        }
    }
}

/// A run of the same length: code 16 repeats the last one 3 to 6 times, 17 a zero 3 to 10 times, 18 one 11 to 138 times.
fn repeated(length: u8, run: usize) -> Vec<(usize, u32, u8)> {
    let once = (usize::from(length), 0, 0);
    let mut codes = Vec::new();
    let mut left = run;
    if length > 0 {
        codes.push(once);
        left -= 1;
    }
    while left > 0 {
        let (taken, code) = match (length, left) {
            (0, 11..) => (left.min(138), (18, 11, 7)),
            (0, 3..) => (left, (17, 3, 3)),
            (1.., 3..) => (left.min(6), (16, 3, 2)),
            _ => (1, once),
        };
        // infallible: no run is that long
        let more = u32::try_from(taken).unwrap_or_default().saturating_sub(code.1);
        codes.push(if taken == 1 { once } else { (code.0, more, code.2) });
        left -= taken;
    }
    codes
}
