"""Milter conversations as text.

    > COMMAND arguments     the MTA says this; HEADER as `name:body`, BODY as text, `*65535` behind it repeats
    < RESPONSE arguments    and gets this
    = what value            what the completed message is then (sender, recipients, helo, client, field, body …)
    ! what value            what is decided about it (add, remove, recipient, hold, tempfail, intent)

Bytes are the file's UTF-8, with escapes \\r \\n \\t \\0 \\\\ \\xNN. A line that begins with # is for the reader.
"""

import re
import struct
from dataclasses import dataclass, field

from router.milter.commands import Command
from router.milter.edits import plan
from router.milter.negotiation import Action, Protocol
from router.milter.packets import PacketReader
from router.milter.session import Closed, EndOfMessage, Session
from router.vocabulary import Verdict

from .making import NOW, PREFIX, command, decision

MDS_1M = 0x20000000
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[rnt0\\])")
_SHORT = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
_NAMES = {
    kind: {name: value for name, value in vars(bits).items() if name.isupper()}
    for kind, bits in (("actions", Action), ("protocol", Protocol))
}
_NAMES["protocol"]["MDS_1M"] = MDS_1M
_SIMPLE = {b"c": "CONTINUE", b"a": "ACCEPT", b"t": "TEMPFAIL", b"s": "SKIP", b"p": "PROGRESS", b"r": "REJECT"}


@dataclass
class Turn:
    """One packet of the MTA's, what comes back at once, what the message is, what is decided, what comes back then."""

    line: int
    packet: bytes
    answers: list[str] = field(default_factory=list)
    checks: list[tuple[str, str]] = field(default_factory=list)
    decided: list[tuple[str, str]] = field(default_factory=list)
    is_end: bool = False


def read(text):
    turns = []
    for number, line in enumerate(text.splitlines(), 1):
        kind, _, rest = line.partition(" ")
        if not line.strip() or kind.startswith("#"):
            continue
        if kind == ">":
            turns.append(Turn(number, encoded(rest), is_end=rest.startswith("BODYEOB")))
        elif kind == "<":
            turns[-1].answers.append(rest)
        elif kind in "=!":
            what, _, value = rest.partition(" ")
            (turns[-1].checks if kind == "=" else turns[-1].decided).append((what, value))
        else:
            raise ValueError(f"line {number}: {line!r}")
    return turns


def raw_bytes(text):
    """The bytes that a text of the dialog stands for."""
    text, _, times = text.rpartition(" *") if re.search(r" \*\d+\Z", text) else (text, "", "1")
    return _ESCAPE.sub(
        lambda found: bytes((int(found[1][1:], 16),)) if found[1][:1] == b"x" else _SHORT[found[1]], text.encode()
    ) * int(times)


def shown(data):
    """The text that stands for these bytes; valid UTF-8 stays readable."""
    text = data.decode("utf-8", "surrogateescape")
    return "".join(
        f"\\x{ord(one) - 0xDC00:02x}" if 0xDC80 <= ord(one) <= 0xDCFF
        else {"\r": "\\r", "\n": "\\n", "\t": "\\t", "\0": "\\0", "\\": "\\\\"}.get(one, one)
        for one in text
    )  # fmt: skip


def encoded(text):
    """A line of the MTA's as its packet."""
    if text.startswith("RAW "):
        return raw_bytes(text[4:])
    name, _, rest = text.partition(" ")
    letter = Command[name]
    if name == "OPTNEG":
        version, *bits = rest.split()
        numbers = dict(part.split("=") for part in bits)
        data = struct.pack(">III", int(version), *(_bits(kind, numbers[kind]) for kind in ("actions", "protocol")))
    elif name == "MACRO":
        stage, *pairs = rest.split(" ")
        words = [raw_bytes(word) for pair in pairs for word in pair.split("=", 1)]
        data = stage.encode() + b"".join(word + b"\0" for word in words)
    elif name == "CONNECT":
        host, family, *address = rest.split()
        data = raw_bytes(host) + b"\0" + family.encode()
        if address:
            data += struct.pack(">H", int(address[0])) + address[1].encode() + b"\0"
    elif name == "HEADER":
        field_name, _, body = rest.partition(":")
        data = raw_bytes(field_name) + b"\0" + raw_bytes(body) + b"\0"
    elif name in ("HELO", "UNKNOWN"):
        data = raw_bytes(rest) + b"\0"
    elif name in ("MAIL", "RCPT"):
        data = b"".join(raw_bytes(word) + b"\0" for word in rest.split(" "))
    else:
        data = raw_bytes(rest)
    return command(letter, data)


