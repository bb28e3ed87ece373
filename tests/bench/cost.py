"""Dollars of 1,000 reports of a million rows, from the figures of docs/benchmarks/packaging.json: `cost.py` prints docs/cost.md's table.

Prices are AWS's list prices of us-east-1 without free tiers, as they were known on the date below; put yours in.
"""

import json
import pathlib

PRICES_OF = "2026-11-27"
DOCS = pathlib.Path(__file__).parents[2] / "docs"
ROWS = 6_001_215
GB_SECOND = 0.0000133334  # Lambda, arm64
REPORTS = 1_000

# Of the worker, besides the data path: claim, plan, listing and footers of the lake, outcome. Seconds.
AROUND = 0.6
# Bytes of the file, and of its CSV, for a million rows of lineitem.
FILE_GB = 0.044
WORKER_GB, API_GB, DISPATCHER_GB = 3538 / 1024, 512 / 1024, 256 / 1024


def lines(seconds):
    """(service, what, quantity per report, price of one)."""
    run = seconds * 1e6 / ROWS + AROUND
    return [
        ("Lambda", f"worker: {run:.2f} s of 3,538 MB", run * WORKER_GB, GB_SECOND),
        ("Lambda", "api: one request and two looks at the status, 30 ms each of 512 MB", 0.09 * API_GB, GB_SECOND),
        ("Lambda", "dispatcher: 0.5 s of 256 MB, mostly the receiver's", 0.5 * DISPATCHER_GB, GB_SECOND),
        ("Lambda", "invocations: 3 of api, 1 of worker, 1 of dispatcher", 5, 0.20e-6),
        ("API Gateway", "calls of an HTTP API", 3, 1.00e-6),
        ("SQS", "2 messages, each sent, received and deleted", 6, 0.40e-6),
        ("DynamoDB", "write units: 7 single writes, and 11 in 5 transactions at twice the price, of up to 2 KB", 58, 0.625e-6),
        ("DynamoDB", "read units: 14 reads and queries, 6 more for the looks at the status", 20, 0.125e-6),
        ("S3", "PUT class: listing, begin, 6 parts, completion, manifest", 10, 0.005e-3),
        ("S3", "GET class: 40 of the lake, one download", 41, 0.0004e-3),
        ("S3", "the file kept for 3 days, GB-months", FILE_GB * 3 / 30, 0.023),
        ("EventBridge", "event on the bus", 1, 1.00e-6),
        ("CloudWatch", "logs: 20 KB, GB", 20e-6, 0.50),
        ("Transfer", "the file to the internet, GB", FILE_GB, 0.09),
    ]


def main():
    figures = {entry["case"]: entry["figure"] for entry in json.loads((DOCS / "benchmarks/packaging.json").read_text())}
    print(f"| service | per report | quantity | price | {REPORTS:,} reports |\n|---|---|---|---|---|")
    total, aws = 0.0, 0.0
    for service, what, quantity, price in lines(figures["openpgp"]):
        dollars = REPORTS * quantity * price
        total += dollars
        aws += dollars if service != "Transfer" else 0
        print(f"| {service} | {what} | {quantity:.4g} | ${price:.10f}".rstrip("0") + f" | ${dollars:.4f} |")
    print(f"| **all** | | | | **${total:.2f}** |\n\nWithout the transfer: ${aws:.2f}. Prices of {PRICES_OF}.")


main()
