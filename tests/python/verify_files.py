"""Compares reports, cell by cell, with what they must hold.

Input (JSON on stdin): reports [{data (a data set of `nasty.py`), format, style, title, description, parameters, files
(its parts, in order)}], manifests (paths). Output: reports [{cells (that were compared), differing (how many of them,
and of what is around them), faults (the first five)}], manifests (those that are not canonical JSON).
"""

import hashlib
import json
import sys
from pathlib import Path

# Before what is imported from here leaves something behind.
sys.dont_write_bytecode = True

import nasty

MODULES = {"xlsx": "binary_formats", "parquet": "binary_formats", "pdf": "pdf_format"}


def functions(format):
    """(read, expect, check what is around the table) of a format."""
    module = __import__(MODULES.get(format, "text_formats"))
    read, check = getattr(module, f"read_{format}"), getattr(module, f"check_{format}", None)
    return read, getattr(module, "expect_json" if format == "ndjson" else f"expect_{format}"), check


def compare(report, table):
    """Yields (where, found, expected) for what differs, and at last the number of cells compared."""
    read, expect, check = functions(report["format"])
    style = report["style"]
    found, position = [], 0
    for path in map(Path, report["files"]):
        # A part is a whole file of its rows: how many those are, the file itself says.
        rest = nasty.Table(table.columns, table.rows[position:])
        header, rows = read(path, rest, style)
        expected_header, _ = expect(nasty.Table(table.columns, []), style)
        if repr(header) != repr(expected_header):
            yield f"header of {path.name}", header, expected_header
        if check:
            own = nasty.Table(table.columns, rest.rows[: len(rows)])
            for where, actual, wanted in check(path, report, own, style):
                if repr(actual) != repr(wanted):
                    yield f"{where} of {path.name}", actual, wanted
        found.extend(rows)
        position += len(rows)
    _, expected = expect(table, style)
    if len(found) != len(expected):
        yield "number of rows", len(found), len(expected)
    cells = 0
    for number, (row, wanted) in enumerate(zip(found, expected)):
        for column, actual, cell in zip(table.columns, row, wanted):
            cells += 1
            if repr(actual) != repr(cell):
                yield f"row {number}, column {column.name}", actual, cell
    yield cells


def verdict(report, tables, known):
    """What comes of a comparison; of the same bytes the same as before."""
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in report["files"]]
    key = repr((report["data"], report["format"], report["style"], digests))
    if key not in known:
        known[key] = compared(report, tables)
    return known[key]


def compared(report, tables):
    faults, differing, cells = [], 0, 0
    try:
        for fault in compare(report, tables[report["data"]]):
            if isinstance(fault, int):
                cells = fault
                continue
            differing += 1
            if len(faults) < 5:
                where, actual, wanted = fault
                faults.append(f"{where}: {shortened(actual)} instead of {shortened(wanted)}")
    except Exception as error:
        faults.append(f"{type(error).__name__}: {error}")
    return {"cells": cells, "differing": differing, "faults": faults}


def shortened(value):
    return repr(value)[:500]


def is_canonical(path):
    """RFC 8785, of a document whose keys are ASCII and whose numbers are integers."""
    content = Path(path).read_bytes()
    written = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return written.encode() == content


def main():
    task = json.load(sys.stdin)
    tables, known = nasty.tables(), {}
    answer = {
        "reports": [verdict(report, tables, known) for report in task["reports"]],
        "manifests": [path for path in task["manifests"] if not is_canonical(path)],
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
