//! The packaged file cut into parts, counted and digested on the way.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use aws_lc_rs::digest::Context;
use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use crate::{meter::Meter, upload::part_size};

/// A piece of the packaged file, in order.
pub enum Part {
    /// Of full size; more follow.
    Full(Bytes),
    /// What is left, at most of full size; the file is whole with it.
    Last(Bytes),
}

/// Cuts what is written into parts. Blocks while the upload is behind: for a thread that may. A writer that is
/// dropped without [`finish`](Self::finish) closes the channel without a last part.
pub struct PartWriter {
    parts: Sender<Part>,
    number: u32,
    buffer: Vec<u8>,
    meter: Meter,
    waited: Duration,
}

impl PartWriter {
    /// Sends its parts there.
    pub fn new(parts: Sender<Part>) -> Self {
        // The first part grows as it fills, for most files end within it.
        Self { parts, number: 1, buffer: Vec::new(), meter: Meter::default(), waited: Duration::ZERO }
    }

    /// SHA-256 of what was written so far.
    pub(super) fn sha256(&self) -> Context {
        self.meter.digest()
    }

    /// How long it waited for the upload.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Sends what is left. Returns bytes and SHA-256 of the whole.
    pub fn finish(mut self) -> io::Result<(u64, String)> {
        let rest = std::mem::take(&mut self.buffer);
        self.send(Part::Last(rest.into()))?;
        Ok(self.meter.finish())
    }

    fn send(&mut self, part: Part) -> io::Result<()> {
        let since = Instant::now();
        let sent = self.parts.blocking_send(part);
        self.waited += since.elapsed();
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the upload was cut off"))
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full part leaves only when more follows: what is last must go as the last.
        if !bytes.is_empty() && self.buffer.len() == part_size(self.number) {
            let full = std::mem::take(&mut self.buffer);
            self.send(Part::Full(full.into()))?;
            self.number += 1;
            self.buffer.reserve_exact(part_size(self.number));
        }
        let taken = bytes.len().min(part_size(self.number) - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        self.meter.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn a_file_of_exactly_one_part_is_its_last() {
        let (sender, mut parts) = mpsc::channel(1);
        let mut writer = PartWriter::new(sender);
        writer.write_all(&vec![7; part_size(1)]).unwrap();
        let (bytes, _) = writer.finish().unwrap();
        assert_eq!(bytes, part_size(1) as u64);
        assert!(matches!(parts.try_recv(), Ok(Part::Last(rest)) if rest.len() == part_size(1)));
        assert!(parts.try_recv().is_err());
    }

    #[test]
    fn full_parts_come_first() {
        let (sender, mut parts) = mpsc::channel(2);
        let mut writer = PartWriter::new(sender);
        writer.write_all(&vec![7; part_size(1) + 1]).unwrap();
        writer.finish().unwrap();
        assert!(matches!(parts.try_recv(), Ok(Part::Full(part)) if part.len() == part_size(1)));
        assert!(matches!(parts.try_recv(), Ok(Part::Last(rest)) if rest.len() == 1));
    }

    #[test]
    fn a_writer_that_fails_leaves_no_last_part() {
        let (sender, mut parts) = mpsc::channel(1);
        let mut writer = PartWriter::new(sender);
        writer.write_all(b"half").unwrap();
        drop(writer);
        assert!(matches!(parts.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }
}
