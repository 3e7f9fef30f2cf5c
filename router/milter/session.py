"""One MTA connection without its socket: bytes in, bytes to write and completed messages out.

`table.ROWS` says which command fits where; here is what each of them does.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from router.frozen import dataclass
from router.message.envelope import (
    LOOP_FIELDS,
    MAX_BODY_BYTES,
    MAX_FIELDS,
    MAX_FIELDS_BYTES,
    Envelope,
    RawMessage,
)
from router.milter import commands, negotiation
from router.milter.commands import Client, Command
from router.milter.negotiation import Offer, Protocol
from router.milter.packets import MAX_PACKET_BYTES, FramingError, PacketReader
from router.milter.responses import CONTINUE, SKIP, check_answer
from router.milter.table import FITTING, NEVER, ROWS, Scope, State

MAX_ENVELOPE_BYTES = 1 << 20
"""Sender, recipients and the names of forged fields of one message, together. Postfix takes 1,000 recipients."""

MAX_NAME_BYTES = 4_096  # of a HELO or client name; RFC 5321 has 255
MAX_MACRO_BYTES = 65_535  # of one macro packet, as in libmilter; a larger one is passed over

HTTP_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 46\r\nConnection: close\r\n\r\n"
    b"This port speaks the milter protocol, not HTTP"
)


_KNOWN = frozenset(int(command) for command in Command)
_LOOKUP_ORDER = b"EBNLTRMHC"  # from the last stage to the first, as libmilter looks macros up
_MACRO = int(Command.MACRO)
_HEADER = int(Command.HEADER)
_HEARS_NO_MORE = (State.AWAITING, State.CLOSED)  # what comes behind is no fault yet, or none any more


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The connection has begun."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """A message is complete and waits for `Session.answer` with this serial number. prefix: of the fields counted in
    `raw.strip_counts`, as it was when the message began. header_bytes: of all header fields, kept or not."""

    serial: int
    raw: RawMessage
    offer: Offer
    prefix: str
    header_bytes: int


@dataclass(frozen=True, slots=True)
class Aborted:
    """The message that waited under this serial number is gone; its answer would be dropped."""

    serial: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Write `farewell` and close. error: what was wrong with the stream, or None after a QUIT. http: a browser."""

    error: str | None = None
    farewell: bytes = b""
    http: bool = False


Event: TypeAlias = "bytes | Negotiated | EndOfMessage | Aborted | Closed"
"""bytes are to be written, in their place among the others."""


class _Message:
    """What has come of one message so far."""

    __slots__ = (
        "body", "body_bytes", "body_cut", "envelope_bytes", "fields", "fields_bytes", "fields_cut",
        "header_bytes", "prefix", "recipients", "sender", "size_bytes", "strip_counts", "stripped",
    )  # fmt: skip

    def __init__(self, prefix: str, others: Sequence[str]) -> None:
        self.prefix = prefix
        self.stripped = _beginnings(prefix, *others)
        self.sender = b"<>"
        self.size_bytes: int | None = None
        self.recipients: list[bytes] = []
        self.envelope_bytes = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.fields_bytes = 0
        self.fields_cut = False
        self.header_bytes = 0
        self.strip_counts: dict[bytes, int] = {}
        self.body: list[bytes] = []
        self.body_bytes = 0
        self.body_cut = False

    def hold(self, size: int) -> None:
        self.envelope_bytes += size + 32  # an empty one is not free either
        if self.envelope_bytes > MAX_ENVELOPE_BYTES:
            raise FramingError(f"an envelope of more than {MAX_ENVELOPE_BYTES} bytes")

    def add_body(self, data: bytes) -> None:
        room = MAX_BODY_BYTES - self.body_bytes
        if len(data) > room:
            self.body_cut = True
            data = data[:room]
        if data:
            self.body.append(data)
            self.body_bytes += len(data)

    @property
    def body_full(self) -> bool:
        """Nothing of the next chunk would be kept: so it is after four of Postfix's and Sendmail's."""
        return self.body_bytes == MAX_BODY_BYTES


