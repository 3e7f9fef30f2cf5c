"""What a rules file names outside of itself: lists as files (W519), mails of tests (E319), the rules of its shadow
(W521). Looked at by `check` only.

A filter that starts or reloads does not look: a list that is missing for a moment makes look-ups unknown, never a
filter that does not run.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from router.errors import Location, Problem
from router.rules.load import read
from router.rules.schema import FileList, RulesFile
from router.rules.suggestions import suggest

MAX_LINE = 1024 * 1024


def problems(file: RulesFile, base: Path) -> Iterator[Problem]:
    """base: the folder from which paths in the file start."""
    for one in file.lists.values():
        if isinstance(one, FileList):
            yield from _list_file(one, base)
    mails = [case.given.eml for case in file.tests] + [file.test_defaults.eml]
    for path in {str(mail): mail for mail in mails if mail is not None}.values():
        if not (base / path).is_file():
            yield Problem("E319", f'the mail "{path}" of this test cannot be read', path.at)
    yield from _shadow(file, base)


def _shadow(file: RulesFile, base: Path) -> Iterator[Problem]:
    named = file.settings.shadow.rules if file.settings.shadow else None
    if named is None:
        return
    try:
        found = read((base / named).read_bytes(), str(named), base=base).problems
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        yield Problem("W521", f'the rules "{named}" cannot be read ({why}); there will be no shadow', named.at)
        return
    for one in found[:1]:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        message = f"there will be no shadow: {one.location}: {one.code}: {one.message}{more}"
        yield Problem("W521", message, named.at)


def _list_file(one: FileList, base: Path) -> Iterator[Problem]:
    try:
        with (base / one.path).open(encoding="utf-8-sig", newline="") as lines:
            columns = next(csv.reader([lines.readline(MAX_LINE)]), [])
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        yield Problem("W519", f'the list "{one.path}" cannot be read ({why}); look-ups will be unknown', one.path.at)
        return
    for column in (one.key, one.value):
        if column is not None and column not in columns:
            yield _no_column(one, str(column), column.at, columns)


def _no_column(one: FileList, column: str, at: Location, columns: list[str]) -> Problem:
    there = f"; its first line has {', '.join(columns[:8])}" if columns else "; it is empty"
    message = f'the list "{one.path}" has no column "{column}"{there}'
    return Problem("W519", message, at, suggestion=suggest(column, columns))
