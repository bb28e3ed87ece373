//! PKWARE's first cipher, APPNOTE 6.1. **Weak**: some bytes of known plaintext yield its keys. It is there for receivers
//! whose tools know no other.

use waybill::seal::random_bytes;

/// Random bytes before the data, with the byte that a password is checked by as the last.
const PREFIX: usize = 12;

/// Encrypts one entry.
pub(in super::super) struct Traditional([u32; 3]);

impl Traditional {
    /// Returns what precedes the data, too. A wrong password is told by `check` in 255 cases of 256; the checksum tells the
    /// others.
    pub(super) fn begin(password: &[u8], check: u8) -> (Self, Vec<u8>) {
        let mut cipher = Self([0x1234_5678, 0x2345_6789, 0x3456_7890]);
        for byte in password {
            cipher.update(*byte);
        }
        let mut prefix = random_bytes::<PREFIX>();
        prefix[PREFIX - 1] = check;
        cipher.apply(&mut prefix);
        (cipher, prefix.to_vec())
    }

    /// Encrypts in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let plain = *byte;
            *byte ^= self.stream();
            self.update(plain);
        }
    }

    /// The next byte of the key stream.
    fn stream(&self) -> u8 {
        let [low, high, ..] = (self.0[2] | 2).to_le_bytes();
        let word = u16::from_le_bytes([low, high]);
        word.wrapping_mul(word ^ 1).to_be_bytes()[0]
    }

    fn update(&mut self, plain: u8) {
        let Self([first, second, third]) = self;
        *first = crc(*first, plain);
        *second = second.wrapping_add(*first & 0xFF).wrapping_mul(134_775_813).wrapping_add(1);
        *third = crc(*third, second.to_be_bytes()[0]);
    }
}

/// One step of CRC-32.
fn crc(state: u32, byte: u8) -> u32 {
    let [low, ..] = state.to_le_bytes();
    (state >> 8) ^ CRC[usize::from(low ^ byte)]
}

/// The steps of all bytes.
static CRC: [u32; 256] = {
    let mut table = [0; 256];
    let (mut index, mut byte) = (0, 0);
    while index < table.len() {
        let mut value: u32 = byte;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
        byte += 1;
    }
    table
};
