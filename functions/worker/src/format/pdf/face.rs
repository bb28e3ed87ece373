//! The embedded typefaces: which glyphs a text has, how wide they are, and drawing them.

use std::{cell::RefCell, ops::Range, rc::Rc};

use krilla::{
    geom::Point,
    surface::Surface,
    text::{Font, GlyphId, KrillaGlyph},
};
use rustybuzz::{Direction, Script, ShapePlan, UnicodeBuffer, ttf_parser};
use unicode_bidi::{BidiInfo, Level, get_base_direction};

use super::wrap::{self, Cluster, Kind, Line};

/// Shown for characters that the typeface lacks.
const REPLACEMENT: char = '\u{fffd}';

/// Above the baseline, in ems.
pub(super) const ASCENT: f32 = 0.94;
/// From baseline to baseline, in ems.
pub(super) const LINE: f32 = 1.25;

/// A typeface.
pub(super) struct Face {
    shaper: rustybuzz::Face<'static>,
    font: Font,
    /// Units of the typeface in an em.
    per_em: f32,
    /// Glyphs of the most frequent characters, by code point.
    frequent: Vec<Glyph>,
    replacement: Glyph,
    /// What the shaper does to a script in a direction: making it costs more than shaping a cell.
    plans: RefCell<Vec<Plan>>,
}

type Plan = (Script, Direction, Rc<ShapePlan>);

/// A glyph, and its width in ems.
#[derive(Debug, Clone, Copy)]
struct Glyph {
    id: u16,
    width: f32,
}

/// Text of one direction as glyphs, from left to right.
struct Run {
    text: Range<usize>,
    glyphs: Vec<KrillaGlyph>,
}

impl Face {
    /// Of the bytes of a TrueType font; none if they are not one.
    pub(super) fn new(data: &'static [u8]) -> Option<Self> {
        let shaper = rustybuzz::Face::from_slice(data, 0)?;
        let font = Font::new(data.into(), 0)?;
        let per_em = f32::from(ttf_parser::Face::units_per_em(&shaper));
        let replacement = glyph_of(&shaper, REPLACEMENT)?;
        let frequent = ('\0'..'\u{530}').map(|c| glyph_of(&shaper, c).unwrap_or(replacement)).collect();
        Some(Self { shaper, font, per_em, frequent, replacement, plans: RefCell::default() })
    }

    /// Replaces `clusters` by those of the text. Newlines have no width.
    pub(super) fn measure(&self, text: &str, clusters: &mut Vec<Cluster>) {
        clusters.clear();
        if text.chars().all(is_simple) {
            clusters.extend(text.char_indices().map(|(start, c)| {
                let width = if c == '\n' { 0.0 } else { self.glyph(c).width };
                Cluster { start, width, kind: Kind::of(c) }
            }));
            return;
        }
        let mut start = 0;
        for paragraph in text.split('\n') {
            for run in self.shape(paragraph, None) {
                let from = clusters.len();
                for glyph in &run.glyphs {
                    join(clusters, from, start + run.text.start + glyph.text_range.start, glyph.x_advance, text);
                }
            }
            start += paragraph.len() + 1;
            if start <= text.len() {
                clusters.push(Cluster { start: start - 1, width: 0.0, kind: Kind::Newline });
            }
        }
        clusters.sort_by_key(|cluster| cluster.start);
    }

    /// The widest line and the widest word of a text, in ems.
    pub(super) fn extent(&self, text: &str, clusters: &mut Vec<Cluster>) -> (f32, f32) {
        self.measure(text, clusters);
        wrap::extent(clusters)
    }

    /// Replaces `lines` by those of the text, at most `room` ems wide, one at least.
    pub(super) fn wrap(&self, text: &str, room: f32, clusters: &mut Vec<Cluster>, lines: &mut Vec<Line>) {
        self.measure(text, clusters);
        lines.clear();
        wrap::wrap(clusters, text.len(), room, lines);
        if lines.is_empty() {
            lines.push(Line { text: 0..0, width: 0.0 });
        }
    }

    /// Draws one line of a text from `start` on its baseline, in a size in points. `rtl`: whether the text that the line
    /// is of runs from right to left.
    pub(super) fn draw(&self, surface: &mut Surface<'_>, start: Point, size: f32, line: &str, rtl: bool) {
        if line.chars().all(is_simple) {
            let glyphs: Vec<_> = line.char_indices().map(|(at, c)| self.simple_glyph(at, c)).collect();
            surface.draw_glyphs(start, &glyphs, self.font.clone(), line, size, false);
            return;
        }
        let mut at = start;
        for run in self.shape(line, Some(if rtl { Level::rtl() } else { Level::ltr() })) {
            surface.draw_glyphs(at, &run.glyphs, self.font.clone(), &line[run.text], size, false);
            at.x += run.glyphs.iter().map(|glyph| glyph.x_advance).sum::<f32>() * size;
        }
    }

