//! Text inside XML, as spreadsheets read it.
//!
//! What XML 1.0 cannot hold is written `_x0001_`, and text that looks like that by itself has its first underscore
//! written `_x005F_`: the escape of ECMA-376 (`ST_Xstring`).

/// Appends text for an element or for an attribute in double quotes.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !NEEDS_A_LOOK[usize::from(*byte)] {
            continue;
        }
        let rest = &bytes[at..];
        let (replacement, length): (&[u8], usize) = match byte {
            b'&' => (b"&amp;", 1),
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            b'"' => (b"&quot;", 1),
            // As it is, a reader would take it for a line's end.
            b'\r' => (b"&#13;", 1),
            b'_' if begins_escape(rest) => (b"_x005F_", 1),
            0xEF if rest.starts_with(&NONCHARACTERS[0]) => (b"_xFFFE_", 3),
            0xEF if rest.starts_with(&NONCHARACTERS[1]) => (b"_xFFFF_", 3),
            control if is_illegal(*control) => (&control_escape(*control), 1),
            _ => continue,
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(replacement);
        done = at + length;
    }
    out.extend_from_slice(&bytes[done..]);
}

/// U+FFFE and U+FFFF in UTF-8.
const NONCHARACTERS: [[u8; 3]; 2] = [[0xEF, 0xBF, 0xBE], [0xEF, 0xBF, 0xBF]];

/// Bytes that may begin something to be replaced.
const NEEDS_A_LOOK: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = byte != b'\t' as usize && byte != b'\n' as usize;
        byte += 1;
    }
    table[b'&' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'"' as usize] = true;
    table[b'_' as usize] = true;
    table[0xEF] = true;
    table
};

/// Whether it is a control character that XML 1.0 cannot hold.
fn is_illegal(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Whether readers would take its beginning for an escape: `_x`, four hexadecimal digits and an underscore, which may be
/// that of an escape that is about to follow.
fn begins_escape(text: &[u8]) -> bool {
    let Some((b"_x", rest)) = text.split_at_checked(2) else { return false };
    let Some((digits, rest)) = rest.split_at_checked(4) else { return false };
    let follows = match rest.first() {
        Some(b'_') => true,
        Some(0xEF) => NONCHARACTERS.iter().any(|character| rest.starts_with(character)),
        Some(byte) => is_illegal(*byte),
        None => false,
    };
    follows && digits.iter().all(u8::is_ascii_hexdigit)
}

fn control_escape(byte: u8) -> [u8; 7] {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS[usize::from(value & 15)];
    [b'_', b'x', b'0', b'0', digit(byte >> 4), digit(byte), b'_']
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    /// What a spreadsheet makes of it: entities first, as any reader of XML, then the escapes, from left to right.
    pub(in super::super) fn unescaped(text: &str) -> String {
        let text = ["&#13;\r", "&lt;<", "&gt;>", "&quot;\"", "&amp;&"].iter().fold(text.to_owned(), |text, pair| {
            let (entity, character) = pair.split_at(pair.len() - 1);
            text.replace(entity, character)
        });
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let code = rest.strip_prefix("_x").and_then(|rest| rest.split_at_checked(4)).and_then(|(digits, rest)| {
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit()) && rest.starts_with('_');
                is_hex.then(|| u32::from_str_radix(digits, 16).unwrap())
            });
            let (character, length) = match code {
                Some(code) => (char::from_u32(code).unwrap(), 7),
                None => (first, first.len_utf8()),
            };
            out.push(character);
            rest = &rest[length..];
        }
        out
    }

    #[test]
    fn what_xml_cannot_hold() {
        assert_eq!(escaped("\0a\u{1f}\u{fffe}\u{ffff}\u{fffd}"), "_x0000_a_x001F__xFFFE__xFFFF_\u{fffd}");
        assert_eq!(escaped("a\tb\nc\r\n"), "a\tb\nc&#13;\n");
        assert_eq!(escaped("<\"]]>&amp;"), "&lt;&quot;]]&gt;&amp;amp;");
    }

    #[test]
    fn what_looks_like_an_escape() {
        assert_eq!(escaped("_x0041_"), "_x005F_x0041_");
        assert_eq!(escaped("_x0041_x0042_"), "_x005F_x0041_x005F_x0042_");
        assert_eq!(escaped("_x0041\u{1}"), "_x005F_x0041_x0001_");
        assert_eq!(escaped("_x004_ _x004g_ _X0041_ _x0041 snake_case_"), "_x004_ _x004g_ _X0041_ _x0041 snake_case_");
    }

    proptest! {
        #[test]
        fn text_reads_back(text in "([_x04aF\u{0}\u{ffff}é]|_x00[0-9a-f]{2}_|.|\r|\n|&#13;){0,20}") {
            let escaped = escaped(&text);
            let is_legal = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(escaped.chars().all(is_legal));
            prop_assert!(!escaped.contains(['<', '>', '"']));
            prop_assert_eq!(unescaped(&escaped), text);
        }
    }
}
