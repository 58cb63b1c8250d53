"""A receiver of webhooks that misbehaves as the path says, and tells of every request on a line of JSON.

It checks signatures by the example in the documentation. Paths: /taken, /<status>, /<status>x<n> (n times, then taken),
/redirect, /endless, /slow (answers when its standard input ends).
"""

import hashlib
import importlib.util
import json
import re
import ssl
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("example", sys.argv[1])
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

SECRET = sys.argv[2].encode()
over = threading.Event()
asked = Counter()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        header = self.headers["glass-signature"]
        told = {
            "path": self.path,
            "event": self.headers["glass-event"],
            "id": self.headers["glass-id"] == hashlib.sha256(body).hexdigest() and self.headers["glass-id"],
            "type": self.headers["content-type"],
            "genuine": example.is_genuine(SECRET, header, body, time.time()),
            "forged": example.is_genuine(SECRET, header, body + b" ", time.time())
            or example.is_genuine(b"another secret", header, body, time.time())
            or example.is_genuine(SECRET, header, body, time.time() + 301),
            "line": body.decode(),
        }
        asked[self.path] += 1
        print(json.dumps(told), flush=True)
        self.answer()

    def answer(self):
        status = re.fullmatch(r"/(\d{3})(?:x(\d+))?", self.path)
        if self.path == "/slow":
            over.wait()
        if self.path == "/redirect":
            self.send_response(307)
            self.send_header("location", "/taken")
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"and more" * 1000)
        elif status and (status[2] is None or asked[self.path] <= int(status[2])):
            self.send_response(int(status[1]))
        else:
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Whoever hangs up does so on purpose."""


server = Server(("127.0.0.1", 0), Receiver)
scheme = "http"
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https"
print(json.dumps({"address": f"{scheme}://127.0.0.1:{server.server_port}"}), flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
over.set()
