"""The milter protocol as a table: which command fits where, what it leads to, what it makes us forget.

A message begins with MAIL (or with whatever of it comes first: an MTA may be told to leave events out) and ends with
the answer to BODYEOB, an ABORT, or the next MAIL, HELO, CONNECT or QUIT. What CONNECT and HELO said survives it.
Postfix sends an ABORT after every message and on RSET, Sendmail none after a completed message. MACRO stands in no row:
it may come anywhere and is never answered.
"""

from enum import Enum, auto

from router.frozen import dataclass
from router.milter.commands import Command
from router.milter.negotiation import Protocol


class State(Enum):
    """Where a connection stands: before negotiation; between messages; in a message (its envelope, its header fields,
    its body); waiting for the answer that somebody else decides; over."""

    __hash__ = object.__hash__  # Enum's own is a function in Python, and a state is looked up six times a mail

    START = auto()
    READY = auto()
    ENVELOPE = auto()
    FIELDS = auto()
    BODY = auto()
    AWAITING = auto()
    CLOSED = auto()


class Scope(Enum):
    """What a command makes us forget; each includes the ones above it."""

    NOTHING = 0
    MESSAGE = 1
    HELO = 2
    CONNECTION = 3


NEVER = -1
_OPEN = (State.READY, State.ENVELOPE, State.FIELDS, State.BODY)


@dataclass(frozen=True, slots=True)
class Row:
    """fits: the states in which the command may come. becomes: the state after it, None for the same. answered: by
    CONTINUE, unless this NR bit was agreed on; or NEVER. later: letters of the stages whose macros it makes stale."""

    command: Command
    fits: tuple[State, ...]
    becomes: State | None
    forgets: Scope
    answered: int
    later: bytes = b""


ROWS: tuple[Row, ...] = (
    Row(Command.OPTNEG, (State.START,), State.READY, Scope.NOTHING, NEVER),  # its answer is no CONTINUE
    Row(Command.CONNECT, _OPEN, State.READY, Scope.HELO, Protocol.NR_CONN, b"HMRTLNBE"),
    Row(Command.HELO, _OPEN, State.READY, Scope.MESSAGE, Protocol.NR_HELO, b"MRTLNBE"),
    Row(Command.MAIL, _OPEN, State.ENVELOPE, Scope.MESSAGE, Protocol.NR_MAIL, b"RTLNBE"),
    Row(Command.RCPT, (State.READY, State.ENVELOPE), State.ENVELOPE, Scope.NOTHING, Protocol.NR_RCPT, b"TLNBE"),
    Row(Command.DATA, (State.READY, State.ENVELOPE), State.ENVELOPE, Scope.NOTHING, Protocol.NR_DATA, b"LNBE"),
    Row(Command.UNKNOWN, _OPEN, None, Scope.NOTHING, Protocol.NR_UNKN),
    Row(Command.HEADER, _OPEN[:3], State.FIELDS, Scope.NOTHING, Protocol.NR_HDR),
    Row(Command.EOH, _OPEN[:3], State.BODY, Scope.NOTHING, Protocol.NR_EOH, b"BE"),
    Row(Command.BODY, _OPEN, State.BODY, Scope.NOTHING, Protocol.NR_BODY),
    Row(Command.BODYEOB, _OPEN, State.AWAITING, Scope.NOTHING, NEVER),  # `Session.answer` answers it
    Row(Command.ABORT, (*_OPEN, State.AWAITING), State.READY, Scope.MESSAGE, NEVER),
    Row(Command.QUIT, (State.START, *_OPEN, State.AWAITING), State.CLOSED, Scope.CONNECTION, NEVER),
    Row(Command.QUIT_NC, (*_OPEN, State.AWAITING), State.READY, Scope.CONNECTION, NEVER),
)

FITTING: dict[State, dict[int, Row]] = {
    state: {int(row.command): row for row in ROWS if state in row.fits} for state in State
}
