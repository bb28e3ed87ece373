use std::io::{Read, Write};

use proptest::prelude::*;

use super::*;

fn deflated(content: &[u8], level: Level, piece: usize) -> Vec<u8> {
    let mut writer = DeflateWriter::new(Vec::new(), level);
    for piece in content.chunks(piece.max(1)) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

/// By a decoder that is not ours.
fn inflated(stream: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut decoder = flate2::read::DeflateDecoder::new(stream);
    decoder.read_to_end(&mut content).unwrap();
    assert_eq!(decoder.total_in(), stream.len() as u64, "it ends where the stream ends");
    content
}

fn levels() -> impl Strategy<Value = Level> {
    prop_oneof![3 => Just(Level::Fast), 1 => Just(Level::Stored), 1 => (2_u32..=9).prop_map(Level::Zlib)]
}

/// Pieces of text that come again, numbers, runs, and noise.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[a-z ,]{1,40}".prop_map(String::into_bytes),
        "[0-9]{1,12}".prop_map(String::into_bytes),
        (any::<u8>(), 1_usize..2_000).prop_map(|(byte, times)| vec![byte; times]),
        proptest::collection::vec(any::<u8>(), 1..300),
    ];
    let pieces = proptest::collection::vec(piece, 1..12);
    (pieces, proptest::collection::vec(any::<prop::sample::Index>(), 0..3_000))
        .prop_map(|(pieces, order)| order.iter().flat_map(|index| index.get(&pieces)).copied().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn contents_read_back(content in contents(), level in levels(), piece in 1_usize..600_000) {
        prop_assert!(inflated(&deflated(&content, level, piece)) == content);
    }

    #[test]
    fn what_comes_out_depends_on_what_goes_in_alone(content in contents(), pieces in (1_usize..9_000, 1_usize..900_000)) {
        let (one, other) = (deflated(&content, Level::Fast, pieces.0), deflated(&content, Level::Fast, pieces.1));
        prop_assert!(one == other);
    }
}

#[test]
fn lengths_around_a_blocks() {
    let text: Vec<u8> = (0..5 * BLOCK).map(|n| b"a,bc;0123456789"[n * n / 7 % 15]).collect();
    let around = (0..50).chain([257, 258, 259, 300]);
    let blocks = (1..=4).flat_map(|n| [n * BLOCK - 17, n * BLOCK - 1, n * BLOCK, n * BLOCK + 1, n * BLOCK + 17]);
    for length in around.chain(blocks) {
        for level in [Level::Fast, Level::Stored, Level::Zlib(6)] {
            assert!(inflated(&deflated(&text[..length], level, 1 << 20)) == text[..length], "{length} {level:?}");
        }
    }
}

#[test]
fn blocks_side_by_side_become_what_each_becomes_alone() {
    let text: Vec<u8> =
        (0..3 * BLOCK).flat_map(|n| (n * n % 9_973 / (n / BLOCK + 1)).to_string().into_bytes()).collect();
    let compressed = |pieces: &[&[u8]]| {
        let (mut strip, mut out) = (Strip::default(), Vec::new());
        for piece in pieces {
            assert_eq!(strip.fill(piece), piece.len());
        }
        Compressor::new().compress(&strip, Level::Fast, &mut out);
        out
    };
    let blocks: Vec<&[u8]> = text.chunks(BLOCK).take(LANES).collect();
    // Also with one that comes to its end much earlier, and without one.
    for last in [BLOCK, BLOCK / 3, 1, 0] {
        let blocks = [&blocks[..LANES - 1], &[&blocks[LANES - 1][..last]]].concat();
        let alone: Vec<u8> =
            blocks.iter().filter(|block| !block.is_empty()).flat_map(|block| compressed(&[block])).collect();
        assert!(compressed(&blocks) == alone, "{last}");
    }
}

#[test]
fn what_does_not_repeat_grows_by_its_framing_only() {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..2 * BLOCK + 100).map(|_| random()).collect();
    let stream = deflated(&noise, Level::Fast, noise.len());
    assert!(stream.len() < noise.len() + 100, "{}", stream.len());
    assert!(inflated(&stream) == noise);
}

#[test]
fn text_becomes_as_small_as_by_zlibs_second_level() {
    let row = |n: u64| {
        format!(
            "{n},{},{}.{:02},1996-{:02}-{:02},DELIVER IN PERSON,TRUCK,carefully final deposits {}\r\n",
            n * 7_919 % 200_000,
            n * 104_729 % 100_000,
            n % 100,
            n % 12 + 1,
            n % 28 + 1,
            n * 31 % 977
        )
    };
    let text: String = (0..20_000).map(row).collect();
    let ours = deflated(text.as_bytes(), Level::Fast, 1 << 20).len();
    let zlibs = deflated(text.as_bytes(), Level::Zlib(2), 1 << 20).len();
    assert!(ours <= zlibs, "{ours} > {zlibs}");
}

#[test]
fn streams_follow_each_other() {
    let mut deflate = Deflate::new(Level::Fast);
    let lengths = [10, 3 * BLOCK, 2, 0, 100, BLOCK + 1];
    for (text, length) in
        [&b"0123456789abcdef"[..], b"a"].into_iter().flat_map(|text| lengths.map(|length| (text, length)))
    {
        let content = text.repeat(length / text.len() + 1)[..length].to_vec();
        let mut stream = Vec::new();
        let mut write = |made: &mut [u8]| {
            stream.extend_from_slice(made);
            Ok(())
        };
        deflate.push(&content, &mut write).unwrap();
        deflate.finish(&mut write).unwrap();
        assert!(inflated(&stream) == content, "{length}");
    }
}

#[test]
fn an_error_of_the_writer_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = DeflateWriter::new(Full, Level::Fast);
    let block = vec![7; BLOCK];
    let written = (0..100).try_for_each(|_| writer.write_all(&block));
    assert_eq!(written.unwrap_err().to_string(), "full");
    assert!(DeflateWriter::new(Full, Level::Fast).finish().is_err());
}
