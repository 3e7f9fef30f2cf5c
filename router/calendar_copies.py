"""Calendars by https: fetched when rules are loaded; the last good copy is kept in the state directory.

    calendars/<sha256 of the address>.ics     when it was fetched: its time of modification

A server that fails, or sends what is no calendar, changes nothing: the copy is used, and that is said.
"""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from router.identity.contacts import Unusable
from router.rule_files import keep, private, state_folder

TIMEOUT_S = 3.0


def by_https(address: str) -> bytes:
    """Raises Unusable with words."""
    from router.identity.remote_lists import fetched  # what it needs is not loaded by commands that fetch nothing

    return fetched(address, TIMEOUT_S, "text/calendar, */*")


class CalendarCopies:
    """folder: the state directory. anew: False: a copy that is there is used without asking, as commands that only look
    at a mail do. fetch: gives the bytes or raises Unusable."""

    def __init__(self, folder: Path, *, anew: bool = True, fetch: Callable[[str], bytes] = by_https) -> None:
        self.folder = folder / "calendars"
        self._anew = anew
        self._fetch = fetch

    def get(self, address: str, why_not: Callable[[bytes], str]) -> tuple[bytes, str]:
        """The calendar, and what there is to say of it, "" for nothing. why_not: why these bytes are of no use, or "".
        Raises ValueError when it cannot be fetched and no copy is there."""
        path = self.folder / f"{hashlib.sha256(address.encode()).hexdigest()}.ics"
        copy = _read(path)
        if copy is not None and why_not(copy):
            copy = None
        if copy is not None and not self._anew:
            return copy, ""
        try:
            data = self._fetch(address)
            if why := why_not(data):
                raise Unusable(f"what it gives {why}")
        except Unusable as problem:
            if copy is None:
                raise ValueError(str(problem)) from None
            return copy, f"{problem}; the copy of {_fetched_at(path):%Y-%m-%d %H:%M} UTC is used"
        try:
            private(self.folder.parent)
            private(self.folder)
            if data == copy:
                os.utime(path)
            else:
                keep(path, data)
        except OSError as error:
            return data, f"no copy could be kept in {self.folder}: {error.strerror}"
        return data, ""


def copies_for(rules: Path, state: Path | None = None, *, anew: bool = False) -> CalendarCopies:
    """The copies of the filter that these rules are for."""
    return CalendarCopies(state_folder(rules, state), anew=anew)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _fetched_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
