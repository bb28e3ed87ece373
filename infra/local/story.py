"""Prints the whole story of a request, from its id or that of one of its deliveries: rows of the table and lines of the logs, in
the order of time. Of a local stack (--local stack.json), or of one in AWS (--stack NAME) with the credentials of the environment.

It reads, and writes nothing. What is sealed, capabilities, parameters' values, and paths of receivers' URLs are not printed.
"""

import argparse
import json
import signal
import sys
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

FUNCTIONS = ["api", "intake", "worker", "dispatcher", "sweeper"]
# Of a receiver's answer; the row has up to 1 KiB.
SNIPPET = 200
# Lines of so many deliveries are looked for one by one; most carry the request's id anyway.
DELIVERIES = 20


class Unknown(Exception):
    pass


# --- where it stands ---------------------------------------------------------------------------------------------------


def stack(arguments):
    """(name, table, dynamodb, logs) of the stack."""
    if arguments.local is None:
        session = {}
        outputs = boto3.client("cloudformation").describe_stacks(StackName=arguments.stack)["Stacks"][0]["Outputs"]
        table = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "TableName")
        name = arguments.stack
    else:
        with open(arguments.local) as file:
            described = json.load(file)
        session = {"endpoint_url": described["aws_endpoint_url"], "region_name": described["region"], "aws_access_key_id": "test",
                   "aws_secret_access_key": "test"}
        name, table = described["stack_name"], described["table"]
    config = Config(retries={"total_max_attempts": 4, "mode": "standard"})
    return name, table, boto3.resource("dynamodb", config=config, **session), boto3.client("logs", config=config, **session)


