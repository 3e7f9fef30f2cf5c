"""LMTP (RFC 2033) as much as an MTA needs to hand over intents: 250 or 4xx, never 5xx.

A 5xx would make the MTA write a bounce; an intent must never do that. aiosmtpd's LMTP answers a long line, a large mail
or an address that its parser dislikes with 5xx, gives one answer for several recipients and keeps the whole mail in
memory; here the beginning is kept, the rest is counted, and whatever an MTA sends as an address is taken as it comes.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

from router.frozen import dataclass

KEPT_BYTES = 1 << 20  # header and body as far as `message/` reads them
MAX_LINE = 8_192
MAX_RECIPIENTS = 20
IDLE_S = 300.0
MAX_CONNECTIONS = 50

_PATH = re.compile(rb"\s*(?:FROM|TO)\s*:\s*(<[^>]*>|\S*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one recipient. sender, recipient: arguments of MAIL and RCPT with their brackets. data: the
    beginning of the message, CRLF lines, dots removed. size_bytes: of all of it."""

    sender: bytes
    recipient: bytes
    data: bytes
    size_bytes: int


Deliver = Callable[[Delivery], Awaitable[str]]
"""Takes a delivery, gives the reply line (`250 2.0.0 …` or `4xx …`)."""


class LmtpServer:
    """Serves any number of connections at once; deliveries are the caller's to order."""

    def __init__(self, deliver: Deliver, name: str = "localhost") -> None:
        self._deliver = deliver
        self._name = name.encode("ascii", "replace")
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > MAX_CONNECTIONS:
                writer.write(b"421 4.3.2 too many connections\r\n")
            else:
                await self._session(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass  # the MTA went away, or sent a command line without an end: it keeps the intent and comes again
        finally:
            self._open -= 1
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def reply(line: bytes) -> None:
            writer.write(line + b"\r\n")

        reply(b"220 " + self._name + b" LMTP acknowledgements")
        sender: bytes | None = None
        recipients: list[bytes] = []
        while True:
            await writer.drain()
            line = await asyncio.wait_for(reader.readuntil(b"\n"), IDLE_S)
            verb, _, rest = line.strip().partition(b" ")
            match verb.upper():
                case b"LHLO":
                    extensions = (b"PIPELINING", b"ENHANCEDSTATUSCODES", b"8BITMIME", b"SMTPUTF8")
                    for one in (self._name, *extensions[:-1]):
                        reply(b"250-" + one)
                    reply(b"250 " + extensions[-1])
                case b"MAIL":
                    sender, recipients = _path(rest), []
                    reply(b"250 2.1.0 ok")
                case b"RCPT" if sender is None:
                    reply(b"451 4.5.1 MAIL first")
                case b"RCPT" if len(recipients) >= MAX_RECIPIENTS:
                    reply(b"452 4.5.3 too many recipients")
                case b"RCPT":
                    recipients.append(_path(rest))
                    reply(b"250 2.1.5 ok")
                case b"DATA" if sender is None or not recipients:
                    reply(b"451 4.5.1 RCPT first")
                case b"DATA" if sender is not None:
                    reply(b"354 go on")
                    await writer.drain()
                    data, size = await _message(reader)
                    for recipient in recipients:
                        answer = await self._deliver(Delivery(sender, recipient, data, size))
                        reply(_safe(answer))
                    sender, recipients = None, []
                case b"RSET":
                    sender, recipients = None, []
                    reply(b"250 2.0.0 ok")
                case b"NOOP":
                    reply(b"250 2.0.0 ok")
                case b"VRFY":
                    reply(b"252 2.5.0 perhaps")
                case b"QUIT":
                    reply(b"221 2.0.0 bye")
                    await writer.drain()
                    return
                case _:
                    reply(b"451 4.5.2 not understood")


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, int]:
    """The message up to the final dot: what is kept of it, and how many bytes it had."""
    kept = bytearray()
    size = 0
    tail = b"\r\n"
    while True:
        try:
            line = await asyncio.wait_for(reader.readuntil(b"\n"), IDLE_S)
        except asyncio.LimitOverrunError as overrun:
            line = await reader.readexactly(max(overrun.consumed, 1))
        if tail == b"\r\n":
            if line == b".\r\n":  # and nothing that looks like it: RFC 5321 4.1.1.4
                return bytes(kept), size
            if line.startswith(b"."):
                line = line[1:]
        tail = (tail + line)[-2:]
        size += len(line)
        if len(kept) < KEPT_BYTES:
            kept += line[: KEPT_BYTES - len(kept)]


def _path(rest: bytes) -> bytes:
    found = _PATH.match(rest)
    path = found[1] if found else b""
    return path if path.startswith(b"<") else b"<" + path + b">"


def _safe(answer: str) -> bytes:
    """The reply as one line; anything but 2xx and 4xx becomes a 451."""
    line = " ".join(answer.split())[:400].encode("ascii", "replace")
    return line if line[:1] in (b"2", b"4") else b"451 4.3.0 " + line
