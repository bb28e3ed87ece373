//! Packages without an upload, for tests.

use std::{io::Write, thread};

use tokio::sync::mpsc;

use super::{Part, PartWriter};

/// What `write` returns, and what it wrote; none of it where it did not come to the last part.
pub(super) fn collect<T>(write: impl FnOnce(PartWriter) -> T) -> (T, Option<Vec<u8>>) {
    collect_into(Vec::new(), write)
}

/// The same, with what it wrote in `sink`.
pub(super) fn collect_into<T, S: Write + Send + 'static>(
    mut sink: S,
    write: impl FnOnce(PartWriter) -> T,
) -> (T, Option<S>) {
    let (sender, mut parts) = mpsc::channel(1);
    let collecting = thread::spawn(move || {
        while let Some(part) = parts.blocking_recv() {
            let (Part::Full(bytes) | Part::Last(bytes)) = &part;
            sink.write_all(bytes).unwrap();
            if matches!(part, Part::Last(_)) {
                return Some(sink);
            }
        }
        None
    });
    let result = write(PartWriter::new(sender));
    (result, collecting.join().unwrap())
}
