"""Verifies a webhook with the official Standard Webhooks library.

Input (JSON on stdin): secret, headers, body. Output: verified, and the reason if it is not.
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

task = json.load(sys.stdin)
try:
    Webhook(task["secret"]).verify(task["body"], task["headers"])
    answer = {"verified": True}
except WebhookVerificationError as error:
    answer = {"verified": False, "reason": str(error)}
json.dump(answer, sys.stdout)