def rows(table, pk):
    query = {"KeyConditionExpression": Key("pk").eq(pk), "ConsistentRead": True}
    while True:
        page = table.query(**query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def pieces(things, size):
    return [things[at : at + size] for at in range(0, len(things), size)]


def find(dynamodb, name, tenants, sort_key):
    """The row of that sort key of whichever tenant has it: a read for each tenant, a hundred at a time."""
    for piece in pieces(tenants, 100):
        left = {name: {"Keys": [{"pk": f"T#{tenant}", "sk": sort_key} for tenant in piece], "ConsistentRead": True}}
        while left:
            answer = dynamodb.batch_get_item(RequestItems=left)
            for row in answer["Responses"].get(name, []):
                return row
            left = answer.get("UnprocessedKeys")
    return None


def locate(dynamodb, name, id, tenant):
    """(tenant, request's id, its row or none if it is the story of a process)."""
    table = dynamodb.Table(name)
    tenants = [tenant] if tenant else [row["sk"] for row in rows(table, "TENANTS")]
    request = id
    if id.startswith("dlv_"):
        index = find(dynamodb, name, tenants, f"DLI#{id}")
        if index is None:
            raise Unknown(f"There is no delivery {id} of {counted(tenants)}.")
        tenants, request = [index["tenant"]], index["request"]
    row = find(dynamodb, name, tenants, f"REQ#{request}")
    if row is not None:
        return row["tenant"], request, row
    process = find(dynamodb, name, tenants, f"PRC#{request}")
    if process is None:
        raise Unknown(f"There is no request {request} of {counted(tenants)}. It may have been erased with its tenant.")
    return process["tenant"], request, None


def counted(tenants):
    return f"tenant {tenants[0]}" if len(tenants) == 1 else f"any of {len(tenants)} tenants"


# --- what the rows say -------------------------------------------------------------------------------------------------


def moment(text):
    """As the rows and the log lines write it; finer than a microsecond is cut off."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(microsecond=int(fraction[:6].ljust(6, "0")), tzinfo=timezone.utc)


def size(count):
    count = float(count)
    for unit in ["B", "kB", "MB"]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def whom(target):
    if target is None:
        return "whoever subscribes"
    kind, told = next(iter(target.items()))
    if kind == "webhook":
        return f"webhook at {urlsplit(told['url']).hostname} ({told.get('profile', 'waybill')})"
    if kind == "endpoint":
        return f"endpoint {told['id']}"
    if kind == "email":
        return f"mail to {', '.join(told['to'])}"
    return f"jira {told.get('issue') or ''}".strip()


def facts(request):
    """What is known of a request now: pairs of a label and a text."""
    parameters = ", ".join(request["parameters"]) or "none"
    yield "status", request["status"] + (", waits for a slot of its tenant" if request.get("waiting") else "")
    yield "report", f"{request['report']}, version {request['report_version']}; {request['format']}, {request['packaging']}; parameters: {parameters}"
    yield "asked by", f"{request['requested_by']}, through {request.get('interface', 'waybill')}"
    if occasion := request.get("occasion"):
        yield "schedule", f"{occasion['schedule']}, its run of {occasion['at']} ({occasion['time_zone']})"
    if request.get("repeats"):
        yield "repeats", request["repeats"]
    yield "to be told", whom(request.get("delivery"))
    yield "attempts", str(request["attempt"])
    if lease := request.get("lease"):
        yield "lease", f"until {lease['until']}, of {lease['owner']}"
    if failure := request.get("failure"):
        yield "failure", f"{failure['code']}: {failure['detail']}"
    for check in request.get("checks", []):
        yield "check", f"{check['name']}: {'holds' if check['passed'] else 'DOES NOT HOLD'}; expected {check.get('expected')}, actual {check.get('actual')}"
    if file := request.get("file"):
        yield "file", f"{file['name']}, {file['rows']} rows in {file.get('parts', 1)} part; {size(file['plaintext_bytes'])} plain, {size(file['object_bytes'])} in S3"
        yield "object", f"{file['key']}, SHA-256 {file['object_sha256']}"
        yield "manifest", f"SHA-256 {file.get('manifest_sha256') or 'none'}"
    if request.get("expires_at"):
        yield "file ends", request["expires_at"]
    if request.get("waiver"):
        yield "licence", "needs a seat until its end"
    if request.get("due_at"):
        yield "due", "the sweeper looks at " + (datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=int(request["due_at"]))).isoformat()


def of_request(request):
    yield request["created_at"], "recorded: QUEUED"
    if request.get("started_at"):
        yield request["started_at"], "claimed by a worker for the first time: RUNNING"
    if request.get("attempt_started_at") and request["attempt"] > 1:
        yield request["attempt_started_at"], f"attempt {request['attempt']} claimed"
    if request.get("cancellation"):
        yield request["cancellation"]["at"], f"called off by {request['cancellation']['by']}"
    elif request.get("finished_at"):
        ended = request["status"] if request["status"] != "EXPIRED" else "SUCCEEDED or DIVERGENT"
        yield request["finished_at"], f"ended: {ended}"
    if request.get("deletion"):
        yield request["deletion"]["at"], f"file deleted by {request['deletion']['by']}"


def of_delivery(delivery):
    id, target = delivery["id"], whom(delivery["target"])
    yield delivery["created_at"], f"delivery {id} of {delivery['announcement']['kind']} made: {target}"
    if revival := delivery.get("revival"):
        yield revival["at"], f"delivery {id} to be made again, generation {delivery['generation']}"
    if delivery.get("waits_since"):
        yield delivery["waits_since"], f"delivery {id} waits in its lane since then"
    if delivery.get("finished_at"):
        letter = ", its letter among the dead ones" if delivery["status"] == "DEAD" else ""
        yield delivery["finished_at"], f"delivery {id}: {delivery['status']}{letter}; {delivery.get('reason') or 'no reason'}"
    elif delivery.get("next_attempt_at"):
        yield delivery["next_attempt_at"], f"delivery {id}: {delivery['status']}, next attempt from then on; {delivery.get('reason') or 'none was made'}"
    for told in delivery.get("feedback", []):
        yield told["at"], f"delivery {id}: the mail service tells of a {told['kind']}"


def of_attempt(attempt):
    if not attempt.get("finished_at"):
        yield attempt["started_at"], f"attempt {attempt['number']} of {attempt['delivery']} begun"
        return
    status = f"HTTP {attempt['http_status']}" if attempt.get("http_status") else "no answer"
    answer = f"; answer: {attempt['response'][:SNIPPET]!r}" if attempt.get("response") else ""
    where = f" at {attempt['address']}" if attempt.get("address") else ""
    yield attempt["finished_at"], (f"attempt {attempt['number']} of {attempt['delivery']}{where}: {status} in {attempt.get('duration_ms')} ms, "
                                   f"{attempt.get('outcome')}{answer}")


def of_story(row):
    """What a row beside the request's own tells: pairs of a time and a text."""
    kind, _, rest = row["sk"].partition("#")
    if kind == "PROGRESS":
        yield row["at"], f"progress of attempt {row['attempt']}: {row['rows']} rows, {size(row['bytes'])}"
    elif kind == "EVT":
        yield row["occurred_at"], f"event {row['kind']} waits to be fanned out, handed over {row.get('handoffs', 0)} times again"
    elif kind == "DLV":
        yield from of_attempt(row) if "#" in rest else of_delivery(row)
    elif kind == "LNK":
        yield row["created_at"], f"link {row['id']} made ({row['mode']}) by {row['created_by']}; ends {row['expires_at']}"
        if row.get("revoked_at"):
            yield row["revoked_at"], f"link {row['id']} revoked"
    elif kind == "USE":
        yield row["at"], f"link {row['link']} followed ({row['method']}) from {row.get('ip') or 'somewhere'}: {row['outcome']}"


# --- what the functions say --------------------------------------------------------------------------------------------


def lines(logs, name, ids, since):
    """(time, function, line) of everything that names one of the ids; each once."""
    seen = set()
    for function in FUNCTIONS:
        for id in ids:
            query = {"logGroupName": f"/aws/lambda/{name}/{function}", "filterPattern": f'"{id}"', "startTime": since}
            try:
                for page in logs.get_paginator("filter_log_events").paginate(**query):
                    for event in page["events"]:
                        # The local cloud gives events no id.
                        key = (function, event["timestamp"], event["message"])
                        if key not in seen and id in event["message"]:
                            seen.add(key)
                            yield from line(function, event, ids)
            except logs.exceptions.ResourceNotFoundException:
                break


def line(function, event, ids):
    try:
        said = json.loads(event["message"])
        at = said.pop("timestamp")
    except (ValueError, KeyError, AttributeError):
        at = (datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=event["timestamp"])).isoformat(timespec="milliseconds")
        yield at.replace("+00:00", "Z"), function, event["message"].strip()
        return
    span = said.pop("span", {})
    about = said.get("request.id", span.get("request.id"))
    # Its message was good for another request of its tenant, which had waited longer.
    if about not in (None, ids[0]) and said.get("delivery.id", span.get("delivery.id")) not in ids:
        return
    level, message = said.pop("level", "INFO"), said.pop("message", "")
    shown = {**{key: value for key, value in span.items() if key == "request.attempt"}, **said}
    fields = " ".join(f"{key}={value}" for key, value in shown.items() if key not in ("request.id", "tenant.id"))
    yield at, function, f"{level} {message} {fields}".strip()


