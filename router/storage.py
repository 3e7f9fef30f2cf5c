"""Opens the databases of the house: SQLite files, one writer each. Owns no table: every room brings its own schema.

SQLite is a file that a crash, a full disk or a careless administrator can damage, and a damaged store must not stop the
mail. So opening checks the file, sets a bad one aside under a new name, begins anew and says so; what that means (mute
the acknowledgements, say that history starts today) is the room's own affair.
"""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from router.errors import BadInput, LookupFailed
from router.frozen import dataclass

BUSY_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Schema:
    """name: of the room, checked on opening so that one room never opens another's file. migrations: SQL scripts; the
    n-th brings version n to n+1. They are only ever appended to."""

    name: str
    migrations: Sequence[str]

    @property
    def application_id(self) -> int:
        """A number in SQLite's own header that tells whose file it is."""
        return int.from_bytes(self.name.encode()[:4].ljust(4, b"\0"), "big") & 0x7FFFFFFF


class WrongStore(BadInput):
    """The file is a sound database, but of another room or of a newer version of this program."""


@dataclass(slots=True)
class Store:
    """An open database. new: it holds nothing from before (first start, or the old file was damaged). set_aside: where
    the damaged file was put, or None. pid: of the process that opened it; a connection never crosses a fork."""

    connection: sqlite3.Connection
    new: bool
    set_aside: Path | None
    pid: int

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises `LookupFailed` when the disk is full, the file locked or damaged: temporary for the
        caller, who tries again later."""
        if os.getpid() != self.pid:
            raise RuntimeError("a database connection was carried across a fork")
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # some errors (a full disk) have rolled back already
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise LookupFailed(f"database: {error}") from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise LookupFailed(f"database: {error}") from error

    def close(self) -> None:
        self.connection.close()


def open_store(path: Path, schema: Schema, *, now: datetime, durable: bool = True) -> Store:
    """Open or make the database at `path` (mode 0600) and bring it up to date.

    durable: fsync at every commit (`synchronous=FULL`), so that what was committed survives a power cut. A damaged file
    is set aside as `<name>.damaged-<time>`. Raises `WrongStore`, or `LookupFailed` when the place cannot be written.
    """
    existed = path.exists() and path.stat().st_size > 0
    set_aside = None
    if existed and not _sound(path):
        set_aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}")
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(set_aside.with_name(set_aside.name + suffix))
        existed = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        _migrate(connection, schema, path)
    except (OSError, sqlite3.OperationalError) as error:
        raise LookupFailed(f"{path}: {error}") from error
    return Store(connection, new=not existed, set_aside=set_aside, pid=os.getpid())


def open_reader(path: Path, schema: Schema, *, busy_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """A connection that only reads, to a database that somebody else keeps. Raises `LookupFailed` when it cannot be
    read (it is not there, locked, damaged), `WrongStore` when it is another room's or another version's."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_s)
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if (application, version) != (schema.application_id, len(schema.migrations)):
                raise WrongStore(f"{path}: is not a {schema.name} database of this version of the program")
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise LookupFailed(f"{path}: {error}") from error
    return connection


def _sound(path: Path) -> bool:
    try:
        connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S)
    except sqlite3.Error:
        return False
    try:
        said = [str(message) for (message,) in connection.execute("PRAGMA quick_check")]
        return said == ["ok"] or all(_false_alarm(connection, one) for one in said)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise LookupFailed(f"{path}: {error}") from error
        return False
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def _false_alarm(connection: sqlite3.Connection, message: str) -> bool:
    """SQLite 3.40.1 (Debian 12) looks for NULL in the wrong column of a table WITHOUT ROWID whose primary key does not
    come first, so the rows are asked. The pages were found sound before any row is looked at."""
    found = re.fullmatch(r"NULL value in (.+)\.(.+)", message)
    if not found:
        return False
    table, column = found[1], found[2]
    row = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    if row is None or not re.search(r"\bWITHOUT\s+ROWID\b", row[0], re.IGNORECASE):
        return False
    names = [f'"{one.replace(chr(34), chr(34) * 2)}"' for one in (table, column)]
    # typeof: `IS NULL` of a NOT NULL column is never evaluated.
    asked = f"SELECT 1 FROM {names[0]} WHERE typeof({names[1]}) = 'null' LIMIT 1"
    return connection.execute(asked).fetchone() is None


def _migrate(connection: sqlite3.Connection, schema: Schema, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application not in (0, schema.application_id):
        raise WrongStore(f"{path}: is not a {schema.name} database")
    if version > len(schema.migrations):
        raise WrongStore(
            f"{path}: has schema version {version}, written by a newer program; this one knows {len(schema.migrations)}"
        )
    for number, script in enumerate(schema.migrations[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script};"
            f" PRAGMA application_id={schema.application_id}; PRAGMA user_version={number}; COMMIT;"
        )
