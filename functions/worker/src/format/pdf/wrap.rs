//! Breaking text into lines, by the widths of its clusters.

use std::ops::Range;

/// Characters that are drawn together and never parted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cluster {
    /// Where it begins in the text, in bytes.
    pub(super) start: usize,
    /// In ems.
    pub(super) width: f32,
    /// What a line may do at it.
    pub(super) kind: Kind,
}

/// What a line may do at a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ends a line, and is not shown.
    Newline,
    /// A line may end before it; it is not shown at a line's end.
    Space,
    /// A word that is too long for a line is broken behind it.
    Soft,
    /// Anything else.
    Solid,
}

impl Kind {
    /// Of the cluster that begins with this character.
    pub(super) const fn of(first: char) -> Self {
        match first {
            '\n' => Self::Newline,
            ' ' => Self::Space,
            '-' | '/' | '_' | '@' | '.' | ',' | ';' | ':' | '&' | '?' | '=' | '\u{ad}' | '\u{200b}' => Self::Soft,
            _ => Self::Solid,
        }
    }
}

/// A line of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// What it shows, in bytes.
    pub(super) text: Range<usize>,
    /// In ems.
    pub(super) width: f32,
}

/// Appends the lines of a text of `length` bytes that are at most `room` ems wide. Lines end at newlines and between
/// words; only a word that is too long for a line is broken. Nothing is left out but newlines, and spaces at a line's
/// end. A cluster wider than the room has a line of its own.
pub(super) fn wrap(clusters: &[Cluster], length: usize, room: f32, lines: &mut Vec<Line>) {
    let mut at = 0;
    while at < clusters.len() {
        let rest = &clusters[at..];
        let taken = take(rest, room);
        let shown = rest[..taken].iter().rposition(|cluster| !is_blank(*cluster)).map_or(0, |last| last + 1);
        let end = rest.get(shown).map_or(length, |next| next.start);
        lines.push(Line { text: rest[0].start..end, width: width(&rest[..shown]) });
        at += taken;
    }
}

/// How wide clusters are together, in ems.
pub(super) fn width(clusters: &[Cluster]) -> f32 {
    clusters.iter().map(|cluster| cluster.width).sum()
}

/// The widest line and the widest word of a text that is not wrapped, in ems.
pub(super) fn extent(clusters: &[Cluster]) -> (f32, f32) {
    let line = clusters.split(|cluster| cluster.kind == Kind::Newline).map(width).fold(0.0, f32::max);
    let word = clusters.split(|cluster| is_blank(*cluster)).map(width).fold(0.0, f32::max);
    (line, word)
}

/// How many clusters the first line takes, with what is not shown of them: one at least.
fn take(clusters: &[Cluster], room: f32) -> usize {
    let mut width = 0.0;
    let mut in_word = false;
    let mut words_end = None;
    let mut soft_end = None;
    for (index, cluster) in clusters.iter().enumerate() {
        if cluster.kind == Kind::Newline {
            return index + 1;
        }
        width += cluster.width;
        if cluster.kind == Kind::Space {
            // Behind the last of them, so that the next line begins with a word.
            words_end = (in_word || words_end.is_some()).then_some(index + 1);
            in_word = false;
            continue;
        }
        if width > room && index > 0 {
            return words_end.or(soft_end).unwrap_or(index);
        }
        in_word = true;
        if cluster.kind == Kind::Soft {
            soft_end = Some(index + 1);
        }
    }
    clusters.len()
}

const fn is_blank(cluster: Cluster) -> bool {
    matches!(cluster.kind, Kind::Newline | Kind::Space)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clusters(text: &str) -> Vec<Cluster> {
        text.char_indices()
            .map(|(start, c)| Cluster { start, width: if c == '\n' { 0.0 } else { 1.0 }, kind: Kind::of(c) })
            .collect()
    }

    fn lines(text: &str, room: f32) -> Vec<Line> {
        let mut lines = Vec::new();
        wrap(&clusters(text), text.len(), room, &mut lines);
        lines
    }

    fn shown(text: &str, room: f32) -> Vec<&str> {
        lines(text, room).into_iter().map(|line| &text[line.text]).collect()
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(shown("one two  three", 7.0), ["one two", "three"]);
        assert_eq!(shown("one two", 3.0), ["one", "two"]);
        assert_eq!(shown("a bcdefgh", 4.0), ["a", "bcde", "fgh"]);
        assert_eq!(shown("x-ray-12345", 7.0), ["x-ray-", "12345"]);
        assert_eq!(shown("  in", 9.0), ["  in"]);
    }

    #[test]
    fn newlines_end_lines() {
        assert_eq!(shown("a\n\nb \n", 9.0), ["a", "", "b"]);
        assert_eq!(shown("", 9.0), [""; 0]);
    }

    #[test]
    fn extents_are_those_of_lines_and_words() {
        assert_eq!(extent(&clusters("one three\nab")), (9.0, 5.0));
        assert_eq!(extent(&[]), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_is_lost(text in "[a-z é\\-\n]{0,60}", room in 1_u8..20) {
            let room = f32::from(room);
            let mut end = 0;
            for line in lines(&text, room) {
                prop_assert!(line.width <= room);
                let shown: f32 = text[line.text.clone()].chars().map(|_| 1.0).sum();
                prop_assert!((line.width - shown).abs() < 0.001);
                prop_assert!(text[end..line.text.start].chars().all(|c| matches!(c, ' ' | '\n')));
                end = line.text.end;
            }
            prop_assert!(text[end..].chars().all(|c| matches!(c, ' ' | '\n')));
        }

        #[test]
        fn a_word_that_fits_is_not_broken(text in "[a-z][a-z ]{0,60}", room in 1_u8..20) {
            let pieces: Vec<_> = lines(&text, f32::from(room)).into_iter().map(|line| line.text).collect();
            for pair in pieces.windows(2) {
                if pair[0].end == pair[1].start {
                    let start = text[..pair[0].end].rfind(' ').map_or(0, |space| space + 1);
                    let end = text[pair[1].start..].find(' ').map_or(text.len(), |space| pair[1].start + space);
                    prop_assert!(end - start > usize::from(room));
                }
            }
        }
    }
}
