"""The front's side of the recorder: takes records without ever waiting, starts the process again when it dies.

Records are collected for a moment and written in one piece, so that a mail costs no system call of its own. What is in
the pipe or not yet confirmed when the process dies is lost and counted; mail is never held up.
"""

import asyncio
import collections
import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from router.frozen import dataclass
from router.journal import Compared
from router.recorder.wire import MAX_ANSWER_BYTES, item, items_frame, told_from

COLLECT_S = 0.5
READY_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """state: the directory of the stores; None: nothing is recorded. queue: records that may wait for the recorder, in
    our hands or unconfirmed in its own; one more is lost. frozen_s: a recorder that has confirmed nothing for so long
    while its queue is full is taken for frozen and killed."""

    state: Path | None = None
    queue: int = 5_000
    frozen_s: float = 30.0


class RecorderClient(asyncio.Protocol):
    """counters: recorded, records-lost, records-failed (the store refused them), recorder-started, recorder-died."""

    def __init__(self, settings: Settings, log: Callable[..., None]) -> None:
        self.settings = settings
        self.counters: collections.Counter[str] = collections.Counter()
        self._log = log
        self._items: list[bytes] = []
        self._unconfirmed = 0
        self._flushing: asyncio.TimerHandle | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._kept_s: float | None = None
        self._failures = 0
        self._heard_at = 0.0
        self._starting: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._closing = False

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self._transport is None else self._process.pid

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""
        return len(self._items) + self._unconfirmed

    async def start(self) -> None:
        """Start the process and wait a little for it; without it the filter works as well."""
        if self.settings.state is None:
            return
        self._start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), READY_WITHIN_S)

    def keep(self, seconds: float | None) -> None:
        """How long the journal keeps a mail; None: as long as it does by itself."""
        if seconds != self._kept_s:
            self._kept_s = seconds
            if self._transport is not None:
                self._transport.write(items_frame([item("keep", seconds)]))

    def record(
        self, at_ms: int, queue_id: str | None, sender: str, recipients: Sequence[str], event: Mapping[str, Any]
    ) -> None:
        """Write down a decided mail, later. Addresses are bare ones."""
        self._put("mail", at_ms, queue_id, sender, list(recipients), event)

    def compared(self, one: Compared) -> None:
        """Write down what the shadow said of a mail, later."""
        self._put("shadow", one.at_ms, one.queue_id, one.sides, one.skipped, one.failed, one.difference)

    def learn(self, lesson: Mapping[str, Any]) -> None:
        """Remember what a mail teaches about threads (`threads.learning.Lesson.plain`), later."""
        self._put("learn", lesson)

    def _put(self, *values: Any) -> None:
        if self.settings.state is None:
            return
        if len(self._items) + self._unconfirmed >= self.settings.queue:
            self.counters["records-lost"] += 1
            self._kill_if_frozen()
            return
        try:
            self._items.append(item(*values))
        except ValueError:  # something that is no plain value: a fault of ours, but not this mail's
            self.counters["records-lost"] += 1
            return
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(COLLECT_S, self._flush)

    def _kill_if_frozen(self) -> None:
        silent_s = asyncio.get_running_loop().time() - self._heard_at
        if silent_s > self.settings.frozen_s and self._process is not None and self._transport is not None:
            self._log("recorder-frozen", pid=self._process.pid)
            self._heard_at = asyncio.get_running_loop().time()
            self._process.kill()

    def _flush(self) -> None:
        self._flushing = None
        if self._transport is not None and self._items:
            self._transport.write(items_frame(self._items))
            self._unconfirmed += len(self._items)
            self._items.clear()

    # ------------------------------------------------------------------ the process

    def _start(self) -> None:
        if self._starting is None and not self._closing:
            self._starting = asyncio.get_running_loop().create_task(self._started())

    async def _started(self) -> None:
        try:
            if self._failures:  # 0.1, 0.2, 0.4 … 30 s
                await asyncio.sleep(min(0.05 * 2 ** min(self._failures, 10), 30.0))
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            command = [sys.executable, "-m", "router.recorder.process", "--socket", str(theirs.fileno())]
            command += ["--state", str(self.settings.state)]
            with theirs:
                self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
            ours.setblocking(False)
            self._buffer.clear()
            self.counters["recorder-started"] += 1
            await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        except OSError as error:  # out of descriptors or memory
            self._failures += 1
            self._log("recorder-not-started", reason=str(error))
            asyncio.get_running_loop().call_later(1.0, self._start)
        finally:
            self._starting = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._heard_at = asyncio.get_running_loop().time()
        if self._kept_s is not None:
            transport.write(items_frame([item("keep", self._kept_s)]))
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while len(self._buffer) >= 4:
                size = int.from_bytes(self._buffer[:4], "big")
                if size > MAX_ANSWER_BYTES:
                    raise ValueError(f"an answer of {size} bytes")
                if len(self._buffer) < 4 + size:
                    return
                told = told_from(bytes(self._buffer[4 : 4 + size]))
                del self._buffer[: 4 + size]
                self._told(*told)
        except ValueError as error:
            self._log("recorder-nonsense", reason=str(error))
            assert self._transport is not None
            self._transport.abort()

    def _told(self, written: int, failed: int, said: list[tuple[str, dict[str, Any]]]) -> None:
        self._failures = 0
        self._heard_at = asyncio.get_running_loop().time()
        self._ready.set()
        self._unconfirmed = max(self._unconfirmed - written - failed, 0)
        self.counters["recorded"] += written
        if failed:
            self.counters["records-failed"] += failed
        for event, values in said:
            self._log(event, **values)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.counters["records-lost"] += self._unconfirmed
        self._unconfirmed = 0
        process = self._process
        if self._closing:
            return
        if process is not None:
            # Its socket is closed, so it is dead or of no use.
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self.counters["recorder-died"] += 1
        self._failures += 1
        self._log("recorder-died", status=None if process is None else process.returncode)
        self._start()

    async def close(self) -> None:
        """Let it write what it has, for a moment."""
        self._closing = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._flushing is not None:
            self._flushing.cancel()
        self._flush()
        for _ in range(100):
            if self._transport is None or not self._unconfirmed:
                break
            await asyncio.sleep(0.02)
        if self._transport is not None:
            self._transport.close()
        process = self._process
        if process is not None:
            try:
                await asyncio.to_thread(process.wait, 5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
