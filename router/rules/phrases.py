"""Phrases: words in a row, found in a text behind one literal prefilter for all phrases at once.

`сайт* не .. открыва*` is three words; `*` stands for any ending, `..` for none to five words of the same sentence. Each
phrase has an anchor, its longest piece without a wildcard; an Aho-Corasick automaton finds all anchors in one pass over
the words of a text, and only there the other words are looked at, outwards from the anchor.

Time is linear in the text: an anchor has a bounded number of neighbours to look at, whatever the text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from router.rules.text import Text, normalise, spaced

MAX_BETWEEN = 5
"""How many words `..` may stand for."""
_CHECK_EVERY = 512  # anchors between two looks at the clock

_WHITE = re.compile(r"\s+")


class OutOfTime(Exception):
    """The time budget ended while a text was searched."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase, cut by the same function as texts.

    words: normalised. open: for each word, whether it ends in `*`. gap: for each word, whether `..` stands before it.
    source: as written.
    """

    words: tuple[str, ...]
    open: tuple[bool, ...]
    gap: tuple[bool, ...]
    source: str = ""

    def anchor(self) -> tuple[str, int, int]:
        """Its longest literal as it stands in `Text.joined`, and its first and last word."""
        best = ("", 0, 0)
        for first, last in self._pieces():
            literal = f" {' '.join(self.words[first : last + 1])}" + ("" if self.open[last] else " ")
            if len(literal) > len(best[0]):
                best = (literal, first, last)
        return best

    def _pieces(self) -> Iterator[tuple[int, int]]:
        first = 0
        for index in range(len(self.words)):
            if index + 1 == len(self.words) or self.open[index] or self.gap[index + 1]:
                yield first, index
                first = index + 1


def parse_phrase(source: str) -> Phrase:
    """A phrase from rules.yaml. Raises ValueError when there is no word in it; the loader has checked the rest."""
    words: list[str] = []
    is_open: list[bool] = []
    gap: list[bool] = []
    pending = False
    for part in _WHITE.split(source.strip()):
        if part == "..":
            pending = bool(words)
            continue
        cut = spaced(normalise(part.rstrip("*"))).split()
        for word in cut:
            words.append(word)
            is_open.append(False)
            gap.append(pending)
            pending = False
        if cut and part.endswith("*"):
            is_open[-1] = True
    if not words:
        raise ValueError(f'the phrase "{source}" has no word in it')
    return Phrase(tuple(words), tuple(is_open), tuple(gap), source)


class PhraseBook:
    """All phrases of a rules file, numbered as they were given."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.phrases = tuple(phrases)
        literals: dict[str, list[tuple[int, int, int]]] = {}
        for number, phrase in enumerate(self.phrases):
            literal, first, last = phrase.anchor()
            literals.setdefault(literal, []).append((number, first, last))
        # For each literal: the phrases it is the whole of, and those that have more words (number, first, last).
        self._whole = [
            tuple(number for number, *_ in users if _is_whole(self.phrases[number], literal))
            for literal, users in literals.items()
        ]
        self._partial = [
            tuple(user for user in users if not _is_whole(self.phrases[user[0]], literal))
            for literal, users in literals.items()
        ]
        self._automaton = AhoCorasick(list(literals), store_patterns=False) if literals else None

    def find(self, text: Text, out_of_time: Callable[[], bool] = lambda: False) -> Mapping[int, tuple[int, int]]:
        """The number of each phrase that is in the text, with the first and last word of one place where it stands.

        Raises OutOfTime when `out_of_time` says so.
        """
        found: dict[int, tuple[int, int]] = {}
        if self._automaton is None:
            return found
        done: set[int] = set()
        for count, (literal, start, _) in enumerate(
            self._automaton.find_matches_as_indexes(text.joined, overlapping=True)
        ):
            if literal in done:
                continue
            if count % _CHECK_EVERY == _CHECK_EVERY - 1 and out_of_time():
                raise OutOfTime
            at = text.word_at(start)
            for number in self._whole[literal]:
                found[number] = (at, at + len(self.phrases[number].words) - 1)
            open_ones = False
            for number, first, last in self._partial[literal]:
                if number not in found:
                    place = place_at(self.phrases[number], text, at, first, last)
                    if place:
                        found[number] = place
                    else:
                        open_ones = True
            if not open_ones:
                done.add(literal)
        return found


def _is_whole(phrase: Phrase, literal: str) -> bool:
    return phrase.anchor() == (literal, 0, len(phrase.words) - 1)


def place_at(phrase: Phrase, text: Text, at: int, first: int, last: int) -> tuple[int, int] | None:
    """Where the phrase stands when its words `first` to `last` are the text's words from `at` on, or None."""
    place = _around(phrase, text, at, first, last, False)
    # Where sentences end matters to few candidates, so it is looked up for those that would fit without.
    if place and any(phrase.gap) and any(text.ends_after(word) for word in range(*place)):
        return _around(phrase, text, at, first, last, True)
    return place


def _around(phrase: Phrase, text: Text, at: int, first: int, last: int, in_sentence: bool) -> tuple[int, int] | None:
    ends = {at + last - first}
    for index in range(last + 1, len(phrase.words)):
        ends = _steps(phrase, index, text, ends, 1, phrase.gap[index], in_sentence)
        if not ends:
            return None
    begins = {at}
    for index in range(first - 1, -1, -1):
        begins = _steps(phrase, index, text, begins, -1, phrase.gap[index + 1], in_sentence)
        if not begins:
            return None
    return max(begins), min(ends)


def _steps(
    phrase: Phrase, index: int, text: Text, places: set[int], direction: int, gap: bool, in_sentence: bool
) -> set[int]:
    """Where word number `index` of the phrase can stand when its neighbour stands at one of `places`."""
    wanted, is_open, words = phrase.words[index], phrase.open[index], text.words
    found: set[int] = set()
    for place in places:
        there = place
        for _ in range(MAX_BETWEEN + 1 if gap else 1):
            there += direction
            if not 0 <= there < len(words):
                break
            if gap and in_sentence and text.ends_after(min(there, there - direction)):
                break
            word = words[there]
            if word == wanted or (is_open and word.startswith(wanted)):
                found.add(there)
    return found
