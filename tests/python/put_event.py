"""Puts an event on an event bus.

Input (JSON on stdin): endpoint, region, bus, source, detail_type, detail. Credentials are the environment's, or the
local cloud's. Output: the event's id.
"""

import json
import sys

import boto3

task = json.load(sys.stdin)
local = {}
if task["endpoint"]:
    local = {"endpoint_url": task["endpoint"], "aws_access_key_id": "test", "aws_secret_access_key": "test"}
answer = boto3.client("events", region_name=task["region"], **local).put_events(
    Entries=[
        {
            "EventBusName": task["bus"],
            "Source": task["source"],
            "DetailType": task["detail_type"],
            "Detail": json.dumps(task["detail"]),
        }
    ]
)
if answer["FailedEntryCount"]:
    sys.exit(str(answer["Entries"]))
json.dump({"event_id": answer["Entries"][0]["EventId"]}, sys.stdout)