    /// Tells readers what the glyphs stand for that stand for other characters as well, by drawing them where nobody
    /// sees them: the first text that is drawn with a glyph is what simple readers take it for from then on. Others
    /// find the characters themselves beside the glyphs.
    pub(super) fn introduce(&self, surface: &mut Surface<'_>) {
        let text = format!(" {REPLACEMENT}");
        let mut nowhere = surface.stream_builder();
        let mut hidden = nowhere.surface();
        self.draw(&mut hidden, Point::from_xy(0.0, 0.0), 1.0, &text, false);
        hidden.finish();
        nowhere.finish();
    }

    fn glyph(&self, c: char) -> Glyph {
        match self.frequent.get(c as usize) {
            Some(glyph) => *glyph,
            None => glyph_of(&self.shaper, c).unwrap_or(self.replacement),
        }
    }

    fn simple_glyph(&self, at: usize, c: char) -> KrillaGlyph {
        let glyph = self.glyph(c);
        KrillaGlyph::new(GlyphId::new(glyph.id.into()), glyph.width, 0.0, 0.0, 0.0, at..at + c.len_utf8(), None)
    }

    /// A paragraph as runs, from left to right. Its direction is that of its first letter where none is given.
    fn shape(&self, text: &str, level: Option<Level>) -> Vec<Run> {
        let bidi = BidiInfo::new(text, level);
        let mut runs = Vec::new();
        for paragraph in &bidi.paragraphs {
            let (levels, ranges) = bidi.visual_runs(paragraph, paragraph.range.clone());
            runs.extend(
                ranges.into_iter().map(|range| self.shape_run(text, range.clone(), levels[range.start].is_rtl())),
            );
        }
        runs
    }

    fn shape_run(&self, text: &str, range: Range<usize>, rtl: bool) -> Run {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&text[range.clone()]);
        buffer.guess_segment_properties();
        buffer.set_direction(if rtl { Direction::RightToLeft } else { Direction::LeftToRight });
        let plan = self.plan(buffer.script(), buffer.direction());
        let shaped = rustybuzz::shape_with_plan(&self.shaper, &plan, buffer);

        let mut starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        starts.push(range.len());
        starts.sort_unstable();
        starts.dedup();
        let em = |units: i32| f32::from(i16::try_from(units).unwrap_or(i16::MAX)) / self.per_em;
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).map(|(info, position)| {
            let start = info.cluster as usize;
            let end = starts[starts.partition_point(|at| *at <= start).min(starts.len() - 1)];
            let (id, width) = match info.glyph_id {
                0 => (self.replacement.id.into(), self.replacement.width),
                id => (id, em(position.x_advance)),
            };
            let (x, y) = (em(position.x_offset), em(position.y_offset));
            KrillaGlyph::new(GlyphId::new(id), width, x, y, em(position.y_advance), start..end, None)
        });
        Run { glyphs: glyphs.collect(), text: range }
    }

    fn plan(&self, script: Script, direction: Direction) -> Rc<ShapePlan> {
        let mut plans = self.plans.borrow_mut();
        if let Some((.., plan)) = plans.iter().find(|plan| (plan.0, plan.1) == (script, direction)) {
            return plan.clone();
        }
        let plan = Rc::new(ShapePlan::new(&self.shaper, direction, Some(script), None, &[]));
        plans.push((script, direction, plan.clone()));
        plan
    }
}

/// Whether a text, or the first of its paragraphs, runs from right to left.
pub(super) fn is_rtl(text: &str) -> bool {
    !text.chars().all(is_simple) && get_base_direction(text) == unicode_bidi::Direction::Rtl
}

fn glyph_of(face: &ttf_parser::Face<'_>, c: char) -> Option<Glyph> {
    let id = face.glyph_index(c)?;
    let width = f32::from(face.glyph_hor_advance(id)?) / f32::from(face.units_per_em());
    Some(Glyph { id: id.0, width })
}

/// Adds a glyph of a run whose clusters stand at `from` and behind: to its own cluster if that is there.
fn join(clusters: &mut Vec<Cluster>, from: usize, start: usize, width: f32, text: &str) {
    if let Some(cluster) = clusters[from..].last_mut().filter(|last| last.start == start) {
        cluster.width += width;
    } else {
        let kind = text[start..].chars().next().map_or(Kind::Solid, Kind::of);
        clusters.push(Cluster { start, width, kind });
    }
}

/// Whether a character has one glyph, whatever stands beside it, and runs from left to right. What is not known to is
/// left to the shaper, which is right about all of them, and slow.
const fn is_simple(c: char) -> bool {
    matches!(c,
        '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{ac}' | '\u{ae}'..='\u{2ff}'
        | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{52f}' | '\u{1e00}'..='\u{1fff}'
        | '\u{2000}'..='\u{200a}' | '\u{2010}'..='\u{2027}' | '\u{202f}'..='\u{205f}' | '\u{2070}'..='\u{20cf}'
        | '\u{2100}'..='\u{2bff}' | '\u{3000}'..='\u{3029}' | '\u{3041}'..='\u{3096}' | '\u{30a0}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{fffd}'
        | '\u{1f000}'..='\u{1f1e5}' | '\u{1f200}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}')
}
