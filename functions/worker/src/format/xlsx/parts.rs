//! The parts of a workbook that are not its sheets.

use std::io::Write;

use super::{super::Document, escape::escape};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
const TYPES: &str = "application/vnd.openxmlformats-officedocument";

/// Number of the first format that is not built in.
const FIRST_FORMAT: usize = 164;

/// Most characters of a sheet's name.
const NAME_LENGTH: usize = 31;

/// How cells look: which number formats there are, beside the styles that every workbook has.
#[derive(Default)]
pub(super) struct Styles {
    codes: Vec<String>,
}

/// Number of a style, as cells name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style(usize);

impl Style {
    /// As it is.
    pub(super) const PLAIN: Self = Self(0);
    /// Of titles.
    pub(super) const HEADER: Self = Self(1);
    /// Of text that would become a formula when somebody edits its cell: it stays text.
    pub(super) const QUOTED: Self = Self(2);
    const FIRST_FORMATTED: usize = 3;

    /// Appends it as an attribute, with a space before it; nothing for plain cells.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if self != Self::PLAIN {
            write(out, format_args!(" s=\"{}\"", self.0));
        }
    }
}

impl Styles {
    /// The style of cells with this number format.
    pub(super) fn formatted(&mut self, code: String) -> Style {
        let known = self.codes.iter().position(|known| *known == code);
        let index = known.unwrap_or_else(|| {
            self.codes.push(code);
            self.codes.len() - 1
        });
        Style(Style::FIRST_FORMATTED + index)
    }

    /// `xl/styles.xml`.
    pub(super) fn part(&self) -> Vec<u8> {
        let mut out = begin(&format!("<styleSheet xmlns=\"{MAIN}\">"));
        if !self.codes.is_empty() {
            write(&mut out, format_args!("<numFmts count=\"{}\">", self.codes.len()));
            for (number, code) in (FIRST_FORMAT..).zip(&self.codes) {
                write(&mut out, format_args!("<numFmt numFmtId=\"{number}\" formatCode=\""));
                escape(&mut out, code);
                out.extend_from_slice(b"\"/>");
            }
            out.extend_from_slice(b"</numFmts>");
        }
        out.extend_from_slice(FONTS_AND_FILLS.as_bytes());
        write(&mut out, format_args!("<cellXfs count=\"{}\">", Style::FIRST_FORMATTED + self.codes.len()));
        out.extend_from_slice(FIXED_STYLES.as_bytes());
        for (number, _) in (FIRST_FORMAT..).zip(&self.codes) {
            let format = format_args!(
                "<xf numFmtId=\"{number}\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" \
                 applyNumberFormat=\"1\"/>"
            );
            write(&mut out, format);
        }
        out.extend_from_slice(b"</cellXfs>");
        out.extend_from_slice(
            b"<cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles>",
        );
        out.extend_from_slice(b"</styleSheet>");
        out
    }
}

/// The first two fills are the ones that every workbook must have.
const FONTS_AND_FILLS: &str = concat!(
    "<fonts count=\"2\">",
    "<font><sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/></font>",
    "<font><b/><sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/></font>",
    "</fonts>",
    "<fills count=\"3\">",
    "<fill><patternFill patternType=\"none\"/></fill>",
    "<fill><patternFill patternType=\"gray125\"/></fill>",
    "<fill><patternFill patternType=\"solid\"><fgColor rgb=\"FFDDE4EC\"/><bgColor indexed=\"64\"/></patternFill></fill>",
    "</fills>",
    "<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>",
    "<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>",
);

/// Plain, header, quoted.
const FIXED_STYLES: &str = concat!(
    "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>",
    "<xf numFmtId=\"0\" fontId=\"1\" fillId=\"2\" borderId=\"0\" xfId=\"0\" applyFont=\"1\" applyFill=\"1\"/>",
    "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" quotePrefix=\"1\"/>",
);

/// `_rels/.rels`: where a reader begins.
pub(super) fn root_relations() -> Vec<u8> {
    let mut out = begin(&format!("<Relationships xmlns=\"{PACKAGE}/relationships\">"));
    relation(&mut out, "rId1", &format!("{OFFICE}/relationships/officeDocument"), "xl/workbook.xml");
    relation(&mut out, "rId2", &format!("{PACKAGE}/relationships/metadata/core-properties"), "docProps/core.xml");
    relation(&mut out, "rId3", &format!("{OFFICE}/relationships/extended-properties"), "docProps/app.xml");
    out.extend_from_slice(b"</Relationships>");
    out
}

/// `docProps/app.xml`.
pub(super) fn application() -> Vec<u8> {
    begin(&format!(
        "<Properties xmlns=\"{OFFICE}/extended-properties\"><Application>Waybill</Application></Properties>"
    ))
}

/// `docProps/core.xml`.
pub(super) fn properties(document: &Document) -> Vec<u8> {
    let mut out = begin(&format!(
        "<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>"
    ));
    escape(&mut out, &document.title);
    out.extend_from_slice(b"</dc:title><dc:creator>Waybill</dc:creator><dc:description>");
    escape(&mut out, &document.description);
    let created = format_args!(
        "</dc:description><dcterms:created xsi:type=\"dcterms:W3CDTF\">{:.0}</dcterms:created></cp:coreProperties>",
        document.as_of
    );
    write(&mut out, created);
    out
}

