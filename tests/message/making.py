"""Mail for the tests of this room, made in place."""

from datetime import UTC, datetime

from router.message.eml import raw_message
from router.message.envelope import Envelope, RawMessage
from router.message.message import Message
from router.message.read import read

ENVELOPE = Envelope(b"<olena@customer.example>", (b"<support@desk.example>",))
NOW = datetime(2026, 3, 6, 19, 40, tzinfo=UTC)


def raw(data: bytes | str) -> RawMessage:
    """A message as the milter would deliver it."""
    return raw_message(data if isinstance(data, bytes) else data.encode(), ENVELOPE, NOW)


def message(data: bytes | str) -> Message:
    return read(raw(data))


def multipart(kind: str, *parts: str | bytes, boundary: str = "b1", fields: str = "") -> bytes:
    """A multipart message; each part with its own header."""
    lines = [f'{fields}Content-Type: multipart/{kind}; boundary="{boundary}"\n'.encode()]
    for part in parts:
        lines.append(b"--" + boundary.encode() + b"\n" + (part if isinstance(part, bytes) else part.encode()))
    return b"\n".join(lines) + b"\n--" + boundary.encode() + b"--\n"
