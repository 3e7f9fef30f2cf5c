"""Words by meaning: a small three-language dictionary, `concepts.txt`, that lets one language teach the others.

    invoice: счет* рахун* invoic* bill        a concept and its words; `*` stands for any ending

Words are compared as skeletons. A word has the concepts of its longest match; a word may stand in several lines.
A model carries the text of the dictionary it was trained with, so that a later dictionary cannot change what it says.
"""

from collections.abc import Mapping
from dataclasses import field
from importlib.resources import files

from router.classify.normalise import clean, skeleton
from router.frozen import dataclass

SHORTEST_STEM = 3
"""Letters of the shortest skeleton that may stand for any ending."""

MOST_CONCEPTS = 255
PER_WORD = 3
"""Concepts a word may have; more are left out."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """text: as read. names: of concept 1, 2, …; 0 is no concept. whole, stems: skeleton -> concepts. longest: letters
    of the longest stem.
    """

    text: str = field(repr=False)
    names: tuple[str, ...]
    whole: Mapping[str, tuple[int, ...]] = field(repr=False)
    stems: Mapping[str, tuple[int, ...]] = field(repr=False)
    longest: int

    def concepts(self, token: str) -> tuple[int, ...]:
        """The numbers of the token's concepts, at most PER_WORD; () for most tokens."""
        if token in self.whole:
            return self.whole[token]
        stems = self.stems
        for length in range(min(len(token), self.longest), SHORTEST_STEM - 1, -1):
            if (stem := token[:length]) in stems:
                return stems[stem]
        return ()


def parse(text: str) -> Lexicon:
    """The dictionary written in `text`. Raises ValueError for a line without a colon or with too many concepts."""
    names: list[str] = []
    whole: dict[str, tuple[int, ...]] = {}
    stems: dict[str, tuple[int, ...]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, words = line.partition(":")
        if not colon or len(names) == MOST_CONCEPTS:
            raise ValueError(f"line {number}: expected `concept: words`, at most {MOST_CONCEPTS} of them")
        names.append(name.strip())
        for word in words.split():
            is_stem = word.endswith("*") and len(word) > 1
            key = skeleton(clean(word.removesuffix("*") if is_stem else word))
            if not key or (is_stem and len(key) < SHORTEST_STEM):
                continue
            table = stems if is_stem else whole
            had = table.get(key, ())
            if len(names) not in had and len(had) < PER_WORD:
                table[key] = (*had, len(names))
    return Lexicon(text, tuple(names), whole, stems, max(map(len, stems), default=0))


def own_text() -> str:
    """The text of the dictionary that comes with the program."""
    return files("router.classify").joinpath("concepts.txt").read_text(encoding="utf-8")
