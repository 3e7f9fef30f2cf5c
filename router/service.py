"""The filter as a running service: sockets, workers, reload, drain. Knows nothing about mail.

SIGHUP, or `mailrouter reload` by the control socket, loads rules and model anew beside the old ones; SIGTERM and SIGINT
stop listening, serve what is open, and exit.
"""

import asyncio
import collections
import contextlib
import ctypes
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from router.control import Control
from router.errors import BadInput, Location
from router.frozen import dataclass
from router.journal import MAX_RECIPIENTS
from router.lookups.client import LookUps
from router.lookups.client import Settings as LookUpSettings
from router.message.eml import raw_message
from router.message.envelope import Envelope, RawMessage, address_of
from router.milter import listen
from router.milter.listen import Listener
from router.milter.negotiation import Action, Offer, Protocol
from router.milter.server import Front
from router.milter.server import Limits as FrontLimits
from router.monitoring.http import Monitoring
from router.monitoring.tally import Tally
from router.pseudonyms import open_key
from router.recorder.client import RecorderClient
from router.recorder.client import Settings as RecorderSettings
from router.reload import Reloader, Source
from router.rule_files import private
from router.shadow.beside import Shadow, Wanted
from router.workers.loaded import Loaded
from router.workers.pool import Limits, Pool

METRICS_NAME = "metrics"
"""FileDescriptorName= of the socket that systemd holds for the monitoring."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


KEPT_BYTES = 1 << 24
"""Of memory given back, what the C library keeps for the next mail: the bodies of some 30 large ones."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3), malloc.h

RESERVED_DESCRIPTORS = 64
"""For all but MTA connections: new workers need two each, and no crowd of idle connections may keep us from them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """source: rules and model. listen: socket specifications; with systemd's LISTEN_FDS also those. control: path of
    the control socket, None: none. drain_s: how long open connections are served after SIGTERM. recorder: where the
    journal and the thread store are. retention_s: how long the journal keeps a mail, instead of what the rules say.
    metrics: socket specification of the monitoring's HTTP. ready: called when mail can come."""

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
    metrics: str | None = None
    ready: Callable[[], None] = lambda: None


class Service:
    """One filter. `run` returns when the service was told to stop; raises `Refused` when the first rules are bad and
    no good ones were kept."""

    def __init__(self, settings: Settings, log: Callable[..., None]) -> None:
        self.settings = settings
        self.log = log
        self.look_ups = LookUps(settings.look_ups, log)
        self.recorder = RecorderClient(settings.recorder, log)
        self.shadow = Shadow(log, self.recorder.compared, lambda: self.pool.state()["mails_waiting"] > 0)
        self.pool = Pool(
            settings.limits,
            self._record,
            log,
            look_ups=self.look_ups,
            learn=self.recorder.learn,
            seen=self.shadow.seen,
        )
        self.reloader = Reloader(settings.source, self.pool, log, self._in_use)
        self.front = Front(
            self.pool.decide,
            begin=self.pool.begin,
            prefix=self._prefix,
            also_stripped=self._also_stripped,
            log=log,
            limits=within_descriptors(FrontLimits(), log),
        )
        self.tally = Tally()
        self.monitoring = Monitoring(self._figures, CONTENT_TYPE, self.check_health, time.monotonic)
        self._started_at = datetime.now(UTC)
        self._metrics_at: list[Listener] = []
        self._stop = asyncio.Event()
        self._reloads: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        settings, front = self.settings, self.front
        keep_memory()
        self._make_key()
        control = None
        try:
            await self.recorder.start()
            await self.reloader.start()
            control = await self._open_control()
            for name, one in activated_sockets():
                if name == METRICS_NAME:
                    await self.monitoring.listen_on(one)
                else:
                    await front.listen_on(one)
            for spec in settings.listen:
                await front.listen(spec, mode=settings.socket_mode, group=settings.socket_group)
            await self._open_monitoring()
            loop = asyncio.get_running_loop()
            watchdog = loop.create_task(watch())
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop.set)
            self.log("ready", listen=list(settings.listen), pid=os.getpid())
            settings.ready()
            notify("READY=1")
            await self._stop.wait()
            notify("STOPPING=1")
            watchdog.cancel()
            self.log("draining", connections=front.connections, seconds=settings.drain_s)
            await front.drain(settings.drain_s)
        finally:
            await front.close()
            await self.monitoring.close()
            for listener in self._metrics_at:
                listener.close()
            if control is not None:
                await control.close()
            await asyncio.gather(self.shadow.close(), self.pool.close())
            await self.look_ups.close()
            await self.recorder.close()
            self.log("stopped", **{name: self.pool.counters[name] for name in sorted(self.pool.counters)})

    def _hang_up(self) -> None:
        self._background(self.reloader.reload())

    def _background(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _prefix(self) -> str:
        assert self.pool.loaded is not None
        return self.pool.loaded.prefix

    def _also_stripped(self) -> Sequence[str]:
        assert self.pool.loaded is not None
        return self.pool.loaded.also_stripped

    def _in_use(self, loaded: Loaded) -> None:
        self.recorder.keep(self.settings.retention_s or loaded.retention_s)
        self._background(self.shadow.use(self._wanted_shadow(loaded), loaded))

    def _wanted_shadow(self, loaded: Loaded) -> Wanted | None:
        """What `settings.shadow` of these rules names, with all that loading needs."""
        named, source = loaded.shadow, self.settings.source
        if named is None:
            return None
        base = source.rules.parent
        return Wanted(
            rules=base / named["rules"] if named["rules"] else Path(loaded.path),
            model=named["model"],
            named=", ".join(one for one in (named["rules"], named["model"]) if one),
            at=Location(str(source.rules), int(named["line"]), int(named["column"])),
            load={
                "models": source.models,
                "at": source.at,
                "base": base,
                "owners": () if source.owner is None else (source.owner,),
                "group": source.group,
                "key_file": source.key_file,
                "state": source.state,
                "model_keys": source.model_keys,
            },
        )

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
        self.tally.add(event)
        self.recorder.record(
            int(raw.received_at.timestamp() * 1_000),
            envelope.queue_id,
            address_of(envelope.sender),
            [address_of(one) for one in envelope.recipients[:MAX_RECIPIENTS]],
            event,
        )

    # ------------------------------------------------------------------ monitoring

    async def _open_monitoring(self) -> None:
        """Raises BadListen, OSError: whoever asked to be watched must not believe that he is."""
        if self.settings.metrics is not None:
            for listener in listen.opened(listen.place(self.settings.metrics), mode=0o660, group=None):
                self._metrics_at.append(listener)
                await self.monitoring.listen_on(listener.socket)

    def _figures(self) -> bytes:
        # Imported when first asked for: most filters are asked over the control socket alone.
        from router.monitoring.exposition import Figures, text

        return text(Figures(self.tally, self._status(), self.recorder.waiting))

    async def check_health(self) -> dict[str, Any]:
        """Decides a mail of our own, through a worker. Its `ok` says how it went."""
        loaded = self.pool.loaded
        if loaded is None or not loaded.addresses:
            return {"ok": False, "why": "no rules are loaded"}
        why, seconds = await self.pool.check(canary(next(iter(loaded.addresses))), Offer(6, int(Action.ALL), 0))
        if why:
            self.log("unwell", reason=why)
            return {"ok": False, "why": why}
        return {"ok": True, "decided_ms": round(seconds * 1_000, 2), "rules": loaded.rules[:12], "model": loaded.model}

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
        await asyncio.sleep(0)  # the shadow's loading begins
        await self.shadow.settled()
        return {**(self.reloader.outcome or {}), **self.reloader.status(), "shadow": self.shadow.status()}

    async def tell_status(self) -> dict[str, Any]:
        """The answer to `mailrouter status`. counters: since the start; degraded: of those, mails by reason; mails: by
        queue and verdict. mta: what each kind of MTA that came by has agreed to, and what it lacks."""
        return self._status()

    def _status(self) -> dict[str, Any]:
        counters = self._counters()
        reasons = {name.removeprefix("degraded-"): n for name, n in counters.items() if name.startswith("degraded-")}
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
            "mails": [
                {"queue": queue, "verdict": verdict, "count": count}
                for (queue, verdict), count in sorted(self.tally.mails.items())
            ],
            "degraded": dict(sorted(reasons.items())),
            "recorder": {
                "state": None if self.settings.recorder.state is None else str(self.settings.recorder.state),
                "pid": self.recorder.pid,
                "waiting": self.recorder.waiting,
            },
            "shadow": self.shadow.status(),
            "counters": dict(sorted(counters.items())),
        }


