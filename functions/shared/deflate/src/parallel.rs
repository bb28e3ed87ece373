//! One stream by several threads, strip by strip.

use std::{
    cell::RefCell,
    io::{self, Write},
};

use super::{Compressor, Crew, END, Level, Strip};

/// What takes compressed bytes, and may change them in place.
type Result = io::Result<()>;

thread_local! {
    /// Of threads that compress.
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new());
}

/// Makes streams, one after the other. Of a stream that is longer than a strip, each thread has up to three strips at
/// a time, so memory is bounded: about 4 MiB for each thread.
pub struct Deflate {
    level: Level,
    strip: Strip,
    crew: Crew<Piece>,
    /// Those that are free.
    pieces: Vec<Piece>,
}

/// A strip on its way to a thread and back.
#[derive(Default)]
struct Piece {
    strip: Strip,
    level: Level,
    made: Vec<u8>,
}

impl Piece {
    fn compress(&mut self) {
        self.made.clear();
        COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(&self.strip, self.level, &mut self.made));
    }
}

impl Deflate {
    /// For streams of that level. Threads get to work once there is a second strip.
    pub fn new(level: Level) -> Self {
        Self { level, strip: Strip::default(), crew: Crew::default(), pieces: Vec::new() }
    }

    /// From the next stream on, another level.
    pub fn set_level(&mut self, level: Level) {
        self.level = level;
    }

    /// Takes bytes of the stream; what is ready of what they become goes to `write`, which may change it in place.
    ///
    /// # Errors
    /// Those of `write`; also if a thread died.
    pub fn push(&mut self, mut bytes: &[u8], write: &mut impl FnMut(&mut [u8]) -> Result) -> Result {
        while !bytes.is_empty() {
            // Only once more is there: a stream of one strip needs no threads.
            if self.strip.is_full() {
                self.hand_over(write)?;
            }
            bytes = &bytes[self.strip.fill(bytes)..];
        }
        Ok(())
    }

    /// Ends the stream; the next one may begin.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(&mut self, write: &mut impl FnMut(&mut [u8]) -> Result) -> Result {
        if !self.strip.is_empty() {
            if self.crew.is_idle() {
                self.do_itself(write)?;
            } else {
                self.hand_over(write)?;
            }
        }
        while !self.crew.is_idle() {
            self.collect(write)?;
        }
        write(&mut END.clone())
    }

    /// Gives the strip to a thread, in exchange for the one that was given first.
    fn hand_over(&mut self, write: &mut impl FnMut(&mut [u8]) -> Result) -> Result {
        if self.level == Level::Stored {
            return self.do_itself(write);
        }
        if self.crew.is_full() {
            self.collect(write)?;
        }
        let mut piece = self.filled();
        self.crew.hand_over(move || {
            piece.compress();
            piece
        })
    }

    /// The strip, in exchange for an empty one.
    fn filled(&mut self) -> Piece {
        let mut piece = self.pieces.pop().unwrap_or_default();
        std::mem::swap(&mut piece.strip, &mut self.strip);
        piece.level = self.level;
        piece
    }

    /// Waits for the strip that was handed over first.
    fn collect(&mut self, write: &mut impl FnMut(&mut [u8]) -> Result) -> Result {
        match self.crew.collect()? {
            Some(piece) => self.write(piece, write),
            None => Ok(()),
        }
    }

    fn write(&mut self, mut piece: Piece, write: &mut impl FnMut(&mut [u8]) -> Result) -> Result {
        write(&mut piece.made)?;
        piece.strip.clear();
        self.pieces.push(piece);
        Ok(())
    }

    /// Here and now: what is little work, or all there is.
    fn do_itself(&mut self, write: &mut impl FnMut(&mut [u8]) -> Result) -> Result {
        let mut piece = self.filled();
        piece.compress();
        self.write(piece, write)
    }
}

/// One stream into a writer.
pub struct DeflateWriter<W> {
    deflate: Deflate,
    out: W,
}

impl<W: Write> DeflateWriter<W> {
    /// Begins a stream of that level.
    pub fn new(out: W, level: Level) -> Self {
        Self { deflate: Deflate::new(level), out }
    }

    /// Ends it.
    ///
    /// # Errors
    /// Those of the writer; also if a thread died.
    pub fn finish(mut self) -> io::Result<W> {
        self.deflate.finish(&mut |made| self.out.write_all(made))?;
        Ok(self.out)
    }
}

impl<W: Write> Write for DeflateWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.deflate.push(bytes, &mut |made| self.out.write_all(made))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A strip has a fixed size to fill: there is nothing that could be sent early.
        Ok(())
    }
}
