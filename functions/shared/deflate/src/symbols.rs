//! What deflate has codes for: bytes, the end of a block, lengths and distances (RFC 1951, section 3.2.5).

/// Codes for bytes, the end and lengths.
pub(super) const SYMBOLS: usize = 286;

/// Codes for distances.
pub(super) const DISTANCES: usize = 30;

/// Code of the end of a block.
pub(super) const END_OF_BLOCK: usize = 256;

/// Longest match that deflate has.
pub(super) const LONGEST: usize = 258;

/// First length of each code, and how many bits tell which of its lengths it is (RFC 1951, section 3.2.5).
pub(super) const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The same of distances.
pub(super) const BACK: [(u16, u8); DISTANCES] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// The code of a length, from 0.
#[inline]
pub(super) fn length_code(length: usize) -> u8 {
    LENGTH_CODES[length & 511]
}

/// By length.
static LENGTH_CODES: [u8; 512] = {
    let mut codes = [0; 512];
    let mut code: u8 = 0;
    while (code as usize) < LENGTHS.len() {
        let (first, bits) = LENGTHS[code as usize];
        let mut length = first as usize;
        while length < first as usize + (1 << bits) && length <= LONGEST {
            codes[length] = code;
            length += 1;
        }
        code += 1;
    }
    codes
};
