"""The journal: one record a decided mail, searchable, kept as long as the retention says.

It holds names, numbers and ids: which rules fired, where a mail went, how long it took. Of addresses it holds the
domain and a pseudonym, so that an exact address can be looked for and none can be read; no subject, no text, no words
(architecture.md 11). It is written after the answer by the recorder process; the fate of a mail never depends on it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from router.errors import LookupFailed
from router.frozen import dataclass
from router.pseudonyms import ADDRESS_BYTES, Pseudonyms
from router.storage import Schema, Store, open_reader, open_store

NAME = "journal.sqlite"
KEPT = timedelta(days=90)
MAX_RECIPIENTS = 50
MAX_EVENT_CHARACTERS = 32_768
DELETED_AT_ONCE = 2_000  # a purge must not hold the database for long

SCHEMA = Schema(
    "journal",
    [
        """
        CREATE TABLE mail (
            number INTEGER PRIMARY KEY, at INTEGER NOT NULL, queue_id TEXT, decision TEXT, queue TEXT,
            sender BLOB, domain TEXT NOT NULL, recipients BLOB NOT NULL, marks TEXT NOT NULL, event TEXT NOT NULL
        );
        CREATE INDEX mail_by_time ON mail (at);
        CREATE INDEX mail_by_queue_id ON mail (queue_id);
        CREATE INDEX mail_by_sender ON mail (sender)
        """,
        """
        CREATE TABLE sides (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
        CREATE TABLE shadow (
            number INTEGER PRIMARY KEY, at INTEGER NOT NULL, queue_id TEXT, sides INTEGER NOT NULL,
            skipped INTEGER NOT NULL, failed TEXT, difference TEXT
        );
        CREATE INDEX shadow_by_time ON shadow (at);
        CREATE INDEX shadow_by_queue_id ON shadow (queue_id)
        """,
    ],
)
"""at: milliseconds since 1970. recipients: their pseudonyms, one after the other. marks: `r=` rules that fired, `s=`
rules in shadow that did, `t=` tags, each on a line. shadow: one row a mail that `settings.shadow` decided too."""


@dataclass(frozen=True, slots=True)
class Record:
    """One mail to be written. at_ms: since 1970. sender, recipients: bare addresses, "" is the null sender. event: what
    `workers.scan.event_of` tells, with timings."""

    at_ms: int
    queue_id: str | None
    sender: str
    recipients: Sequence[str]
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One mail that the shadow decided too. sides: `RULES MODEL | RULES MODEL`, what was in use and the shadow.
    skipped: mails it let pass since the one before. failed: why it could not decide, or "". difference: as
    `shadow.compare.difference` tells; None: none."""

    at_ms: int
    queue_id: str | None
    sides: str
    skipped: int
    failed: str
    difference: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One mail as it is remembered. number: its place, for paging. domain: of the sender, "" for the null sender."""

    number: int
    at: datetime
    queue_id: str | None
    domain: str
    event: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "at": self.at.isoformat(timespec="milliseconds"),
            "queue_id": self.queue_id,
            "sender_domain": self.domain,
            **self.event,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; all that is given must fit. sender, recipient: addresses. rule: its id, fired or in shadow.
    since, until: aware; until is not included. queue: a name of rules.yaml. after: the number that the last page ended
    with."""

    sender: str | None = None
    recipient: str | None = None
    rule: str | None = None
    tag: str | None = None
    queue: str | None = None
    queue_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None


@dataclass(slots=True)
class Journal:
    """The writer's side. Every method raises `LookupFailed` when the database cannot be used at the moment."""

    pseudonyms: Pseudonyms
    store: Store

    @classmethod
    def open(cls, path: Path, pseudonyms: Pseudonyms, now: datetime) -> "Journal":
        """Raises also `WrongStore`. A damaged file is set aside and `store.set_aside` tells where it is."""
        return cls(pseudonyms, open_store(path, SCHEMA, now=now, durable=False))

    def write(self, records: Iterable[Record]) -> None:
        """Enter some mails, all or none."""
        rows = [self._row(one) for one in records]
        with self.store.transaction() as connection:
            connection.executemany(
                "INSERT INTO mail (at, queue_id, decision, queue, sender, domain, recipients, marks, event)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def compare(self, mails: Sequence[Compared]) -> None:
        """Enter what the shadow said of some mails, all or none."""
        with self.store.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO sides (text) VALUES (?)", [(one,) for one in {mail.sides for mail in mails}]
            )
            connection.executemany(
                "INSERT INTO shadow (at, queue_id, sides, skipped, failed, difference)"
                " VALUES (?, ?, (SELECT number FROM sides WHERE text = ?), ?, ?, ?)",
                [
                    (one.at_ms, one.queue_id, one.sides, one.skipped, one.failed or None, _told(one.difference))
                    for one in mails
                ],
            )

    def purge(self, before: datetime) -> int:
        """Forget some of what is older; 0 when nothing is left to forget."""
        with self.store.transaction() as connection:
            return sum(
                connection.execute(
                    f"DELETE FROM {table} WHERE number IN (SELECT number FROM {table} WHERE at < ? LIMIT ?)",
                    (_milliseconds(before), DELETED_AT_ONCE),
                ).rowcount
                for table in ("mail", "shadow")
            )

    def forget(self, address: str) -> int:
        """Take a person out of the journal: mail from that address keeps its figures, but neither domain nor the ids
        that name it elsewhere. Returns how many mails it was in."""
        pseudonym = self.pseudonyms.address(address)
        blank = bytes(ADDRESS_BYTES)
        with self.store.transaction() as connection:
            sent = connection.execute(
                "SELECT number, event, queue_id FROM mail WHERE sender = ?", (pseudonym,)
            ).fetchall()
            for number, event, queue_id in sent:
                connection.execute("UPDATE shadow SET queue_id = NULL WHERE queue_id = ?", (queue_id,))
                connection.execute(
                    "UPDATE mail SET sender = NULL, domain = '', queue_id = NULL, decision = NULL, event = ?"
                    " WHERE number = ?",
                    (_without_ids(event), number),
                )
            received = connection.execute(
                "SELECT number, recipients FROM mail WHERE instr(recipients, ?)", (pseudonym,)
            ).fetchall()
            for number, recipients in received:
                kept = b"".join(blank if one == pseudonym else one for one in _cut(recipients))
                connection.execute("UPDATE mail SET recipients = ? WHERE number = ?", (kept, number))
        return len({number for number, _, _ in sent} | {number for number, _ in received})

    def close(self) -> None:
        self.store.close()

    def _row(self, record: Record) -> tuple[Any, ...]:
        event = record.event
        pseudonym = self.pseudonyms.address
        recipients = record.recipients[:MAX_RECIPIENTS]
        marks = [f"r={one}" for one in event.get("fired", ())]
        marks += [f"s={one}" for one in event.get("shadow", ())]
        marks += [f"t={one}" for one in event.get("tags", ())]
        domains = list(dict.fromkeys(_domain(one) for one in recipients))
        told = json.dumps({**event, "recipient_domains": domains}, ensure_ascii=False, separators=(",", ":"))
        if len(told) > MAX_EVENT_CHARACTERS:  # a thousand unknown rules: the list is the least of it
            told = json.dumps({**event, "unknown": ["…"], "recipient_domains": domains[:5]}, ensure_ascii=False)
        return (
            record.at_ms,
            record.queue_id,
            event.get("decision"),
            event.get("queue"),
            pseudonym(record.sender) if record.sender else None,
            _domain(record.sender),
            b"".join(map(pseudonym, recipients)),
            "\n".join(["", *marks, ""]),
            told,
        )


@dataclass(slots=True)
class History:
    """The reader's side, for people. Methods raise `LookupFailed`."""

    pseudonyms: Pseudonyms
    connection: sqlite3.Connection

    @classmethod
    def open(cls, path: Path, pseudonyms: Pseudonyms) -> "History":
        """Raises `LookupFailed`, `WrongStore`."""
        return cls(pseudonyms, open_reader(path, SCHEMA))

    def find(self, wanted: Wanted, limit: int) -> tuple[Entry, ...]:
        """The newest mails that fit, newest first, at most `limit`."""
        where, values = self._where(wanted)
        asked = f"SELECT number, at, queue_id, domain, event FROM mail{where} ORDER BY number DESC LIMIT ?"
        return tuple(self._entries(asked, [*values, limit]))

    def each(self, wanted: Wanted) -> Iterator[Entry]:
        """All mails that fit, oldest first, one at a time."""
        where, values = self._where(wanted)
        yield from self._entries(f"SELECT number, at, queue_id, domain, event FROM mail{where} ORDER BY number", values)

    def compared(self, since: datetime | None = None, queue_id: str | None = None) -> Iterator[Compared]:
        """What the shadow said, oldest first, one at a time. since: aware; None: as long as the same two sides were
        compared as last. queue_id: of that mail only."""
        if since is None and queue_id is None:
            where = "sides = (SELECT sides FROM shadow ORDER BY number DESC LIMIT 1)"
            values: tuple[Any, ...] = ()
        elif since is not None:
            where, values = "at >= ?", (_milliseconds(since),)
        else:
            where, values = "queue_id = ?", (queue_id,)
        try:
            for at, found, text, skipped, failed, told in self.connection.execute(
                "SELECT at, queue_id, text, skipped, failed, difference FROM shadow"
                f" JOIN sides ON sides.number = shadow.sides WHERE {where} ORDER BY shadow.number",
                values,
            ):
                yield Compared(at, found, text, skipped, failed or "", json.loads(told) if told else None)
        except sqlite3.Error as error:
            raise LookupFailed(f"the journal cannot be read: {error}") from error

    def close(self) -> None:
        self.connection.close()

    def _where(self, wanted: Wanted) -> tuple[str, list[Any]]:
        tests: list[tuple[str, tuple[Any, ...]]] = []
        if wanted.sender:
            tests.append(("sender = ?", (self.pseudonyms.address(wanted.sender),)))
        elif wanted.sender is not None:
            tests.append(("sender IS NULL", ()))
        if wanted.recipient is not None:
            tests.append(("instr(recipients, ?)", (self.pseudonyms.address(wanted.recipient),)))
        if wanted.rule is not None:
            either = (f"\nr={wanted.rule}\n", f"\ns={wanted.rule}\n")
            tests.append(("(instr(marks, ?) OR instr(marks, ?))", either))
        if wanted.tag is not None:
            tests.append(("instr(marks, ?)", (f"\nt={wanted.tag}\n",)))
        for column, test, value in (
            ("queue", "=", wanted.queue),
            ("queue_id", "=", wanted.queue_id),
            ("at", ">=", None if wanted.since is None else _milliseconds(wanted.since)),
            ("at", "<", None if wanted.until is None else _milliseconds(wanted.until)),
            ("number", "<", wanted.after),
        ):
            if value is not None:
                tests.append((f"{column} {test} ?", (value,)))
        where = " AND ".join(test for test, _ in tests)
        return f" WHERE {where}" if where else "", [value for _, values in tests for value in values]

    def _entries(self, asked: str, values: Sequence[Any]) -> Iterator[Entry]:
        try:
            for number, at, queue_id, domain, event in self.connection.execute(asked, values):
                moment = datetime.fromtimestamp(at / 1000, UTC).astimezone()
                yield Entry(number, moment, queue_id, domain, json.loads(event))
        except sqlite3.Error as error:
            raise LookupFailed(f"the journal cannot be read: {error}") from error


# --------------------------------------------------------------------------------------------------- the report
@dataclass(slots=True)
class Report:
    """What the head of support asks about a span of time. queues: mails each. hours_saved: by how much earlier the
    redirected ones were answered than they would have been. refused: gate -> acknowledgements that it stopped.
    degraded: reason -> mails."""

    mails: int = 0
    queues: dict[str, int] = field(default_factory=dict)
    redirected: int = 0
    told_to_wait: int = 0
    hours_saved: float = 0.0
    held: int = 0
    answered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    degraded: dict[str, int] = field(default_factory=dict)

    def add(self, event: Mapping[str, Any]) -> None:
        self.mails += 1
        _count(self.queues, str(event.get("queue") or "undecided"))
        moved = event.get("recipients") or {}
        if moved.get("add") and not event.get("hold"):
            self.redirected += 1
            self.hours_saved += float(event.get("saved_s") or 0.0) / 3_600
        self.held += bool(event.get("hold"))
        expect = event.get("expect") or {}
        self.told_to_wait += expect.get("open") is False
        reply = event.get("reply") or {}
        self.answered += bool(reply.get("send"))
        for gate in reply.get("refused") or ():
            _count(self.refused, str(gate))
        for reason in event.get("degraded") or ():
            _count(self.degraded, str(reason))

    def as_json(self) -> dict[str, Any]:
        return {
            "mails": self.mails,
            "queues": dict(sorted(self.queues.items())),
            "redirected": self.redirected,
            "hours_saved": round(self.hours_saved, 1),
            "told_to_wait": self.told_to_wait,
            "held": self.held,
            "acknowledgements": {"asked_for": self.answered, "refused": dict(sorted(self.refused.items()))},
            "degraded": dict(sorted(self.degraded.items())),
        }


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _told(difference: Mapping[str, Any] | None) -> str | None:
    return None if difference is None else json.dumps(difference, ensure_ascii=False, separators=(",", ":"))


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()[:255] if "@" in address else ""


def _cut(recipients: bytes) -> Iterator[bytes]:
    for start in range(0, len(recipients), ADDRESS_BYTES):
        yield recipients[start : start + ADDRESS_BYTES]


def _without_ids(event: str) -> str:
    kept = {
        name: value
        for name, value in json.loads(event).items()
        if name not in ("decision", "ticket", "recipient_domains")
    }
    return json.dumps(kept, ensure_ascii=False)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
