"""Receives the webhooks of glass: python3 receiver.py SECRET_FILE [PORT]

Prints every entry that was sent by somebody who has the secret, each once. Put it behind something that speaks TLS.
"""

import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer


def is_genuine(secret, header, body, now):
    """Whether a body was signed with the secret, less than five minutes ago."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signed = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts.get("v1", "")) and abs(now - int(parts["t"])) < 300


class Receiver(BaseHTTPRequestHandler):
    secret, seen = b"", set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_genuine(self.secret, self.headers.get("glass-signature", ""), body, time.time()):
            return self.send_error(401)
        entry, key = json.loads(body), hashlib.sha256(body).hexdigest()  # also in the header `glass-id`
        if key not in self.seen:  # what is sent again has the same
            self.seen.add(key)
            print(entry["ts"], entry["host"], entry["who"], entry["ev"], json.dumps(entry["d"]), flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    Receiver.secret = open(sys.argv[1], "rb").read().strip()
    server = HTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 8080), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
