"""Reads a message with Python's email package: what a mail program makes of it."""

import base64
import email
import email.policy
import json
import sys


def addresses(header):
    return [[a.display_name, a.addr_spec] for a in header.addresses] if header else []


def main():
    raw = base64.b64decode(json.load(sys.stdin)["message"])
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = [part for part in message.walk() if not part.is_multipart()]
    defects = [str(d) for part in message.walk() for d in part.defects]
    defects += [str(d) for value in message.values() for d in getattr(value, "defects", ())]

    def text(kind):
        found = [part.get_content() for part in parts if part.get_content_type() == kind]
        return found[0].replace("\r\n", "\n") if len(found) == 1 else None

    json.dump(
        {
            "headers": sorted(message.keys()),
            "defects": defects,
            "subject": str(message["Subject"]),
            "from": addresses(message["From"]),
            "to": addresses(message["To"]),
            "reply_to": addresses(message["Reply-To"]),
            "delivery": str(message["X-Waybill-Delivery"]),
            "date": message["Date"].datetime.isoformat(),
            "root": message.get_content_type(),
            "parts": [part.get_content_type() for part in parts],
            "text": text("text/plain"),
            "html": text("text/html"),
            "longest_line": max(map(len, raw.split(b"\r\n"))),
        },
        sys.stdout,
    )


main()
