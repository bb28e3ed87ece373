//! A package of one file.

use std::io;

use aws_lc_rs::digest::Context;

use super::{Archive, PartWriter, stream::Stream};
use crate::error::Cause;

/// Writes its only file as it is.
pub(super) struct Bare<S> {
    out: S,
}

impl<S: Stream> Bare<S> {
    /// Into that stream.
    pub(super) fn new(out: S) -> Self {
        Self { out }
    }
}

impl<S: Stream> Archive for Bare<S> {
    fn begin(&mut self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    fn sha256(&self) -> Option<Context> {
        self.out.sha256()
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<PartWriter, Cause> {
        self.out.finish()
    }
}
