//! The cells of a report as text, held until its pages are laid out.

/// Bytes of text that are held at most: what has more of them is nothing to turn pages of.
const MOST: usize = 32 << 20;
/// Bytes of one cell at most: ten pages.
const LONGEST: usize = 65_535;

/// The cells of all rows, as they are shown.
#[derive(Debug, Default)]
pub(super) struct Held {
    text: String,
    /// Where each cell ends in it.
    ends: Vec<usize>,
}

impl Held {
    /// Appends a cell; `false` if there is no room for it. Line breaks of all kinds become newlines and tabs spaces;
    /// other control characters show as U+FFFD.
    pub(super) fn push(&mut self, cell: &[u8]) -> bool {
        let start = self.text.len();
        let cell = String::from_utf8_lossy(cell);
        if cell.chars().any(char::is_control) || cell.contains(['\u{2028}', '\u{2029}']) {
            self.text.extend(cell.replace("\r\n", "\n").chars().map(shown));
        } else {
            self.text.push_str(&cell);
        }
        self.ends.push(self.text.len());
        self.text.len() <= MOST && self.text.len() - start <= LONGEST
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell of that number, in the order in which they came.
    pub(super) fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }
}

fn shown(c: char) -> char {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_as_they_are_shown() {
        let mut held = Held::default();
        for cell in ["a", "", "1\r\n2\r3\u{2028}4", "x\ty\0z", "não"] {
            assert!(held.push(cell.as_bytes()));
        }
        let cells: Vec<_> = (0..held.len()).map(|index| held.get(index)).collect();
        assert_eq!(cells, ["a", "", "1\n2\n3\n4", "x y\u{fffd}z", "não"]);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut held = Held::default();
        let longest = "x".repeat(LONGEST);
        assert!(!held.push(format!("{longest}x").as_bytes()));
        let mut held = Held::default();
        let cells = (0..1_000).take_while(|_| held.push(longest.as_bytes())).count();
        assert_eq!(cells, MOST / LONGEST);
    }
}
