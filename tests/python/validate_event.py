"""Validates the detail of an event against its schema in docs/schemas.

Input (JSON on stdin): detail. Output: errors, each with where and what.
"""

import json
import sys

from schemas import validator

detail = json.load(sys.stdin)["detail"]
found = validator(detail["event"]).iter_errors(detail)
json.dump({"errors": [f"{error.json_path}: {error.message}" for error in found]}, sys.stdout)
