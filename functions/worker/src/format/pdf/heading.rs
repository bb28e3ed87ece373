//! What stands above the table: title, description, as-of time and parameters.

use krilla::{geom::Point, surface::Surface};

use super::{
    Faces,
    face::{ASCENT, Face, LINE},
    paper::{self, ACCENT, INK, MUTED, Paper},
    wrap::Line,
};

const TITLE_SIZE: f32 = 16.0;
const TEXT_SIZE: f32 = 9.0;
const FACT_SIZE: f32 = 8.0;
/// Names of facts have no more of the width than that.
const MOST_NAME: f32 = 0.3;

/// The heading, laid out. It may need several pages, where parameters are long.
pub(super) struct Heading<'a> {
    faces: &'a Faces,
    paper: Paper,
    pieces: Vec<Piece>,
    page: usize,
    y: f32,
}

/// One line of text.
struct Piece {
    page: usize,
    /// On the baseline.
    start: Point,
    bold: bool,
    size: f32,
    colour: (u8, u8, u8),
    text: String,
}

/// How a text is set.
struct Manner {
    bold: bool,
    size: f32,
    colour: (u8, u8, u8),
    /// From the left margin.
    indent: f32,
    width: f32,
}

impl<'a> Heading<'a> {
    /// Lays out a heading; `facts` are names with their values.
    pub(super) fn new(
        faces: &'a Faces,
        paper: Paper,
        title: &str,
        description: &str,
        facts: &[(String, String)],
    ) -> Self {
        let mut heading = Self { faces, paper, pieces: Vec::new(), page: 0, y: paper::TOP };
        let width = paper.width();
        heading.text(title, &Manner { bold: true, size: TITLE_SIZE, colour: ACCENT, indent: 0.0, width });
        heading.y += 2.0;
        if !description.is_empty() {
            heading.text(description, &Manner { bold: false, size: TEXT_SIZE, colour: MUTED, indent: 0.0, width });
        }
        heading.y += 5.0;
        heading.facts(facts);
        heading.y += 8.0;
        heading
    }

    /// The last page of it, from 0.
    pub(super) const fn last_page(&self) -> usize {
        self.page
    }

    /// Where it ends on its last page.
    pub(super) const fn bottom(&self) -> f32 {
        self.y
    }

    /// Draws what stands on that page.
    pub(super) fn draw(&self, surface: &mut Surface<'_>, page: usize) {
        for piece in self.pieces.iter().filter(|piece| piece.page == page) {
            paper::write(surface, self.face(piece.bold), piece.colour, piece.size, piece.start, &piece.text);
        }
    }

    /// Names in one column, values in another.
    fn facts(&mut self, facts: &[(String, String)]) {
        let mut clusters = Vec::new();
        let widths = facts.iter().map(|(name, _)| self.faces.bold.extent(name, &mut clusters).0);
        let name_width = (widths.fold(0.0, f32::max) * FACT_SIZE + 0.1).min(self.paper.width() * MOST_NAME);
        let indent = name_width + 10.0;
        for (name, value) in facts {
            let (page, y) = (self.page, self.y);
            self.text(name, &Manner { bold: true, size: FACT_SIZE, colour: MUTED, indent: 0.0, width: name_width });
            let below = (self.page, self.y);
            (self.page, self.y) = (page, y);
            let width = self.paper.width() - indent;
            self.text(value, &Manner { bold: false, size: FACT_SIZE, colour: INK, indent, width });
            if below > (self.page, self.y) {
                (self.page, self.y) = below;
            }
        }
    }

    /// Sets a text, and moves below it.
    fn text(&mut self, text: &str, manner: &Manner) {
        let face = self.face(manner.bold);
        let mut lines: Vec<Line> = Vec::new();
        face.wrap(text, manner.width / manner.size, &mut Vec::new(), &mut lines);
        for line in lines {
            if self.y + manner.size * LINE > self.paper.bottom() {
                self.page += 1;
                self.y = paper::TOP;
            }
            let start = Point::from_xy(paper::LEFT + manner.indent, self.y + manner.size * ASCENT);
            let Manner { bold, size, colour, .. } = *manner;
            self.pieces.push(Piece { page: self.page, start, bold, size, colour, text: text[line.text].to_owned() });
            self.y += manner.size * LINE;
        }
    }

    const fn face(&self, bold: bool) -> &'a Face {
        if bold { &self.faces.bold } else { &self.faces.regular }
    }
}
