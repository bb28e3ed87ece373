"""Reads reports in formats of text, and says what they must hold.

Each format has a function to read a file and one to compute what must come of it; both give (header, rows), whose cells
are equal where their `repr` is.
"""

import csv
import io
import json
import re
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser

from lxml import etree

import written

XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


# --- CSV ------------------------------------------------------------------------------------------------------------


def read_csv(path, table, style):
    """Null and empty text are told apart by quotes, which Python's reader does not show: so both read it."""
    content = path.read_bytes().decode()
    assert content.startswith("\ufeff") == style.get("bom", False), "the byte order mark"
    content = content.removeprefix("\ufeff")
    delimiter = style.get("delimiter", ",")
    fields = [list(record) for record in literal_csv(content, delimiter)]
    values = list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True))
    assert values == [[text for text, _ in record] for record in fields], "Python's csv reads something else"
    null = style.get("null_text", "")
    header, *rows = [[None if cell == (null, False) else cell[0] for cell in record] for record in fields]
    return header, rows


def literal_csv(content, delimiter):
    """RFC 4180, taken literally: records of (text, whether it was quoted), each ended by CR LF."""
    plain = rf'[^"\r\n{re.escape(delimiter)}]*'
    field = re.compile(rf'(?:"((?:[^"]|"")*)"|({plain}))({re.escape(delimiter)}|\r\n)')
    record, at = [], 0
    while at < len(content):
        found = field.match(content, at)
        assert found, f"no CSV: {content[at : at + 80]!r}"
        quoted, unquoted, end = found.groups()
        record.append((unquoted, False) if quoted is None else (quoted.replace('""', '"'), True))
        if end == "\r\n":
            yield record
            record = []
        at = found.end()
    assert not record, "the last record has no end"


def expect_csv(table, style):
    guard = (lambda cell: cell) if style.get("formulas") == "raw" else written.guarded

    def cell(value, column):
        if value is None:
            return None
        text = written.text(value, column, style)
        return guard(text) if column.kind == "text" else text

    return [guard(title) for title in titles(table, style)], rows_of(table, cell)


# --- JSON -----------------------------------------------------------------------------------------------------------


def read_ndjson(path, table, style):
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == "", "the last line has no end"
    return objects([json.loads(line, object_pairs_hook=list) for line in lines], table)


def read_json(path, table, style):
    return objects(json.loads(path.read_bytes(), object_pairs_hook=list), table)


def objects(found, table):
    """Keys in their order; each object must have all."""
    names = [column.name for column in table.columns]
    for pairs in found:
        assert [name for name, _ in pairs] == names, pairs
    return names, [[value for _, value in pairs] for pairs in found]


def expect_json(table, style):
    def cell(value, column):
        if isinstance(value, float):
            if value != value or value in (float("inf"), float("-inf")):
                return None
            return float(written.number(value, column))
        if isinstance(value, datetime):
            return written.moment(value)
        if isinstance(value, (date, Decimal)):
            return written.text(value, column, {})
        return value

    return [column.name for column in table.columns], rows_of(table, cell)


# --- XML ------------------------------------------------------------------------------------------------------------


def read_xml(path, table, style):
    root = etree.parse(path).getroot()
    assert root.tag == "report"
    names = [column.name for column in table.columns]
    rows = []
    for row in root:
        assert row.tag == "row" and [cell.tag for cell in row] == names, row.tag
        rows.append([None if cell.get(XSI_NIL) == "true" else cell.text or "" for cell in row])
    return names, rows


def expect_xml(table, style):
    def cell(value, column):
        if value is None:
            return None
        text = written.text(value, column, {})
        if column.kind == "float":
            text = text.replace("inf", "INF")
        return written.for_xml(text)

    return [column.name for column in table.columns], rows_of(table, cell)


# --- HTML -----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Texts of the elements that matter, as a browser has them."""

    SECTIONS = ("thead", "tbody", "tfoot")

    def __init__(self):
        super().__init__()
        self.rows = {section: [] for section in self.SECTIONS}
        self.texts = {}
        self.section = self.open = None

    def handle_starttag(self, tag, attributes):
        assert tag not in ("script", "link", "img", "iframe", "a", "object"), tag
        assert not {"src", "href", "onload", "onclick"} & dict(attributes).keys(), attributes
        if tag in self.SECTIONS:
            self.section = tag
        elif tag == "tr":
            self.rows[self.section].append([])
        elif tag in ("td", "th", "title", "h1", "p", "dt", "dd"):
            self.open = ""

    def handle_data(self, data):
        if self.open is not None:
            self.open += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[self.section][-1].append(self.open)
        elif self.open is not None:
            self.texts.setdefault(tag, []).append(self.open)
        self.open = None


