"""A query's rows as CSV by DuckDB: `duckdb_csv.py PARQUET THREADS SPILL OUT [TAIL]`, where TAIL follows the FROM."""

import sys

import duckdb

parquet, threads, spill, out, *tail = sys.argv[1:]
connection = duckdb.connect()
connection.execute(f"SET threads = {int(threads)}")
connection.execute(f"SET temp_directory = '{spill}'")
connection.execute(f"COPY (SELECT * FROM '{parquet}' {' '.join(tail)}) TO '{out}' (FORMAT csv, HEADER)")
