"""Writes the dashboard into template.yaml: waybill.py <template> [--check]. With --check it only says whether it is up to date.

The dashboard is JSON inside of YAML, which nobody can read or lay out by hand. Here its rows are listed from top to bottom; places
in the grid of 24 columns follow. What stands in ${...} is the template's: CloudFormation puts it in.
"""

import json
import re
import sys

BEGIN, END = "  # dashboard: begin\n", "  # dashboard: end\n"
STACK = ["Stack", "${AWS::StackName}"]
FUNCTIONS = ["api", "intake", "worker", "dispatcher", "sweeper"]
QUEUES = ["Request", "Delivery", "Intake"]
PERCENTILES = ["p50", "p95", "p99"]
LOGS = " | ".join(f"SOURCE '/aws/lambda/${{AWS::StackName}}/{function}'" for function in FUNCTIONS)


# --- metrics -----------------------------------------------------------------------------------------------------------


def own(name, stat, *dimensions, **more):
    """One metric of the functions' own."""
    return ["Waybill", name, *STACK, *dimensions, {"stat": stat, **more}]


def each(name, dimensions, stat="Sum", **more):
    """Every combination of the dimensions that there has been."""
    schema = ",".join(["Waybill", "Stack", *dimensions])
    search = f"SEARCH('{{{schema}}} Stack=\"${{AWS::StackName}}\" MetricName=\"{name}\"', '{stat}')"
    # CloudWatch's own ${...}, which CloudFormation leaves alone for its mark of exclamation.
    label = " ".join(f"${{!PROP('Dim.{dimension}')}}" for dimension in dimensions)
    return [{"expression": search, "id": name.lower(), "label": label, **more}]


def aws(namespace, name, stat, dimension, value, **more):
    return [f"AWS/{namespace}", name, dimension, f"${{{value}}}", {"stat": stat, **more}]


def of_queues(name, stat, suffix):
    # Dead messages of topics end with those of the intake.
    queues = [*QUEUES, "Topic"] if suffix == "Queue" else QUEUES
    return [aws("SQS", name, stat, "QueueName", f"{queue}{suffix}.QueueName", label=queue.lower()) for queue in queues]


def of_functions(name, stat):
    ids = [(function, f"{function.capitalize()}Function") for function in FUNCTIONS]
    return [aws("Lambda", name, stat, "FunctionName", id, label=function) for function, id in ids]


def percentiles(name, *dimensions):
    return [own(name, stat, *dimensions, label=stat) for stat in PERCENTILES]


# --- widgets -----------------------------------------------------------------------------------------------------------


def chart(title, *metrics, limits=(), unit=None, **more):
    """A chart over time. `limits`: (label, figure) of lines that are drawn across it."""
    properties = {"title": title, "view": "timeSeries", "region": "${AWS::Region}", "period": 60, "metrics": list(metrics)}
    properties["yAxis"] = {"left": {"min": 0, **({"label": unit, "showUnits": False} if unit else {})}}
    if limits:
        lines = [{"label": label, "value": figure} for label, figure in limits]
        properties["annotations"] = {"horizontal": lines}
    return "metric", {**properties, **more}


def log(title, query):
    properties = {"title": title, "view": "table", "region": "${AWS::Region}", "query": f"{LOGS} | {query}"}
    return "log", properties


def text(*lines):
    return "text", {"markdown": "\n".join(lines)}


def alarms():
    """Those that there always are; others come by way of the variables beside the body."""
    return "alarm", {"title": "Alarms", "sortBy": "stateUpdatedTimestamp", "alarms": ["ALARMS"]}


LIMITS = [
    "| limit | in force |",
    "|---|---|",
    "| API, requests a second; at once | ${ApiRateLimit}; ${ApiBurstLimit} |",
    "| reports at a time; of one tenant | ${WorkerMaxConcurrency}; ${TenantMaxRunning} |",
    "| a run: seconds; attempts; MB of memory | ${WorkerTimeout}; ${MaxAttempts}; ${WorkerMemory} |",
    "| dispatchers at a time; seconds for a call | ${DispatcherMaxConcurrency}; ${DeliveryTimeoutSeconds} |",
    "| hours that a file is kept | ${RetentionHours} |",
    "",
    "A tenant's own `quotas` and an endpoint's `concurrency` come on top.",
]

