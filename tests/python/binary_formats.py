"""The same as `text_formats` for formats that are not text: XLSX by openpyxl, Parquet by pyarrow."""

import io
import re
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

import written
from text_formats import rows_of, titles

# Spreadsheets calculate in doubles, which keep so many digits; and count days from then, without Excel's 1900-02-29.
DIGITS = 15
FIRST_DAY = date(1900, 3, 1)


# --- XLSX -----------------------------------------------------------------------------------------------------------


def read_xlsx(path, table, style):
    book = openpyxl.load_workbook(path)
    (sheet,) = book.worksheets
    assert sheet.freeze_panes == "A2", sheet.freeze_panes
    assert sheet.auto_filter.ref.startswith("A1:"), sheet.auto_filter.ref
    assert sheet.max_column == len(table.columns), sheet.max_column
    header, *rows = sheet.iter_rows()
    assert all(cell.font.bold for cell in header)
    return [read_cell(cell)[1] for cell in header], [list(map(read_cell, row)) for row in rows]


def read_cell(cell):
    """(type, value, number format of numbers). A formula would be of type `f`."""
    if cell.value is None:
        return None
    if cell.data_type in ("s", "inlineStr"):
        return "text", re.sub("_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), cell.value)
    # What is not part of a number format may be marked as such.
    shown_as = cell.number_format.replace("\\", "")
    if cell.data_type == "n":
        return "number", float(cell.value), shown_as
    return {"b": "boolean", "d": "date"}.get(cell.data_type, cell.data_type), cell.value, shown_as


def expect_xlsx(table, style):
    # Patterns become formats of the cells, so that those that are text have all of their digits.
    exact = {key: style[key] for key in ("time_zone", "decimal_separator") if key in style}
    formats = [number_format(column, style) for column in table.columns]
    by_name = {column.name: code for column, code in zip(table.columns, formats)}

    def cell(value, column):
        code = by_name[column.name]
        if value is None:
            return ("text", style["null_text"]) if style.get("null_text") else None
        if isinstance(value, bool):
            return "boolean", value, "General"
        if isinstance(value, datetime):
            local = written.in_zone(value, style.get("time_zone")).replace(tzinfo=None)
            if local.date() >= FIRST_DAY:
                return "date", local.replace(microsecond=local.microsecond // 1000 * 1000), code
        elif isinstance(value, date):
            if value >= FIRST_DAY:
                return "date", datetime(value.year, value.month, value.day), code
        elif not isinstance(value, str) and is_precise(value):
            return "number", float(written.number(value, column)), code
        return "text", written.text(value, column, exact)

    return titles(table, style), rows_of(table, cell)


def is_precise(value):
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    if isinstance(value, int):
        return abs(value) < 10**DIGITS
    return len("".join(map(str, value.as_tuple().digits)).strip("0")) <= DIGITS


def number_format(column, style):
    own = style.get("formats", {}).get(column.name)
    match column.kind:
        case "integer":
            return own or "0"
        case "decimal":
            return own or ("0." + "0" * column.type.scale if column.type.scale else "0")
        case "date":
            return excel(own or style.get("date_format") or "%Y-%m-%d")
        case "timestamp":
            return excel(own or style.get("timestamp_format") or "%Y-%m-%d %H:%M:%S.%3f")
    return own or "General"


def excel(pattern):
    """A time pattern in Excel's words."""
    words = {"%Y": "yyyy", "%m": "mm", "%d": "dd", "%H": "hh", "%M": "mm", "%S": "ss", "%3f": "000"}
    return re.sub("%3f|%.", lambda directive: words[directive[0]], pattern)


# --- Parquet --------------------------------------------------------------------------------------------------------


def read_parquet(path, table, style):
    found = pq.read_table(path)
    return [(field.name, plain(field.type)) for field in found.schema], values(found)


def expect_parquet(table, style):
    """As the lake has it: types and values, to the microsecond."""
    arrays = [pa.array([row[i] for row in table.rows], column.type) for i, column in enumerate(table.columns)]
    stored = io.BytesIO()
    pq.write_table(pa.table(arrays, names=[column.name for column in table.columns]), stored)
    found = pq.read_table(stored)
    return [(field.name, plain(field.type)) for field in found.schema], values(found)


def values(found):
    return [list(row) for row in zip(*(column.to_pylist() for column in found.columns))]


def plain(kind):
    """Text is text, however it is laid out in memory."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return "string" if kind in (pa.large_string(), pa.string_view()) else str(kind)