def _bits(kind, text):
    known = _NAMES[kind]
    return 0 if text == "none" else sum({known[name] for name in text.split("+")})


def _bit_names(kind, number):
    return "+".join(name for name, bit in _NAMES[kind].items() if name != "ALL" and number & bit) or "none"


def response(letter, data):
    """A packet of ours as its line."""
    one = bytes((letter,))
    if one in _SIMPLE and not data:
        return _SIMPLE[one]
    if one == b"O":
        version, actions, protocol = struct.unpack_from(">III", data)
        agreed = f"actions={_bit_names('actions', actions)} protocol={_bit_names('protocol', protocol)}"
        return f"OPTNEG {version} {agreed}" + (" macros" if len(data) > 12 else "")
    if one in b"hm":
        index, rest = (f" {int.from_bytes(data[:4], 'big')}", data[4:]) if one == b"m" else ("", data)
        name, value, _ = rest.split(b"\0")
        return f"{'CHGHEADER' if index else 'ADDHEADER'}{index} {shown(name)}:{shown(value)}"
    kinds = {b"+": "ADDRCPT", b"2": "ADDRCPT_PAR", b"-": "DELRCPT", b"q": "QUARANTINE"}
    if one not in kinds:
        return repr((one, data))
    return " ".join([kinds[one], *(shown(word) for word in data.split(b"\0")[:-1])])


def decided(lines):
    """The Decision of the ! lines, and the intent's address."""
    changes = {"headers_add": [], "remove": [], "add": [], "intent": ""}
    for what, value in lines:
        if what == "add":
            name, _, body = value.partition(": ")
            changes["headers_add"].append((name, body))
        elif what in ("remove", "recipient"):
            changes["remove" if what == "remove" else "add"].append(value)
        elif what == "hold":
            changes |= {"verdict": "hold", "hold": (value,)}
        elif what == "tempfail":
            changes["verdict"] = "tempfail"
        elif what == "intent":
            changes["intent"] = value
        else:
            raise ValueError(f"! {what}")
    return changes


class Player:
    """Plays the MTA's part of a dialog into a Session, decides as the dialog says, collects what comes back."""

    def __init__(self, turns):
        self.session = Session(lambda: PREFIX, lambda: NOW)
        self.ends = [turn for turn in turns if turn.is_end]
        self.answers = []

    def feed(self, data):
        self._take(self.session.receive(data))

    def _take(self, events):
        for event in events:
            if isinstance(event, bytes):
                self.answers += [response(*packet) for packet in PacketReader(1 << 24).receive(event)]
            elif isinstance(event, EndOfMessage):
                turn = self.ends.pop(0)
                check(event.raw, turn.checks)
                self._take(self.session.answer(packets(turn, event), event.serial))
            elif isinstance(event, Closed):
                self.answers.append(f"CLOSED {event.error}" if event.error else "CLOSED")


def packets(turn, event):
    changes = decided(turn.decided)
    intent = changes.pop("intent")
    changes["headers_add"] = tuple(changes["headers_add"])
    changes["verdict"] = Verdict(changes.get("verdict", "accept"))
    made = decision(**changes)
    return plan(made, event.raw, event.offer, PREFIX, intent=intent).packets


def check(raw, checks):
    """Hold the = lines against the completed message."""
    envelope = raw.envelope
    said = {
        "sender": shown(envelope.sender),
        "recipients": " ".join(shown(one) for one in envelope.recipients),
        "helo": shown(envelope.helo),
        "client": str(envelope.client_address),
        "client_name": shown(envelope.client_name),
        "queue_id": str(envelope.queue_id),
        "user": str(envelope.authenticated_user),
        "size": str(envelope.size_bytes),
        "body": shown(raw.body),
        "body_bytes": str(len(raw.body)),
        "body_cut": str(raw.body_cut),
        "fields": str(len(raw.fields)),
        "strip": " ".join(f"{shown(name)}={count}" for name, count in raw.strip_counts.items()),
    }
    wanted = [value for what, value in checks if what == "field"]
    if wanted:
        assert wanted == [f"{shown(name)}:{shown(body)}" for name, body in raw.fields]
    for what, value in checks:
        if what != "field":
            assert value == said[what], what
