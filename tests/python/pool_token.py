"""Gets an access token by client credentials from a Cognito user pool.

Input (JSON on stdin): endpoint, region, pool, token_endpoint; client_id of a client that is there, or allowed (scopes)
for a new one; scope (what to ask for; empty, all that is allowed). AWS credentials are the environment's, or the local
cloud's. Output: client_id, access_token.
"""

import base64
import json
import sys
import urllib.parse
import urllib.request

import boto3

task = json.load(sys.stdin)
local = {}
if task["endpoint"]:
    local = {"endpoint_url": task["endpoint"], "aws_access_key_id": "test", "aws_secret_access_key": "test"}
cognito = boto3.client("cognito-idp", region_name=task["region"], **local)
if task.get("client_id"):
    client = cognito.describe_user_pool_client(UserPoolId=task["pool"], ClientId=task["client_id"])["UserPoolClient"]
else:
    client = cognito.create_user_pool_client(
        UserPoolId=task["pool"],
        ClientName="of-a-test",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=task["allowed"],
    )["UserPoolClient"]
form = {"grant_type": "client_credentials"}
if task["scope"]:
    form["scope"] = task["scope"]
credentials = base64.b64encode(f"{client['ClientId']}:{client['ClientSecret']}".encode()).decode()
request = urllib.request.Request(
    task["token_endpoint"],
    data=urllib.parse.urlencode(form).encode(),
    headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"},
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({})) if local else urllib.request.build_opener()
with opener.open(request) as response:
    token = json.load(response)["access_token"]
json.dump({"client_id": client["ClientId"], "access_token": token}, sys.stdout)
