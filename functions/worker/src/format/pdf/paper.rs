//! The paper, its margins and colours, and drawing on it. Lengths are in points, from the upper left corner.

use krilla::{
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, FillRule},
    surface::Surface,
};

use super::face::{self, Face};

/// Around what stands on the paper.
const MARGIN: f32 = 36.0;
/// Where it begins at the left.
pub(super) const LEFT: f32 = MARGIN;
/// Where it begins at the top.
pub(super) const TOP: f32 = MARGIN;
/// Between the table and the lower margin, for the footer.
const FOOTER: f32 = 16.0;
/// The size of the footer's text.
const FOOTER_SIZE: f32 = 7.0;

pub(super) const INK: (u8, u8, u8) = (0x1b, 0x24, 0x30);
pub(super) const MUTED: (u8, u8, u8) = (0x5b, 0x66, 0x73);
pub(super) const ACCENT: (u8, u8, u8) = (0x1f, 0x3a, 0x5f);
pub(super) const HEADER: (u8, u8, u8) = (0xe6, 0xec, 0xf3);
pub(super) const ZEBRA: (u8, u8, u8) = (0xf6, 0xf8, 0xfa);
pub(super) const RULE: (u8, u8, u8) = (0xc9, 0xd1, 0xda);

/// A sheet of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paper {
    /// A4, upright.
    Portrait,
    /// A4, across.
    Landscape,
    /// A3, across.
    Wide,
}

impl Paper {
    /// Width and height.
    const fn size(self) -> (f32, f32) {
        match self {
            Self::Portrait => (595.28, 841.89),
            Self::Landscape => (841.89, 595.28),
            Self::Wide => (1190.55, 841.89),
        }
    }

    /// How wide what stands on it may be.
    pub(super) const fn width(self) -> f32 {
        self.size().0 - 2.0 * MARGIN
    }

    /// Where it ends, above the footer.
    pub(super) const fn bottom(self) -> f32 {
        self.size().1 - MARGIN - FOOTER
    }

    /// The same for the library.
    pub(super) fn settings(self) -> PageSettings {
        let (width, height) = self.size();
        PageSettings::from_wh(width, height).unwrap_or_default()
    }

    /// Draws the footer: what the report is, and which of its pages this is.
    pub(super) fn footer(self, surface: &mut Surface<'_>, face: &Face, title: &str, number: &str) {
        let rule = self.bottom() + FOOTER * 0.5;
        fill(surface, RULE, (LEFT, rule, self.width(), 0.5));
        let baseline = rule + FOOTER_SIZE * 1.6;
        let mut clusters = Vec::new();
        let right = face.extent(number, &mut clusters).0 * FOOTER_SIZE;
        let room = (self.width() - right) / FOOTER_SIZE - 2.0;
        let mut lines = Vec::new();
        face.wrap(title, room, &mut clusters, &mut lines);
        // A longer title is on the first page.
        let shown = lines.first().map_or("", |line| &title[line.text.clone()]);
        let shown = if lines.len() > 1 { format!("{shown} …") } else { shown.to_owned() };
        let left = Point::from_xy(LEFT, baseline);
        write(surface, face, MUTED, FOOTER_SIZE, left, &shown);
        write(surface, face, MUTED, FOOTER_SIZE, Point::from_xy(LEFT + self.width() - right, baseline), number);
    }
}

/// Draws a line of text from a point on its baseline.
pub(super) fn write(surface: &mut Surface<'_>, face: &Face, colour: (u8, u8, u8), size: f32, start: Point, text: &str) {
    surface.set_fill(Some(solid(colour)));
    face.draw(surface, start, size, text, face::is_rtl(text));
}

/// Fills a rectangle: left, top, width, height.
pub(super) fn fill(surface: &mut Surface<'_>, colour: (u8, u8, u8), (x, y, width, height): (f32, f32, f32, f32)) {
    let mut path = PathBuilder::new();
    if let Some(rect) = Rect::from_xywh(x, y, width, height) {
        path.push_rect(rect);
    }
    if let Some(path) = path.finish() {
        surface.set_fill(Some(solid(colour)));
        surface.draw_path(&path);
    }
}

/// A colour as the library has it.
pub(super) fn solid((red, green, blue): (u8, u8, u8)) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}
