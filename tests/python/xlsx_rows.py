"""Opens a workbook with openpyxl.

Input (JSON on stdin): path. Output: header (texts) and rows (how many follow it).
"""

import json
import sys

import openpyxl

task = json.load(sys.stdin)
sheet = openpyxl.load_workbook(task["path"], read_only=True).worksheets[0]
rows = list(sheet.iter_rows(values_only=True))
json.dump({"header": list(rows[0]), "rows": len(rows) - 1}, sys.stdout)
