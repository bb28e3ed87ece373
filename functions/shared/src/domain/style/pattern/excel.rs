//! Time patterns as number formats of Excel.

use super::{Item, TimePattern};

/// Longest number format that Excel opens.
const MAX_CODE: usize = 255;

impl TimePattern {
    /// The same as a number format of Excel, such as `yyyy-mm-dd hh:mm:ss.000`. None where it has no code for it: a day
    /// of the year, an offset, an hour that `AM/PM` would change, milliseconds anywhere but behind seconds and a point,
    /// minutes that it would take for months or months for minutes, and what is too long for it.
    pub fn excel_code(&self) -> Option<String> {
        let mut code = String::new();
        for (index, item) in self.items.iter().enumerate() {
            match item {
                Item::Text(text) if text == "." && self.is_fraction(index + 1) => code.push('.'),
                Item::Text(text) => text.chars().for_each(|character| push_literal(&mut code, character)),
                Item::Year => code.push_str("yyyy"),
                Item::ShortYear => code.push_str("yy"),
                Item::Month if !self.is_minute(index) => code.push_str("mm"),
                Item::Minute if self.is_minute(index) => code.push_str("mm"),
                Item::Day => code.push_str("dd"),
                Item::Hour if !self.items.contains(&Item::HalfDay) => code.push_str("hh"),
                Item::Hour12 if self.items.contains(&Item::HalfDay) => code.push_str("hh"),
                Item::HalfDay => code.push_str("AM/PM"),
                Item::Second => code.push_str("ss"),
                Item::Millisecond if self.is_fraction(index) => code.push_str("000"),
                _ => return None,
            }
        }
        (code.len() <= MAX_CODE).then_some(code)
    }

    /// Whether milliseconds stand there, behind seconds and a point.
    fn is_fraction(&self, index: usize) -> bool {
        let Some([second, point]) = index.checked_sub(2).and_then(|from| self.items.get(from..index)) else {
            return false;
        };
        *second == Item::Second
            && matches!(point, Item::Text(text) if text == ".")
            && self.items.get(index) == Some(&Item::Millisecond)
    }

    /// Whether Excel takes `mm` there for minutes: behind hours, or before seconds.
    fn is_minute(&self, index: usize) -> bool {
        let is_code = |item: &&Item| !matches!(item, Item::Text(_));
        let before = self.items[..index].iter().rev().find(is_code);
        let after = self.items[index + 1..].iter().find(is_code);
        matches!(before, Some(Item::Hour | Item::Hour12)) || matches!(after, Some(Item::Second))
    }
}

/// Adds a character that stands for itself.
fn push_literal(code: &mut String, character: char) {
    match character {
        '-' | ':' | ' ' => code.push(character),
        // A backslash may hold for half of a character outside of ASCII.
        character if !character.is_ascii() => code.extend(['"', character, '"']),
        character => code.extend(['\\', character]),
    }
}
