"""Recorded conversations of a real Postfix with our filter: their notation.

    # what was sent
    > O \\0\\0\\0\\x06…         a packet of the MTA's: its letter, its data
    < O \\0\\0\\0\\x06…         a packet of the filter's
    > B xxx*65535           data that repeats a short piece, and how long it is in all

Bytes outside of printable ASCII are escaped as \\xNN, the backslash and the asterisk too. `tests/integration/
record_traces.py` writes them; nothing in them is edited by hand.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "traces"
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")
_LONGEST_PERIOD = 1_100


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. from_mta: who said it."""

    from_mta: bool
    letter: int
    data: bytes

    @property
    def wire(self) -> bytes:
        return (len(self.data) + 1).to_bytes(4, "big") + bytes((self.letter,)) + self.data


def read(path: Path) -> list[Packet]:
    packets = []
    for line in path.read_bytes().splitlines():
        if line[:2] in (b"> ", b"< "):
            packets.append(Packet(line[:1] == b">", line[2], _unescaped(line[4:])))
    return packets


def write(path: Path, title: str, packets: list[Packet]) -> None:
    lines = [b"# " + title.encode()]
    for one in packets:
        lines.append((b"> " if one.from_mta else b"< ") + bytes((one.letter,)) + b" " + _escaped(one.data))
    path.write_bytes(b"\n".join(line.rstrip(b" ") for line in lines) + b"\n")


def _escaped(data: bytes) -> bytes:
    period = _period(data)
    if period:
        return _escaped_plain(data[:period]) + b"*%d" % len(data)
    return _escaped_plain(data)


def _escaped_plain(data: bytes) -> bytes:
    return b"".join(bytes((c,)) if 0x20 <= c < 0x7F and c not in b"\\*" else b"\\x%02x" % c for c in data)


def _unescaped(text: bytes) -> bytes:
    piece, star, size = text.partition(b"*")
    data = _ESCAPED.sub(lambda match: bytes((int(match[1], 16),)), piece)
    return (data * (int(size) // len(data) + 1))[: int(size)] if star else data


def _period(data: bytes) -> int:
    """The length of the piece that long data repeats; 0 when there is none."""
    if len(data) < 3_000:
        return 0
    for size in range(1, _LONGEST_PERIOD):
        if data[size:] == data[:-size]:
            return size
    return 0
