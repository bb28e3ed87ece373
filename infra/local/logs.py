"""Prints what the functions of a local stack logged, oldest first: logs.py <stack.json> [function] [lines]."""

import json
import sys

import boto3

stack = json.load(open(sys.argv[1]))
function = sys.argv[2] if len(sys.argv) > 2 else ""
lines = int(sys.argv[3]) if len(sys.argv) > 3 else 100
logs = boto3.client(
    "logs",
    endpoint_url=stack["aws_endpoint_url"],
    region_name=stack["region"],
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
events = []
for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/"):
    for group in page["logGroups"]:
        name = group["logGroupName"].rsplit("/", 1)[-1]
        if function in ("", name):
            found = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            events += [(event["timestamp"], name, event["message"].rstrip()) for part in found for event in part["events"]]
for _, name, message in sorted(events)[-lines:]:
    # Lambda's own lines about each invocation say nothing that the functions' lines do not.
    if not message.startswith(("START ", "END ", "REPORT ")):
        print(f"{name:<11} {message}")
