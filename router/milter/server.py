"""The milter's front: sockets, asyncio, limits. It parses no mail; `decide` does that, somewhere else.

One `_Connection` per MTA connection holds a `Session` and carries its events out. While a message is being decided its
socket is read no further than to hear that nobody waits any more. A fault of ours (an exception, a decision that takes
too long) becomes a degraded answer: after one lost connection Postfix refuses every later mail of that SMTP session.
"""

import asyncio
import collections
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeAlias

from router.frozen import dataclass
from router.message.envelope import RawMessage
from router.milter import listen
from router.milter.edits import degraded
from router.milter.listen import Listener
from router.milter.negotiation import Offer
from router.milter.packets import MAX_PACKET_BYTES
from router.milter.responses import TEMPFAIL
from router.milter.session import Aborted, Closed, EndOfMessage, Event, Negotiated, Session
from router.milter.table import State

Decide: TypeAlias = "Callable[[RawMessage, Offer], Awaitable[bytes]]"
"""Gives the packets that answer a message, the final one included. Cancelled when the MTA has given the message up."""


class Cancellable(Protocol):
    """A decision under way."""

    def cancel(self) -> object:
        """Nobody waits for it any more."""


Begin: TypeAlias = Callable[[RawMessage, Offer, Callable[[bytes], object], Callable[[Exception], object]], Cancellable]
"""`Decide` without a task of its own: returns, and later calls one of both with what that would have given or raised;
neither once it is cancelled. A task, its future and their turns of the loop cost as much as reading the mail."""

_ACCEPTED_AT_ONCE = 200
_ACCEPT_PAUSE_S = 0.1
_AHEAD_BYTES = 65_536  # an MTA that waits says ABORT or QUIT, or hangs up, and nothing else
_READ_BYTES = 131_072  # a body chunk of 64 KiB and what stands around it
_LARGE_READ_BYTES = 16_384
_LOG_PAUSE_S = 1.0  # of one kind of line: a flood of garbage must not become a flood of log


@dataclass(frozen=True, slots=True)
class Limits:
    """connections: open at once; one more is closed at once, which its MTA answers by 451. packet_bytes: of one packet.
    greeting_s: from connecting to the negotiation. idle_s: without a byte; an MTA is silent while its client uploads,
    so this is libmilter's two hours. answer_s: for a decision, then the answer is a degraded one. drain_idle_s: how
    long a connection between two messages is kept when we are told to stop. deletion_bytes: forged fields times bytes
    of the header. Postfix reads the header from its beginning for every deletion: 10,000 of them cost it 3.3 s, half a
    million in a mail of 10 MB would cost it hours, so beyond this (some 6,000 small ones) the mail is told to wait."""

    connections: int = 2_000
    packet_bytes: int = MAX_PACKET_BYTES
    greeting_s: float = 30.0
    idle_s: float = 7_210.0
    answer_s: float = 8.0
    drain_idle_s: float = 2.0
    deletion_bytes: int = 1_000_000_000