# --- the story ---------------------------------------------------------------------------------------------------------


def story(arguments):
    name, table, dynamodb, logs = stack(arguments)
    tenant, id, request = locate(dynamodb, table, arguments.id, arguments.tenant)
    told = list(rows(dynamodb.Table(table), f"T#{tenant}#{id}"))
    timeline = [(at, "table", text) for row in told for at, text in of_story(row)]
    if request is not None:
        timeline += [(at, "table", text) for at, text in of_request(request)]
    began = min(moment(at) for at, _, _ in timeline) if timeline else datetime.now(timezone.utc)
    deliveries = [row["id"] for row in told if row["sk"].startswith("DLV#") and row["sk"].count("#") == 1]
    since = int((began - timedelta(minutes=1)).timestamp() * 1000)
    timeline += list(lines(logs, name, [id, *deliveries[:DELIVERIES]], since))
    timeline.sort(key=lambda entry: moment(entry[0]))
    return {
        "request": id,
        "tenant": tenant,
        "facts": [{"fact": fact, "is": text} for fact, text in (facts(request) if request else [("status", "the story of a process, not of a report")])],
        "timeline": [{"at": at, "since_ms": round((moment(at) - began).total_seconds() * 1000), "from": source, "what": text}
                     for at, source, text in timeline],
    }


def show(told):
    print(f"{told['request']} of tenant {told['tenant']}\n")
    for fact in told["facts"]:
        print(f"  {fact['fact']:<11} {fact['is']}")
    print()
    for entry in told["timeline"]:
        print(f"  {entry['at'][:19]}  {entry['since_ms'] / 1000:>10.3f} s  {entry['from']:<11} {entry['what']}")


def main():
    parser = argparse.ArgumentParser(description="The whole story of a request.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--local", metavar="STACK.JSON")
    where.add_argument("--stack")
    parser.add_argument("--tenant", help="saves looking for it among all tenants")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("id", help="req_… or dlv_…")
    arguments = parser.parse_args()
    if not arguments.id.startswith(("req_", "dlv_")):
        parser.error("name a request (req_…) or a delivery (dlv_…)")
    try:
        told = story(arguments)
    except FileNotFoundError:
        sys.exit("No local cloud is running: run `make up`, or name a stack in AWS: STACK=waybill.")
    except (Unknown, BotoCoreError, ClientError) as error:
        sys.exit(str(error))
    print(json.dumps(told, indent=2, default=str)) if arguments.json else show(told)


# A reader that has enough, such as `head`, ends this without a word.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
main()
