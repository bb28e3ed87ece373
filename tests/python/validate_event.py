"""Validates the detail of an event against its schema in docs/schemas, and more strictly than consumers may: a field
that the schema does not know is an error.

Input (JSON on stdin): detail. Output: errors, each with where and what.
"""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator


def strict(schema):
    """The schema, with every object that lists its properties closed."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(value) for name, value in schema.items()}
    if schema.get("type") == "object":
        closed["additionalProperties"] = False
    return closed


detail = json.load(sys.stdin)["detail"]
folder = pathlib.Path(__file__).resolve().parents[2] / "docs" / "schemas"
schema = json.loads((folder / f"{detail['event']}.json").read_text(encoding="utf-8"))
Draft202012Validator.check_schema(schema)
found = Draft202012Validator(strict(schema)).iter_errors(detail)
json.dump({"errors": [f"{error.json_path}: {error.message}" for error in found]}, sys.stdout)
