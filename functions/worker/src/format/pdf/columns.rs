//! How wide the columns are, and which way the paper lies.

/// What a column needs, in ems.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Need {
    /// With words broken; numbers and dates in one line.
    pub(super) tight: f32,
    /// Without breaking words; at least `tight`.
    pub(super) least: f32,
    /// With most cells in one line; at least `least`.
    pub(super) wanted: f32,
    /// With all cells in one line; at least `wanted`.
    pub(super) full: f32,
}

/// Text in one column is not spread wider than this, while other columns want room.
const MOST_WANTED: f32 = 28.0;
/// Longer words may be broken.
const LONGEST_WORD: f32 = 12.0;
/// Words are broken into pieces of that at least.
const SHORTEST_PIECE: f32 = 4.5;
/// A table that is narrower than the paper is stretched by no more, so that the eye finds its way along a row.
const STRETCH: f32 = 2.0;

/// What the cells of a column need, told one by one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gauge {
    /// Whether cells may wrap: they are text.
    pub(super) wraps: bool,
    title: (f32, f32),
    widest: (f32, f32),
    sum: f32,
    cells: f32,
}

impl Gauge {
    /// Of a column with a title of these widths: its line's and its longest word's.
    pub(super) fn new(wraps: bool, title: (f32, f32)) -> Self {
        Self { wraps, title, ..Self::default() }
    }

    /// A cell of these widths.
    pub(super) fn add(&mut self, (line, word): (f32, f32)) {
        self.widest = (self.widest.0.max(line), self.widest.1.max(word));
        self.sum += line;
        self.cells += 1.0;
    }

    /// What the column needs.
    pub(super) fn need(&self) -> Need {
        let (line, word) = if self.wraps { self.widest } else { (self.widest.0, self.widest.0) };
        let breaking = |longest: f32| self.title.1.min(longest).max(if self.wraps { word.min(longest) } else { word });
        let (tight, least) = (breaking(SHORTEST_PIECE), breaking(LONGEST_WORD));
        // Some cells are much longer than most: they wrap.
        let usual = self.sum / self.cells.max(1.0) * 1.6 + 2.0;
        let wanted = line.min(usual).min(MOST_WANTED).max(self.title.0.min(LONGEST_WORD)).max(least);
        Need { tight, least, wanted, full: line.max(self.title.0).max(wanted) }
    }
}

/// The widths of columns in `room` ems, of all of them together: never more.
pub(super) fn distribute(needs: &[Need], room: f32) -> Vec<f32> {
    let steps: [fn(&Need) -> f32; 4] = [|need| need.tight, |need| need.least, |need| need.wanted, |need| need.full];
    if total(needs, steps[0]) >= room {
        let most = level(needs, room);
        return needs.iter().map(|need| need.tight.min(most)).collect();
    }
    for pair in steps.windows(2) {
        let (low, high) = (total(needs, pair[0]), total(needs, pair[1]));
        if high >= room {
            let share = (room - low) / (high - low);
            return needs.iter().map(|need| pair[0](need) + (pair[1](need) - pair[0](need)) * share).collect();
        }
    }
    let stretch = STRETCH.min(room / total(needs, steps[3]).max(1.0));
    needs.iter().map(|need| need.full * stretch).collect()
}

/// What all columns need together.
pub(super) fn total(needs: &[Need], of: fn(&Need) -> f32) -> f32 {
    needs.iter().map(of).sum()
}

/// The width at which columns must be cut for what is left of them to fit into `room`: narrow ones stay as they are.
fn level(needs: &[Need], room: f32) -> f32 {
    let mut widths: Vec<f32> = needs.iter().map(|need| need.tight).collect();
    widths.sort_by(f32::total_cmp);
    let mut left = room;
    let mut columns: f32 = widths.iter().map(|_| 1.0).sum();
    for width in widths {
        let even = left / columns;
        if width > even {
            return even;
        }
        left -= width;
        columns -= 1.0;
    }
    f32::INFINITY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn need(tight: f32, least: f32, wanted: f32, full: f32) -> Need {
        Need { tight, least, wanted, full }
    }

    #[test]
    fn room_goes_to_those_who_want_it() {
        let needs = [need(5.0, 5.0, 5.0, 5.0), need(3.0, 5.0, 25.0, 100.0)];
        assert_eq!(distribute(&needs, 9.0), [5.0, 4.0]);
        assert_eq!(distribute(&needs, 20.0), [5.0, 15.0]);
        assert_eq!(distribute(&needs, 60.0), [5.0, 55.0]);
        assert_eq!(distribute(&[need(4.0, 4.0, 4.0, 4.0)], 60.0), [8.0]);
    }

    #[test]
    fn wide_columns_are_cut_before_narrow_ones() {
        let needs = [30.0, 2.0, 9.0].map(|width| need(width, width, width, width));
        assert_eq!(distribute(&needs, 16.0), [7.0, 2.0, 7.0]);
    }

    #[test]
    fn numbers_are_never_wrapped_and_long_words_are() {
        let mut number = Gauge::new(false, (6.0, 4.0));
        number.add((20.0, 20.0));
        assert_eq!(number.need(), need(20.0, 20.0, 20.0, 20.0));
        let mut text = Gauge::new(true, (6.0, 4.0));
        text.add((90.0, 40.0));
        assert_eq!(text.need(), need(4.5, 12.0, 28.0, 90.0));
    }

    proptest! {
        #[test]
        fn columns_fill_no_more_than_the_room(
            needs in proptest::collection::vec((0.0_f32..20.0, 0.0_f32..20.0, 0.0_f32..20.0, 0.0_f32..60.0), 1..24),
            room in 20.0_f32..120.0,
        ) {
            let needs: Vec<_> = needs.into_iter().map(|(a, b, c, d)| need(a, a + b, a + b + c, a + b + c + d)).collect();
            let widths = distribute(&needs, room);
            prop_assert!(widths.iter().sum::<f32>() <= room * 1.0001);
            for of in [|need: &Need| need.tight, |need: &Need| need.least] {
                if total(&needs, of) <= room {
                    prop_assert!(widths.iter().zip(&needs).all(|(width, need)| *width >= of(need) * 0.9999));
                }
            }
        }
    }
}
