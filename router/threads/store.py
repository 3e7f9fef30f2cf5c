"""What left from here, kept: which Message-ID belongs to which ticket, who takes part, what it is about.

Message-IDs, addresses and words are pseudonyms; without the key nothing in it can be read. The recorder writes it;
workers read it, each by a connection of its own that is opened after the fork.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from router.errors import LookupFailed
from router.frozen import dataclass
from router.message.stems import MAX_WORDS, Overlap, overlap
from router.pseudonyms import WORD_BYTES, Pseudonyms
from router.storage import Schema, Store, WrongStore, open_reader, open_store
from router.threads.followup import Departed, Ticket
from router.threads.learning import Lesson

NAME = "threads.sqlite"
KEPT = timedelta(days=400)
"""A mail or a ticket of which nothing was seen for so long is forgotten."""
BUSY_S = 0.1  # a worker waits no longer for a writer: `unknown` is an answer too
DELETED_AT_ONCE = 1_000

SCHEMA = Schema(
    "threads",
    [
        """
        CREATE TABLE departed (id BLOB PRIMARY KEY, ticket TEXT, at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX departed_by_time ON departed (at);
        CREATE TABLE recipient (id BLOB NOT NULL, address BLOB NOT NULL, PRIMARY KEY (id, address)) WITHOUT ROWID;
        CREATE INDEX recipient_by_address ON recipient (address);
        CREATE TABLE ticket (number TEXT PRIMARY KEY, last_at INTEGER NOT NULL, words BLOB NOT NULL) WITHOUT ROWID;
        CREATE INDEX ticket_by_time ON ticket (last_at);
        CREATE TABLE participant (
            number TEXT NOT NULL, address BLOB NOT NULL, PRIMARY KEY (number, address)
        ) WITHOUT ROWID;
        CREATE INDEX participant_by_address ON participant (address)
        """
    ],
)


@dataclass(frozen=True, slots=True)
class People:
    """Some addresses, of which only the pseudonyms are known: one can ask whether somebody is among them."""

    pseudonyms: Pseudonyms
    known: frozenset[bytes]

    def __contains__(self, address: object) -> bool:
        return isinstance(address, str) and self.pseudonyms.participant(address) in self.known


@dataclass(slots=True)
class ThreadWriter:
    """The recorder's side. Every method raises `LookupFailed` when the database cannot be used at the moment."""

    pseudonyms: Pseudonyms
    store: Store

    @classmethod
    def open(cls, path: Path, pseudonyms: Pseudonyms, now: datetime) -> "ThreadWriter":
        """Raises also `WrongStore`."""
        return cls(pseudonyms, open_store(path, SCHEMA, now=now, durable=False))

    def learn(self, lessons: Iterable[Lesson]) -> None:
        """All of them or none."""
        with self.store.transaction() as connection:
            for one in lessons:
                _learn(connection, one)

    def purge(self, before: datetime) -> int:
        """Forget some of what was last seen before; 0 when nothing is left to forget."""
        at = int(before.timestamp() * 1000)
        with self.store.transaction() as connection:
            ids = connection.execute("SELECT id FROM departed WHERE at < ? LIMIT ?", (at, DELETED_AT_ONCE)).fetchall()
            numbers = connection.execute(
                "SELECT number FROM ticket WHERE last_at < ? LIMIT ?", (at, DELETED_AT_ONCE)
            ).fetchall()
            for table, column, keys in (
                ("recipient", "id", ids),
                ("departed", "id", ids),
                ("participant", "number", numbers),
                ("ticket", "number", numbers),
            ):
                connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", keys)
        return len(ids) + len(numbers)

    def forget(self, address: str) -> int:
        """Erase one address. Returns how many mails and tickets it took part in. Its replies are then followed up by
        what they answer alone."""
        pseudonym = (self.pseudonyms.participant(address),)
        with self.store.transaction() as connection:
            return sum(
                connection.execute(f"DELETE FROM {table} WHERE address = ?", pseudonym).rowcount
                for table in ("recipient", "participant")
            )

    def close(self) -> None:
        self.store.close()


def _learn(connection: sqlite3.Connection, lesson: Lesson) -> None:
    if lesson.message_id:
        # One mail to several people can come in several transactions: it leaves once and has all of them.
        connection.execute(
            "INSERT INTO departed (id, ticket, at) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET ticket = coalesce(ticket, excluded.ticket), at = excluded.at",
            (lesson.message_id, lesson.ticket, lesson.at_ms),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO recipient (id, address) VALUES (?, ?)",
            [(lesson.message_id, one) for one in lesson.participants],
        )
    if lesson.ticket is None:
        return
    found = connection.execute("SELECT words FROM ticket WHERE number = ?", (lesson.ticket,)).fetchone()
    known = b"" if found is None else bytes(found[0])
    kept = b"".join(dict.fromkeys([*_cut(known), *_cut(lesson.words)]))[: MAX_WORDS * WORD_BYTES]
    connection.execute(
        "INSERT INTO ticket (number, last_at, words) VALUES (?, ?, ?)"
        " ON CONFLICT (number) DO UPDATE SET last_at = max(last_at, excluded.last_at), words = excluded.words",
        (lesson.ticket, lesson.at_ms, kept),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO participant (number, address) VALUES (?, ?)",
        [(lesson.ticket, one) for one in lesson.participants],
    )


@dataclass(slots=True)
class ThreadReader:
    """`followup.Store` in a database. Opens when first asked, in the process that asks; a file that was replaced is
    opened anew. Whatever goes wrong is `LookupFailed`."""

    path: Path
    pseudonyms: Pseudonyms
    _connection: sqlite3.Connection | None = field(default=None, repr=False)
    _opened: tuple[int, int, int] | None = None

    def departed(self, ids: Sequence[str]) -> Mapping[str, Departed]:
        by_hash = {self.pseudonyms.message_id(one): one for one in ids}
        places = ",".join("?" * len(by_hash))
        with self._reading() as connection:
            found = connection.execute(f"SELECT id, ticket FROM departed WHERE id IN ({places})", [*by_hash]).fetchall()
            return {
                by_hash[one]: Departed(
                    ticket,
                    People(
                        self.pseudonyms,
                        frozenset(
                            a for (a,) in connection.execute("SELECT address FROM recipient WHERE id = ?", (one,))
                        ),
                    ),
                )
                for one, ticket in found
            }

    def ticket(self, number: str) -> Ticket | None:
        with self._reading() as connection:
            found = connection.execute("SELECT last_at FROM ticket WHERE number = ?", (number,)).fetchone()
            if found is None:
                return None
            people = connection.execute("SELECT address FROM participant WHERE number = ?", (number,)).fetchall()
        return Ticket(
            number,
            People(self.pseudonyms, frozenset(address for (address,) in people)),
            last_at=datetime.fromtimestamp(found[0] / 1000, UTC),
        )

    def overlap(self, number: str, text: str) -> Overlap | None:
        with self._reading() as connection:
            found = connection.execute("SELECT words FROM ticket WHERE number = ?", (number,)).fetchone()
        if found is None:
            return None
        known = frozenset(_cut(bytes(found[0])))
        return overlap(text, lambda stem: self.pseudonyms.word(stem) in known)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = self._opened = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._open()
        except (sqlite3.Error, OSError, WrongStore) as error:
            self.close()
            raise LookupFailed(f"{type(error).__name__}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        status = os.stat(self.path)
        here = (status.st_dev, status.st_ino, os.getpid())
        if self._connection is None or self._opened != here:
            # A connection of another process is left alone, not closed: it is that one's.
            if self._opened is not None and self._opened[2] == here[2]:
                self.close()
            self._connection = open_reader(self.path, SCHEMA, busy_s=BUSY_S)
            self._opened = here
        return self._connection


@dataclass(frozen=True, slots=True)
class Remembered:
    """`followup.Store` for one mail: what left, with what else is known. status: of a ticket, "open", "closed" or None.
    is_acknowledgement: whether we made a Message-ID for an acknowledgement; those never pass the filter."""

    reader: ThreadReader
    status: Callable[[str], str | None]
    is_acknowledgement: Callable[[str], bool]

    def departed(self, ids: Sequence[str]) -> Mapping[str, Departed]:
        ours = {one: Departed(acknowledges="") for one in ids if self.is_acknowledgement(one)}
        others = [one for one in ids if one not in ours]
        return {**(self.reader.departed(others) if others else {}), **ours}

    def ticket(self, number: str) -> Ticket | None:
        found = self.reader.ticket(number)
        return None if found is None else replace(found, status=self.status(number))

    def overlap(self, number: str, text: str) -> Overlap | None:
        return self.reader.overlap(number, text)


def _cut(packed: bytes) -> Iterator[bytes]:
    for start in range(0, len(packed), WORD_BYTES):
        yield packed[start : start + WORD_BYTES]