def read_page(path):
    page = Page()
    # What browsers do before they parse.
    page.feed(path.read_bytes().decode().replace("\r\n", "\n").replace("\r", "\n"))
    page.close()
    return page


def read_html(path, table, style):
    page = read_page(path)
    (header,) = page.rows["thead"]
    return header, page.rows["tbody"]


def expect_html(table, style):
    return shown_titles(table, style, written.for_html), shown_rows(table, style, written.for_html)


def check_html(path, report, table, style):
    """What stands around the table."""
    page = read_page(path)
    yield "title", (page.texts["title"], page.texts["h1"]), ([report["title"]], [report["title"]])
    yield "description", page.texts["p"][0], report["description"]
    parameters = [list(pair) for pair in zip(page.texts["dt"], page.texts["dd"])][1:]
    yield "parameters", parameters, report["parameters"]
    yield "data as of", page.texts["dt"][0], "Data as of"
    sums = totals(table, style)
    expected = [[sum or ("Total" if index == 0 else "") for index, sum in enumerate(sums)]] if any(sums) else []
    yield "totals", page.rows["tfoot"], expected
    rows = len(table.rows)
    grouping = style.get("grouping_separator", "." if style.get("decimal_separator") == "," else ",")
    yield "row count", page.texts["p"][-1], f"{rows:,} row{'' if rows == 1 else 's'}".replace(",", grouping)


# --- TXT ------------------------------------------------------------------------------------------------------------


def read_txt(path, table, style):
    """Lines are matched against what they must be, cell by cell and in their places: cells may have spaces in them."""
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == "", "the last line has no end"
    titles_line, dashes, *rows = lines
    widths = [len(rule) for rule in dashes.split("  ")]
    assert dashes == "  ".join("-" * width for width in widths) and len(widths) == len(table.columns), dashes[:200]
    header, expected = expect_txt(table, style)
    return cells_of(titles_line, header, widths, table), [
        cells_of(line, cells, widths, table) for line, cells in zip(rows, [*expected, *[None] * len(rows)])
    ]


def cells_of(line, expected, widths, table):
    """The expected cells if the line holds them, else the line for each."""
    if expected is None:
        return [line] * len(widths)
    padded = "  ".join(
        # Where terminals do not agree on a text's width, any padding is accepted.
        " *" + re.escape(cell) + " *" if room is None
        else " " * room + re.escape(cell) if written.is_number(column)
        else re.escape(cell) + " " * room
        for cell, column, room in zip(expected, table.columns, map(padding, expected, widths))
    )  # fmt: skip
    whole = line + " " * (sum(widths) + 2 * len(widths))
    is_as_expected = re.fullmatch(padded + " *", whole) and not is_padded(line, expected)
    return expected if is_as_expected else [line] * len(widths)


def padding(cell, width):
    own = written.width(cell)
    return None if own is None else width - own


def is_padded(line, expected):
    """Whether it ends in spaces that are no cell's own."""
    last = next((cell for cell in reversed(expected) if cell), "")
    return line != line.rstrip(" ") and not last.endswith(" ")


def expect_txt(table, style):
    return shown_titles(table, style, written.for_line), shown_rows(table, style, written.for_line)


# --- shared ---------------------------------------------------------------------------------------------------------


def titles(table, style):
    own = style.get("titles", {})
    return [own.get(column.name, column.title) for column in table.columns]


def shown_titles(table, style, shown):
    return [shown(title) for title in titles(table, style)]


def rows_of(table, cell):
    return [[cell(value, column) for value, column in zip(row, table.columns)] for row in table.rows]


def shown_rows(table, style, shown):
    """As text, a null as the style's text for it."""
    null = style.get("null_text", "")
    return rows_of(table, lambda value, column: shown(null if value is None else written.text(value, column, style)))


def totals(table, style):
    """Sums as text; none for columns without one."""
    sums = []
    for index, column in enumerate(table.columns):
        values = [row[index] for row in table.rows if row[index] is not None]
        zero = 0 if column.kind == "integer" or not values else Decimal(0)
        sums.append(written.text(written.total(values, zero), column, style) if column.total else None)
    return sums
