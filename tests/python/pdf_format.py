"""The same as `text_formats` for PDF, by Poppler's `pdftotext` and by pypdf.

A document has no cells any more, but it draws them one after the other, row by row. So what readers find is followed,
cell by cell. Spaces do not count: how a cell is broken into lines does not show.
"""

import re
import subprocess
import unicodedata

from pypdf import PdfReader

from text_formats import shown_rows, shown_titles, totals

# pypdf needs a second for every few pages.
SMALL = 150_000
LACKING = "\ufffd"
BLANKS = " \t\n\x0b\x0c\r\x85\u2028\u2029"
# Brackets look the other way in text that runs from right to left.
MIRRORED = str.maketrans(")>]}", "(<[{")


def expect_pdf(table, style):
    return shown_titles(table, style, str), shown_rows(table, style, str)


def read_pdf(path, table, style):
    """What Poppler finds; where pypdf finds something else, that."""
    readers = [poppler_pages(path)]
    if path.stat().st_size < SMALL and not has_marks(table):
        readers.append([page.extract_text() for page in PdfReader(path).pages])
    header, expected = expect_pdf(table, style)
    results = [rows_of_pages(pages, table, style) for pages in readers]
    return header, next((rows for rows in results if rows != expected[: len(rows)]), results[0])


def poppler_pages(path):
    command = ["pdftotext", "-raw", "-enc", "UTF-8", path, "-"]
    text = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    return text.removesuffix("\f").split("\f")


def check_pdf(path, report, table, style):
    """What stands above the table."""
    yield "title", PdfReader(path).metadata.title, report["title"]
    text = compact(poppler_pages(path)[0])
    heading = text[: text.find("".join(map(compact, shown_titles(table, style, str))))]
    names = [part for pair in report["parameters"] for part in pair]
    expected = [report["title"], report["description"], "Data as of", *names, "Rows"]
    found = [part for part in expected if compact(part) in heading]
    yield "heading", found, expected


def has_marks(table):
    """Whether there are accents that stand for themselves: of their glyphs pypdf makes what it likes."""
    cells = (cell for row in table.rows for cell in row if isinstance(cell, str))
    return any(unicodedata.category(c) == "Mn" for cell in cells for c in cell)


def rows_of_pages(pages, table, style):
    """The expected rows as long as they are found, then what is found instead."""
    header, expected = expect_pdf(table, style)
    count = int(re.sub(r"\D", "", re.search(r"^Rows ([^\n]+)$", pages[0], re.MULTILINE)[1]))
    stream = Stream(body(pages, header))
    rows = []
    for row in expected[:count]:
        # Readers turn around more than the one cell that runs from right to left.
        whole = "".join(row)
        is_found = stream.take(whole) == whole if runs_left(whole) else None
        rows.append(row if is_found else [stream.take(cell) for cell in row])
        if rows[-1] != row:
            return rows
    sums = [sum or ("Total" if index == 0 else "") for index, sum in enumerate(totals_of(table, count, style))]
    if any(column.total for column in table.columns):
        assert [stream.take(sum) for sum in sums] == sums, "the totals"
    assert stream.rest == "", f"behind the last row: {stream.rest[:200]!r}"
    return rows


def totals_of(table, count, style):
    return totals(type(table)(table.columns, table.rows[:count]), style)


def body(pages, header):
    """What stands between the header of each page and its foot."""
    titles = "".join(map(compact, header))
    bodies = []
    for number, page in enumerate(pages, 1):
        text, foot = compact(page), f"Page{number}of{len(pages)}"
        assert text.endswith(foot), f"page {number} has no number"
        start = text.find(titles)
        assert start >= 0 and (number == 1 or start == 0), f"page {number} has no header: {text[:200]!r}"
        text = text.removesuffix(foot).removesuffix(compact(pages[0].partition("\n")[0]))
        bodies.append(text[start + len(titles) :])
    return "".join(bodies)


class Stream:
    """Text that is taken piece by piece."""

    def __init__(self, text):
        self.rest = text

    def take(self, cell):
        """The cell if it comes next, else what comes instead."""
        wanted = compact(cell)
        found = self.rest[: len(wanted)]
        if not same(found, wanted):
            return f"found: {self.rest[: len(wanted) + 20]}"
        self.rest = self.rest[len(wanted) :]
        return cell


def same(found, wanted):
    """Readers have their own ideas of the order of what runs from right to left, and of what has no glyph."""
    if runs_left(wanted):
        return sorted(found.translate(MIRRORED)) == sorted(wanted.translate(MIRRORED))
    return len(found) == len(wanted) and all(f in (w, LACKING) for f, w in zip(found, wanted))


def runs_left(text):
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)


def compact(text):
    """Without spaces, line ends and what has no width; other controls as they show."""
    visible = (LACKING if unicodedata.category(c) == "Cc" else c for c in text if c not in BLANKS)
    return unicodedata.normalize("NFC", "".join(c for c in visible if unicodedata.category(c) != "Cf"))
