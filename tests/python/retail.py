"""Writes a small lake in the form of `online_retail`, with its kinds of dirt, the same each time.

Input (JSON on stdin): out (a folder that does not exist), lines. Output: files, their paths below the folder.
"""

import json
import os
import sys

import duckdb

task = json.load(sys.stdin)
out = task["out"].replace("'", "''")
db = duckdb.connect()
# Four lines an invoice, some minutes apart; every ninth is a credit note, a quarter has no customer.
db.execute(
    f"""
    CREATE TABLE lines AS
    WITH invoices AS (
        SELECT i, i // 4 AS number,
               TIMESTAMP '2010-12-01 08:26' + INTERVAL 1 MINUTE * ((i // 4) * 977 % 530000) AS began
        FROM range({int(task["lines"])}) lines(i)
    )
    SELECT CASE WHEN number % 9 = 0 THEN 'C' ELSE '' END || (536365 + number) AS invoice_no,
           CAST(20000 + i * 37 % 800 AS VARCHAR) AS stock_code,
           CASE i % 11 WHEN 0 THEN NULL WHEN 1 THEN 'BOX, "RETRO"' ELSE 'ITEM ' || i % 50 END AS description,
           CAST(CASE WHEN number % 9 = 0 THEN -1 ELSE 1 END * (1 + i * 7 % 48) AS INTEGER) AS quantity,
           began + INTERVAL 1 MINUTE * (i % 3) AS invoice_date,
           CAST((1 + i * 13 % 2999) / 1000 AS DECIMAL(12, 3)) AS unit_price,
           CASE WHEN number % 4 = 3 THEN NULL ELSE CAST(12346 + number % 20 AS INTEGER) END AS customer_id,
           ['United Kingdom', 'France', 'EIRE', 'Channel Islands', 'Germany'][1 + number % 5] AS country,
           strftime(began + INTERVAL 1 MINUTE * (i % 3), '%Y-%m') AS month
    FROM invoices
    """
)
db.execute(f"COPY lines TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month))")
found = [os.path.join(folder, name) for folder, _, names in os.walk(task["out"]) for name in names]
json.dump({"files": sorted(os.path.relpath(path, task["out"]) for path in found)}, sys.stdout)
