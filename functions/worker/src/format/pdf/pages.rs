//! Which rows stand on which page.

/// A place in the table: a row, and a line in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) row: usize,
    pub(super) line: u16,
}

/// How high things are, in points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heights {
    /// A line of text.
    pub(super) line: f32,
    /// What a row has above and below its lines, together.
    pub(super) padding: f32,
    /// The room for rows on the first page.
    pub(super) first: f32,
    /// The room for rows on each other page: enough for a row of one line.
    pub(super) page: f32,
}

impl Heights {
    /// Of so many lines of one row.
    pub(super) fn row(&self, lines: u16) -> f32 {
        f32::from(lines) * self.line + self.padding
    }

    /// How many lines of one row fit into `room`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a page has few lines, and none below 0"
    )]
    fn lines_in(&self, room: f32) -> u16 {
        ((room - self.padding) / self.line).max(0.0) as u16
    }
}

/// Where each page ends: behind that line. `lines` are those of each row. A row stays whole unless it is higher than a
/// page; then it begins on the page where it stands.
pub(super) fn paginate(lines: &[u16], heights: &Heights) -> Vec<Spot> {
    let mut ends = Vec::new();
    let mut room = heights.first;
    for (row, &count) in lines.iter().enumerate() {
        let mut line = 0;
        if heights.row(count) > room && heights.row(count) <= heights.page {
            ends.push(Spot { row, line });
            room = heights.page;
        }
        while heights.row(count - line) > room {
            line += heights.lines_in(room).min(count - line);
            ends.push(Spot { row, line });
            room = heights.page;
        }
        room -= heights.row(count - line);
    }
    ends.push(Spot { row: lines.len(), line: 0 });
    ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEIGHTS: Heights = Heights { line: 10.0, padding: 2.0, first: 30.0, page: 50.0 };

    fn ends(lines: &[u16]) -> Vec<(usize, u16)> {
        paginate(lines, &HEIGHTS).into_iter().map(|spot| (spot.row, spot.line)).collect()
    }

    #[test]
    fn rows_stay_whole() {
        assert_eq!(ends(&[]), [(0, 0)]);
        assert_eq!(ends(&[1, 1, 1, 1]), [(2, 0), (4, 0)]);
        assert_eq!(ends(&[1, 2, 1]), [(1, 0), (3, 0)]);
    }

    #[test]
    fn a_row_higher_than_a_page_goes_on() {
        assert_eq!(ends(&[1, 6, 1]), [(1, 1), (1, 5), (3, 0)]);
    }

    proptest! {
        #[test]
        fn pages_hold_all_lines_and_none_is_too_high(lines in proptest::collection::vec(1_u16..12, 0..60)) {
            let mut from = Spot { row: 0, line: 0 };
            for (page, end) in paginate(&lines, &HEIGHTS).into_iter().enumerate() {
                prop_assert!(from <= end);
                let mut height = 0.0;
                for (row, &count) in lines.iter().enumerate().take(end.row + 1).skip(from.row) {
                    let first = if row == from.row { from.line } else { 0 };
                    let last = if row == end.row { end.line } else { count };
                    if last > first {
                        height += HEIGHTS.row(last - first);
                    }
                    let is_split = first > 0 || last > 0 && last < count;
                    prop_assert!(!is_split || HEIGHTS.row(count) > HEIGHTS.page);
                }
                let room = if page == 0 { HEIGHTS.first } else { HEIGHTS.page };
                prop_assert!(height <= room);
                from = end;
            }
            prop_assert_eq!(from, Spot { row: lines.len(), line: 0 });
        }
    }
}
