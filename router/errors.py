"""Error families. `BadInput` and its children: somebody's input is wrong, and they are told where and what to do.

Everything else that is raised is a fault of ours, caught at the rim only, where the mail is kept.
"""

import difflib
from collections.abc import Iterable
from enum import StrEnum

from router.frozen import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file. `line` and `column` count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input, for a person to mend.

    code: E1xx YAML, E2xx shape, E3xx references, W5xx lint (rules-language.md 3.5). place: where it is, in words,
    such as `rules[9] technical-mail-to-accounts > then[1]`. suggestion: the word that was probably meant, or None.
    """

    code: str
    message: str
    location: Location
    place: str = ""
    suggestion: str | None = None

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR


class BadInput(Exception):
    """Something a user gave us cannot be used. The text is for that user."""


class BadFile(BadInput):
    """A file of the user's has problems; all of them are in `problems`, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{p.location}: {p.severity} {p.code}: {p.message}" for p in self.problems))


class LookupFailed(Exception):
    """A list, a database or DNS did not answer; temporary. Becomes an `Unknown`, never an answer."""


def closest(word: str, known: Iterable[str], never: Iterable[str] = ()) -> str | None:
    """The known word that `word` was probably meant to be, or None.

    never: words that must not be suggested for this one ("redirect" for "reject": alike to the eye, not in meaning).
    """
    candidates = [one for one in known if one not in set(never)]
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=0.7)
    return found[0] if found else None
