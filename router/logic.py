"""Three values: true, false, and unknown with its causes (rules-language.md 3.3).

A look-up that failed, a model that abstains or a body that could not be read answers `Unknown`, and the answer of a
whole condition is unknown exactly when the open tests could still turn it either way.
"""

from collections.abc import Iterable
from typing import TypeAlias

from router.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """The third value. `causes`: why, in words for an administrator, without repeats."""

    causes: tuple[str, ...]

    def __bool__(self) -> bool:
        raise TypeError("an Unknown is neither true nor false; compare with `is True`")


Truth: TypeAlias = "bool | Unknown"


def unknown(cause: str) -> Unknown:
    return Unknown((cause,))


def _merged(unknowns: list[Unknown]) -> Unknown:
    return Unknown(tuple(dict.fromkeys(cause for one in unknowns for cause in one.causes)))


def all_of(values: Iterable[Truth]) -> Truth:
    """False if one is false, else unknown if one is unknown, else true. Stops at the first false."""
    open_tests: list[Unknown] = []
    for value in values:
        if value is False:
            return False
        if isinstance(value, Unknown):
            open_tests.append(value)
    return _merged(open_tests) if open_tests else True


def any_of(values: Iterable[Truth]) -> Truth:
    """True if one is true, else unknown if one is unknown, else false. Stops at the first true."""
    open_tests: list[Unknown] = []
    for value in values:
        if value is True:
            return True
        if isinstance(value, Unknown):
            open_tests.append(value)
    return _merged(open_tests) if open_tests else False


def negation(value: Truth) -> Truth:
    return value if isinstance(value, Unknown) else not value


def at_least(count: int, values: Iterable[Truth]) -> Truth:
    """True when `count` are true, false when that can no longer happen, else unknown."""
    true = 0
    open_tests: list[Unknown] = []
    for value in values:
        if value is True:
            true += 1
        elif isinstance(value, Unknown):
            open_tests.append(value)
    if true >= count:
        return True
    return _merged(open_tests) if true + len(open_tests) >= count else False