class Session:
    """The conversation with one MTA. Feed `receive`, carry out its events in order, `answer` each EndOfMessage.

    prefix: the header prefix whose fields nobody outside may set, asked when a message begins; "" strips nothing.
    also_stripped: more such prefixes, of a helpdesk's fields. clock: gives an aware datetime. local: the MTA is at the
    other end of a unix socket.
    """

    def __init__(
        self,
        prefix: Callable[[], str],
        clock: Callable[[], datetime],
        *,
        also_stripped: Callable[[], Sequence[str]] = tuple,
        local: bool = False,
        max_packet_bytes: int = MAX_PACKET_BYTES,
    ) -> None:
        self._prefix = prefix
        self._also_stripped = also_stripped
        self._local = local
        self._clock = clock
        self._reader = PacketReader(max_packet_bytes, said_again=(_MACRO, _HEADER))
        self._packets: deque[tuple[int, bytes]] = deque()
        self._offer = Offer(0, 0, 0)
        self._client = Client()
        self._helo = b""
        self._macros: dict[int, bytes] = {}  # letter of the stage -> its last packet, decoded only when asked
        self._message: _Message | None = None
        self._serial = 0
        self._out: list[Event] = []
        self._replies: list[bytes] = []  # what is to be written behind `_out`
        self._answers: Mapping[int, bytes] = {}
        self._enter(State.START)

    @property
    def state(self) -> State:
        return self._state

    @property
    def in_message(self) -> bool:
        return self._message is not None

    @property
    def offer(self) -> Offer:
        return self._offer

    def macro(self, name: bytes) -> bytes | None:
        """The value of a macro (`i` and `{i}` are the same), looked up from the latest stage to the earliest."""
        name = name.strip(b"{}")
        for stage in _LOOKUP_ORDER:
            data = self._macros.get(stage)
            if data is not None and name in data:
                value = commands.macro(data, name)
                if value is not None:
                    return value
        return None

    def receive(self, data: bytes | memoryview = b"") -> list[Event]:
        """What these bytes lead to. Never raises: what cannot be read ends in a `Closed`, and then nothing comes.

        While a message waits for its answer, ABORT and QUIT are heard at once; whatever else comes waits its turn.
        """
        if self._state is State.CLOSED:
            return []
        if data:
            self._packets.extend(self._reader.receive(data))
        try:
            self._advance()
            if self._reader.broken and self._state not in _HEARS_NO_MORE:
                raise self._reader.broken
        except FramingError as error:
            self._close(Closed(str(error), HTTP_ANSWER if error.http else b"", error.http))
        self._write_out()
        out, self._out = self._out, []
        return out

    def answer(self, packets: bytes, serial: int) -> list[Event]:
        """Answer the message with this serial number: the bytes to write, and what waited behind it.

        Nothing comes back when that message was aborted meanwhile. Raises BadAnswer, and still waits, for bytes that
        are not a complete answer which this MTA can take.
        """
        if self._state is not State.AWAITING or serial != self._serial:
            return []
        check_answer(packets, self._offer)
        self._forget(Scope.MESSAGE)
        self._enter(State.READY)
        if not self._packets and not self._reader.broken:
            return [packets]  # the MTA waits for it, and so has said nothing yet
        self._replies.append(packets)
        return self.receive()

    # ------------------------------------------------------------------ the table at work

    def _advance(self) -> None:
        packets, macros = self._packets, self._macros
        while packets:
            command, data = packets[0]
            row = self._fitting.get(command)
            if row is None:
                if self._state is State.AWAITING:
                    return
                packets.popleft()
                if command != _MACRO:
                    raise FramingError(_misfit(command, self._state))
                if 0 < len(data) <= MAX_MACRO_BYTES:
                    macros[data[0]] = data
                continue
            packets.popleft()
            for stage in row.later:
                if stage in macros:
                    del macros[stage]
            if row.forgets is not Scope.NOTHING:
                self._abort()
                self._forget(row.forgets)
            answer = _DOES[command](self, data)
            if row.becomes is not None and row.becomes is not self._state:
                self._enter(row.becomes)
            if answer is None:
                answer = self._answers.get(command)
            if answer:
                self._replies.append(answer)

    def _enter(self, state: State) -> None:
        self._state = state
        self._fitting = FITTING[state]

    def _emit(self, event: Event) -> None:
        self._write_out()
        self._out.append(event)

    def _write_out(self) -> None:
        if self._replies:
            self._out.append(b"".join(self._replies))
            self._replies.clear()

    def _close(self, event: Closed) -> None:
        self._abort()
        self._forget(Scope.CONNECTION)
        self._packets.clear()
        self._enter(State.CLOSED)
        self._emit(event)

    def _abort(self) -> None:
        if self._state is State.AWAITING:
            self._emit(Aborted(self._serial))

    def _forget(self, scope: Scope) -> None:
        self._message = None
        if scope is Scope.HELO or scope is Scope.CONNECTION:
            self._helo = b""
        if scope is Scope.CONNECTION:
            self._client = Client()
            self._macros.clear()

    def _begun(self) -> _Message:
        """The message under way; the first event of one begins it."""
        if self._message is None:
            self._message = _Message(self._prefix(), self._also_stripped())
        return self._message

    # ------------------------------------------------------------------ what each command does
    # Each returns its own answer, or None for the one that was agreed on.

    def _optneg(self, data: bytes) -> bytes:
        self._offer = offer = negotiation.agreed(*commands.optneg(data), local=self._local)
        self._answers = _continued(offer.protocol)
        self._emit(Negotiated(offer))
        return negotiation.answer(offer)

    def _connect(self, data: bytes) -> None:
        client = commands.client(data)
        self._client = Client(client.name[:MAX_NAME_BYTES], client.address, client.port)

    def _hello(self, data: bytes) -> None:
        self._helo = commands.first_string(data)[:MAX_NAME_BYTES]

    def _mail(self, data: bytes) -> None:
        message = self._begun()
        sender, *arguments = commands.strings(data) or [b"<>"]
        message.hold(len(sender))
        message.sender = sender
        message.size_bytes = commands.size_argument(arguments)

    def _rcpt(self, data: bytes) -> None:
        message = self._begun()
        recipient = commands.first_string(data)
        message.hold(len(recipient))
        message.recipients.append(recipient)

    def _header(self, data: bytes) -> None:
        """This field, and those that wait right behind it and need no answer: half the packets of a mail."""
        message = self._message or self._begun()
        packets, stripped, fields = self._packets, message.stripped, message.fields
        spaced, answered = self._offer.leading_space, _HEADER in self._answers
        header_bytes, kept_bytes = message.header_bytes, message.fields_bytes
        while True:
            name, body = commands.header(data)
            lowered = name.lower()
            if lowered.startswith(stripped) and lowered not in LOOP_FIELDS:
                # Counted beyond the caps too: a forged field must not survive by being the 1,001st.
                if lowered not in message.strip_counts:
                    message.hold(len(lowered))
                message.strip_counts[lowered] = message.strip_counts.get(lowered, 0) + 1
            size = len(name) + len(body)
            header_bytes += size
            if message.fields_cut:
                pass
            elif len(fields) >= MAX_FIELDS or kept_bytes + size > MAX_FIELDS_BYTES:
                message.fields_cut = True  # and nothing behind it is kept, so that what we have is the beginning
            else:
                kept_bytes += size
                fields.append((name, body if spaced else _with_space(body)))
            if answered or not packets or packets[0][0] != _HEADER:
                break
            data = packets.popleft()[1]
        message.header_bytes, message.fields_bytes = header_bytes, kept_bytes

    def _body(self, data: bytes) -> bytes | None:
        message = self._message or self._begun()
        message.add_body(data)
        if not (message.body_full and self._offer.protocol & Protocol.SKIP):
            return None
        message.body_cut = True  # whether more would have come is not known
        return SKIP

    def _end(self, data: bytes) -> None:
        message = self._begun()
        message.add_body(data)  # normally empty, but it may carry a last chunk
        queue_id, user = self.macro(b"i"), self.macro(b"auth_authen")
        envelope = Envelope(
            sender=message.sender,
            recipients=tuple(message.recipients),
            helo=self._helo,
            client_address=self._client.address or commands.ip_address(_text(self.macro(b"client_addr"))),
            client_name=self._client.name or (self.macro(b"client_name") or b"")[:MAX_NAME_BYTES],
            queue_id=_text(queue_id) or None,
            authenticated_user=_text(user) or None,
            size_bytes=message.size_bytes,
        )
        raw = RawMessage(
            envelope,
            tuple(message.fields),
            b"".join(message.body),
            self._clock(),
            body_cut=message.body_cut,
            fields_cut=message.fields_cut,
            strip_counts=message.strip_counts,
            source=envelope.queue_id or "",
        )
        self._serial += 1
        self._emit(EndOfMessage(self._serial, raw, self._offer, message.prefix, message.header_bytes))

    def _quit(self, data: bytes) -> None:
        self._close(Closed())

    def _nothing(self, data: bytes) -> None:
        pass