# (height, widgets of a row side by side, as wide as one another)
ROWS = [
    (4, [alarms()]),
    (1, [text("## Intake")]),
    (6, [
        chart("What came of asking", each("Requests", ["Interface", "Outcome"])),
        chart("Events", each("Triggers", ["Kind", "Outcome"]), [{
            "expression": "SEARCH('{AWS/Events,EventBusName,RuleName} EventBusName=\"${EventBus}\" MetricName=\"FailedInvocations\"', 'Sum')",
            "id": "undelivered", "label": "rule failed",
        }]),
        chart("API: calls", *[aws("ApiGateway", name, "Sum", "ApiId", "HttpApi", label=label)
                              for name, label in [("Count", "all"), ("4xx", "4xx"), ("5xx", "5xx")]]),
        chart("API: time to answer", *[aws("ApiGateway", "Latency", stat, "ApiId", "HttpApi", label=stat) for stat in PERCENTILES], unit="ms"),
    ]),
    (1, [text("## Queues")]),
    (6, [
        chart("Messages that wait", *of_queues("ApproximateNumberOfMessagesVisible", "Maximum", "Queue")),
        chart("Age of the oldest", *of_queues("ApproximateAgeOfOldestMessage", "Maximum", "Queue"), unit="s",
              limits=[("alarm: delivery, intake", 600), ("alarm: request", 1800)]),
        chart("Dead letters", *of_queues("ApproximateNumberOfMessagesVisible", "Maximum", "Dlq")),
        chart("Messages that come again", *[own("MessagesReturned", "Sum", "Function", name, label=name) for name in ["worker", "dispatcher"]]),
    ]),
    (1, [text("## Reports")]),
    (6, [
        chart("Running", aws("Lambda", "ConcurrentExecutions", "Maximum", "FunctionName", "WorkerFunction", label="workers"),
              own("Parked", "Sum", label="had to wait for their tenant's slot", yAxis="right"),
              limits=[("WorkerMaxConcurrency", "${WorkerMaxConcurrency}")]),
        chart("How reports ended", *[own("Reports", "Sum", "Outcome", outcome, label=outcome)
                                     for outcome in ["succeeded", "divergent", "failed", "cancelled"]], stacked=True),
        chart("Failures by code", each("ReportFailures", ["Code"]), stacked=True),
        chart("From request to file", *percentiles("ReportTime"), unit="ms"),
    ]),
    (6, [
        chart("Wait for a worker", *percentiles("QueueTime"), unit="ms"),
        chart("Run", *percentiles("RunTime"), unit="ms", limits=[("WorkerTimeout", "${WorkerTimeout}000")]),
        chart("Rows and bytes", own("Rows", "Sum", label="rows"), own("Bytes", "Sum", label="bytes", yAxis="right")),
        chart("Memory of workers", own("PeakMemory", "Maximum", label="peak"), unit="bytes",
              limits=[("WorkerMemory", "${WorkerMemory}000000")]),
    ]),
    (1, [text("## Deliveries")]),
    (6, [
        chart("Webhooks: from the event to the receiver's 2xx", *percentiles("DeliveryLatency", "Channel", "webhook"), unit="ms"),
        chart("By channel, 95 of 100", each("DeliveryLatency", ["Channel"], "p95"), unit="ms"),
        chart("How deliveries ended", each("Deliveries", ["Channel", "Outcome"]), stacked=True),
        chart("Attempts", each("Attempts", ["Channel", "Outcome"]),
              own("UnpreparedAttempts", "Sum", label="not prepared: our fault"), stacked=True),
    ]),
    (6, [
        chart("Length of attempts, 95 of 100", each("AttemptTime", ["Channel"], "p95"), unit="ms"),
        chart("Limit of lanes, of what is configured", own("LaneLimit", "Minimum", label="lowest"), own("LaneLimit", "Average", label="average"),
              unit="%"),
        chart("Circuits that opened", own("CircuitsOpened", "Sum", label="lanes")),
        chart("Dispatchers", aws("Lambda", "ConcurrentExecutions", "Maximum", "FunctionName", "DispatcherFunction", label="running"),
              limits=[("DispatcherMaxConcurrency", "${DispatcherMaxConcurrency}")]),
    ]),
    (1, [text("## Sweeper, schedules, licences")]),
    (6, [
        chart("Sweeps", *[own(name, "Sum", label=label) for name, label in
                          [("SweptDue", "due"), ("SweptMoved", "moved"), ("SweptDead", "dead letters marked"), ("SweptLeft", "left")]]),
        chart("Sweeps: lag and length", own("SweepLag", "Maximum", label="lag"), own("SweepTime", "Maximum", label="length"), unit="ms",
              limits=[("alarm: lag", 300000)]),
        chart("Schedules: from due to recorded", own("ScheduleLag", "p50", label="p50"), own("ScheduleLag", "Maximum", label="longest"), unit="ms"),
        chart("Licence seats", own("LicenceSeatsInUse", "Maximum", label="in use"), each("LicenceRefusals", ["Interface"], yAxis="right")),
    ]),
    (1, [text("## Limits in force, functions, costs")]),
    (6, [
        text(*LIMITS),
        chart("Functions: errors", *of_functions("Errors", "Sum")),
        chart("Functions: throttles", *of_functions("Throttles", "Sum")),
        chart("Functions: longest invocation", *of_functions("Duration", "Maximum"), unit="ms"),
    ]),
    (6, [
        chart("Cost: time of functions", *of_functions("Duration", "Sum"), unit="ms", stacked=True, period=300),
        chart("Cost: table", *[aws("DynamoDB", name, "Sum", "TableName", "Table", label=label) for name, label in
                               [("ConsumedReadCapacityUnits", "reads"), ("ConsumedWriteCapacityUnits", "writes"),
                                ("ReadThrottleEvents", "throttled reads"), ("WriteThrottleEvents", "throttled writes")]], period=300),
        chart("Cost: messages", *of_queues("NumberOfMessagesSent", "Sum", "Queue"), stacked=True, period=300),
        chart("Cost: bytes of logs", *[["AWS/Logs", "IncomingBytes", "LogGroupName", f"${{{function.capitalize()}Logs}}", {"stat": "Sum", "label": function}]
                                       for function in FUNCTIONS], stacked=True, period=300),
    ]),
    (1, [text("## What the log says")]),
    (7, [
        log("Latest errors and warnings", "filter level = 'ERROR' or level = 'WARN' | fields @timestamp, @log, message, error, detail, cause, `span.request.id` | sort @timestamp desc | limit 50"),
    ]),
    (7, [
        log("Reports", "filter message = 'file produced' | stats count() as runs, sum(rows) as all_rows, max(duration_ms) as longest_ms by `report.id` | sort runs desc | limit 20"),
        log("Who asked most", "filter message like /request recorded|became a request/ | stats count() as requests by `tenant.id` | sort requests desc | limit 20"),
    ]),
]


