//! The whole document: heading, pages of the table, footers and metadata.

use krilla::{
    Document, SerializeSettings,
    metadata::{DateTime, Metadata},
};

use super::{Column, Faces, Held, heading::Heading, pages::Spot, paper, table::Table};

/// Pages at most: what has more of them is for no reader.
const MOST_PAGES: usize = 10_000;

/// What is written.
pub(super) struct Book<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    /// Names and values, shown in the heading.
    pub(super) facts: &'a [(String, String)],
    /// When the document counts as created.
    pub(super) created: jiff::Timestamp,
    pub(super) columns: &'a [Column],
    /// Row by row.
    pub(super) cells: &'a Held,
    /// One for each column; none where no column has a total.
    pub(super) totals: &'a [String],
}

/// Why a document could not be written.
#[derive(Debug)]
pub(super) enum BookError {
    /// It has more than [`MOST_PAGES`].
    TooLong,
    /// The library refused it.
    Library(String),
}

impl Book<'_> {
    /// Lays the document out and writes it.
    pub(super) fn write(&self, faces: &Faces) -> Result<Vec<u8>, BookError> {
        let table = Table::new(faces, self.columns, self.cells, self.totals);
        let heading = Heading::new(faces, table.paper, self.title, self.description, self.facts);
        let (first, top) = if table.fits_below(heading.bottom()) {
            (heading.last_page(), heading.bottom())
        } else {
            (heading.last_page() + 1, paper::TOP)
        };
        let ends = table.paginate(top);
        let count = first + ends.len();
        if count > MOST_PAGES {
            return Err(BookError::TooLong);
        }

        let settings = SerializeSettings { enable_tagging: false, ..SerializeSettings::default() };
        let mut document = Document::new_with(settings);
        document.set_metadata(self.metadata());
        let mut from = Spot { row: 0, line: 0 };
        for page in 0..count {
            let mut sheet = document.start_page_with(table.paper.settings());
            let mut surface = sheet.surface();
            if page == 0 {
                faces.regular.introduce(&mut surface);
                faces.bold.introduce(&mut surface);
            }
            heading.draw(&mut surface, page);
            if let Some(end) = page.checked_sub(first).and_then(|index| ends.get(index)) {
                let top = if page == first { top } else { paper::TOP };
                table.draw(&mut surface, top, from, *end);
                from = *end;
            }
            let number = format!("Page {} of {count}", page + 1);
            table.paper.footer(&mut surface, &faces.regular, self.title, &number);
            surface.finish();
            sheet.finish();
        }
        document.finish().map_err(|error| BookError::Library(format!("{error:?}")))
    }

    fn metadata(&self) -> Metadata {
        let created = self.created.to_zoned(jiff::tz::TimeZone::UTC);
        let number = |value: i8| value.unsigned_abs();
        let date = DateTime::new(created.year().unsigned_abs())
            .month(number(created.month()))
            .day(number(created.day()))
            .hour(number(created.hour()))
            .minute(number(created.minute()))
            .second(number(created.second()))
            .utc_offset_hour(0)
            .utc_offset_minute(0);
        let metadata = Metadata::new()
            .title(self.title.to_owned())
            // Of what stands around the data; that of the data is not known.
            .language("en".to_owned())
            .producer("Waybill".to_owned())
            .creation_date(date);
        if self.description.is_empty() { metadata } else { metadata.description(self.description.to_owned()) }
    }
}
