"""Comes to the root of a log from its tiles alone, by https://c2sp.org/tlog-tiles, and holds it against the checkpoint."""

import base64
import hashlib
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
note = (folder / "checkpoint").read_text()
origin, size, root = note.split("\n")[:3]
size, wanted, read = int(size), base64.b64decode(root), {"checkpoint"}


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree(hashes):
    """RFC 6962, section 2.1, over hashes of perfect trees of one height."""
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node(tree(hashes[:half]), tree(hashes[half:]))


def number(index):
    digits = f"{index:03d}"
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def tiles(kind, count):
    """The contents of full tiles, and of the one at the end."""
    for index in range(-(-count // 256)):
        width = min(256, count - index * 256)
        name = f"tile/{kind}/{number(index)}" + (f".p/{width}" if width < 256 else "")
        read.add(name)
        yield width, (folder / name).read_bytes()


leaves, lines = [], []
for width, bundle in tiles("entries", size):
    for _ in range(width):
        length = int.from_bytes(bundle[:2], "big")
        entry, bundle = bundle[2 : 2 + length], bundle[2 + length :]
        assert len(entry) == length
        lines.append(entry)
        leaves.append(hashlib.sha256(b"\x00" + entry).digest())
    assert not bundle, "a bundle has nothing but its entries"

hashes, level = leaves, 0
while hashes:
    stored = [tile[at : at + 32] for _, tile in tiles(level, len(hashes)) for at in range(0, len(tile), 32)]
    assert stored == hashes, f"level {level}"
    hashes = [tree(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]
    level += 1

assert tree(leaves) == wanted, "the root"
there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
assert there == read, there ^ read
sys.stdout.buffer.write(b"".join(lines))
