"""Compares a report with what DuckDB finds in the same Parquet files: header, row count, control totals, every cell.

Input (JSON on stdin): file, format (csv or ndjson), parquet (glob), columns [{name, title, type}], query (over the
table `lake`), totals, order (columns by which the file's rows must be sorted; none if empty). Output: header and
expected_header, actual and expected {rows, totals}, up to five rows each of missing and unexpected, and in_order.
"""

import json
import sys

import duckdb


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


task = json.load(sys.stdin)
columns = task["columns"]
is_csv = task["format"] == "csv"
db = duckdb.connect()

types = "{" + ", ".join(f"{quoted(c['name'])}: {quoted(c['type'])}" for c in columns) + "}"
if is_csv:
    # RFC 4180, taken literally: nothing is guessed, a quoted empty text is no null, lines end in CR LF.
    reader = (
        f"read_csv({quoted(task['file'])}, auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', new_line = '\\r\\n', nullstr = '', allow_quoted_nulls = false, parallel = false, "
        f"columns = {types})"
    )
else:
    reader = f"read_json({quoted(task['file'])}, format = 'newline_delimited', columns = {types})"
db.execute(f"CREATE TABLE actual AS SELECT * FROM {reader}")


def expected(column):
    """The column in the report's type, and in CSV with the guard against spreadsheet formulas."""
    value = f'CAST("{column["name"]}" AS {column["type"]})'
    if is_csv and column["type"] == "VARCHAR":
        value = f"CASE WHEN regexp_matches({value}, '^[-=+@\\t\\r]') THEN '''' || {value} ELSE {value} END"
    return f'{value} AS "{column["name"]}"'


lake = f"read_parquet({quoted(task['parquet'])}, hive_partitioning = true)"
db.execute(f"CREATE VIEW lake AS SELECT * FROM {lake}")
db.execute(
    f"CREATE TABLE expected AS SELECT {', '.join(map(expected, columns))} "
    f"FROM ({task['query']})"
)


def summary(table):
    sums = ", ".join(f'CAST(sum("{name}") AS VARCHAR)' for name in task["totals"])
    rows, *totals = db.execute(f"SELECT count(*), {sums} FROM {table}").fetchone()
    return {"rows": rows, "totals": dict(zip(task["totals"], totals))}


def difference(these, others):
    rows = db.execute(f"SELECT * FROM {these} EXCEPT ALL SELECT * FROM {others} LIMIT 5").fetchall()
    return [[str(cell) for cell in row] for row in rows]


def in_order():
    """Whether the file's rows, which the table keeps in the file's order, are sorted as they should be."""
    keys = ", ".join(f'"{name}"' for name in task["order"])
    if not keys:
        return True
    found = db.execute(f"SELECT {keys} FROM actual").fetchall()
    return found == db.execute(f"SELECT {keys} FROM actual ORDER BY {keys}").fetchall()


header = expected_header = None
if is_csv:
    expected_header = ",".join(c["title"] for c in columns) + "\r\n"
    with open(task["file"], encoding="utf-8", newline="") as file:
        header = file.readline()
elif summary("actual")["rows"]:
    expected_header = [c["name"] for c in columns]
    with open(task["file"], encoding="utf-8") as file:
        header = list(json.loads(file.readline()))

json.dump(
    {
        "header": header,
        "expected_header": expected_header,
        "actual": summary("actual"),
        "expected": summary("expected"),
        "missing": difference("expected", "actual"),
        "unexpected": difference("actual", "expected"),
        "in_order": in_order(),
    },
    sys.stdout,
)
