//! The table: its measures, and drawing of its rows.

use krilla::{geom::Point, surface::Surface};

use super::{
    Column, Faces, Held,
    columns::{self, Gauge, Need},
    face::{self, ASCENT, Face, LINE},
    pages::{Heights, Spot, paginate},
    paper::{self, ACCENT, HEADER, INK, Paper, RULE, ZEBRA},
    wrap::{Cluster, Line},
};

/// At the left and at the right of a cell, each, in ems.
const PADDING: f32 = 0.6;
/// Above and below the lines of a row, together, in ems.
const ROW_PADDING: f32 = 0.45;
/// What a table is set in, the best first.
const SETTINGS: [Setting; 6] = [
    (Paper::Portrait, 8.0),
    (Paper::Landscape, 8.0),
    (Paper::Landscape, 7.5),
    (Paper::Landscape, 7.0),
    (Paper::Landscape, 6.5),
    (Paper::Landscape, 6.0),
];
/// What it is set in where words do not fit into its columns otherwise.
const WIDE_SETTINGS: [Setting; 3] = [(Paper::Wide, 8.0), (Paper::Wide, 7.0), WIDEST];
const WIDEST: Setting = (Paper::Wide, 6.0);

/// Paper, and a size of text in points.
type Setting = (Paper, f32);

/// A table, measured.
pub(super) struct Table<'a> {
    faces: &'a Faces,
    columns: &'a [Column],
    cells: &'a Held,
    /// One for each column; none where the table has no totals.
    totals: &'a [String],
    /// What it stands on.
    pub(super) paper: Paper,
    size: f32,
    /// Of the columns' text, in ems.
    widths: Vec<f32>,
    header: u16,
    /// Of each row, and of the totals.
    lines: Vec<u16>,
}

/// Room for one text after the other.
#[derive(Default)]
struct Scratch {
    clusters: Vec<Cluster>,
    lines: Vec<Line>,
}

impl<'a> Table<'a> {
    /// Measures all cells, and settles how they are set.
    pub(super) fn new(faces: &'a Faces, columns: &'a [Column], cells: &'a Held, totals: &'a [String]) -> Self {
        let mut table = Self {
            faces,
            columns,
            cells,
            totals,
            paper: Paper::Portrait,
            size: 0.0,
            widths: Vec::new(),
            header: 1,
            lines: Vec::new(),
        };
        table.settle(&table.needs());
        let mut scratch = Scratch::default();
        let titles = columns.iter().map(|column| column.title.as_str());
        table.header = table.lines_of(&faces.bold, titles, &mut scratch);
        let all = table.cells.len() / columns.len().max(1);
        table.lines = (0..all + usize::from(!totals.is_empty()))
            .map(|row| {
                table.lines_of(table.face(row), (0..columns.len()).map(|column| table.cell(row, column)), &mut scratch)
            })
            .collect();
        table
    }

    /// Where each page ends, if the first one begins below `top`.
    pub(super) fn paginate(&self, top: f32) -> Vec<Spot> {
        let header = self.row_height(self.header) + 1.0;
        paginate(&self.lines, &Heights { first: self.paper.bottom() - top - header, ..self.heights(header) })
    }

    /// Whether the table may begin there: with some rows below its header.
    pub(super) fn fits_below(&self, top: f32) -> bool {
        let first = self.lines.iter().take(3).map(|lines| self.row_height(*lines)).sum::<f32>();
        top + self.row_height(self.header) + first.min(self.row_height(3)) < self.paper.bottom()
    }

    /// Draws the header and the rows between two places, below `top`.
    pub(super) fn draw(&self, surface: &mut Surface<'_>, top: f32, from: Spot, end: Spot) {
        let mut scratch = Scratch::default();
        let mut y = self.draw_header(surface, top, &mut scratch);
        for row in from.row..self.lines.len().min(end.row + 1) {
            let first = if row == from.row { from.line } else { 0 };
            let last = if row == end.row { end.line } else { self.lines[row] };
            if last > first {
                y = self.draw_row(surface, y, row, (first, last), &mut scratch);
            }
        }
        paper::fill(surface, RULE, (paper::LEFT, y, self.width(), 0.5));
    }

    fn needs(&self) -> Vec<Need> {
        let mut clusters = Vec::new();
        let gauge = |column: &Column| {
            let mut title = Vec::new();
            Gauge::new(column.wraps, self.faces.bold.extent(&column.title, &mut title))
        };
        let mut gauges: Vec<_> = self.columns.iter().map(gauge).collect();
        for (gauge, total) in gauges.iter_mut().zip(self.totals) {
            gauge.add(self.faces.bold.extent(total, &mut clusters));
        }
        let count = gauges.len().max(1);
        for index in 0..self.cells.len() {
            gauges[index % count].add(self.faces.regular.extent(self.cells.get(index), &mut clusters));
        }
        gauges.iter().map(Gauge::need).collect()
    }

