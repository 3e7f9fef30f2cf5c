"""A few lines of HTTP for `GET /metrics` and `GET /healthz`: one question a connection, short and bounded.

/metrics   200, Prometheus' text
/healthz   200 {"ok": true, ...} when a worker decided a mail just now, else 503 {"ok": false, "why": ...}
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

QUESTION_S = 5.0
MAX_HEAD_BYTES = 16_384
MAX_CONNECTIONS = 32
HEALTH_KEPT_S = 1.0
"""How long an answer to /healthz is good: asking often must not cost mail its workers."""

Health = dict[str, Any]
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Monitoring:
    """figures: gives the text of /metrics. health: decides a mail, its `ok` says how it went. monotonic: seconds."""

    def __init__(
        self,
        figures: Callable[[], bytes],
        content_type: str,
        health: Callable[[], Awaitable[Health]],
        monotonic: Callable[[], float],
    ) -> None:
        self._figures = figures
        self._content_type = content_type
        self._health = health
        self._monotonic = monotonic
        self._servers: list[asyncio.Server] = []
        self._open = 0
        self._checking = asyncio.Lock()
        self._checked: tuple[float, Health] | None = None

    async def listen_on(self, listening: socket.socket) -> None:
        """Answer on a socket that listens already."""
        self._servers.append(await asyncio.start_server(self._serve, sock=listening, limit=MAX_HEAD_BYTES))

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def healthy(self) -> Health:
        """The last answer when it is fresh, else a new one; those who ask at once share it."""
        async with self._checking:
            if self._checked is None or self._monotonic() - self._checked[0] > HEALTH_KEPT_S:
                answer = await self._health()
                self._checked = (self._monotonic(), answer)
            return self._checked[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > MAX_CONNECTIONS:
                return
            async with asyncio.timeout(QUESTION_S):
                head = await reader.readuntil(b"\r\n\r\n")
            status, kind, body = await self._answer(head)
            writer.write(
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + (b"" if head.startswith(b"HEAD ") else body)
            )
            async with asyncio.timeout(QUESTION_S):
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # too slow, too long or gone: nobody to tell
        finally:
            self._open -= 1
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _answer(self, head: bytes) -> tuple[int, str, bytes]:
        words = head.split(b"\r\n", 1)[0].split()
        if len(words) != 3 or not words[2].startswith(b"HTTP/"):
            return 400, "text/plain", b"this is no HTTP request\n"
        if words[0] not in (b"GET", b"HEAD"):
            return 405, "text/plain", b"only GET\n"
        path = words[1].partition(b"?")[0]
        if path == b"/metrics":
            return 200, self._content_type, self._figures()
        if path == b"/healthz":
            health = await self.healthy()
            return (200 if health["ok"] else 503), "application/json", json.dumps(health).encode() + b"\n"
        return 404, "text/plain", b"there are /metrics and /healthz\n"
