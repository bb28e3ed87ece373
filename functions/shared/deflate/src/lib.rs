//! Deflate (RFC 1951) in blocks that know nothing of each other, so that several cores make one stream.
//!
//! ```text
//! bytes ▶ strips of three blocks of 128 KiB ▶ [matches ▶ codes ▶ bits] on as many threads as there are cores ▶ in order ▶ one stream
//! ```
//!
//! The fast way is our own (`docs/decisions/0048-own-deflate.md`): text of reports repeats itself in long pieces, and for
//! such it is twice as fast as zlib's second level for the same size. Slower ways, for smaller files, are zlib-rs's levels.
//! What comes out depends on what goes in and on the level, and on nothing else: not on cores, nor on how it arrives.

mod bits;
mod block;
mod codes;
mod crew;
mod lane;
mod parallel;
mod symbols;
mod tokens;

use self::{
    bits::Bits,
    block::{BLOCK, Strip},
    codes::Codes,
    lane::{LANES, Lane},
    tokens::Tokens,
};
pub use self::{
    crew::Crew,
    parallel::{Deflate, DeflateWriter},
};

/// How much work is put into finding repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// None: the bytes as they are, in deflate's framing.
    Stored,
    /// The fast way.
    #[default]
    Fast,
    /// That level of zlib's, 2 to 9.
    Zlib(u32),
}

impl Level {
    /// By its number, 0 to 9, as programs that compress have it: 0 is [`Stored`](Self::Stored), 1 is
    /// [`Fast`](Self::Fast).
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Stored),
            1 => Some(Self::Fast),
            2..=9 => Some(Self::Zlib(number)),
            _ => None,
        }
    }
}

/// A final block without content: it ends a stream whose blocks are none of them the last.
pub const END: [u8; 2] = [0x03, 0x00];

/// Makes blocks. Keeps its memory, about 2 MiB, from one to the next.
struct Compressor {
    lanes: [Lane; LANES],
    tokens: Tokens,
    bits: Bits,
    /// The last level of zlib's that was asked for.
    zlib: Option<(u32, flate2::Compress)>,
}

impl Compressor {
    fn new() -> Self {
        let lanes = std::array::from_fn(|_| Lane::new());
        Self { lanes, tokens: Tokens::new(), bits: Bits::new(), zlib: None }
    }

    /// Appends the blocks. Each ends at a whole byte, and is not the last of its stream.
    fn compress(&mut self, strip: &Strip, level: Level, out: &mut Vec<u8>) {
        match level {
            Level::Stored => strip.filled().for_each(|block| stored(block.bytes(), out)),
            Level::Fast => self.fast(strip, out),
            Level::Zlib(level) => by_zlib(self.zlib(level), strip, out),
        }
    }

    fn zlib(&mut self, level: u32) -> &mut flate2::Compress {
        let known = self.zlib.take().filter(|(known, _)| *known == level);
        let new = || (level, flate2::Compress::new(flate2::Compression::new(level), false));
        &mut self.zlib.insert(known.unwrap_or_else(new)).1
    }

    fn fast(&mut self, strip: &Strip, out: &mut Vec<u8>) {
        lane::find(&mut self.lanes, strip.blocks());
        for (lane, block) in self.lanes.iter().zip(strip.filled()) {
            self.tokens.take(lane);
            let codes = Codes::of(&self.tokens);
            if codes.bits(&self.tokens) / 8 >= block.bytes().len() as u64 {
                stored(block.bytes(), out);
                continue;
            }
            self.bits.clear();
            codes.write(&self.tokens, &mut self.bits);
            // An empty stored block, which begins at a whole byte.
            self.bits.put(0, 3);
            self.bits.align();
            self.bits.put(0xFFFF_0000, 32);
            out.extend_from_slice(self.bits.written());
        }
    }
}

/// As it is, framed in pieces as long as they may be, and an empty one at the end, as above.
fn stored(bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(usize::from(u16::MAX)).chain([&[][..]]) {
        // infallible: no longer than that
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(piece);
    }
}

/// All of it as one block.
fn by_zlib(zlib: &mut flate2::Compress, strip: &Strip, out: &mut Vec<u8>) {
    zlib.reset();
    for block in strip.filled() {
        add_to_zlib(zlib, block.bytes(), flate2::FlushCompress::None, out);
    }
    add_to_zlib(zlib, &[], flate2::FlushCompress::Sync, out);
}

fn add_to_zlib(zlib: &mut flate2::Compress, mut bytes: &[u8], flush: flate2::FlushCompress, out: &mut Vec<u8>) {
    loop {
        out.reserve(BLOCK / 2);
        let before = zlib.total_in();
        // infallible: a stream that is used as it should be, with room to write to, compresses anything
        let _ = zlib.compress_vec(bytes, out, flush);
        bytes = &bytes[usize::try_from(zlib.total_in() - before).unwrap_or(bytes.len())..];
        if bytes.is_empty() && out.len() < out.capacity() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
