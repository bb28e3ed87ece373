//! Cells that wait on disk until the widths of their columns are known.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, Write},
    path::Path,
};

/// The fastest: what is written is read once, soon.
const ZSTD_LEVEL: i32 = 1;

/// Takes cells, one a line, into a compressed file without a name, which is gone once nobody has it open.
pub(super) struct Spool {
    out: zstd::Encoder<'static, File>,
}

impl Spool {
    /// In that folder.
    pub(super) fn new(scratch: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(scratch)?;
        Ok(Self { out: zstd::Encoder::new(file, ZSTD_LEVEL)? })
    }

    /// Takes whole lines.
    pub(super) fn write(&mut self, lines: &str) -> io::Result<()> {
        self.out.write_all(lines.as_bytes())
    }

    /// The same lines, from the first.
    pub(super) fn read(self) -> io::Result<Spooled> {
        let mut file = self.out.finish()?;
        file.rewind()?;
        Ok(Spooled { lines: BufReader::new(zstd::Decoder::new(file)?) })
    }
}

/// Gives the cells back.
pub(super) struct Spooled {
    lines: BufReader<zstd::Decoder<'static, BufReader<File>>>,
}

impl Spooled {
    /// Puts the next cell into `cell`.
    pub(super) fn next(&mut self, cell: &mut String) -> io::Result<()> {
        cell.clear();
        self.lines.read_line(cell)?;
        // A last line that was cut off has no line feed.
        if cell.pop() == Some('\n') { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
