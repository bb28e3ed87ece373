"""Publishes a message to an SNS topic, and before that subscribes a queue to it, if one is named.

Input (JSON on stdin): endpoint, region, topic (ARN, or a name of one that is to be made), message, queue (ARN, optional),
raw (whether that subscription is raw). Credentials are the environment's, or the local cloud's. Output: the message's id
and the topic's ARN.
"""

import json
import sys

import boto3

task = json.load(sys.stdin)
local = {}
if task["endpoint"]:
    local = {"endpoint_url": task["endpoint"], "aws_access_key_id": "test", "aws_secret_access_key": "test"}
sns = boto3.client("sns", region_name=task["region"], **local)
topic = task["topic"]
if not topic.startswith("arn:"):
    topic = sns.create_topic(Name=topic)["TopicArn"]
if task.get("queue"):
    raw = "true" if task.get("raw") else "false"
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=task["queue"], Attributes={"RawMessageDelivery": raw}
    )
answer = sns.publish(TopicArn=topic, Message=task["message"])
json.dump({"message_id": answer["MessageId"], "topic": topic}, sys.stdout)
