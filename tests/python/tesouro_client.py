"""Asks for a report as Tesouro's customer does, with a stock GraphQL client that reads the schema first and checks its own
documents against it.

Input (JSON on stdin): url, headers, input (of requestReport), document (instead of the usual one), wait (whether for the end).
Output: requested and request, or errors as the client raised them.
"""

import json
import sys
import time

from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

REQUEST = """
mutation Ask($input: RequestReportInput!) {
  requestReport(input: $input) { requestId status createDateTimeUtc }
}
"""

STATUS = """
query Status($requestId: UUID!) {
  reportRequest(requestId: $requestId) {
    requestId status fileUrl createDateTimeUtc expireDateTimeUtc rowCount presenterId
    error { code detail }
  }
}
"""

# Long enough for a busy machine.
PATIENCE_SECONDS = 170


def execute(session, document, variables):
    query = gql(document)
    query.variable_values = variables
    return session.execute(query)


def follow(session, request_id):
    """Polls until the request has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        request = execute(session, STATUS, {"requestId": request_id})["reportRequest"]
        if request["status"] not in ("QUEUED", "RUNNING") or time.monotonic() > deadline:
            return request
        time.sleep(0.5)


task = json.load(sys.stdin)
transport = RequestsHTTPTransport(url=task["url"], headers=task["headers"], timeout=60)
client = Client(transport=transport, fetch_schema_from_transport=True)
answer = {}
with client as session:
    answer["types"] = sorted(name for name in client.schema.type_map if not name.startswith("__"))
    try:
        if "input" in task:
            answer["requested"] = execute(session, REQUEST, {"input": task["input"]})["requestReport"]
            if task.get("wait"):
                answer["request"] = follow(session, answer["requested"]["requestId"])
        else:
            answer["data"] = execute(session, task["document"], task.get("variables", {}))
    except TransportQueryError as error:
        answer["errors"] = error.errors
json.dump(answer, sys.stdout)
