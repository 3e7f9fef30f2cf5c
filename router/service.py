"""The filter as a running service: sockets, workers, reload, drain. Knows nothing about mail.

SIGHUP, or `mailrouter reload` by the control socket, loads rules and model anew beside the old ones; SIGTERM and SIGINT
stop listening, serve what is open, and exit.
"""

import asyncio
import collections
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from router.control import Control
from router.errors import BadInput
from router.journal import MAX_RECIPIENTS
from router.lookups.client import LookUps
from router.lookups.client import Settings as LookUpSettings
from router.message.envelope import RawMessage, address_of
from router.milter.negotiation import Action, Offer, Protocol
from router.milter.server import Front
from router.pseudonyms import open_key
from router.recorder.client import RecorderClient
from router.recorder.client import Settings as RecorderSettings
from router.reload import Reloader, Source
from router.rule_files import private
from router.workers.loaded import Loaded
from router.workers.pool import Limits, Pool


@dataclass(frozen=True, slots=True)
class Settings:
    """source: rules and model. listen: socket specifications; with systemd's LISTEN_FDS also those. control: path of
    the control socket, None: none. drain_s: how long open connections are served after SIGTERM. recorder: where the
    journal and the thread store are. retention_s: how long the journal keeps a mail, instead of what the rules say.
    ready: called when mail can come."""

    source: Source
    listen: tuple[str, ...]
    socket_mode: int = 0o660
    socket_group: str | None = None
    control: Path | None = None
    look_ups: LookUpSettings = field(default_factory=LookUpSettings)
    limits: Limits = field(default_factory=Limits)
    drain_s: float = 20.0
    recorder: RecorderSettings = field(default_factory=RecorderSettings)
    retention_s: float | None = None
    ready: Callable[[], None] = lambda: None


class Service:
    """One filter. `run` returns when the service was told to stop; raises `Refused` when the first rules are bad and
    no good ones were kept."""

    def __init__(self, settings: Settings, log: Callable[..., None]) -> None:
        self.settings = settings
        self.log = log
        self.look_ups = LookUps(settings.look_ups, log)
        self.recorder = RecorderClient(settings.recorder, log)
        self.pool = Pool(settings.limits, self._record, log, look_ups=self.look_ups, learn=self.recorder.learn)
        self.reloader = Reloader(settings.source, self.pool, log, self._in_use)
        self.front = Front(self.pool.decide, prefix=self._prefix, log=log)
        self._started_at = datetime.now(UTC)
        self._stop = asyncio.Event()
        self._reloads: set[asyncio.Task[bool]] = set()

    async def run(self) -> None:
        settings, front = self.settings, self.front
        self._make_key()
        control = None
        try:
            await self.recorder.start()
            await self.reloader.start()
            control = await self._open_control()
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
            if control is not None:
                await control.close()
            await self.pool.close()
            await self.look_ups.close()
            await self.recorder.close()
            self.log("stopped", **{name: self.pool.counters[name] for name in sorted(self.pool.counters)})

    def _hang_up(self) -> None:
        task = asyncio.get_running_loop().create_task(self.reloader.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _prefix(self) -> str:
        assert self.pool.loaded is not None
        return self.pool.loaded.prefix

    def _in_use(self, loaded: Loaded) -> None:
        self.recorder.keep(self.settings.retention_s or loaded.retention_s)

    def _make_key(self) -> None:
        """The key of the stores, before the processes that read it. Without one nothing is recorded."""
        state = self.settings.recorder.state
        if state is None:
            return
        try:
            private(state)
            open_key(state)
        except (BadInput, OSError) as error:
            self.log("no-records", reason=str(error))

    def _record(self, raw: RawMessage, event: dict[str, Any]) -> None:
        envelope = raw.envelope
        self.log("decided", queue_id=envelope.queue_id, **event)
        self.recorder.record(
            int(raw.received_at.timestamp() * 1_000),
            envelope.queue_id,
            address_of(envelope.sender),
            [address_of(one) for one in envelope.recipients[:MAX_RECIPIENTS]],
            event,
        )

    # ------------------------------------------------------------------ the control socket

    async def _open_control(self) -> Control | None:
        """Without it the filter works as well: mail matters more than being asked."""
        path = self.settings.control
        if path is None:
            return None
        control = Control(path, {"status": self.tell_status, "reload": self.tell_reload})
        try:
            private(path.parent)
            await control.open()
        except (BadInput, OSError) as error:
            self.log("no-control-socket", reason=str(error))
            return None
        return control

    def _counters(self) -> "collections.Counter[str]":
        return self.front.counters + self.pool.counters + self.look_ups.counters + self.recorder.counters

    async def tell_reload(self) -> dict[str, Any]:
        """The answer to `mailrouter reload`."""
        await self.reloader.reload()
        return {**(self.reloader.outcome or {}), **self.reloader.status()}

    async def tell_status(self) -> dict[str, Any]:
        """The answer to `mailrouter status`. counters: by reason, since the start. mta: what each kind of MTA that came
        by has agreed to."""
        counters = self._counters()
        return {
            "ok": True,
            "pid": os.getpid(),
            "started_at": self._started_at.isoformat(timespec="seconds"),
            "uptime_s": round((datetime.now(UTC) - self._started_at).total_seconds()),
            **self.reloader.status(),
            "workers": self.pool.state(),
            "listen": list(self.front.addresses),
            "connections": self.front.connections,
            "mta": [_agreed(offer) for offer in sorted(self.front.offers, key=lambda one: (one.version, one.actions))],
            "draining": self._stop.is_set(),
            "counters": dict(sorted(counters.items())),
        }


def _agreed(offer: Offer) -> dict[str, Any]:
    edits = [name for name, bit in vars(Action).items() if name.isupper() and name != "ALL" and offer.allows(bit)]
    return {"version": offer.version, "edits": edits, "skip": bool(offer.protocol & Protocol.SKIP)}


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