_DOES: dict[int, Callable[[Session, bytes], bytes | None]] = {
    Command.OPTNEG: Session._optneg,
    Command.CONNECT: Session._connect,
    Command.HELO: Session._hello,
    Command.MAIL: Session._mail,
    Command.RCPT: Session._rcpt,
    Command.DATA: Session._nothing,
    Command.UNKNOWN: Session._nothing,
    Command.HEADER: Session._header,
    Command.EOH: Session._nothing,
    Command.BODY: Session._body,
    Command.BODYEOB: Session._end,
    Command.ABORT: Session._nothing,
    Command.QUIT: Session._quit,
    Command.QUIT_NC: Session._nothing,
}


@lru_cache(maxsize=16)  # they are the settings of one generation
def _beginnings(*prefixes: str) -> tuple[bytes, ...]:
    """What the lower-case names of the fields begin with that nobody outside may set."""
    return tuple(one.lower().encode("utf-8", "replace") for one in prefixes if one)


@lru_cache(maxsize=64)  # an MTA says the same at every connection
def _continued(protocol: int) -> Mapping[int, bytes]:
    """The commands that are answered by CONTINUE where this was agreed on."""
    return {
        int(row.command): CONTINUE
        for row in ROWS
        if row.answered != NEVER and not (row.answered and protocol & row.answered)
    }


def _misfit(command: int, state: State) -> str:
    if command not in _KNOWN:
        return f"unknown command {chr(command)!r}"
    return f"{Command(command).name} in state {state.name}"


def _with_space(body: bytes) -> bytes:
    """The body with the space that the MTA has eaten: without HDR_LEADSPC `X: v` arrives as `v`, `X:<TAB>v` whole."""
    return body if body[:1] in (b"\t", b"\n") else b" " + body


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
