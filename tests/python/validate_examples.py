"""Validates JSON documents by their schemas in docs/schemas/in.

Input (JSON on stdin): documents, each with schema (a file's stem) and document; or page, a file in docs, of which every
block of JSON that follows a line `<!-- schema: NAME -->` is one. Output: the examples, and faults, each with where and
what.
"""

import json
import pathlib
import re
import sys

from jsonschema import Draft202012Validator

docs = pathlib.Path(__file__).resolve().parents[2] / "docs"
task = json.load(sys.stdin)
documents = task.get("documents", [])
if "page" in task:
    page = (docs / task["page"]).read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- schema: ([a-z-]+) -->\n```json\n(.*?)```", page, re.DOTALL)
    documents = [{"schema": name, "document": json.loads(text)} for name, text in blocks]
faults = []
for one in documents:
    schema = json.loads((docs / "schemas" / "in" / f"{one['schema']}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    checked = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    faults += [f"{one['schema']} {list(fault.path)}: {fault.message}" for fault in checked.iter_errors(one["document"])]
json.dump({"examples": documents, "faults": faults}, sys.stdout)
