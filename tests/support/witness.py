"""A witness to test against: as strict as C2SP's tlog-witness lets one be, and misbehaving on request.

    witness.py LOG-KEY...

Prints one line of JSON when it listens: its address and its key. What is posted to `<address>/add-checkpoint` is
answered as it should be. Below `<address>/<manner>/` it is judged and remembered just so, and then answered in that
manner. `<address>/forget` makes it forget all logs. It shares no code with what it tests.
"""

import base64
import hashlib
import http.server
import json
import re
import sys
import threading
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAME = "witness.test/1"


class Refusal(Exception):
    def __init__(self, status, body=b"", content_type="text/plain"):
        self.answer = (status, body, content_type)


def decoded(text, length=None):
    """Base64 in the one form that it has."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text or length not in (None, len(raw)):
        raise ValueError(text)
    return raw


def number(text):
    if not re.fullmatch(r"0|[1-9][0-9]*", text):
        raise ValueError(text)
    return int(text)


class Cosigner:
    def __init__(self):
        self.private = Ed25519PrivateKey.generate()
        self.public = b"\x04" + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(NAME.encode() + b"\n" + self.public).digest()[:4]

    def vkey(self):
        return f"{NAME}+{self.id.hex()}+{base64.b64encode(self.public).decode()}"

    def line(self, text, signed_time, told_time):
        signature = self.private.sign(f"cosignature/v1\ntime {signed_time}\n".encode() + text)
        raw = self.id + told_time.to_bytes(8, "big") + signature
        return f"— {NAME} {base64.b64encode(raw).decode()}\n".encode()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def consistent(old_size, old_root, new_size, new_root, path):
    """RFC 6962, section 2.1.2, read backwards: both roots come of the same path."""
    path = list(path)

    def roots(size_in, size, whole):
        """The root of the first `size_in` leaves of a subtree, and its own."""
        if size_in == size:
            if whole:
                return old_root, old_root
            root = path.pop(0)
            return root, root
        half = 1 << ((size - 1).bit_length() - 1)
        if size_in <= half:
            old, left = roots(size_in, half, whole)
            return old, node(left, path.pop(0))
        old, right = roots(size_in - half, size - half, False)
        left = path.pop(0)
        return node(left, old), node(left, right)

    try:
        return roots(old_size, new_size, True) == (old_root, new_root) and not path
    except IndexError:
        return False


class Witness:
    def __init__(self, log_keys):
        self.logs, self.known, self.lock = {}, {}, threading.Lock()
        for vkey in log_keys:
            name, key_id, key = vkey.split("+", 2)
            key = decoded(key, 33)
            assert key[0] == 1 and hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_id
            self.logs[name] = (bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(key[1:]))
        self.cosigner = Cosigner()

    def judge(self, body):
        """The text that may be cosigned; it is remembered."""
        try:
            asked, checkpoint = body.split(b"\n\n", 1)
            first, *hashes = asked.decode("ascii").split("\n")
            old = number(first.removeprefix("old ")) if first.startswith("old ") else number("")
            path = [decoded(line, 32) for line in hashes]
            text, below = checkpoint.split(b"\n\n", 1)
            text += b"\n"
            origin, size, root = text.decode().removesuffix("\n").split("\n")
            size, root = number(size), decoded(root, 32)
            signatures = [self.signature(line) for line in below.decode().removesuffix("\n").split("\n")]
            if len(path) > 63 or not below.endswith(b"\n") or old > size or size >= 1 << 63:
                raise ValueError(old)
        except ValueError as error:
            raise Refusal(400, repr(error).encode()) from None
        if origin not in self.logs:
            raise Refusal(404, b"this log is not known\n")
        key_id, key = self.logs[origin]
        ours = [signature for name, found, signature in signatures if (name, found) == (origin, key_id)]
        try:
            if not ours:
                raise InvalidSignature
            for signature in ours:
                key.verify(signature, text)
        except InvalidSignature:
            raise Refusal(403, b"the log's key has not signed this\n") from None
        with self.lock:
            known_size, known_root = self.known.get(origin, (0, hashlib.sha256().digest()))
            if old != known_size:
                raise Refusal(409, f"{known_size}\n".encode(), "text/x.tlog.size")
            if old == 0:
                right = not path and (size > 0 or root == known_root)
            else:
                right = consistent(old, known_root, size, root, path)
            if not right:
                raise Refusal(422, b"this is not what was cosigned before\n")
            self.known[origin] = (size, root)
        return text

    @staticmethod
    def signature(line):
        mark, name, raw = line.split(" ")
        raw = decoded(raw)
        if mark != "—" or not name or "+" in name or len(raw) < 5:
            raise ValueError(line)
        return name, raw[:4], raw[4:]


def answer(handler, status, body, content_type="text/plain", length=None, location=None):
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", len(body) if length is None else length)
    if location:
        handler.send_header("Location", location)
    handler.end_headers()
    handler.wfile.write(body)


def trickle(handler, piece):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(piece)
        handler.wfile.flush()
        if len(piece) < 100:
            time.sleep(0.05)


class Handler(http.server.BaseHTTPRequestHandler):
    witness = None

    def do_POST(self):
        try:
            self.posted()
        except (BrokenPipeError, ConnectionResetError):
            # Who has heard enough hangs up.
            pass

    def posted(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        manner, _, call = self.path.strip("/").rpartition("/")
        if call == "forget":
            self.witness.known.clear()
            return answer(self, 200, b"")
        if call != "add-checkpoint":
            return answer(self, 404, b"there is nothing here\n")
        try:
            text = self.witness.judge(body)
        except Refusal as refusal:
            return answer(self, *refusal.answer)
        cosigner, now = self.witness.cosigner, int(time.time())
        good = cosigner.line(text, now, now)
        manners = {
            "": lambda: answer(self, 200, good),
            "among-others": lambda: answer(self, 200, Cosigner().line(text, now, now) + good),
            "old-time": lambda: answer(self, 200, cosigner.line(text, 1, 1)),
            "wrong-key": lambda: answer(self, 200, Cosigner().line(text, now, now)),
            "wrong-time": lambda: answer(self, 200, cosigner.line(text, now, now + 1)),
            "future": lambda: answer(self, 200, cosigner.line(text, now + 3600, now + 3600)),
            "another": lambda: answer(self, 200, cosigner.line(text.replace(b"\n", b"x\n", 1), now, now)),
            "extended": lambda: answer(self, 200, b"more\n\n" + cosigner.line(text + b"\nmore\n", now, now)),
            "garbage": lambda: answer(self, 200, bytes(range(256))),
            "empty": lambda: answer(self, 200, b""),
            "page": lambda: answer(self, 200, b"<html>Welcome to the hotel</html>\n", "text/html"),
            "error": lambda: answer(self, 503, b"later\x1b[2J\n"),
            "elsewhere": lambda: answer(self, 307, b"", location="/add-checkpoint"),
            "other-size": lambda: answer(self, 409, b"7\n", "text/plain"),
            "half": lambda: answer(self, 200, good[:40], length=len(good)),
            "slow": lambda: trickle(self, b"x"),
            "huge": lambda: trickle(self, good * 1000),
        }
        manners[manner]()

    def log_message(self, *_):
        pass


def main():
    Handler.witness = Witness(sys.argv[1:])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    print(json.dumps({"address": address, "key": Handler.witness.cosigner.vkey()}), flush=True)
    server.serve_forever()


main()
