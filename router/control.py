"""The control socket of a running filter: `mailrouter reload` and `mailrouter status` speak to it.

A unix socket that only its owner may use. One JSON object a line in each direction, one question a connection:

    {"command": "status"}   ->   {"ok": true, ...}
    {"command": "reload"}   ->   {"ok": false, "reason": "...", "problems": [...]}
"""

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from router.errors import BadInput

NAME = "control.sock"
SERVICE_SOCKET = Path("/run/mailrouter") / NAME
"""Where it is under deploy/mailrouter.service (RuntimeDirectory=mailrouter)."""
MAX_LINE_BYTES = 64 * 1024
QUESTION_S = 10.0
"""How long a client may take to ask its question."""

Answer: TypeAlias = dict[str, Any]
Handlers: TypeAlias = Mapping[str, Callable[[], Awaitable[Answer]]]


class Taken(BadInput):
    """Another filter answers at this path."""


class Control:
    """The filter's end. handlers: command -> what answers it; an answer's `ok` says how it went."""

    def __init__(self, path: Path, handlers: Handlers) -> None:
        self.path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._made: tuple[int, int] | None = None

    async def open(self) -> None:
        """Listen. Raises `Taken`, or `BadInput` when the socket cannot be made."""
        try:
            self._clear()
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(0o177)  # between bind and chmod anyone could connect
            try:
                listening.bind(str(self.path))
            finally:
                os.umask(before)
            found = os.lstat(self.path)
            self._made = (found.st_dev, found.st_ino)
            self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=MAX_LINE_BYTES)
        except OSError as error:
            raise BadInput(f"{self.path}: no control socket here: {error.strerror or error}") from None

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            with contextlib.suppress(OSError):
                found = os.lstat(self.path)
                if (found.st_dev, found.st_ino) == self._made:  # not the one of a filter that started after us
                    self.path.unlink()

    def _clear(self) -> None:
        """Remove the socket of a filter that is gone; leave anything else alone."""
        try:
            mode = os.lstat(self.path).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise BadInput(f"{self.path}: is there already and is no socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self.path))
            except (ConnectionRefusedError, FileNotFoundError):
                self.path.unlink(missing_ok=True)
                return
        raise Taken(f"{self.path}: another filter answers here")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), QUESTION_S)
            answer = await self._answer(line)
            writer.write(json.dumps(answer, ensure_ascii=False, default=str).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            pass  # too slow, too long or gone: nobody to tell
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            command = json.loads(line)["command"]
            handler = self._handlers[command]
        except (ValueError, KeyError, TypeError, RecursionError):
            return {"ok": False, "reason": f"no such command; there are: {', '.join(sorted(self._handlers))}"}
        return await handler()


def ask(path: Path, command: str, timeout_s: float = 120.0) -> Answer:
    """Ask the filter that listens there. Raises `BadInput` when none answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(path))
            client.sendall(json.dumps({"command": command}).encode() + b"\n")
            received = b"".join(iter(lambda: client.recv(65536), b""))
            answer = json.loads(received)
        except FileNotFoundError:
            raise BadInput(f"{path}: no filter runs with this control socket") from None
        except ConnectionRefusedError:
            raise BadInput(f"{path}: no filter answers; it has ended") from None
        except (OSError, ValueError) as error:
            raise BadInput(f"{path}: no answer from the filter: {getattr(error, 'strerror', None) or error}") from None
    if not isinstance(answer, dict):
        raise BadInput(f"{path}: what answers there is no filter")
    return answer


def found(given: Path | None, state: Path) -> Path:
    """Where a running filter's control socket is, for those who ask: as told, else at its place, else where the
    service of `deploy/` has it."""
    usual = place(given, state)
    if given is None and not usual.exists() and SERVICE_SOCKET.exists():
        return SERVICE_SOCKET
    return usual


def place(given: Path | None, state: Path) -> Path:
    """Where the control socket is: as told, else systemd's RUNTIME_DIRECTORY, else in the state directory."""
    if given is not None:
        return given
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(runtime) / NAME if runtime else state / NAME
