//! The records around the data. Sections are those of PKWARE's APPNOTE 6.3.10.

use std::io;

use jiff::{Timestamp, tz::TimeZone};
use waybill::domain::wrapping::ZipCipher;

/// Checksum and sizes follow the data (bit 3); the name is UTF-8 (bit 11).
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// The data is encrypted.
const ENCRYPTED: u16 = 1;

const DEFLATE: u16 = 8;
/// The real method stands in the extra field of AE-2.
const AES: u16 = 99;
/// 4.4.3: what readers must know. The highest includes the others.
const VERSION_DEFLATE: u16 = 20;
const VERSION_ZIP64: u16 = 45;
const VERSION_AES: u16 = 51;

/// Extra field 0x9901: version 2, vendor "AE", strength 3 (256 bits), real method.
const AES_EXTRA: [u8; 11] = [0x01, 0x99, 7, 0, 2, 0, b'A', b'E', 3, DEFLATE.to_le_bytes()[0], 0];

/// Made on Unix, so that the attributes are a mode: a file that its owner may change and others read.
const UNIX: u16 = 3 << 8;
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// Stands in 4 bytes where the value stands in a ZIP64 field.
const ELSEWHERE: u32 = u32::MAX;

/// A time as DOS has it, two seconds exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DosTime {
    date: u16,
    time: u16,
}

impl DosTime {
    /// Of a moment, in UTC.
    pub(super) fn of(moment: Timestamp) -> Self {
        let moment = moment.to_zoned(TimeZone::UTC);
        // Clamped to what 7 bits can hold, no field is negative.
        let [year, month, day] = [moment.year().clamp(1980, 2107) - 1980, moment.month().into(), moment.day().into()];
        let [hour, minute, second] = [moment.hour(), moment.minute(), moment.second() / 2].map(i16::from);
        Self {
            date: (year << 9 | month << 5 | day).cast_unsigned(),
            time: (hour << 11 | minute << 5 | second).cast_unsigned(),
        }
    }

    /// What the traditional cipher checks a password by.
    pub(super) fn check_byte(self) -> u8 {
        self.time.to_be_bytes()[0]
    }
}

/// What headers say of one file.
pub(super) struct Entry {
    name: String,
    name_length: u16,
    cipher: Option<ZipCipher>,
    pub(super) modified: DosTime,
    /// Where its local header stands in the archive.
    offset: u64,
    /// Of the file.
    pub(super) crc: u32,
    /// Bytes of the file.
    pub(super) size: u64,
    /// Bytes of its data in the archive.
    pub(super) compressed: u64,
}

impl Entry {
    /// An entry that begins at that offset.
    ///
    /// # Errors
    /// If the name is longer than 65,535 bytes.
    pub(super) fn new(name: &str, cipher: Option<ZipCipher>, modified: DosTime, offset: u64) -> io::Result<Self> {
        let name_length = u16::try_from(name.len()).map_err(io::Error::other)?;
        let name = name.to_owned();
        Ok(Self { name, name_length, cipher, modified, offset, crc: 0, size: 0, compressed: 0 })
    }

    /// What precedes the data, 4.3.7. Nothing is known of them yet.
    pub(super) fn local_header(&self) -> Vec<u8> {
        let aes = self.aes_extra();
        let mut out = Record::new(*b"PK\x03\x04");
        self.common(&mut out, 0, [0; 2]);
        out.u16(length(aes)).bytes(self.name.as_bytes()).bytes(aes);
        out.0
    }

    /// What follows the data, 4.3.9. Who reads a pipe tells by what has passed how wide the sizes are.
    pub(super) fn descriptor(&self) -> Vec<u8> {
        let mut out = Record::new(*b"PK\x07\x08");
        out.u32(self.shown_crc());
        match [narrow(self.compressed), narrow(self.size)] {
            [ELSEWHERE, _] | [_, ELSEWHERE] => out.u64(self.compressed).u64(self.size),
            [compressed, size] => out.u32(compressed).u32(size),
        };
        out.0
    }

    /// Its place in the directory, 4.3.12.
    pub(super) fn directory_header(&self) -> Vec<u8> {
        let zip64 = zip64_extra(&self.large());
        let aes = self.aes_extra();
        let mut out = Record::new(*b"PK\x01\x02");
        out.u16(UNIX | self.version());
        self.common(&mut out, self.shown_crc(), [narrow(self.compressed), narrow(self.size)]);
        out.u16(length(&zip64) + length(aes));
        // No comment, on the first disk, not known to be text.
        out.u16(0).u16(0).u16(0).u32(ATTRIBUTES).u32(narrow(self.offset));
        out.bytes(self.name.as_bytes()).bytes(&zip64).bytes(aes);
        out.0
    }

    /// What both headers say, up to the length of the name.
    fn common(&self, out: &mut Record, crc: u32, [compressed, size]: [u32; 2]) {
        let flags = if self.cipher.is_some() { FLAGS | ENCRYPTED } else { FLAGS };
        let method = if self.is_aes() { AES } else { DEFLATE };
        out.u16(self.version()).u16(flags).u16(method).u16(self.modified.time).u16(self.modified.date);
        out.u32(crc).u32(compressed).u32(size).u16(self.name_length);
    }

