"""The store of acknowledgements: what was said to whom, and whether another may go. At most once, whatever happens.

    new      asked for; nothing has left us (a sending was refused before the MTA took it)
    sending  committed before DATA; found at start it becomes `unknown`
    sent     the MTA took it
    unknown  it may have been sent: never sent again
    suppressed   a gate refused it, or the MTA did for good

The counts of every limit are the rows themselves, written in one transaction with `sending`, so that no count can be
lost or run ahead. Addresses are keyed hashes; there is no subject, no text and no Message-ID in it.

**Time.** Windows ("2 per day") are measured on a clock of the store's own: it advances by what both the wall clock and
the monotonic clock say has passed, never back, and over a restart by the wall clock alone. A wall clock that is set
back an hour repeats nothing; one that runs ten days ahead and comes back neither opens a window nor stops the service.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from sqlite3 import Connection

from router.acknowledge.keys import Keys, mac
from router.acknowledge.policy import Limits, Rate
from router.errors import LookupFailed
from router.frozen import dataclass
from router.message.envelope import folded
from router.storage import Schema, Store, open_store

KEPT = timedelta(days=35)  # longer than any MTA keeps an intent, and than `once_per` is likely to be
MUTED_AFTER_LOSS = timedelta(hours=24)
MUTED_AFTER_FLOOD = timedelta(hours=1)
JUMP = timedelta(minutes=5)
MAX_LISTED = 1_000

SCHEMA = Schema(
    "acknowledge",
    [
        """
        CREATE TABLE acknowledgement (
            key BLOB PRIMARY KEY, state TEXT NOT NULL, gate TEXT NOT NULL DEFAULT '', at REAL NOT NULL,
            sender BLOB, domain BLOB, decision TEXT NOT NULL DEFAULT '', wall TEXT NOT NULL,
            CHECK (state IN ('new', 'sending', 'sent', 'unknown', 'suppressed'))
        ) WITHOUT ROWID;
        CREATE INDEX by_sender ON acknowledgement (sender, at);
        CREATE INDEX by_domain ON acknowledgement (domain, at);
        CREATE INDEX by_time ON acknowledgement (at);
        -- the primary key's columns first: quick_check of SQLite 3.40 takes another order for damage
        CREATE TABLE said (
            sender BLOB NOT NULL, snippet TEXT NOT NULL, key BLOB NOT NULL, at REAL NOT NULL,
            PRIMARY KEY (sender, snippet, key)
        ) WITHOUT ROWID;
        CREATE INDEX said_by_key ON said (key);
        CREATE TABLE setting (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
        """
    ],
)


class State(StrEnum):
    NEW = "new"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Instant:
    """wall: aware. monotonic_s: of a clock that nobody sets."""

    wall: datetime
    monotonic_s: float


Clock = Callable[[], Instant]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the store answers to one wish. gate: why not, with evidence, or "". snippets: those that may be said."""

    key: bytes
    snippets: tuple[str, ...] = ()
    gate: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `acknowledgements list`."""

    key: str
    at: str
    state: State
    gate: str
    decision: str


@dataclass(frozen=True, slots=True)
class Mute:
    """until: aware, by the store's clock as the wall clock would show it; None: until somebody resumes."""

    reason: str
    until: datetime | None


class Throttle:
    """An open store. The service is its one writer; `list`, `pause`, `resume` and `forget` come from other processes.

    service: keeps the store's clock. by_hand: a person asks for it, so that a new store need not be muted. durable:
    `sending` survives a power cut; only simulations may do without. Every method raises `LookupFailed` when the
    database cannot be used at the moment.
    """

    def __init__(
        self,
        path: Path,
        keys: Keys,
        clock: Clock,
        *,
        service: bool = True,
        by_hand: bool = False,
        durable: bool = True,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._service = service
        self._seen = clock()
        self._store: Store = open_store(path, SCHEMA, now=self._seen.wall, durable=durable)
        self.set_aside = self._store.set_aside
        self.jumps: list[str] = []
        try:
            with self._store.transaction() as connection:
                fresh = _setting(connection, "clock") is None
                now = self._start(connection)
                # History that is lost could hide an answer given a minute ago. A first start looks just the same.
                if fresh and not by_hand:
                    reason = "the database was damaged" if self.set_aside else "the database is new"
                    _mute(connection, reason, now + MUTED_AFTER_LOSS.total_seconds())
        except BaseException:
            self._store.close()
            raise

    def recover(self) -> int:
        """Settle what a death left behind: `sending` becomes `unknown`. Called by the service, once, before it listens.
        Returns how many."""
        with self._store.transaction() as connection:
            return connection.execute("UPDATE acknowledgement SET state = 'unknown' WHERE state = 'sending'").rowcount

    def check(self, key: bytes, sender: str, snippets: Sequence[str], limits: Limits) -> Claim:
        """Whether an answer may go, without entering anything."""
        with self._store.transaction() as connection:
            return self._judged(connection, self._now(connection), key, sender, snippets, limits)

    def begin(self, key: bytes, sender: str, snippets: Sequence[str], limits: Limits, decision: str) -> Claim:
        """Judge again and, in the same transaction, enter `sending`: from here on this answer is never begun anew.

        The claim's snippets must be what was composed; anything else is refused as a race.
        """
        with self._store.transaction() as connection:
            now = self._now(connection)
            claim = self._judged(connection, now, key, sender, snippets, limits)
            if claim.gate:
                return claim
            if claim.snippets != tuple(snippets):
                return Claim(key, gate="G11", evidence="said meanwhile")
            hashed, domain = self.hashes(sender)
            self._enter(connection, key, State.SENDING, "", now, hashed, domain, decision)
            connection.executemany(
                "INSERT OR REPLACE INTO said (sender, snippet, at, key) VALUES (?, ?, ?, ?)",
                [(hashed, snippet, now, key) for snippet in snippets],
            )
            return claim

    def settle(self, key: bytes, state: State, gate: str = "") -> None:
        """The end of a sending. NEW and SUPPRESSED take it out of the counts and of what was said."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE acknowledgement SET state = ?, gate = ? WHERE key = ? AND state = 'sending'", (state, gate, key)
            )
            if state in (State.NEW, State.SUPPRESSED):
                connection.execute("DELETE FROM said WHERE key = ?", (key,))

    def suppress(self, key: bytes, sender: str, gate: str, decision: str) -> None:
        """Enter that a gate refused this one; it will not be asked again. Does not change what is settled."""
        with self._store.transaction() as connection:
            now = self._now(connection)
            if _state(connection, key) in (None, State.NEW):
                hashed, domain = self.hashes(sender)
                self._enter(connection, key, State.SUPPRESSED, gate, now, hashed, domain, decision)

    def purge(self) -> int:
        """Delete what is older than KEPT. Returns how many acknowledgements."""
        with self._store.transaction() as connection:
            before = self._now(connection) - KEPT.total_seconds()
            connection.execute("DELETE FROM said WHERE at < ?", (before,))
            return connection.execute("DELETE FROM acknowledgement WHERE at < ?", (before,)).rowcount

    def muted(self) -> Mute | None:
        with self._store.transaction() as connection:
            return self._mute_of(connection, self._now(connection))

    def pause(self, reason: str = "paused by hand") -> None:
        """No acknowledgement until `resume`."""
        with self._store.transaction() as connection:
            _mute(connection, reason, 0.0)

    def resume(self) -> None:
        """End every mute."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM setting WHERE name IN ('muted_reason', 'muted_until')")

    def forget(self, address: str) -> int:
        """Erase what is known about one address. The keys stay, so that a late copy of a mail is still not answered;
        they tell nothing about anybody. Returns how many acknowledgements it had."""
        hashed, _ = self.hashes(address)
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM said WHERE sender = ?", (hashed,))
            return connection.execute(
                "UPDATE acknowledgement SET sender = NULL, domain = NULL, decision = '' WHERE sender = ?", (hashed,)
            ).rowcount

    def listed(self, limit: int = 50) -> tuple[Row, ...]:
        """The last acknowledgements, newest first."""
        with self._store.transaction() as connection:
            found = connection.execute(
                "SELECT key, wall, state, gate, decision FROM acknowledgement ORDER BY at DESC, wall DESC LIMIT ?",
                (min(limit, MAX_LISTED),),
            ).fetchall()
        return tuple(
            Row(key.hex()[:12], wall, State(state), gate, decision) for key, wall, state, gate, decision in found
        )

    def counts(self) -> dict[str, int]:
        """State -> how many the store knows."""
        with self._store.transaction() as connection:
            found = connection.execute("SELECT state, count(*) FROM acknowledgement GROUP BY state").fetchall()
        return {str(state): number for state, number in found}

    def state_of(self, key: bytes) -> State | None:
        with self._store.transaction() as connection:
            return _state(connection, key)

    def hashes(self, sender: str) -> tuple[bytes, bytes]:
        """(of the address without `+detail`, of its domain), keyed."""
        address = folded(sender)
        domain = address.rpartition("@")[2]
        return (
            mac(self._keys.address, b"address", address.encode("utf-8", "replace"))[:16],
            mac(self._keys.address, b"domain", domain.encode("utf-8", "replace"))[:16],
        )

    def close(self) -> None:
        self._store.close()

    # ---------------------------------------------------------------------------------------------------------- inside
    def _judged(
        self, connection: Connection, now: float, key: bytes, sender: str, snippets: Sequence[str], limits: Limits
    ) -> Claim:
        state = _state(connection, key)
        if state not in (None, State.NEW):
            return Claim(key, gate="G17", evidence=f"this mail was answered before ({state})")
        mute = self._mute_of(connection, now)
        if mute:
            return Claim(key, gate="G12", evidence=f"muted: {mute.reason}")
        hashed, domain = self.hashes(sender)
        once = now - limits.once_per.total_seconds()
        heard = {
            snippet
            for (snippet,) in connection.execute(
                "SELECT DISTINCT snippet FROM said WHERE sender = ? AND at > ?", (hashed, once)
            )
        }
        left = tuple(one for one in snippets if one not in heard)
        if not left:
            return Claim(key, gate="G11", evidence=f"said before: {', '.join(snippets)}")
        for what, where, value, rate in (
            ("to this sender", "sender = ?", (hashed,), limits.per_sender),
            ("to this domain", "domain = ?", (domain,), limits.per_domain),
            ("in total", "", (), limits.total),
        ):
            if _count(connection, where, value, now, rate) >= rate.count:
                if not where:
                    _mute(connection, f"{rate.count} in {rate.per} in total", now + MUTED_AFTER_FLOOD.total_seconds())
                return Claim(key, gate="G12", evidence=f"{rate.count} in {rate.per} {what}")
        return Claim(key, left)

    def _enter(
        self, connection: Connection, key: bytes, state: State, gate: str, now: float,
        sender: bytes, domain: bytes, decision: str,
    ) -> None:  # fmt: skip
        wall = self._seen.wall.astimezone(UTC).isoformat(timespec="seconds")
        connection.execute(
            "INSERT OR REPLACE INTO acknowledgement (key, state, gate, at, sender, domain, decision, wall)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (key, state, gate, now, sender, domain, decision[:80], wall),
        )

    def _start(self, connection: Connection) -> float:
        """The store's clock at start: where it stood, and as much more as the wall clock has gone since."""
        clock, wall = _setting(connection, "clock"), _setting(connection, "wall")
        here = self._seen.wall.timestamp()
        now = here if clock is None or wall is None else clock + max(0.0, here - wall)
        if clock is None or self._service:
            _set(connection, clock=now, wall=here)
        return now

    def _now(self, connection: Connection) -> float:
        """The store's clock now. The service writes it down, for its next start."""
        if not self._service:
            self._seen = self._clock()
            return self._start(connection)
        clock = _setting(connection, "clock")
        if clock is None:
            raise LookupFailed("database: its clock is gone")
        before, instant = self._seen, self._clock()
        wall_s = (instant.wall - before.wall).total_seconds()
        passed_s = instant.monotonic_s - before.monotonic_s
        if abs(wall_s - passed_s) > JUMP.total_seconds():
            self.jumps.append(f"the wall clock went {wall_s:+.0f} s in {passed_s:.0f} s")
        self._seen = instant
        now = clock + max(0.0, min(wall_s, passed_s))
        _set(connection, clock=now, wall=instant.wall.timestamp())
        return now

    def _mute_of(self, connection: Connection, now: float) -> Mute | None:
        found = connection.execute("SELECT value FROM setting WHERE name = 'muted_reason'").fetchone()
        until = _setting(connection, "muted_until")
        if found is None or until is None:
            return None
        if until == 0.0:
            return Mute(str(found[0]), None)
        if now >= until:
            return None
        return Mute(str(found[0]), self._seen.wall + timedelta(seconds=until - now))


def _count(connection: Connection, where: str, values: tuple[bytes, ...], now: float, rate: Rate) -> int:
    query = "SELECT count(*) FROM acknowledgement WHERE at > ? AND state IN ('sending', 'sent', 'unknown')"
    if where:
        query += f" AND {where}"
    (number,) = connection.execute(query, (now - rate.per.total_seconds(), *values)).fetchone()
    return int(number)


def _state(connection: Connection, key: bytes) -> State | None:
    found = connection.execute("SELECT state FROM acknowledgement WHERE key = ?", (key,)).fetchone()
    return State(found[0]) if found else None


def _setting(connection: Connection, name: str) -> float | None:
    found = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return float(found[0]) if found else None


def _set(connection: Connection, **values: float) -> None:
    connection.executemany("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", list(values.items()))


def _mute(connection: Connection, reason: str, until: float) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", [("muted_reason", reason), ("muted_until", until)]
    )