/// `xl/workbook.xml`, once it is known how many sheets there are.
pub(super) fn workbook(title: &str, sheets: u32) -> Vec<u8> {
    let mut out = begin(&format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}/relationships\"><bookViews><workbookView/></bookViews><sheets>"
    ));
    for sheet in 1..=sheets {
        out.extend_from_slice(b"<sheet name=\"");
        escape(&mut out, &sheet_name(title, sheet));
        write(&mut out, format_args!("\" sheetId=\"{sheet}\" r:id=\"rId{sheet}\"/>"));
    }
    out.extend_from_slice(b"</sheets></workbook>");
    out
}

/// `xl/_rels/workbook.xml.rels`.
pub(super) fn workbook_relations(sheets: u32) -> Vec<u8> {
    let mut out = begin(&format!("<Relationships xmlns=\"{PACKAGE}/relationships\">"));
    for sheet in 1..=sheets {
        let target = format!("worksheets/sheet{sheet}.xml");
        relation(&mut out, &format!("rId{sheet}"), &format!("{OFFICE}/relationships/worksheet"), &target);
    }
    relation(&mut out, "rIdStyles", &format!("{OFFICE}/relationships/styles"), "styles.xml");
    out.extend_from_slice(b"</Relationships>");
    out
}

/// `[Content_Types].xml`.
pub(super) fn content_types(sheets: u32) -> Vec<u8> {
    let mut out = begin(&format!(
        "<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/docProps/app.xml\" ContentType=\"{TYPES}.extended-properties+xml\"/>\
         <Override PartName=\"/docProps/core.xml\" \
         ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/>\
         <Override PartName=\"/xl/styles.xml\" ContentType=\"{TYPES}.spreadsheetml.styles+xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPES}.spreadsheetml.sheet.main+xml\"/>"
    ));
    for sheet in 1..=sheets {
        let part = format_args!(
            "<Override PartName=\"/xl/worksheets/sheet{sheet}.xml\" \
             ContentType=\"{TYPES}.spreadsheetml.worksheet+xml\"/>"
        );
        write(&mut out, part);
    }
    out.extend_from_slice(b"</Types>");
    out
}

/// Appends what stands before the first element, `root`, and that.
pub(super) fn sheet_root(out: &mut Vec<u8>) {
    write(out, format_args!("{HEAD}<worksheet xmlns=\"{MAIN}\">"));
}

/// Appends formatted text.
pub(super) fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

/// A name for that sheet: the title without the characters that names cannot have, not too long, and with a number from
/// the second sheet on.
fn sheet_name(title: &str, sheet: u32) -> String {
    let suffix = if sheet > 1 { format!(" ({sheet})") } else { String::new() };
    let refused = |c: char| "[]:*?/\\\u{fffe}\u{ffff}".contains(c) || c.is_control();
    let allowed = |c: char| if refused(c) { ' ' } else { c };
    let mut name = String::new();
    let mut room = NAME_LENGTH - suffix.len();
    for character in title.trim_matches(is_edge).chars().map(allowed) {
        if character == ' ' && name.ends_with(' ') {
            continue;
        }
        let Some(left) = room.checked_sub(character.len_utf16()) else { break };
        name.push(character);
        room = left;
    }
    // So long a name may be that of a later sheet.
    if sheet == 1 && room == 0 && name.ends_with(')') {
        name.pop();
    }
    match name.trim_matches(is_edge) {
        // Excel keeps `History` for itself.
        name if name.is_empty() || name.eq_ignore_ascii_case("history") => format!("Report{suffix}"),
        name => format!("{name}{suffix}"),
    }
}

/// What a sheet's name may not begin or end with.
fn is_edge(character: char) -> bool {
    character == '\'' || character.is_whitespace()
}

fn begin(root: &str) -> Vec<u8> {
    [HEAD, root].concat().into_bytes()
}

fn relation(out: &mut Vec<u8>, id: &str, kind: &str, target: &str) {
    write(out, format_args!("<Relationship Id=\"{id}\" Type=\"{kind}\" Target=\"{target}\"/>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sheets_are_legal() {
        assert_eq!(sheet_name("Sales", 1), "Sales");
        assert_eq!(sheet_name("Sales", 2), "Sales (2)");
        assert_eq!(sheet_name("'a/b\\c:d*e?[f]\u{7}'", 1), "a b c d e f");
        assert_eq!(sheet_name(" '?' ", 3), "Report (3)");
        assert_eq!(sheet_name("", 1), "Report");
        assert_eq!(sheet_name("HISTORY", 1), "Report");
        let long = "Detalhamento das transações da carteira";
        assert_eq!(sheet_name(long, 1), "Detalhamento das transações da");
        assert_eq!(sheet_name(long, 12), "Detalhamento das transaçõe (12)");
        let numbered = format!("{} (2) and more", "x".repeat(27));
        assert_ne!(sheet_name(&numbered, 1), sheet_name(&numbered, 2));
        assert_eq!(sheet_name(&"\u{1f600}".repeat(40), 1), "\u{1f600}".repeat(15));
    }

    #[test]
    fn a_format_is_there_once() {
        let mut styles = Styles::default();
        let day = styles.formatted("yyyy-mm-dd".to_owned());
        let other = styles.formatted("0.00 \"<\"".to_owned());
        assert_eq!(styles.formatted("yyyy-mm-dd".to_owned()), day);
        assert_ne!(day, other);
        let part = String::from_utf8(styles.part()).unwrap();
        assert_eq!(part.matches("yyyy-mm-dd").count(), 1);
        assert!(part.contains("formatCode=\"0.00 &quot;&lt;&quot;\"") && part.contains("<cellXfs count=\"5\">"));
    }
}
