"""What CloudWatch has of a stack: reads {endpoint, region, stack} and tells the metric lines that the functions wrote, the dashboard, the alarms."""

import json
import sys

import boto3

FUNCTIONS = ["api", "intake", "worker", "dispatcher", "sweeper"]

asked = json.load(sys.stdin)
session = {"region_name": asked["region"]}
if asked["endpoint"]:
    session |= {"endpoint_url": asked["endpoint"], "aws_access_key_id": "test", "aws_secret_access_key": "test"}
logs, cloudwatch = boto3.client("logs", **session), boto3.client("cloudwatch", **session)


def metrics():
    for function in FUNCTIONS:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{asked['stack']}/{function}")
        for event in (event for page in pages for event in page["events"]):
            if '"_aws"' in event["message"]:
                yield json.loads(event["message"])


names = [entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]]
mine = [name for name in names if name.startswith(asked["stack"] + "-")]
alarms = [alarm for page in cloudwatch.get_paginator("describe_alarms").paginate() for alarm in page["MetricAlarms"]]
print(json.dumps({
    "metrics": list(metrics()),
    "dashboards": [json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) for name in mine],
    "alarms": [alarm["AlarmDescription"] for alarm in alarms if alarm["AlarmName"].startswith(asked["stack"] + "-")],
}))
