//! A reader of what this encoder writes, small and on its own: texts as programs find them that know no `ActualText`.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
};

use flate2::read::ZlibDecoder;

/// The texts of each page, in the order in which they were drawn.
pub(super) fn pages(pdf: &[u8]) -> Vec<Vec<String>> {
    let objects = objects(pdf);
    let is_page = |object: &&Object| object.head.contains("/Type/Page/");
    objects
        .values()
        .filter(is_page)
        .map(|page| {
            let resources = &objects[&page.reference("/Resources ")].head;
            let fonts = resources.split_once("/Font<<").unwrap().1.split_once(">>").unwrap().0;
            let fonts = fonts.split('/').skip(1).map(|font| {
                let (name, number) = font.split_once(' ').unwrap();
                let font = &objects[&number.split(' ').next().unwrap().parse().unwrap()];
                (name.to_owned(), characters(&objects[&font.reference("/ToUnicode ")].stream))
            });
            texts(&objects[&page.reference("/Contents ")].stream, &fonts.collect())
        })
        .collect()
}

/// All streams, unpacked, one after the other.
pub(super) fn streams(pdf: &[u8]) -> Vec<u8> {
    objects(pdf).into_values().flat_map(|object| object.stream).collect()
}

struct Object {
    head: String,
    stream: Vec<u8>,
}

impl Object {
    /// The number of the object that is named behind that key.
    fn reference(&self, key: &str) -> usize {
        self.head.split_once(key).unwrap().1.split(' ').next().unwrap().parse().unwrap()
    }
}

/// By number, as the table at the file's end has them.
fn objects(pdf: &[u8]) -> BTreeMap<usize, Object> {
    let find =
        |from: usize, what: &str| from + pdf[from..].windows(what.len()).position(|at| at == what.as_bytes()).unwrap();
    let end = String::from_utf8_lossy(&pdf[pdf.len() - 40..]).into_owned();
    let table: usize = end.split_once("startxref\n").unwrap().1.split('\n').next().unwrap().parse().unwrap();
    let table = String::from_utf8_lossy(&pdf[table..]).into_owned();
    let used = table.lines().filter(|line| line.trim_end().ends_with(" n"));
    used.enumerate()
        .map(|(index, line)| {
            let start: usize = line.split(' ').next().unwrap().parse().unwrap();
            let (stop, length) = (find(start, "endobj"), "stream\n".len());
            let head = String::from_utf8_lossy(&pdf[start..stop]).into_owned();
            let head = head.split("\nstream\n").next().unwrap().to_owned();
            let mut stream = Vec::new();
            if head.contains("/FlateDecode") {
                ZlibDecoder::new(&pdf[find(start, "stream\n") + length..]).read_to_end(&mut stream).unwrap();
            }
            (index + 1, Object { head, stream })
        })
        .collect()
}

/// What the codes of a font stand for.
fn characters(map: &[u8]) -> HashMap<u16, String> {
    let map = String::from_utf8_lossy(map);
    let sections = map.split("beginbfchar").skip(1).map(|section| section.split_once("endbfchar").unwrap().0);
    let pairs = sections.flat_map(str::lines).filter_map(|line| line.split_once("> <"));
    pairs
        .map(|(code, text)| {
            let text = text.trim_end_matches('>');
            let units: Vec<_> = (0..text.len() / 4).map(|at| hex(&text[at * 4..at * 4 + 4])).collect();
            (hex(code.trim_start_matches('<')), String::from_utf16(&units).unwrap())
        })
        .collect()
}

fn hex(digits: &str) -> u16 {
    u16::from_str_radix(digits, 16).unwrap()
}

/// One for each text object of a page.
fn texts(content: &[u8], fonts: &HashMap<String, HashMap<u16, String>>) -> Vec<String> {
    let mut texts = Vec::new();
    let mut font = None;
    let mut at = 0;
    while at < content.len() {
        let rest = &content[at..];
        if rest.starts_with(b"BT") {
            texts.push(String::new());
        } else if rest[0] == b'/' {
            let name: Vec<u8> = rest[1..].iter().copied().take_while(u8::is_ascii_alphanumeric).collect();
            font = fonts.get(&String::from_utf8(name).unwrap()).or(font);
        } else if rest.starts_with(b"<<") {
            // Properties, such as `ActualText`.
            at += rest.windows(3).position(|at| at == b"BDC").unwrap();
        } else if matches!(rest[0], b'(' | b'<') {
            let (bytes, length) = string(rest);
            let codes = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            let text: String = codes.filter_map(|code| font.unwrap().get(&code)).map(String::as_str).collect();
            texts.last_mut().unwrap().push_str(&text);
            at += length;
            continue;
        }
        at += 1;
    }
    texts
}

/// A string at the start of what is left, and how long it is there.
fn string(rest: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    if rest[0] == b'<' {
        let end = rest.iter().position(|byte| *byte == b'>').unwrap();
        let digits = String::from_utf8_lossy(&rest[1..end]).into_owned();
        bytes.extend((0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()));
        return (bytes, end + 1);
    }
    // Parentheses that come in pairs are written as they are.
    let (mut at, mut open) = (1, 0);
    while rest[at] != b')' || open > 0 {
        if rest[at] != b'\\' {
            open += i32::from(rest[at] == b'(') - i32::from(rest[at] == b')');
            bytes.push(rest[at]);
            at += 1;
            continue;
        }
        let octal = rest.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            at += 4;
            continue;
        }
        bytes.push(match rest[at + 1] {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            other => other,
        });
        at += 2;
    }
    (bytes, at + 1)
}
