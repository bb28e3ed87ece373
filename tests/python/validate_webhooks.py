"""Validates bodies of webhooks against docs/schemas/webhooks, and more strictly than receivers may: a field that the schema
does not know is an error.

Input (JSON on stdin): bodies, as texts; or documents: {name, value} of one schema each. Output: errors, each with where and
what.
"""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "schemas" / "webhooks"
# What tells the profiles' bodies apart.
MARKS = {"waybill": "data", "tesouro": "requestId", "eclipse": "reportId", "unico": "id"}


def strict(schema):
    """The schema, with every object that lists its properties closed."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed["additionalProperties"] = False
    return closed


def validator(name):
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(strict(schema))


validators = {name: validator(name) for name in MARKS}
errors = []
for text in json.load(sys.stdin)["bodies"]:
    body = json.loads(text)
    names = [name for name, mark in MARKS.items() if mark in body]
    if len(names) != 1:
        errors.append(f"a body of no profile: {text}")
        continue
    for error in validators[names[0]].iter_errors(body):
        inner = "; ".join(f"{one.json_path}: {one.message}" for one in error.context or [])
        errors.append(f"{names[0]} {error.json_path}: {error.message} {inner} in {text}")
json.dump({"errors": errors}, sys.stdout)
