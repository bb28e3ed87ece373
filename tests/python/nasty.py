"""The data sets of the interoperability tests: what their cells are, and the Parquet files that reports are made from.

What a report must hold is computed from these rows, which never pass through Waybill. As a script: input (JSON on
stdin) is {folder}; each data set is written to `{folder}/{name}/1.parquet`. Output: {name: {columns: [{name, title,
kind, total}], rows}}.
"""

import json
import os
import random
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal
from itertools import cycle, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

UTC = timezone.utc
WIDE = Context(prec=60)

# What breaks writers and readers: quotes, line ends, separators, formulas, scripts, controls, look-alikes of nulls and
# of escapes.
TEXTS = [
    'say "hi"', '"', '""', "it's", "'=1+1", "two\nlines", "two\r\nlines", "\r", "\n", "a,b", "a;b", "a|b", "a\tb",
    "=1+1", "+1", "-1", "@SUM(A1)", "\tindented", "\rreturned", '=HYPERLINK("http://x.example","y")', "=",
    "", " ", "  two spaces  ", "plain", "0042", "1e5", "true", "null", "NULL", "N/A", "2024-02-30",
    "Größe €5 – naïve", "São João da Conceição", "日本語の文字列", "emoji 😀", "family 👨‍👩‍👧‍👦", "flags 🇧🇷🇪🇺", "❤️",
    "שלום עולם", "مرحبا بالعالم", "mixed שלום 123 abc", "e\u0301 combining", "a\u0308\u0323", "\u200bzero width",
    "\ufeffmark", "_x0041_", "_x005F_x0041_", "]]>", "<b>&amp;\"'</b>", "<!--", "&#10;", "\x01\x0b\x1f",
    "\x7f\x85\u2028", "\ufffe\uffff", "{\"json\": [1]}", "back\\slash", "C:\\new\\table", "%41%s%n", "$1 ${x}",
    "word " * 30, "Donaudampfschifffahrt" * 6,
]
INTEGERS = [0, 1, -1, 2**63 - 1, -(2**63), 10**15 - 1, 10**15, -(10**15) + 1, 9_007_199_254_740_993, 1_234_567, -1_000]
UNSIGNED = [0, 2**64 - 1, 999_999_999_999_999, 10**15, 7]
SMALL = [0, -(2**31), 2**31 - 1, 12]
AMOUNTS = [
    "0", "-0.0000000001", "9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999",
    "1234.5", "-1234.565", "0.5", "-0.005", "12345.6789012345", "999.995", "1000000", "0.1",
]
WHOLES = ["0", "99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "-1", "1234567"]
PRICES = ["0.000", "-0.001", "999999999.999", "12.345", "-1234.500", "0.125"]
FLOATS = [
    0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 5e-324, 0.1, 1.0, -2.5, 123456.789, 1e15, 1e16,
    1e-4, 1e-5, 2.0**53, 1.7976931348623157e308, 1 / 3, 0.125,
]
SINGLES = [0.5, -0.0, 3.4028234663852886e38, 1.0, float("nan"), -2.25]
DAYS = [
    date(1583, 1, 1), date(1899, 12, 31), date(1900, 1, 1), date(1900, 2, 28), date(1900, 3, 1), date(1969, 12, 31),
    date(1970, 1, 1), date(2000, 2, 29), date(2024, 2, 29), date(2038, 1, 20), date(9999, 12, 31),
]
MOMENTS = [
    datetime(1583, 1, 1, 0, 0, 0, 1), datetime(1899, 12, 31, 23, 59, 59, 999_999), datetime(1900, 2, 28, 12, 0),
    datetime(1900, 3, 1), datetime(1900, 3, 1, 5, 6, 7, 891_234), datetime(1969, 12, 31, 23, 59, 59, 999_500),
    datetime(1970, 1, 1), datetime(2018, 2, 17, 23, 30), datetime(2018, 2, 18, 1, 59, 59, 999_000),
    datetime(2018, 2, 18, 3, 0), datetime(2018, 11, 4, 2, 59, 59), datetime(2018, 11, 4, 3, 0, 0, 1_000),
    datetime(2024, 2, 29, 12, 34, 56, 789_000), datetime(2038, 1, 20, 3, 14, 8),
    datetime(9999, 12, 31, 23, 59, 59, 999_999),
]


@dataclass(frozen=True)
class Column:
    """A column of a report. `kind` is the documented type, `type` the one in the lake."""

    name: str
    title: str
    kind: str
    type: pa.DataType
    total: bool = False


@dataclass(frozen=True)
class Table:
    """A data set. Cells are str, int, Decimal with its column's scale, float, bool, date, datetime, or None."""

    columns: list[Column]
    rows: list[tuple]


def decimals(texts, scale):
    return [Decimal(text).quantize(Decimal(1).scaleb(-scale), context=WIDE) for text in texts]


def zoned(moments):
    return [moment.replace(tzinfo=UTC) for moment in moments]


LABELS = ["north", "south", "", "=east", "西"]

# Every type, and what its column cycles through.
NASTY = [
    (Column("text", 'Text, "quoted"', "text", pa.string()), TEXTS),
    (Column("label", "Étiquette <&>", "text", pa.dictionary(pa.int8(), pa.string())), LABELS),
    (Column("big", "Big", "integer", pa.int64(), total=True), INTEGERS),
    (Column("unsigned", "Unsigned", "integer", pa.uint64()), UNSIGNED),
    (Column("small", "=Small", "integer", pa.int32(), total=True), SMALL),
    (Column("amount", "Amount; exact", "decimal", pa.decimal128(38, 10), total=True), decimals(AMOUNTS, 10)),
    (Column("whole", "Whole", "decimal", pa.decimal128(38, 0)), decimals(WHOLES, 0)),
    (Column("price", "מחיר", "decimal", pa.decimal128(12, 3), total=True), decimals(PRICES, 3)),
    (Column("flag", "Flag", "boolean", pa.bool_()), [True, False]),
    (Column("ratio", "Ratio", "float", pa.float64()), FLOATS),
    (Column("single", "Single", "float", pa.float32()), SINGLES),
    (Column("day", "Day", "date", pa.date32()), DAYS),
    (Column("moment", "Moment", "timestamp", pa.timestamp("us")), MOMENTS),
    (Column("instant", "Instant", "timestamp", pa.timestamp("us", tz="UTC")), zoned(MOMENTS)),
    (Column("second", "Second", "timestamp", pa.timestamp("s")), [moment.replace(microsecond=0) for moment in MOMENTS]),
]
NUMBER = Column("n", "No.", "integer", pa.int64())


def nasty(length):
    """So many rows of everything. Columns skip a cell now and then, each at another place, and one row is empty."""
    columns = []
    for index, (_, values) in enumerate(NASTY):
        # A gap of null after each round, so that columns of equal length do not stay in step.
        columns.append(list(islice(cycle([*values, *[None] * (1 + index % 3)]), length)))
    rows = [list(row) for row in zip(*columns)]
    if length > 20:
        rows[20] = [None] * len(NASTY)
    numbered = [(number, *row) for number, row in enumerate(rows)]
    return Table([NUMBER, *(column for column, _ in NASTY)], numbered)


def wide():
    """A thousand columns of all kinds."""
    kinds = [pair for pair in NASTY if pair[0].name not in ("label", "single", "unsigned")]
    columns, cells = [NUMBER], []
    for index, (column, values) in zip(range(999), cycle(kinds)):
        name = f"c{index:03}"
        columns.append(Column(name, f"{column.title} {index}", column.kind, column.type))
        cells.append(list(islice(cycle([*values, None]), index, index + 3)))
    return Table(columns, [(number, *row) for number, row in enumerate(zip(*cells))])


def many():
    """Rows as they are every day, for several batches, parts and pages."""
    chosen = random.Random(20_241_122)
    countries = ["Brazil", "United Kingdom", "Germany", "France", "Portugal", "Côte d’Ivoire"]
    columns = [
        NUMBER,
        Column("customer", "Customer", "text", pa.string()),
        Column("country", "Country", "text", pa.string()),
        Column("quantity", "Quantity", "integer", pa.int64(), total=True),
        Column("price", "Unit price", "decimal", pa.decimal128(12, 3)),
        Column("amount", "Amount", "decimal", pa.decimal128(38, 3), total=True),
        Column("paid", "Paid", "boolean", pa.bool_()),
        Column("due", "Due", "date", pa.date32()),
        Column("sold", "Sold", "timestamp", pa.timestamp("us")),
    ]
    rows = []
    for number in range(3_000):
        quantity = chosen.randint(-20, 500)
        price = Decimal(chosen.randint(0, 99_999)).scaleb(-3)
        sold = datetime(2023, 1, 1) + timedelta(milliseconds=chosen.randrange(2 * 365 * 86_400_000))
        customer = None if number % 97 == 0 else f"Customer {chosen.randint(1, 400):05}"
        due = None if number % 13 == 0 else sold.date() + timedelta(days=30)
        country, paid = chosen.choice(countries), chosen.random() < 0.9
        rows.append((number, customer, country, quantity, price, quantity * price, paid, due, sold))
    return Table(columns, rows)


def fuzz():
    """Random text, mostly of the characters that matter."""
    chosen = random.Random(4_180)
    alphabet = list(",;|\t\"'\r\n =+-@ab0_x\\<&]>\u00e9\u05d0😀") + ["\r\n", '""', "null", "N/A"]

    def cell():
        if chosen.random() < 0.1:
            return None
        return "".join(chosen.choice(alphabet) for _ in range(chosen.choice([0, 1, 1, 2, 3, 5, 8, 20])))

    columns = [NUMBER, *(Column(name, name.upper(), "text", pa.string()) for name in "abcd")]
    return Table(columns, [(number, *(cell() for _ in range(4))) for number in range(500)])


def tables():
    """All data sets by name."""
    full = nasty(2 * len(TEXTS) + 7)
    return {
        "nasty": full,
        "empty": Table(full.columns, []),
        "one": Table(full.columns, full.rows[:1]),
        # No cell is that of `one`.
        "other": Table(full.columns, full.rows[1:2]),
        "wide": wide(),
        "many": many(),
        "fuzz": fuzz(),
    }


def write(table, path):
    """The data set as Parquet, in several row groups where it is long."""
    arrays = [pa.array([row[i] for row in table.rows], column.type) for i, column in enumerate(table.columns)]
    schema = pa.schema([(column.name, column.type) for column in table.columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{os.getpid()}.partial")
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), partial, row_group_size=700)
    partial.replace(path)


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    described = {}
    for name, table in tables().items():
        write(table, folder / name / "1.parquet")
        columns = [{"name": c.name, "title": c.title, "kind": c.kind, "total": c.total} for c in table.columns]
        described[name] = {"columns": columns, "rows": len(table.rows)}
    json.dump(described, sys.stdout)


if __name__ == "__main__":
    main()