# --- the page ----------------------------------------------------------------------------------------------------------


def placed():
    y = 0
    for height, row in ROWS:
        width = 24 // len(row)
        for at, (kind, properties) in enumerate(row):
            yield {"type": kind, "x": at * width, "y": y, "width": width, "height": height, "properties": properties}
        y += height


def alarms_of(template):
    """(logical id, condition or none), in the template's order."""
    found = re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm\n(?:    Condition: (\w+)\n)?", template, re.MULTILINE)
    return [(name, condition or None) for name, condition in found]


def body(template):
    """The lines of the body, and the variables that stand for alarms under conditions."""
    alarms, variables = [], {}
    for name, condition in alarms_of(template):
        if condition is None:
            alarms.append(f'"${{{name}.Arn}}"')
        else:
            variables.setdefault(condition, []).append(f',"${{{name}.Arn}}"')
    listed = ",".join(alarms) + "".join(f"${{Alarms{condition}}}" for condition in variables)
    widgets = [json.dumps(widget, separators=(",", ":")) for widget in placed()]
    lines = ",\n".join(widgets).replace('"ALARMS"', listed)
    # Figures that CloudFormation puts in are figures.
    lines = re.sub(r'"value":"(\$\{\w+\}0*)"', r'"value":\1', lines)
    return '{"start":"-PT3H","periodOverride":"auto","widgets":[\n' + lines + "\n]}", variables


def resource(template):
    lines, variables = body(template)
    text = BEGIN
    text += "  # Written by `make dashboard` from infra/dashboards/waybill.py: change it there.\n"
    text += "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Properties:\n      DashboardBody: !Sub\n        - |-\n"
    text += "".join(f"          {line}\n" for line in lines.split("\n"))
    for at, (condition, names) in enumerate(variables.items()):
        text += f"        {'-' if at == 0 else ' '} Alarms{condition}: !If [{condition}, !Sub '{''.join(names)}', \"\"]\n"
    return text + END


def main(path, mode=""):
    with open(path) as file:
        template = file.read()
    before, rest = template.split(BEGIN)
    written = before + resource(template) + rest.split(END)[1]
    if written == template:
        return
    if mode == "--check":
        sys.exit(f"The dashboard in {path} is not what infra/dashboards/waybill.py writes: run `make dashboard`.")
    with open(path, "w") as file:
        file.write(written)


main(*sys.argv[1:])