class Front:
    """The filter as an MTA sees it.

    begin: used instead of `decide` where there is one.
    prefix: gives the prefix of our header fields; asked when a message begins. also_stripped: of other fields that
    nobody outside may set. log: `log(event, **values)`, never with anything of a mail in it. counters: connections,
    refused, messages, aborted, late, framing-errors, http, idle, overburdened, accept-errors, degraded-deadline,
    degraded-exception, unlogged, bytes.
    """

    def __init__(
        self,
        decide: Decide,
        *,
        begin: Begin | None = None,
        prefix: Callable[[], str],
        also_stripped: Callable[[], Sequence[str]] = tuple,
        log: Callable[..., None] = lambda event, **values: None,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.decide = decide
        self.begin = begin or self._in_a_task
        self.prefix = prefix
        self.also_stripped = also_stripped
        self.log = log
        self.limits = limits or Limits()
        self.clock = clock
        self.counters: collections.Counter[str] = collections.Counter()
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self.offers: set[Offer] = set()
        self._listeners: list[Listener] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._connections: set[_Connection] = set()
        self._deciding: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._said: dict[str, float] = {}

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Specifications of what is listened on; a port 0 has become the real one."""
        return tuple(_spec(listener) for listener in self._listeners)

    async def listen(self, spec: str, *, mode: int = 0o660, group: str | None = None) -> None:
        """Accept connections at `inet:port@host`, `inet6:port@host` or `unix:/path` (with this mode and group).

        Raises BadListen (a BadInput) for a specification that cannot be used, OSError when the system says no.
        """
        for listener in listen.opened(listen.place(spec), mode=mode, group=group):
            self._accept_on(listener)

    async def listen_on(self, one: socket.socket) -> None:
        """Accept connections on a socket that listens already (systemd socket activation)."""
        self._accept_on(listen.inherited(one))

    async def drain(self, seconds: float) -> None:
        """Stop accepting; serve open connections until each is done or idle, at most this long; close the rest."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        await self._stop_accepting()
        while self._connections and loop.time() < deadline:
            for connection in list(self._connections):
                connection.close_if_idle(loop.time() - self.limits.drain_idle_s)
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.give_up()

    async def close(self) -> None:
        """Stop at once. Messages under way end with a closed connection: the MTA tells the client to try again."""
        await self._stop_accepting()
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
            self._sweeping = None
        for connection in list(self._connections):
            connection.give_up()
        await asyncio.sleep(0)  # connection_lost is called from the loop
        for task in list(self._deciding):
            task.cancel()
        await asyncio.gather(*self._deciding, return_exceptions=True)

    # ------------------------------------------------------------------ accepting

    def _accept_on(self, listener: Listener) -> None:
        loop = asyncio.get_running_loop()
        self._listeners.append(listener)
        loop.add_reader(listener.socket, self._accept, listener)
        if self._sweeping is None:
            self._sweeping = loop.create_task(self._sweep())

    def _accept(self, listener: Listener) -> None:
        """Take what waits in the backlog, a bounded lot at a time: those already open want to be served too."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                one, _address = listener.socket.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                # Out of descriptors the backlog stays readable: trying again at once would burn a whole core.
                self.counters["accept-errors"] += 1
                self.say("accept-failed", reason=error.strerror)
                loop = asyncio.get_running_loop()
                loop.remove_reader(listener.socket)
                loop.call_later(_ACCEPT_PAUSE_S, self._accept_again, listener)
                return
            self._open(one)

    def _accept_again(self, listener: Listener) -> None:
        if listener in self._listeners:
            asyncio.get_running_loop().add_reader(listener.socket, self._accept, listener)

    def _open(self, one: socket.socket) -> None:
        if len(self._connections) + len(self._opening) >= self.limits.connections:
            self.counters["refused"] += 1
            self.say("too-many-connections", limit=self.limits.connections)
            one.close()
            return
        task = asyncio.get_running_loop().create_task(self._connect(one))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, one: socket.socket) -> None:
        try:
            one.setblocking(False)
            if one.family != socket.AF_UNIX:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            local = one.family == socket.AF_UNIX
            await asyncio.get_running_loop().connect_accepted_socket(lambda: _Connection(self, local), one)
        except OSError as error:  # the peer went away in between
            self.say("accept-failed", reason=error.strerror)
            one.close()

    async def _stop_accepting(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.remove_reader(listener.socket)
            if not listener.inherited:
                self._empty_backlog(listener.socket)
            listener.close()
        self._listeners.clear()
        await asyncio.gather(*self._opening)

    def _empty_backlog(self, listening: socket.socket) -> None:
        """Serve those who have connected to a socket that only we hold: closing it would reset them."""
        while True:
            try:
                one, _address = listening.accept()
            except OSError:
                return
            self._open(one)

    async def _sweep(self) -> None:
        """Close what has been silent too long: one timer for all connections, not one each."""
        limits = self.limits
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(limits.greeting_s, limits.idle_s, 40.0) / 4)
            now = loop.time()
            for connection in list(self._connections):
                connection.sweep(now)

    # ------------------------------------------------------------------ for connections

    def opened(self, connection: "_Connection") -> None:
        self._connections.add(connection)
        self.counters["connections"] += 1

    def lost(self, connection: "_Connection") -> None:
        self._connections.discard(connection)

    def _in_a_task(
        self, raw: RawMessage, offer: Offer, answered: Callable[[bytes], object], failed: Callable[[Exception], object]
    ) -> Cancellable:
        async def work() -> None:
            try:
                packets = await self.decide(raw, offer)
            except Exception as error:  # the rim is behind `failed`
                failed(error)
            else:
                answered(packets)

        task = asyncio.get_running_loop().create_task(work())
        self._deciding.add(task)
        task.add_done_callback(self._deciding.discard)
        return task

    def say(self, event: str, **values: object) -> None:
        """Log, but one kind of line at most once a second; the counters have the rest."""
        now = asyncio.get_running_loop().time()
        if now - self._said.get(event, -_LOG_PAUSE_S) >= _LOG_PAUSE_S:
            self._said[event] = now
            self.write_log(event, **values)

    def write_log(self, event: str, **values: object) -> None:
        try:
            self.log(event, **values)
        except Exception:  # the rim: a log that cannot be written (a full disk, a closed stderr) must not cost a mail
            self.counters["unlogged"] += 1


class _Connection(asyncio.BufferedProtocol):
    """One MTA connection.

    It reads into a buffer of the front. For a plain Protocol asyncio makes an object of 256 KiB a read, which the C
    library takes from the system and gives back: four system calls a read, and Postfix writes a mail in five pieces.
    """

    def __init__(self, front: Front, local: bool) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        size = front.limits.packet_bytes
        self._session = Session(
            front.prefix, front.clock, also_stripped=front.also_stripped, local=local, max_packet_bytes=size
        )
        self._transport: asyncio.Transport | None = None
        self._since = self._active = self._loop.time()
        self._unread = False
        self._ahead = 0  # bytes that came while a message waits for its answer
        self._waiting: EndOfMessage | None = None
        self._deciding: Cancellable | None = None
        self._due = 0.0  # when the message that waits must be answered
        self._timer: asyncio.TimerHandle | None = None  # rings at `_due`, or before it for a message that is answered
        self._paused = False

    # ------------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._front.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._front.buffer

    def buffer_updated(self, nbytes: int) -> None:
        data: bytes | memoryview = self._front.buffer[:nbytes]
        if nbytes < _LARGE_READ_BYTES:  # many small packets are cut faster out of bytes
            data = bytes(data)
        self._active = self._loop.time()
        self._front.counters["bytes"] += nbytes
        if self._waiting is not None:
            self._ahead += nbytes
        self._carry_out(self._session.receive(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._abandon()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport = None
        self._front.lost(self)

    def pause_writing(self) -> None:
        """The MTA does not read what we answer: read no more of what it says."""
        self._unread = True
        self._read_or_not()

    def resume_writing(self) -> None:
        self._unread = False
        self._read_or_not()

    def _read_or_not(self) -> None:
        paused = self._unread or self._ahead > _AHEAD_BYTES
        if paused is self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # ------------------------------------------------------------------ the session's side

    def _carry_out(self, events: list[Event]) -> None:
        transport = self._transport
        if transport is None:
            return
        for event in events:
            if isinstance(event, bytes):
                transport.write(event)
            elif isinstance(event, EndOfMessage):
                self._begin(event)
            elif isinstance(event, Negotiated):
                self._note(event.offer)
            elif isinstance(event, Aborted):
                self._front.counters["aborted"] += 1
                self._abandon()
            else:
                self._end(event, transport)
        self._read_or_not()

    def _begin(self, event: EndOfMessage) -> None:
        front = self._front
        front.counters["messages"] += 1
        self._waiting = event
        forged = sum(event.raw.strip_counts.values())
        if forged * event.header_bytes > front.limits.deletion_bytes:
            front.counters["overburdened"] += 1
            front.say("too-many-forged-fields", queue_id=event.raw.envelope.queue_id, fields=forged)
            self._answer(event, TEMPFAIL)
            return
        self._due = self._loop.time() + front.limits.answer_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._late)
        try:
            self._deciding = front.begin(
                event.raw, event.offer, partial(self._decided, event), partial(self._failed, event)
            )
        except Exception as error:
            # Not from within: of mails that come in one read each would be answered inside the one before it.
            self._deciding = self._loop.call_soon(self._failed, event, error)

    def _decided(self, event: EndOfMessage, packets: bytes) -> None:
        try:
            self._answer(event, packets)
        except Exception as error:
            self._failed(event, error)

    def _failed(self, event: EndOfMessage, error: Exception) -> None:
        """The rim: a fault of ours must cost neither this mail nor those behind it (D1)."""
        self._front.say("decide-failed", queue_id=event.raw.envelope.queue_id, error=type(error).__name__)
        self._degrade(event, "exception", type(error).__name__)

    def _late(self) -> None:
        """One timer a connection, not one a mail: it was set for a mail that may long be answered."""
        assert self._timer is not None
        rung_at, self._timer = self._timer.when(), None
        event = self._waiting
        if event is None:
            return
        if self._due > rung_at:
            self._timer = self._loop.call_at(self._due, self._late)
            return
        # The decision goes on, for what it may still teach whoever makes it; its answer is dropped.
        self._front.say("decide-late", queue_id=event.raw.envelope.queue_id, seconds=self._front.limits.answer_s)
        self._degrade(event, "deadline", f"not decided within {self._front.limits.answer_s:g} s")

    def _degrade(self, event: EndOfMessage, what: str, why: str) -> None:
        if self._waiting is event:
            self._front.counters[f"degraded-{what}"] += 1
            self._answer(event, degraded(event.raw, event.offer, event.prefix, what, why))

    def _answer(self, event: EndOfMessage, packets: bytes) -> None:
        if self._waiting is not event:
            self._front.counters["late"] += 1
            return
        events = self._session.answer(packets, event.serial)
        self._done_waiting()
        self._active = self._loop.time()
        self._carry_out(events)

    def _abandon(self) -> None:
        """Nobody waits for this answer any more: a decision that has not begun shall not hold up the others."""
        if self._waiting is not None and self._deciding is not None:
            self._deciding.cancel()
        self._done_waiting()

    def _done_waiting(self) -> None:
        self._waiting = self._deciding = None
        self._ahead = 0

    def _note(self, offer: Offer) -> None:
        """Say once what an MTA cannot do: a redirect that it cannot carry out must not be a riddle."""
        if offer not in self._front.offers and len(self._front.offers) < 100:
            self._front.offers.add(offer)
            self._front.write_log(
                "negotiated", version=offer.version, lacking=offer.lacking, protocol=f"{offer.protocol:#x}"
            )

    def _end(self, event: Closed, transport: asyncio.Transport) -> None:
        if event.http:
            self._front.counters["http"] += 1
        elif event.error is not None:
            self._front.counters["framing-errors"] += 1
            self._front.say("connection-ended", why=event.error)
        if event.farewell:
            transport.write(event.farewell)
        transport.close()

    # ------------------------------------------------------------------ limits

    def sweep(self, now: float) -> None:
        """Give up a peer that has not begun in time, does not take its last answer, or has been silent too long."""
        limits, state = self._front.limits, self._session.state
        if state is State.START:
            late = now - self._since > limits.greeting_s
        elif state is State.CLOSED:
            late = now - self._active > limits.greeting_s
        else:
            late = self._waiting is None and now - self._active > limits.idle_s
        if late:
            self._front.counters["idle"] += 1
            self.give_up()

    def close_if_idle(self, before: float) -> None:
        if not self._session.in_message and self._active <= before:
            self.give_up()

    def give_up(self) -> None:
        self._abandon()
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # it does not read what we wrote; closing in peace would wait for it
        else:
            self._transport.close()


def _spec(listener: Listener) -> str:
    family, name = listener.socket.family, listener.socket.getsockname()
    if family == socket.AF_UNIX:
        return f"unix:{listener.path or name}"
    return f"inet6:{name[1]}@[{name[0]}]" if family == socket.AF_INET6 else f"inet:{name[1]}@{name[0]}"
