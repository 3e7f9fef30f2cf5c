"""The filter as a running service: sockets, workers, reload, drain. Knows nothing about mail.

SIGHUP loads rules and model anew beside the old ones; SIGTERM and SIGINT stop listening, serve what is open, and exit.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from router.message.envelope import RawMessage
from router.milter.server import Front
from router.workers.pool import Limits, Loaded, Pool, Refused


@dataclass(frozen=True, slots=True)
class Settings:
    """rules and models: paths. listen: socket specifications; with systemd's LISTEN_FDS also those. at: a fixed clock
    (demonstrations). drain_s: how long open connections are served after SIGTERM. ready: called when mail can come."""

    rules: Path
    models: Path | None
    listen: tuple[str, ...]
    socket_mode: int = 0o660
    socket_group: str | None = None
    limits: Limits = field(default_factory=Limits)
    drain_s: float = 20.0
    at: datetime | None = None
    run_tests: bool = True
    ready: Callable[[], None] = lambda: None


class Service:
    """One filter. `run` returns when the service was told to stop; raises `Refused` when the first rules are bad."""

    def __init__(self, settings: Settings, log: Callable[..., None]) -> None:
        self.settings = settings
        self.log = log
        self.pool = Pool(settings.limits, self._record, log)
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._reloads: set[asyncio.Task[bool]] = set()

    async def run(self) -> None:
        settings = self.settings
        loaded = await self._load()
        self._say_loaded(loaded)
        front = Front(self.pool.decide, prefix=self._prefix, log=self.log)
        try:
            for one in activated_sockets():
                await front.listen_on(one)
            for spec in settings.listen:
                await front.listen(spec, mode=settings.socket_mode, group=settings.socket_group)
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop.set)
            self.log("ready", listen=list(settings.listen), pid=os.getpid())
            settings.ready()
            notify("READY=1")
            await self._stop.wait()
            notify("STOPPING=1")
            self.log("draining", connections=front.connections, seconds=settings.drain_s)
            await front.drain(settings.drain_s)
        finally:
            await front.close()
            await self.pool.close()
            self.log("stopped", **{name: self.pool.counters[name] for name in sorted(self.pool.counters)})

    async def reload(self) -> bool:
        """Swap to what the files say now. False, and nothing changed, when they cannot be used."""
        async with self._reloading:
            try:
                loaded = await self._load()
            except Refused as refused:
                self.pool.counters["reloads-refused"] += 1
                self.log("reload-refused", reason=str(refused))
                return False
            self.pool.counters["reloads"] += 1
            self._say_loaded(loaded)
            return True

    async def _load(self) -> Loaded:
        settings = self.settings
        return await self.pool.load(settings.rules, settings.models, at=settings.at, run_tests=settings.run_tests)

    def _hang_up(self) -> None:
        task = asyncio.get_running_loop().create_task(self.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _prefix(self) -> str:
        assert self.pool.loaded is not None
        return self.pool.loaded.prefix

    def _record(self, raw: RawMessage, event: dict[str, Any]) -> None:
        self.log("decided", queue_id=raw.envelope.queue_id, **event)

    def _say_loaded(self, loaded: Loaded) -> None:
        self.log("loaded", rules=loaded.rules[:12], model=loaded.model, model_refused=loaded.model_refused or None)


def activated_sockets() -> Sequence[socket.socket]:
    """The listening sockets that systemd hands over (sd_listen_fds(3)): with them a restart refuses nobody."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return ()
    count = int(os.environ.get("LISTEN_FDS", "0"))
    return [socket.socket(fileno=3 + number) for number in range(count)]


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)) when it asked to be told."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(state.encode())