    /// The first setting in which most cells have one line; else the first in which words stay whole; else the one with
    /// the most room.
    fn settle(&mut self, needs: &[Need]) {
        let padding: f32 = needs.iter().map(|_| 2.0 * PADDING).sum();
        let room = |(paper, size): Setting| paper.width() / size - padding;
        let first = |settings: &[Setting], of: fn(&Need) -> f32| {
            let total = columns::total(needs, of);
            settings.iter().copied().find(|setting| total <= room(*setting))
        };
        let setting = first(&SETTINGS, |need| need.wanted)
            .or_else(|| first(&SETTINGS, |need| need.least))
            .or_else(|| first(&WIDE_SETTINGS, |need| need.least))
            .unwrap_or(WIDEST);
        (self.paper, self.size) = setting;
        // What is as wide as its column must not wrap for a rounding error.
        self.widths = columns::distribute(needs, room(setting)).into_iter().map(|width| width + 0.001).collect();
    }

    /// How many lines a row has.
    fn lines_of<'t>(&self, face: &Face, texts: impl Iterator<Item = &'t str>, scratch: &mut Scratch) -> u16 {
        let mut most = 1;
        for (text, width) in texts.zip(&self.widths) {
            face.wrap(text, *width, &mut scratch.clusters, &mut scratch.lines);
            most = most.max(scratch.lines.len());
        }
        u16::try_from(most).unwrap_or(u16::MAX)
    }

    fn draw_header(&self, surface: &mut Surface<'_>, top: f32, scratch: &mut Scratch) -> f32 {
        let height = self.row_height(self.header);
        paper::fill(surface, HEADER, (paper::LEFT, top, self.width(), height));
        paper::fill(surface, ACCENT, (paper::LEFT, top + height, self.width(), 1.0));
        let mut left = paper::LEFT;
        for (index, column) in self.columns.iter().enumerate() {
            self.faces.bold.wrap(&column.title, self.widths[index], &mut scratch.clusters, &mut scratch.lines);
            // At the bottom, next to the cells.
            let count = u16::try_from(scratch.lines.len()).unwrap_or(u16::MAX);
            let y = top + f32::from(self.header - count.min(self.header)) * LINE * self.size;
            surface.set_fill(Some(paper::solid(ACCENT)));
            self.draw_lines(surface, &self.faces.bold, (left, y), index, &column.title, &scratch.lines);
            left += self.column_width(index);
        }
        top + height + 1.0
    }

    /// Draws the lines of a row from the first to before the last. Answers where it ends.
    fn draw_row(
        &self,
        surface: &mut Surface<'_>,
        top: f32,
        row: usize,
        (first, last): (u16, u16),
        scratch: &mut Scratch,
    ) -> f32 {
        let height = self.row_height(last - first);
        if self.is_totals(row) {
            paper::fill(surface, ACCENT, (paper::LEFT, top, self.width(), 0.75));
        } else if row % 2 == 1 {
            paper::fill(surface, ZEBRA, (paper::LEFT, top, self.width(), height));
        }
        surface.set_fill(Some(paper::solid(INK)));
        let face = self.face(row);
        let mut left = paper::LEFT;
        for index in 0..self.columns.len() {
            let text = self.cell(row, index);
            if !text.is_empty() {
                face.wrap(text, self.widths[index], &mut scratch.clusters, &mut scratch.lines);
                let lines = scratch.lines.get(usize::from(first)..).unwrap_or_default();
                let lines = &lines[..lines.len().min(usize::from(last - first))];
                self.draw_lines(surface, face, (left, top), index, text, lines);
            }
            left += self.column_width(index);
        }
        top + height
    }

    /// Draws lines of a text into a cell: numbers, and text from right to left, end at its right.
    fn draw_lines(
        &self,
        surface: &mut Surface<'_>,
        face: &Face,
        (left, top): (f32, f32),
        column: usize,
        text: &str,
        lines: &[Line],
    ) {
        let rtl = face::is_rtl(text);
        let mut y = top + (ROW_PADDING / 2.0 + ASCENT) * self.size;
        for line in lines {
            let free = if rtl || self.columns[column].right { self.widths[column] - line.width } else { 0.0 };
            let start = Point::from_xy(left + (PADDING + free) * self.size, y);
            face.draw(surface, start, self.size, &text[line.text.clone()], rtl);
            y += LINE * self.size;
        }
    }

    fn cell(&self, row: usize, column: usize) -> &'a str {
        if self.is_totals(row) { &self.totals[column] } else { self.cells.get(row * self.columns.len() + column) }
    }

    fn is_totals(&self, row: usize) -> bool {
        row * self.columns.len() >= self.cells.len()
    }

    fn face(&self, row: usize) -> &'a Face {
        if self.is_totals(row) { &self.faces.bold } else { &self.faces.regular }
    }

    fn column_width(&self, column: usize) -> f32 {
        (self.widths[column] + 2.0 * PADDING) * self.size
    }

    fn width(&self) -> f32 {
        (0..self.columns.len()).map(|column| self.column_width(column)).sum()
    }

    fn row_height(&self, lines: u16) -> f32 {
        self.heights(0.0).row(lines)
    }

    fn heights(&self, header: f32) -> Heights {
        let (line, padding) = (LINE * self.size, ROW_PADDING * self.size);
        // Titles have an end; were they higher than that, rows would still have to go somewhere.
        let page = (self.paper.bottom() - paper::TOP - header).max(2.0 * line + padding);
        Heights { line, padding, first: page, page }
    }
}
