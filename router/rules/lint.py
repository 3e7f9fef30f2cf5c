"""Warnings W501-W518."""

from collections.abc import Iterable, Iterator
from datetime import date

from router.errors import Problem
from router.rules.schema import RulesFile
from router.rules.shapes import Reference


def warnings(
    file: RulesFile,
    references: Iterable[Reference],
    *,
    whole: bool = True,
    today: date | None = None,
    model: str | None = None,
) -> Iterator[Problem]:
    """Nothing yet."""
    return iter(())