def within_descriptors(limits: FrontLimits, log: Callable[..., None]) -> FrontLimits:
    """Raise this process's limit of open files to what the connections need, as far as the system lets us; else take
    fewer connections. One too many is closed at once, which an MTA answers by 451, instead of waiting for a timeout."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + RESERVED_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    connections = min(limits.connections, max(allowed - RESERVED_DESCRIPTORS, allowed // 2))
    if connections < limits.connections:
        log("few-descriptors", open_files=allowed, connections=connections)
    return replace(limits, connections=connections)


def keep_memory() -> bool:
    """Have the C library keep what a large body leaves behind: 256 KiB taken from the system and given back for every
    attachment are page faults of 60 us a mail. False where it has no such switch (it is glibc's)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES // 4))


def _agreed(offer: Offer) -> dict[str, Any]:
    edits = [name for name, bit in vars(Action).items() if name.isupper() and name != "ALL" and offer.allows(bit)]
    return {
        "version": offer.version,
        "edits": edits,
        "lacking": list(offer.lacking),
        "skip": bool(offer.protocol & Protocol.SKIP),
    }


def canary(address: str) -> RawMessage:
    """The mail of the health check. The null sender keeps it from being answered."""
    now = datetime.now(UTC)
    data = b"From: healthz@localhost.invalid\nSubject: health check\nMessage-ID: <healthz@localhost.invalid>\n\nping\n"
    return raw_message(data, Envelope(b"<>", (f"<{address}>".encode(),), queue_id="healthz"), now)


def activated_names() -> Sequence[str]:
    """What systemd calls the sockets that it hands over (sd_listen_fds(3)), in order; none when it does not."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return ()
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    count = int(os.environ.get("LISTEN_FDS", "0"))
    return [names[number] if number < len(names) else "" for number in range(count)]


def activated_sockets() -> Sequence[tuple[str, socket.socket]]:
    """(name, listening socket) of those that systemd hands over: with them a restart refuses nobody. To be called once:
    a socket that is thrown away is closed."""
    return [(name, socket.socket(fileno=3 + number)) for number, name in enumerate(activated_names())]


async def watch() -> None:
    """Tell systemd's watchdog that the event loop turns, twice in each of its intervals; for ever, or not at all when
    nobody asked (sd_watchdog_enabled(3))."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    interval_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
    while interval_s:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)) when it asked to be told."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1.0)  # whoever does not read must not stop the mail
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(state.encode())
