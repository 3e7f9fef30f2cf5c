"""Lists on file: who may speak for which contract, which domains are ours, and whatever else rules.yaml looks up.

A list answers three ways: the value on file, None (the key is not in it), or `Unknown` with the reason (no file, no
such column, older than it may be). An old answer is never given for a new one: a file that was replaced by something
that cannot be read makes the list unknown, because the contact that was taken off may be the reason it was replaced.

A CSV file has a header row; comma, semicolon (as spreadsheets write it in half of Europe) or tab; UTF-8. It is looked
at again at most every `reload`, and read again as a whole when it has changed. A file that changes while it is read is
not taken; write it beside and rename it, and that never happens.
"""

import csv
import io
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from router.frozen import dataclass
from router.logic import Unknown, unknown
from router.message.addresses import ascii_domain
from router.message.envelope import folded

MAX_FILE_BYTES = 67_108_864
RELOAD = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ItemList:
    """A list written out in rules.yaml. items: addresses, domains or other words, each a key without a value."""

    name: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileList:
    """A CSV file. key, value: names of columns. max_age: of the file, by its time of change; None: it may be old."""

    name: str
    path: Path
    key: str
    value: str | None = None
    max_age: timedelta | None = None
    reload: timedelta | None = None


@dataclass(frozen=True, slots=True)
class NoList:
    """A list that cannot be asked here, and why, in words; it answers unknown."""

    name: str
    why: str


Source: TypeAlias = ItemList | FileList | NoList

_Rows: TypeAlias = Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class _Kept:
    """What was read of a file, and when it was last looked at. signature: inode, size and time of change."""

    looked_at: datetime | None = None
    signature: tuple[int, ...] | None = None
    changed_at: datetime | None = None
    rows: _Rows | Unknown = field(default_factory=dict)


class ListBook:
    """All lists of one rules file. Files are read when first asked for."""

    def __init__(self, lists: Iterable[Source]) -> None:
        self._lists = {one.name: one for one in lists}
        self._items: dict[str, _Rows] = {
            one.name: {compared(item): ("",) for item in one.items}
            for one in self._lists.values()
            if isinstance(one, ItemList)
        }
        self._files: dict[str, _Kept] = {}

    def look_up(self, name: str, key: str, now: datetime) -> str | Unknown | None:
        """The value on file ("" when the list has none), the first if there are several; None: there is no such key.

        now: aware; decides whether the file is too old, and when it is looked at again.
        """
        rows = self.rows(name, key, now)
        return rows if isinstance(rows, Unknown) else rows[0] if rows else None

    def rows(self, name: str, key: str, now: datetime) -> tuple[str, ...] | Unknown:
        """The values of all rows of a key, in the order of the file."""
        source = self._lists.get(name)
        if source is None:
            return unknown(f"{name}: there is no such list")
        if isinstance(source, NoList):
            return unknown(f"{name}: {source.why}")
        table = self._items[name] if isinstance(source, ItemList) else self._table(source, now)
        return table if isinstance(table, Unknown) else table.get(compared(key), ())

    def _table(self, source: FileList, now: datetime) -> _Rows | Unknown:
        kept = self._files.get(source.name)
        if kept is None:
            kept = self._files[source.name] = _Kept()
        # A clock that goes back (an archive is decided in any order) is a reason to look, too.
        reload = RELOAD if source.reload is None else source.reload
        if kept.looked_at is None or abs(now - kept.looked_at) >= reload:
            kept.looked_at = now
            _refresh(kept, source)
        if source.max_age is not None and kept.changed_at is not None and not isinstance(kept.rows, Unknown):
            age = now - kept.changed_at
            if age > source.max_age:
                return unknown(f"{source.name}: file is {_said(age, ' ')} old, max_age {_said(source.max_age)}")
        return kept.rows


def compared(key: str) -> str:
    """The form in which keys are compared: case folded, domains as A-labels, `+detail` kept.

    Only the customer's own host knows whether `olena+x@` is `olena@`.
    """
    plain = key.strip()
    local, at, domain = plain.rpartition("@")
    if not at:
        return plain.casefold() if plain.isascii() or "." not in plain else ascii_domain(plain) or plain.casefold()
    return folded(f"{local}@{ascii_domain(domain) or domain}", keep_detail=True)


def _refresh(kept: _Kept, source: FileList) -> None:
    """Look at the file; read it if it is another than the one that is kept."""
    descriptor = -1
    try:
        # O_NONBLOCK: a FIFO in the place of the file must not stop the mail.
        descriptor = os.open(source.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(descriptor)
        if _signature(status) == kept.signature:
            return
        kept.signature, kept.changed_at = _signature(status), datetime.fromtimestamp(status.st_mtime, UTC)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable("is not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise Unusable(f"is larger than {MAX_FILE_BYTES >> 20} MiB")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if _signature(os.fstat(descriptor)) != kept.signature:
            kept.signature = None
            raise Unusable("was being written")
        kept.rows = parsed(data, source.key, source.value)
    except Unusable as error:
        kept.rows = unknown(f"{source.name}: {source.path} {error}")
    except OSError as error:
        kept.signature = None  # tried again, though the file may not have changed
        kept.rows = unknown(f"{source.name}: {source.path}: {error.strerror}")
    finally:
        if descriptor >= 0:
            os.close(descriptor)


class Unusable(Exception):
    """The file is there and cannot be used; the words follow its name."""


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def parsed(data: bytes, key: str, value: str | None) -> _Rows:
    """The rows of a CSV: compared key -> values in the order of the file. Raises Unusable."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"is not UTF-8 (byte {error.start})") from None
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    found: dict[str, list[str]] = {}
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        columns = [one.strip().casefold() for one in next(rows, [])]
        key_at = _place(columns, key)
        value_at = None if value is None else _place(columns, value)
        for row in rows:
            of = compared(row[key_at]) if len(row) > key_at else ""
            if of:
                said = row[value_at].strip() if value_at is not None and len(row) > value_at else ""
                found.setdefault(of, []).append(said)
    except csv.Error as error:
        raise Unusable(f"is no CSV: {error}") from None
    return {key: tuple(values) for key, values in found.items()}


def _place(columns: list[str], wanted: str) -> int:
    if columns.count(wanted.strip().casefold()) != 1:
        shown = ", ".join(one for one in columns if one) or "no header row"
        raise Unusable(f'has no single column "{wanted}" ({shown})')
    return columns.index(wanted.strip().casefold())


def _said(age: timedelta, space: str = "") -> str:
    """In the unit in which rules.yaml writes it: 45m, 31h, 9d."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes}{space}m"
    return f"{minutes // 60}{space}h" if minutes < 72 * 60 else f"{minutes // 1440}{space}d"