    fn version(&self) -> u16 {
        match self.large() {
            _ if self.is_aes() => VERSION_AES,
            large if large.is_empty() => VERSION_DEFLATE,
            _ => VERSION_ZIP64,
        }
    }

    /// What has no room in 4 bytes, in the order of the ZIP64 field.
    fn large(&self) -> Vec<u64> {
        [self.size, self.compressed, self.offset].into_iter().filter(|value| narrow(*value) == ELSEWHERE).collect()
    }

    fn aes_extra(&self) -> &'static [u8] {
        if self.is_aes() { &AES_EXTRA } else { &[] }
    }

    /// AE-2 shows none: it would tell something of the content, and the authentication code is better.
    fn shown_crc(&self) -> u32 {
        if self.is_aes() { 0 } else { self.crc }
    }

    fn is_aes(&self) -> bool {
        self.cipher == Some(ZipCipher::Aes256)
    }
}

/// What ends an archive whose directory of so many entries begins at `offset` and is `size` bytes long, 4.3.14 to 4.3.16.
pub(super) fn end(entries: u64, offset: u64, size: u64) -> Vec<u8> {
    let few = u16::try_from(entries).unwrap_or(u16::MAX);
    let mut out = Record(Vec::new());
    if few == u16::MAX || narrow(offset) == ELSEWHERE || narrow(size) == ELSEWHERE {
        // Length of what follows it; one disk.
        out.bytes(b"PK\x06\x06").u64(44).u16(UNIX | VERSION_ZIP64).u16(VERSION_ZIP64).u32(0).u32(0);
        out.u64(entries).u64(entries).u64(size).u64(offset);
        out.bytes(b"PK\x06\x07").u32(0).u64(offset + size).u32(1);
    }
    out.bytes(b"PK\x05\x06").u16(0).u16(0).u16(few).u16(few).u32(narrow(size)).u32(narrow(offset)).u16(0);
    out.0
}

/// As 4 bytes have it.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(ELSEWHERE)
}

/// The ZIP64 field, 4.5.3; none without values.
fn zip64_extra(values: &[u64]) -> Vec<u8> {
    let mut out = Record(Vec::new());
    if !values.is_empty() {
        out.u16(1).u16(length(values) * 8);
    }
    for value in values {
        out.u64(*value);
    }
    out.0
}

/// Of extra fields, which are short.
fn length<T>(items: &[T]) -> u16 {
    u16::try_from(items.len()).unwrap_or(u16::MAX)
}

/// Numbers are little-endian.
struct Record(Vec<u8>);

impl Record {
    fn new(signature: [u8; 4]) -> Self {
        Self(signature.to_vec())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size: u64, compressed: u64, offset: u64) -> Entry {
        let modified = DosTime::of(Timestamp::UNIX_EPOCH);
        Entry { size, compressed, ..Entry::new("n", None, modified, offset).unwrap() }
    }

    #[test]
    fn times_are_utc_and_within_what_dos_knows() {
        let dos = |text: &str| DosTime::of(text.parse().unwrap());
        let moment = dos("2026-11-22T23:59:59.999Z");
        assert_eq!((moment.date, moment.time), (46 * 512 + 11 * 32 + 22, 23 * 2_048 + 59 * 32 + 29));
        assert_eq!(moment.check_byte(), 23 * 8 + 59 / 8);
        assert_eq!(dos("1970-01-01T00:00:00Z").date, 32 + 1);
        assert_eq!(dos("2200-12-31T00:00:00Z").date, 127 * 512 + 12 * 32 + 31);
    }

    #[test]
    fn the_directory_has_zip64_fields_only_as_needed() {
        let extra = |entry: Entry| entry.directory_header().split_off(46 + 1);
        let most = u64::from(u32::MAX) - 1;
        assert!(extra(entry(most, most, most)).is_empty());
        assert_eq!(extra(entry(most + 1, 5, 6)), [&[1, 0, 8, 0], &(most + 1).to_le_bytes()[..]].concat());
        let offset_alone = extra(entry(1, 2, 1 << 40));
        assert_eq!(offset_alone, [&[1, 0, 8, 0], &(1_u64 << 40).to_le_bytes()[..]].concat());
        assert_eq!(extra(entry(1 << 33, 1 << 34, 1 << 35)).len(), 4 + 3 * 8);
    }

    #[test]
    fn descriptors_are_as_wide_as_needed() {
        let most = u64::from(u32::MAX) - 1;
        assert_eq!(entry(most, most, 1 << 40).descriptor().len(), 16);
        let wide = entry(5, most + 1, 0).descriptor();
        assert_eq!(wide[8..], [(most + 1).to_le_bytes(), 5_u64.to_le_bytes()].concat());
        assert_eq!(entry(most + 1, 5, 0).descriptor().len(), 24);
    }

    #[test]
    fn the_end_has_zip64_records_only_as_needed() {
        let most = u64::from(u32::MAX) - 1;
        assert_eq!(end(65_534, most, most).len(), 22);
        for large in [end(65_535, 1, 1), end(1, most + 1, 1), end(1, 1, most + 1)] {
            assert_eq!(large.len(), 56 + 20 + 22);
        }
    }
}
