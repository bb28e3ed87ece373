"""Prints what the functions of a local stack logged, oldest first: logs.py <stack.json> [function] [lines]."""

import json
import signal
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

# Lambda's own lines about each invocation say nothing that the functions' lines do not.
INVOCATION = ("START ", "END ", "REPORT ")
SWEPT = ("due", "moved", "dead", "left")


def says_something(message: str) -> bool:
    if message.startswith(INVOCATION):
        return False
    try:
        line = json.loads(message)
    except ValueError:
        return True
    if not isinstance(line, dict):
        return True
    # Metrics are for CloudWatch. The sweeper tells every minute that there was nothing to do.
    return "_aws" not in line and (line.get("message") != "swept" or any(line.get(field) for field in SWEPT))


def read(stack: dict, function: str) -> list:
    logs = boto3.client(
        "logs",
        endpoint_url=stack["aws_endpoint_url"],
        region_name=stack["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 2}),
    )
    events = []
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/"):
        for group in page["logGroups"]:
            name = group["logGroupName"].rsplit("/", 1)[-1]
            if function in ("", name):
                found = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
                for event in (event for part in found for event in part["events"]):
                    events.append((event["timestamp"], name, event["message"].rstrip()))
    return sorted(events)


def main(path: str, function: str = "", lines: str = "100") -> None:
    try:
        with open(path) as file:
            stack = json.load(file)
        events = [event for event in read(stack, function) if says_something(event[2])]
    except (FileNotFoundError, ConnectionClosedError, EndpointConnectionError):
        sys.exit("No local cloud is running: run `make up`.")
    for _, name, message in events[-int(lines) :]:
        print(f"{name:<11} {message}")


# A reader that has enough, such as `head`, ends this without a word.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
main(*sys.argv[1:])
