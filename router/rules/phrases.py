"""Phrases: words in a row, found in a text behind one literal prefilter for all phrases at once.

`сайт* не .. открыва*` is three words; `*` stands for any ending, `..` for none to five words of the same sentence. A
phrase falls into pieces without a wildcard (`сайт`, `не`, `открыва`). Its longest piece is its anchor, the next longest
its guard: an Aho-Corasick automaton finds the anchors and guards of all phrases in one pass over the words of a text,
and only where an anchor stands, in a text that has the guard too, the other words are looked at, outwards from there.

Time is linear in the text: an anchor has a bounded number of neighbours to look at, whatever the text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from ahocorasick_rs import AhoCorasick, Implementation

from router.frozen import dataclass
from router.rules.text import Text, normalise, spaced

MAX_BETWEEN = 5
"""How many words `..` may stand for."""
CHECK_EVERY = 512  # places looked at between two looks at the clock
_ALWAYS = -1

_FIRST = itemgetter(0)
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

    def pieces(self) -> list[tuple[str, int, int]]:
        """Its literals as they stand in `Text.joined`, each with its first and last word; the longest first."""
        found = []
        for first, last in self._pieces():
            end = "" if self.open[last] else " "
            found.append((f" {' '.join(self.words[first : last + 1])}{end}", first, last))
        return sorted(found, key=lambda piece: -len(piece[0]))

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
        literals: dict[str, int] = {}
        whole: dict[int, list[tuple[int, int]]] = {}
        partial: dict[int, list[tuple[int, int, int, int]]] = {}
        for number, phrase in enumerate(self.phrases):
            pieces = phrase.pieces()
            literal, first, last = pieces[0]
            anchor = literals.setdefault(literal, len(literals))
            if len(phrase.words) == last - first + 1:
                whole.setdefault(anchor, []).append((number, last))
            else:
                guard = literals.setdefault(pieces[1][0], len(literals)) if len(pieces) > 1 else anchor
                partial.setdefault(anchor, []).append((number, first, last, guard))
        # For each literal: the phrases it is the whole of, with their last word; those that have more words, with the
        # words that it is, and the guard; all those guards, and ALWAYS when there is nothing to wait for.
        self.literals = tuple(literals)
        self.wholes = [tuple(whole.get(literal, ())) for literal in range(len(literals))]
        self.partials = [tuple(partial.get(literal, ())) for literal in range(len(literals))]
        self._guards = [
            frozenset([guard for *_, guard in users] + [_ALWAYS] * bool(wholes))
            for users, wholes in zip(self.partials, self.wholes, strict=True)
        ]
        self._automaton: AhoCorasick | None = None  # made when it is first asked for: most often C is asked

    def find(self, text: Text, out_of_time: Callable[[], bool] = lambda: False) -> Mapping[int, tuple[int, int]]:
        """The number of each phrase that is in the text, with the first and last word of one place where it stands.

        Raises OutOfTime when `out_of_time` says so.
        """
        found: dict[int, tuple[int, int]] = {}
        if self._automaton is None and self.literals:
            self._automaton = _automaton_of(self.literals)
        hits = self._automaton.find_matches_as_indexes(text.joined, overlapping=True) if self._automaton else []
        present = set(map(_FIRST, hits))
        present.add(_ALWAYS)
        guards = self._guards
        todo = {one for one in present if one >= 0 and not guards[one].isdisjoint(present)}
        looked = 0
        for literal, start, _ in hits if todo else ():
            if literal not in todo:
                continue
            at = text.word_at(start)
            for number, last in self.wholes[literal]:
                found[number] = (at, at + last)
            is_open = False
            for number, first, last, guard in self.partials[literal]:
                if number in found or guard not in present:
                    continue
                looked += 1
                if looked % CHECK_EVERY == 0 and out_of_time():
                    raise OutOfTime
                place = place_at(self.phrases[number], text, at, first, last)
                if place:
                    found[number] = place
                else:
                    is_open = True
            if not is_open:
                todo.discard(literal)
        return found


def _automaton_of(literals: Sequence[str]) -> AhoCorasick:
    # Of 10,000 literals the library's own choice is the form that takes twice the time of this one.
    return AhoCorasick(literals, store_patterns=False, implementation=Implementation.ContiguousNFA)


def place_at(phrase: Phrase, text: Text, at: int, first: int, last: int) -> tuple[int, int] | None:
    """Where the phrase stands when its words `first` to `last` are the text's words from `at` on, or None."""
    if _lacks_neighbour(phrase, text.words, at, first, last):
        return None
    place = _around(phrase, text, at, first, last, False)
    # Where sentences end matters to few candidates, so it is looked up for those that would fit without.
    if place and any(phrase.gap) and any(text.ends_after(word) for word in range(*place)):
        return _around(phrase, text, at, first, last, True)
    return place


def _lacks_neighbour(phrase: Phrase, words: list[str], at: int, first: int, last: int) -> bool:
    """Whether the word next to the anchor is not where it must be; nearly every candidate ends here."""
    if last + 1 < len(phrase.words):
        index, begin = last + 1, at + last - first + 1
        near = words[begin : begin + (MAX_BETWEEN + 1 if phrase.gap[index] else 1)]
    else:
        index = first - 1
        near = words[max(0, at - (MAX_BETWEEN + 1 if phrase.gap[first] else 1)) : at]
    wanted = phrase.words[index]
    if phrase.open[index]:
        return f" {wanted}" not in f" {' '.join(near)}"
    return wanted not in near


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
