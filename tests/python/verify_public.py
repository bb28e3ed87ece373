"""Verifies signatures that no Standard Webhooks library knows, with an Ed25519 and an HMAC of somebody else's.

Input (JSON on stdin): headers, body (text), and one of
  jwks:   the service's published keys, for the `v1a` entry of webhook-signature;
  secret: the endpoint's, for Eclipse-Signature.
Output: verified.
"""

import base64
import hmac
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def by_public_key(headers: dict, body: bytes, keys: list) -> bool:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    entries = [entry.split(",", 1) for entry in headers["webhook-signature"].split(" ")]
    for signature in (base64.b64decode(text) for version, text in entries if version == "v1a"):
        for key in keys:
            assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig"), key
            public = base64.urlsafe_b64decode(key["x"] + "=")
            assert key["standard_webhooks"] == "whpk_" + base64.b64encode(public).decode()
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
                return True
            except InvalidSignature:
                pass
    return False


def by_eclipse(header: str, body: bytes, secret: str) -> bool:
    fields = [field.split("=", 1) for field in header.split(",")]
    [time] = [value for name, value in fields if name == "t"]
    expected = base64.b64encode(hmac.digest(secret.encode(), time.encode() + b"." + body, "sha256")).decode()
    return any(hmac.compare_digest(expected, value) for name, value in fields if name == "v1")


task = json.load(sys.stdin)
body = task["body"].encode()
if "jwks" in task:
    verified = by_public_key(task["headers"], body, task["jwks"]["keys"])
else:
    verified = by_eclipse(task["headers"]["eclipse-signature"], body, task["secret"])
json.dump({"verified": verified}, sys.stdout)
