"""An MTA that speaks milter to a filter, for `mailrouter demo`, `mailrouter probe` and the tests.

    async with await Mta.connect("inet:8891@127.0.0.1", manner=SENDMAIL) as mta:
        outcome = await mta.exchange(Transaction(b"<a@b.example>", (b"<bill@c.example>",), message))

It behaves as Postfix 3.7 or Sendmail 8.17 does, keeps to what was negotiated, insists that the filter does, and carries
the edits out (`applied.py`), so that an `Outcome` is what would be delivered to whom.
"""

import asyncio
import itertools
import struct
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self

from router.frozen import dataclass
from router.milter import listen
from router.milter.applied import Delivery, Edit, FilterFailed, edit, read
from router.milter.calling import Call
from router.milter.commands import Command
from router.milter.manners import POSTFIX, SENDMAIL, Caller, Manner
from router.milter.negotiation import Action, Offer, Protocol

__all__ = [
    "POSTFIX", "SENDMAIL", "Caller", "FilterFailed", "Manner", "Mta", "Outcome", "ProbeFailed", "Transaction",
    "exchange", "probe",
]  # fmt: skip

CHUNK = 65_535
_STAGES = {0: "C", 1: "H", 2: "M", 3: "R", 4: "T", 5: "E", 6: "N"}  # SETSYMLIST's number -> letter of the command
_MACROS_OF = {"L": "N", "B": "E"}  # Postfix asks the list of end-of-header for fields, of end-of-message for chunks
_REPLIES = {
    ord("c"): "continue", ord("a"): "accept", ord("r"): "reject", ord("t"): "tempfail", ord("d"): "discard",
    ord("y"): "replycode", ord("s"): "skip", ord("4"): "shutdown",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Transaction:
    """One mail. sender and recipients: MAIL and RCPT arguments with their brackets; arguments: ESMTP ones of MAIL.
    message: header and body, CRLF or LF lines. own_fields: what the MTA puts on top and shows to no filter."""

    sender: bytes
    recipients: tuple[bytes, ...]
    message: bytes
    arguments: tuple[bytes, ...] = ()
    queue_id: bytes = b""
    own_fields: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail. reply: `accept`, `continue`, `tempfail`, `reject`, `replycode`, `discard`; stage: the
    command that got it; text: of a replycode. sender, recipients, message: after the edits, in the form of the
    Transaction, CRLF lines; without recipients the mail is lost. sent_body_bytes: how much of the body the filter
    took before it said skip."""

    reply: str
    stage: str
    edits: tuple[Edit, ...]
    sender: bytes
    recipients: tuple[bytes, ...]
    message: bytes
    text: bytes = b""
    quarantined: bool = False
    reason: bytes = b""
    sent_body_bytes: int = 0

    @property
    def delivered(self) -> bool:
        return self.reply in ("accept", "continue") and bool(self.recipients)

    @property
    def added_fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """(name, body) of the fields that the filter added, unfolded and without the space after the colon."""
        added = (one for one in self.edits if one.kind in ("addheader", "insheader"))
        return tuple((one.name, one.value.replace(b"\n", b"").strip(b" ")) for one in added)


class _Ended(Exception):
    """A stage before the end was answered with something final."""

    def __init__(self, reply: str, stage: str, text: bytes = b"") -> None:
        super().__init__(reply)
        self.reply, self.stage, self.text = reply, stage, text


class Mta:
    """One SMTP session's connection to a filter. Raises FilterFailed from the first thing that goes wrong on, for every
    later mail too: Postfix has no second connection for the same session either.

    caller: the SMTP client. host: the MTA's own name. offer: what was agreed on.
    """

    def __init__(self, call: Call, *, manner: Manner = POSTFIX, caller: Caller | None = None) -> None:
        self.manner = manner
        self.caller = caller or Caller()
        self.host = b"mail.example"
        self.offer = Offer(0, 0, 0)
        self._call = call
        self._wanted: dict[str, tuple[bytes, ...]] = {}
        self._ended: _Ended | None = None
        self._ids = itertools.count(1)

    # ------------------------------------------------------------------ the session

    @classmethod
    async def connect(
        cls, spec: str, *, manner: Manner = POSTFIX, caller: Caller | None = None, timeout_s: float = 30.0
    ) -> "Mta":
        """Connect to `inet:port@host`, `inet6:…` or `unix:/path`, negotiate, say CONNECT and HELO."""
        call = await Call.to(listen.place(spec), timeout_s=timeout_s, write_bytes=manner.write_bytes)
        mta = cls(call, manner=manner, caller=caller)
        begun = False
        try:
            await mta.open()
            begun = True
        finally:
            if not begun:  # whatever the reason, a cancellation too
                call.abandon()
        return mta

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.quit()

    async def open(self) -> None:
        """Negotiate, then CONNECT and HELO."""
        manner = self.manner
        self._call.put(Command.OPTNEG, struct.pack(">III", manner.version, manner.actions, manner.protocol))
        letter, data = await self._call.read()
        if letter != Command.OPTNEG or len(data) < 12:
            raise self._call.fail(f"{chr(letter)!r} of {len(data)} bytes in answer to the negotiation")
        offer = Offer(*struct.unpack_from(">III", data))
        if not 2 <= offer.version <= manner.version:
            raise self._call.fail(f"version {offer.version} in answer to {manner.version}")
        for agreed, offered, what in (
            (offer.actions, manner.actions, "actions"),
            (offer.protocol, manner.protocol, "protocol bits"),
        ):
            if agreed & ~offered:
                raise self._call.fail(f"{what} {agreed & ~offered:#x} were not offered")
        if len(data) > 12 and not offer.allows(Action.SETSYMLIST):
            raise self._call.fail("macro lists without SETSYMLIST")
        self.offer = offer
        self._wanted = {**manner.macros, **self._lists(data[12:])}
        await self._introduce()

    async def helo(self, name: bytes) -> None:
        """A new HELO on the same SMTP session; Postfix aborts what was under way."""
        if self.manner.abort_after_message:
            self._call.put(Command.ABORT)
        await self._early(Command.HELO, name + b"\0", {})

    async def reconnect(self, caller: Caller) -> None:
        """QUIT_NC: another SMTP client on the same socket, without a new negotiation."""
        self._call.put(Command.QUIT_NC)
        self.caller, self._ended = caller, None
        await self._introduce()

    async def quit(self) -> None:
        """End the session and close the socket. Never raises."""
        if not self._call.failed:
            self._call.put(Command.QUIT)
        await self._call.close()

    # ------------------------------------------------------------------ one mail

    async def exchange(self, transaction: Transaction) -> Outcome:
        """Send one mail and carry out what the filter answers."""
        transaction = self._numbered(transaction)
        delivery = self._delivery(transaction)
        sent = [0]
        edits: list[Edit] = []
        try:
            await self._send(transaction, delivery, None, sent)
            reply, text = await self._end_of_message(transaction, delivery, edits)
            stage = "BODYEOB"
        except _Ended as ended:
            reply, stage, text = ended.reply, ended.stage, ended.text
        if self.manner.abort_after_message or stage != "BODYEOB":
            self._call.put(Command.ABORT)
            await self._call.flush()
        return Outcome(
            reply, stage, tuple(edits), delivery.sender, tuple(delivery.recipients), delivery.message(), text,
            delivery.quarantined, delivery.reason, sent[0],
        )  # fmt: skip

    async def abandon(self, transaction: Transaction, after: Command = Command.MAIL) -> None:
        """Begin a mail, and give it up (RSET, a lost client) after this command."""
        try:
            await self._send(self._numbered(transaction), self._delivery(transaction), after, [0])
        except _Ended:
            pass  # it had its answer; given up it is all the same
        self._call.put(Command.ABORT)
        await self._call.flush()

    def _numbered(self, transaction: Transaction) -> Transaction:
        return transaction if transaction.queue_id else replace(transaction, queue_id=b"4Z%05X" % next(self._ids))

    def _delivery(self, transaction: Transaction) -> Delivery:
        fields, body = read(transaction.message, transaction.own_fields)
        return Delivery(
            transaction.sender, list(transaction.recipients), fields, body,
            self.offer.leading_space, self.manner.deletes_shift, self.host,
        )  # fmt: skip

    async def _send(self, transaction: Transaction, delivery: Delivery, until: Command | None, sent: list[int]) -> None:
        """MAIL to the last chunk. Raises _Ended; returns after the command `until`."""
        if self._call.failed:
            raise FilterFailed(self._call.failed)
        if self._ended is not None:
            raise self._ended
        values = self._values(transaction)
        known = values if self.manner.queue_id_at_mail else {name: v for name, v in values.items() if name != b"i"}
        await self._stage(Command.MAIL, b"\0".join([transaction.sender, *transaction.arguments, b""]), known)
        if until is Command.MAIL:
            return
        for recipient in transaction.recipients:
            # Postfix lower-cases the macro, not the argument.
            mine = {**known, b"rcpt_addr": recipient.strip(b"<>").lower()}
            try:
                await self._stage(Command.RCPT, recipient + b"\0", mine)
                known = values
            except _Ended as ended:
                if ended.reply not in ("reject", "tempfail", "replycode"):
                    raise
                delivery.recipients.remove(recipient)
                if not delivery.recipients:
                    raise
        if until is Command.RCPT:
            return
        if self.manner.version >= 4:
            await self._stage(Command.DATA, b"", values)
        if until is Command.DATA:
            return
        for one in delivery.fields:
            if one.hidden:
                continue
            body = one.body if self.offer.leading_space or one.body[:1] != b" " else one.body[1:]
            if await self._stage(Command.HEADER, one.name + b"\0" + body.partition(b"\0")[0] + b"\0", values):
                break
        if until is Command.HEADER:
            return
        await self._stage(Command.EOH, b"", values)
        for at in range(0, len(delivery.body), CHUNK):
            chunk = delivery.body[at : at + CHUNK]
            sent[0] += len(chunk)
            if await self._stage(Command.BODY, chunk, values):
                break

    async def _end_of_message(
        self, transaction: Transaction, delivery: Delivery, edits: list[Edit]
    ) -> tuple[str, bytes]:
        self._put_macros("E", self._values(transaction))
        self._call.put(Command.BODYEOB)
        while True:
            letter, data = await self._call.read()
            if letter == ord("p"):
                continue
            if letter in _REPLIES and letter != ord("s"):
                break
            try:
                one = edit(letter, data, self.offer.actions)
            except FilterFailed as bad:
                raise self._call.fail(str(bad)) from None
            edits.append(one)
            delivery.apply(one)
        if self._call.unread:
            raise self._call.fail("more after the final answer")
        return _REPLIES[letter], data.rstrip(b"\0")

    # ------------------------------------------------------------------ one command

    async def _introduce(self) -> None:
        caller = self.caller
        name = caller.name or b"[" + (caller.address or "unknown").encode() + b"]"
        data = name + b"\0U"
        if caller.address is not None:
            six = ":" in caller.address
            address = ("IPv6:" if six and self.manner.ipv6_prefix else "") + caller.address
            data = name + (b"\0006" if six else b"\0004") + struct.pack(">H", caller.port) + address.encode() + b"\0"
        await self._early(Command.CONNECT, data, self._values(None))
        await self._early(Command.HELO, caller.helo + b"\0", {})

    async def _early(self, command: Command, data: bytes, values: Mapping[bytes, bytes]) -> None:
        """A command before any mail: a final answer to it counts for every mail of the session."""
        if self._ended is None:
            try:
                await self._stage(command, data, values)
            except _Ended as ended:
                self._ended = ended

    async def _stage(self, command: Command, data: bytes, values: Mapping[bytes, bytes]) -> bool:
        """Send a command, wait for its answer if one is due. True: skip the rest of these. Raises _Ended."""
        no, no_reply = _BITS[command]
        if self.offer.protocol & no:
            return False
        letter = chr(command)
        if self.manner.macros_everywhere or letter not in _MACROS_OF:
            self._put_macros(letter, values)
        self._call.put(command, data)
        if self.offer.protocol & no_reply:
            return False
        answer, text = await self._call.read()
        while answer == ord("p") and self.manner.progress_everywhere:
            answer, text = await self._call.read()
        if answer not in _REPLIES:
            raise self._call.fail(f"{chr(answer)!r} in answer to {command.name}")
        if _REPLIES[answer] == "continue":
            return False
        if _REPLIES[answer] == "skip":
            if command is not Command.BODY or not self.offer.protocol & Protocol.SKIP:
                raise self._call.fail(f"skip in answer to {command.name}")
            return True
        raise _Ended(_REPLIES[answer], command.name, text.rstrip(b"\0"))

    def _put_macros(self, stage: str, values: Mapping[bytes, bytes]) -> None:
        names = self._wanted.get(_MACROS_OF.get(stage, stage), ())
        known = [(name, values[name]) for name in names if values.get(name)]
        pairs = b"".join((b"{%s}" % name if len(name) > 1 else name) + b"\0" + value + b"\0" for name, value in known)
        self._call.put(Command.MACRO, stage.encode() + pairs)

    def _values(self, transaction: Transaction | None) -> dict[bytes, bytes]:
        caller = self.caller
        address = (caller.address or "unknown").encode()
        values = {
            b"j": self.host, b"daemon_name": self.host, b"daemon_addr": b"127.0.0.1", b"v": self.manner.name.encode(),
            b"_": caller.name + b" [" + address + b"]", b"client_addr": address, b"client_name": caller.name,
            b"if_name": self.host, b"if_addr": b"127.0.0.1", b"auth_authen": caller.user,
            b"auth_type": b"PLAIN" if caller.user else b"",
        }  # fmt: skip
        if transaction is not None:
            sender = transaction.sender.strip(b"<>")
            values |= {
                b"i": transaction.queue_id, b"msg_id": b"<unknown>",
                b"mail_addr": sender, b"mail_host": sender.rpartition(b"@")[2], b"mail_mailer": b"smtp",
                b"rcpt_host": b"localhost", b"rcpt_mailer": b"smtp",
            }  # fmt: skip
        return values

    def _lists(self, data: bytes) -> dict[str, tuple[bytes, ...]]:
        """The macro lists of a negotiation; an empty one means the MTA's own."""
        found: dict[str, tuple[bytes, ...]] = {}
        while data:
            stage = _STAGES.get(int.from_bytes(data[:4], "big"))
            names, nul, rest = data[4:].partition(b"\0")
            if stage is None or not nul:
                raise self._call.fail(f"a macro list that cannot be read: {data[:40]!r}")
            if names.split():
                found[stage] = tuple(name.strip(b"{}") for name in names.split())
            data = rest
        return found


_BITS: dict[Command, tuple[int, int]] = {
    Command.CONNECT: (Protocol.NOCONNECT, Protocol.NR_CONN),
    Command.HELO: (Protocol.NOHELO, Protocol.NR_HELO),
    Command.MAIL: (Protocol.NOMAIL, Protocol.NR_MAIL),
    Command.RCPT: (Protocol.NORCPT, Protocol.NR_RCPT),
    Command.DATA: (Protocol.NODATA, Protocol.NR_DATA),
    Command.HEADER: (Protocol.NOHDRS, Protocol.NR_HDR),
    Command.EOH: (Protocol.NOEOH, Protocol.NR_EOH),
    Command.BODY: (Protocol.NOBODY, Protocol.NR_BODY),
}
"""Command -> (do not send it, do not wait for an answer)."""


async def exchange(
    spec: str, transaction: Transaction, *, manner: Manner = POSTFIX, timeout_s: float = 30.0
) -> Outcome:
    """One mail on a connection of its own. Raises FilterFailed."""
    async with await Mta.connect(spec, manner=manner, timeout_s=timeout_s) as mta:
        return await mta.exchange(transaction)


class ProbeFailed(Exception):
    """The filter is not well; the text says how."""


_FAULTS = frozenset(("fault", "exception", "deadline", "overload", "worker", "poison"))
_PROBE = b"""\
From: Probe <probe@localhost>
To: <%s>
Subject: mailrouter probe
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <probe@localhost>
Auto-Submitted: auto-generated
Content-Type: text/plain; charset=utf-8

Is the filter alive, and does it decide?
"""


async def probe(spec: str, recipient: str, *, timeout_s: float = 10.0) -> Outcome:
    """Let a running filter decide a mail to `recipient` that nobody will get. Raises ProbeFailed when it is not well.

    The null sender keeps it from being acknowledged. Well is: accepted, with header fields, and decided by a worker (a
    missing model or a silent DNS is no illness: the `-Degraded` field of the outcome names it).
    """
    if not recipient or not recipient.isascii() or any(character in recipient for character in "<>\r\n\0 "):
        raise ProbeFailed(f'"{recipient}" is no address')
    address = recipient.encode()
    try:
        async with asyncio.timeout(timeout_s):
            transaction = Transaction(b"<>", (b"<" + address + b">",), _PROBE % address)
            outcome = await exchange(spec, transaction, timeout_s=timeout_s)
    except TimeoutError:
        raise ProbeFailed(f"no answer in {timeout_s:g} s") from None
    except FilterFailed as failed:
        raise ProbeFailed(str(failed)) from None
    if outcome.reply not in ("accept", "continue"):
        raise ProbeFailed(f"answered {outcome.reply} to {outcome.stage}")
    if not outcome.added_fields:
        raise ProbeFailed(f"decided nothing about a mail to {recipient}: is that the address of a queue?")
    for name, body in outcome.added_fields:
        what = body.partition(b";")[0].decode("ascii", "replace")
        if name.lower().endswith(b"-degraded") and what in _FAULTS:
            raise ProbeFailed(f"alive, but cannot decide: {body.decode('ascii', 'replace')}")
    return outcome
