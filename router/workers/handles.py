"""The front's handles of the processes behind it: a nursery with its control channel, a worker with its socket and
pidfd."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol

from router.workers.loaded import Loaded
from router.workers.wire import MAX_ANSWER_BYTES, BadAnswer, Frames

ANSWER_BYTES = 16_384
"""What is read of an answer at once; most are of 2 KB."""


class Employer(Protocol):
    """Who has workers and is told what becomes of them: the pool."""

    def worker_gone(self, worker: "Worker") -> None:
        """Its process is dead or its socket closed."""


class Nursery:
    """A running nursery process and its control channel."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        self.process = process
        self.control = control
        self.loaded: Loaded | None = None
        self.closed = False
        self._spawn_lock = asyncio.Lock()
        self._hearing: asyncio.Future[None] | None = None

    async def spawn(self) -> tuple[socket.socket, int]:
        """A new worker: its socket and its pidfd. Raises OSError when the nursery is gone."""
        async with self._spawn_lock:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(self.control, b"spawn")
            data, descriptors = await self.hear()
            if len(descriptors) != 2:
                for one in descriptors:
                    os.close(one)
                raise OSError(f"the nursery answered {data[:80]!r}")
            return socket.socket(fileno=descriptors[0]), descriptors[1]

    async def hear(self) -> tuple[bytes, list[int]]:
        """Its next message, with the descriptors that came along; b"" when it is gone. Raises ConnectionError when it
        is closed meanwhile: whoever waits must not wait for ever."""
        loop = asyncio.get_running_loop()
        hearing = self._hearing = loop.create_future()
        loop.add_reader(self.control.fileno(), self._heard)
        await hearing
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, 1 << 20, 4)
        except ConnectionError:
            return b"", []
        return data, list(descriptors)

    def _heard(self) -> None:
        asyncio.get_running_loop().remove_reader(self.control.fileno())
        if self._hearing is not None and not self._hearing.done():
            self._hearing.set_result(None)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().remove_reader(self.control.fileno())
            self.control.close()
            if self._hearing is not None and not self._hearing.done():
                self._hearing.set_exception(ConnectionError("closed"))


class Worker(asyncio.BufferedProtocol):
    """One worker as the front sees it: at most one request under way. Reads into its own buffer, as the front does
    (`milter.server._Connection`)."""

    def __init__(self, pool: Employer, nursery: Nursery, pidfd: int) -> None:
        self.pool = pool
        self.nursery = nursery
        self.served = 0
        self.gone = False
        self.killed = False
        self._pidfd = pidfd
        self._buffer = memoryview(bytearray(ANSWER_BYTES))
        self._frames = Frames(MAX_ANSWER_BYTES)
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._heard: Callable[[bytes | Exception], None] | None = None
        self._due = 0.0  # when the request under way must be answered
        self._timer: asyncio.TimerHandle | None = None  # rings at `_due`, or before it for a request that is answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        try:
            frames = self._frames.feed(bytes(self._buffer[:nbytes]))
        except BadAnswer:
            self.kill()
            return
        if not frames:
            return
        heard, self._heard = self._heard, None
        if heard is None or len(frames) > 1 or self._frames.begun:
            self.kill()  # nobody has asked (so much); the next mail must not get it for its answer
        if heard is not None:
            self.served += 1
            heard(frames[0])

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        os.close(self._pidfd)
        if self._timer is not None:
            self._timer.cancel()
        self.pool.worker_gone(self)
        self._end(ConnectionError("the worker died"))

    def begin(self, frame: Sequence[bytes], deadline_s: float, heard: Callable[[bytes | Exception], None]) -> None:
        """Send one request. heard: called once, with its answer, or with ConnectionError or TimeoutError; kills at the
        deadline. The worker can be asked again from within."""
        assert self._transport is not None and self._heard is None
        self._heard = heard
        self._due = self._loop.time() + deadline_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._late)
        for piece in frame:
            self._transport.write(piece)

    def _late(self) -> None:
        """One timer a worker, not one a mail: it was set for a mail that may long be answered."""
        assert self._timer is not None
        rung_at, self._timer = self._timer.when(), None
        if self._heard is None:
            return
        if self._due > rung_at:
            self._timer = self._loop.call_at(self._due, self._late)
            return
        self.kill()
        self._end(TimeoutError())

    def _end(self, why: Exception) -> None:
        """Tell whoever waits, when everybody has heard what became of the worker."""
        heard, self._heard = self._heard, None
        if heard is not None:
            self._loop.call_soon(heard, why)

    def kill(self) -> None:
        """At once, whatever it is doing: a regex, a bomb, a stopped process."""
        self.killed = True
        if not self.gone:
            with contextlib.suppress(ProcessLookupError):  # it has died by itself, and we have not heard of it yet
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            assert self._transport is not None
            self._transport.abort()

    def retire(self) -> None:
        if self._transport is not None and not self.gone:
            self._transport.close()


async def ended(process: "subprocess.Popen[bytes]") -> None:
    """End a nursery that has had its say."""
    process.kill()
    await asyncio.to_thread(process.wait)
