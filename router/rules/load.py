"""From bytes to a checked `RulesFile`, or all problems at once, in the order of the file."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from router.errors import BadFile, Problem, Severity
from router.frozen import dataclass
from router.rules import document, grammar, references
from router.rules.document import Document
from router.rules.schema import RulesFile
from router.rules.shapes import Reader, Reference

MAX_PROBLEMS = 1_000
_ABOUT_KEYS = frozenset(
    ["E103", "E202", "E209", "E211", "E215", "E219", "E305", "E307", "E308", "E317", "W503", "W508", "W513"]
)  # a block and its first key begin at one place; these are said of the key


@dataclass(frozen=True)
class Reading:
    """Everything a reading gave. file: what could be read; whole only when `problems` is empty."""

    document: Document
    file: RulesFile | None
    references: tuple[Reference, ...]
    problems: tuple[Problem, ...]


def read(data: bytes, file: str, *, base: Path | None = None) -> Reading:
    """Reads as much as can be read. Any bytes; raises nothing. file: the name that locations show."""
    tree = document.read(data, file)
    if tree.root is None:
        return Reading(tree, None, (), _in_order(tree, tree.problems))
    reader = Reader(problems=list(tree.problems))
    found = grammar.read_file(tree.root, reader)
    if found is not None:
        found = replace(found, source=file, base=base, sha256=hashlib.sha256(data).hexdigest())
        references.resolve(tree.root, found, reader)
    return Reading(tree, found, tuple(reader.references), _in_order(tree, reader.problems))


def load(data: bytes, file: str, *, base: Path | None = None) -> RulesFile:
    """The rules. Raises `BadFile` with all problems of the file.

    base: the folder from which paths in the file start; nothing outside the file is looked at.
    """
    reading = read(data, file, base=base)
    if reading.problems or reading.file is None:
        raise BadFile(reading.problems)
    return reading.file


def check(
    data: bytes, file: str, *, base: Path | None = None, today: date | None = None, model: str | None = None
) -> tuple[RulesFile | None, tuple[Problem, ...]]:
    """The rules (None when there are errors), and errors and warnings together, in the order of the file.

    base: the folder from which paths start; when given, the files that are named are looked at (W519, E319).
    today: for the warnings that depend on the date; None leaves them out. model: the id of the model in use, for W515.
    """
    # For people who edit; a running filter loads without them.
    from router.rules import lint, outside

    reading = read(data, file, base=base)
    if reading.file is None:
        return None, reading.problems
    warnings = lint.warnings(reading.file, whole=not reading.problems, today=today, model=model)
    beyond = () if base is None else outside.problems(reading.file, base)
    problems = _in_order(reading.document, [*reading.problems, *warnings, *beyond])
    broken = any(one.severity is Severity.ERROR for one in problems)
    return (None if broken else reading.file), problems


def _in_order(tree: Document, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted by place, each with its place in words and on one line whatever it quotes, none twice."""
    found = {
        (one.location, one.code, one.message): replace(
            one,
            message=_on_one_line(one.message),
            place=one.place or tree.place(one.location, key=one.code in _ABOUT_KEYS),
        )
        for one in problems
    }
    ordered = sorted(found.values(), key=lambda one: (one.location, one.severity is Severity.WARNING, one.code))
    return tuple(ordered[:MAX_PROBLEMS])


def _on_one_line(message: str) -> str:
    if message.isprintable():
        return message
    return "".join(char for char in " ".join(message.split()) if char.isprintable())
