"""Problems printed: for a terminal with the line and a caret, as JSON (contract.md), as GitHub's annotations.

rules.yaml:270:20: error E300: unknown queue "suport"; did you mean "support"?
    in rules[9] technical-mail-to-accounts > then[1]
     270 |     then: [{queue: suport}, {tag: redirected}]
         |                    ^
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from router.errors import Problem
from router.rules.document import lines_of

FORMATS = ("text", "json", "github")
_WIDEST = 160  # of a printed line; a longer one is cut round the place


def as_text(problem: Problem, lines: Sequence[str] = ()) -> str:
    """Several lines without a line end at the last. lines: of the file, to show the one that is meant."""
    at = problem.location
    out = [f"{at}: {problem.severity} {problem.code}: {_said(problem)}"]
    if problem.place:
        out.append(f"    in {_printable(problem.place)}")
    if 0 < at.line <= len(lines):
        text, before = _window(_printable(lines[at.line - 1]), at.column - 1)
        out.append(f"{at.line:>8} | {text}")
        out.append(f"{'':>8} | {' ' * _width(before)}^")
    return "\n".join(out)


def as_json(problem: Problem) -> dict[str, Any]:
    """One entry of `problems` in contract.md."""
    return {
        "file": problem.location.file,
        "line": problem.location.line,
        "column": problem.location.column,
        "code": problem.code,
        "severity": str(problem.severity),
        "message": problem.message,
        "place": problem.place,
        "suggestion": problem.suggestion,
    }


def as_github(problem: Problem) -> str:
    """A workflow command that GitHub shows beside the line."""
    at = problem.location
    place = f" (in {problem.place})" if problem.place else ""
    where = f",line={at.line},col={at.column}" if at.line else ""
    title = _escaped(problem.code, more=True)
    file = _escaped(at.file, more=True)
    return f"::{problem.severity} file={file}{where},title={title}::{_escaped(_said(problem) + place)}"


def report(problems: Iterable[Problem], data: bytes = b"") -> str:
    """All of them for a terminal, one after the other; "" for none. data: the bytes of the file they are about."""
    lines = lines_of(data)
    return "\n".join(as_text(problem, lines) for problem in problems)


def _said(problem: Problem) -> str:
    hint = f'; did you mean "{problem.suggestion}"?' if problem.suggestion else ""
    return _printable(problem.message + hint)


def _printable(text: str) -> str:
    """On one line, and nothing in it that a terminal obeys."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "·" for char in text)


def _window(line: str, index: int) -> tuple[str, str]:
    """The line, cut to what fits round `index`; and the part of it before `index`."""
    if len(line) <= _WIDEST:
        return line, line[:index]
    start = max(0, min(index - _WIDEST // 2, len(line) - _WIDEST))
    shown = line[start : start + _WIDEST]
    if start:
        shown = "…" + shown[1:]
    if start + _WIDEST < len(line):
        shown = shown[:-1] + "…"
    return shown, shown[: index - start]


def _width(text: str) -> int:
    """Columns of a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _escaped(text: str, *, more: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if more else text
