"""Stored mail: .eml files, folders of them, Maildirs, mboxes and standard input, as if each had come through an MTA.

What SMTP would have said is guessed from the message (amendment 13), and every guess that is not the obvious one is
named in `Found.guesses`, so that a decision made on it says so.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from router.errors import BadInput
from router.frozen import dataclass
from router.message.addresses import addresses_in
from router.message.eml import raw_message
from router.message.envelope import Envelope, RawMessage
from router.message.headers import HeaderFields
from router.message.message import Degraded

MAX_FILE_BYTES = 64 << 20  # larger than any message an MTA takes by default; the rest is not read


@dataclass(frozen=True, slots=True)
class Given:
    """What the person who asks says about the envelope; None: guess."""

    sender: str | None = None
    recipients: tuple[str, ...] = ()
    at: datetime | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One stored mail. raw.source is `PATH` or `PATH#N`."""

    raw: RawMessage
    guesses: tuple[Degraded, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """What guessing needs of the rules: whose address is a queue's, the first queue's address, the prefixes
    of the fields to strip."""

    queue_of: Callable[[str], str | None]
    first_address: str
    stripped: tuple[str, ...]


def messages(paths: Iterable[str], given: Given, desk: Desk, now: datetime) -> Iterator[Found]:
    """Every message under `paths`, in the order given and then by name. Raises `BadInput` for a path that is no
    mail."""
    for source, data in stored(paths):
        yield found(data, source, given, desk, now)


def stored(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Where each mail is, and its bytes; one at a time, whatever the size of the archive."""
    for path in paths:
        yield from _stored(path)


def _stored(path: str) -> Iterator[tuple[str, bytes]]:
    if path == "-":
        yield "-", sys.stdin.buffer.read(MAX_FILE_BYTES)
        return
    place = Path(path)
    if not place.exists():
        raise BadInput(f"{path}: no such file or folder")
    if place.is_dir():
        yield from _folder(place)
    else:
        yield from _file(place, str(place))


def _folder(place: Path) -> Iterator[tuple[str, bytes]]:
    """A Maildir when it has `cur` and `new`, else every *.eml and *.mbox below it."""
    if (place / "cur").is_dir() and (place / "new").is_dir():
        files = sorted(one for box in ("new", "cur") for one in (place / box).iterdir() if one.is_file())
    else:
        files = sorted(one for one in place.rglob("*") if one.suffix in (".eml", ".mbox") and one.is_file())
        if not files:
            raise BadInput(f"{place}: holds no .eml file, is no Maildir and no mbox")
    for one in files:
        yield from _file(one, str(one))


def _file(place: Path, source: str) -> Iterator[tuple[str, bytes]]:
    try:
        with place.open("rb") as file:
            if place.suffix != ".eml" and file.read(5) == b"From ":
                file.seek(0)
                yield from ((f"{source}#{number}", data) for number, data in enumerate(_mbox(file), 1))
                return
            file.seek(0)
            yield source, file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise BadInput(f"{source}: {error.strerror}") from None


def _mbox(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The messages of an mbox, one at a time: a separator is `From ` after an empty line; `>From ` is unquoted
    (mboxrd)."""
    current: list[bytes] = []
    size, started, blank = 0, False, True
    for line in lines:
        if line.startswith(b"From ") and blank:
            if started:
                yield b"".join(current)
            current, size, started = [], 0, True
        elif started and size < MAX_FILE_BYTES:
            stripped = line.lstrip(b">")
            current.append(line[1:] if line.startswith(b">") and stripped.startswith(b"From ") else line)
            size += len(line)
        blank = line in (b"\n", b"\r\n")
    if started:
        yield b"".join(current)


def found(data: bytes, source: str, given: Given, desk: Desk, now: datetime) -> Found:
    """One message with its envelope, as given or guessed."""
    looked_at = raw_message(data, Envelope(b"<>", ()), now, source=source, strip_prefix=desk.stripped)
    fields = HeaderFields(looked_at.fields)
    guesses: list[Degraded] = []
    sender = given.sender if given.sender is not None else _sender(fields)
    recipients = given.recipients or _recipients(fields, desk, guesses)
    received_at = given.at or _received_at(fields, now, guesses)
    envelope = Envelope(
        sender=f"<{sender}>".encode(),
        recipients=tuple(f"<{one}>".encode() for one in recipients),
        client_address=given.client,
    )
    raw = RawMessage(
        envelope,
        looked_at.fields,
        looked_at.body,
        received_at,
        looked_at.body_cut,
        looked_at.fields_cut,
        looked_at.strip_counts,
        source,
    )
    return Found(raw, tuple(guesses))


def _sender(fields: HeaderFields) -> str:
    if "Return-Path" in fields:
        return (addresses_in(fields.first("Return-Path")) or ("",))[0]
    return (addresses_in(fields.first("From")) or ("",))[0]


def _recipients(fields: HeaderFields, desk: Desk, guesses: list[Degraded]) -> tuple[str, ...]:
    for name in ("Delivered-To", "X-Original-To"):
        known = addresses_in(fields.first(name))
        if known and desk.queue_of(known[0]):
            return (known[0],)
    addressed = [one for name in ("To", "Cc") for body in fields.all(name) for one in addresses_in(body)]
    ours = tuple(dict.fromkeys(one for one in addressed if desk.queue_of(one)))
    if ours:
        return ours
    guesses.append(Degraded("envelope", "no addressee is a queue: judged as if sent to the first queue"))
    return (desk.first_address,)


def _received_at(fields: HeaderFields, now: datetime, guesses: list[Degraded]) -> datetime:
    """Topmost Received, else Date, else now; always aware."""
    for name, body in (("Received", fields.first("Received").rpartition(";")[2]), ("Date", fields.first("Date"))):
        when = _date(body)
        if when is None:
            continue
        if name != "Received":
            guesses.append(Degraded("clock", "no Received field: the time of Date was taken"))
        return when
    guesses.append(Degraded("clock", "no date in the message: decided as if received now"))
    return now


def _date(body: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(body.strip()[:200])
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        when.astimezone(UTC)  # a year 1 or 9999 with an offset overflows here rather than in a calendar
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if 1990 <= when.year <= 2100 else None
