"""Small things the milter tests make: offers, decisions, raw messages, packets."""

from datetime import UTC, datetime

from router.decision import Decision, Recipients
from router.message.envelope import Envelope, RawMessage
from router.milter.commands import Command
from router.milter.negotiation import Action, Protocol, agreed
from router.milter.packets import PacketReader
from router.milter.session import EndOfMessage, Session

NOW = datetime(2026, 3, 6, 19, 40, tzinfo=UTC)
PREFIX = "X-Desk-"
POSTFIX = agreed(6, Action.ALL, Protocol.ALL)


def decision(remove=(), add=(), **changes):
    return Decision(
        id="7f3a",
        source="",
        message_id="<1@customer.example>",
        received_at=NOW,
        rules="91c2",
        model=None,
        language="en",
        recipients=Recipients(remove=tuple(remove), add=tuple(add)),
        **changes,
    )


def raw(recipients=(b"<bill@desk.example>",), fields=(), strip=None, sender=b"<olena@customer.example>", body=b""):
    return RawMessage(Envelope(sender, tuple(recipients)), tuple(fields), body, NOW, strip_counts=strip or {})


def command(letter, data=b""):
    """A packet of the MTA's; no limit on its size."""
    return (len(data) + 1).to_bytes(4, "big") + bytes((letter,)) + data


def optneg(version=6, actions=Action.ALL, protocol=Protocol.ALL):
    return command(Command.OPTNEG, b"".join(one.to_bytes(4, "big") for one in (version, actions, protocol)))


def letters(data):
    """The letters of the packets in `data`: `"hh+-a"`."""
    return "".join(chr(letter) for letter, _ in PacketReader(1 << 24).receive(data))


def session(prefix=PREFIX, **offered):
    """A session whose negotiation is done. Pass version, actions, protocol to offer less than Postfix does."""
    made = Session(lambda: prefix, lambda: NOW)
    made.receive(optneg(**offered))
    return made


def only(events):
    """The one EndOfMessage among the events."""
    (found,) = [event for event in events if isinstance(event, EndOfMessage)]
    return found


def written(events):
    return b"".join(event for event in events if isinstance(event, bytes))
