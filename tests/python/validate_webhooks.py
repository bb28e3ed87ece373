"""Validates bodies of webhooks against docs/schemas/webhooks.

Input (JSON on stdin): bodies, as texts. Output: errors, each with where and what.
"""

import json
import sys

from schemas import validator

# What tells the profiles' bodies apart.
MARKS = {"waybill": "data", "tesouro": "requestId", "eclipse": "reportId", "unico": "id"}


validators = {name: validator(f"webhooks/{name}") for name in MARKS}
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
