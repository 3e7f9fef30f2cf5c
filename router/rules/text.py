"""Text as rules see it: normalised, cut into words, and every place of it traceable to the original.

Normalising makes what people type comparable: NFKC, case folding, ё -> е, all apostrophes alike, zero-width characters
removed. NFKC makes a no-break space a space, fullwidth digits digits, and "№" "no".

A word is a run of letters, marks and digits; an apostrophe or hyphen between two of them belongs to it; all else
separates (amendment 18). `..` in a phrase may not cross the end of a sentence: `. ! ? ; :` before white space or at the
end of the text (with closing quotes or brackets between), or an empty line. A sign inside `customer.com.ua`, `15:30` or
`https://` ends nothing.

All of it is linear in the length of the text.
"""

import re
import unicodedata
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

_ZERO_WIDTH = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
)
_APOSTROPHES = (
    "`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u055a\u05f3\u1fbd\u1fbf\u2018\u2019\u201a\u201b\u2032\u2035"
    "\ua78b\ua78c\uff07"
)
_SPECIAL = re.compile(f"[{_ZERO_WIDTH}{_APOSTROPHES}]")
_REMOVED = re.compile(f"[{_ZERO_WIDTH}]+")
_APOSTROPHE = re.compile(f"[{_APOSTROPHES}]")

# Every white space that NFKC leaves, and nearly all that stands between words in mail; one by one is the fast way.
_COMMON_SEPARATORS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029" + '.,!?:;"()«»—–/@_<>[]*#=+%&“”„•|'
_SEPARATOR = re.compile(r"[^\w\s'-]")
_SHORT_SEPARATOR = re.compile(f"[{re.escape(_COMMON_SEPARATORS)}]")
# A joiner beside another or beside a space joins nothing. In this order, so that no step leaves work for one before it.
_NO_JOINERS = ("--", "''", "-'", "'-", " -", " '", "- ", "' ")
_MANY = 32
_SHORT = 100  # up to here it is cheaper to see which separators there are
_LONG = 8_000  # from here on an index of the words is cheaper than counting spaces
_SENTENCE_END = re.compile("[.!?;:]['\"»”“)\\]}]*(?=\\s)|\n[^\\S\n]*\n")

# Letters of which one always gives one, whatever stands beside them (but for a mark behind them).
_PLAIN = r"\t\n\x20-\x5f\x61-\x7e\u0400-\u045f\u0490\u0491"
_ODD_RUN = re.compile(f"[{_PLAIN}]?[^{_PLAIN}]+")
_JOINS_BACKWARD = "\uff9e\uff9f"  # halfwidth voice marks of kana: letters by category, marks by nature


def normalise(text: str) -> str:
    """The form in which texts and phrases are compared. Idempotent."""
    return _normalise(text)[0]


def _normalise(text: str) -> tuple[str, bool]:
    """The normalised text, and whether each of its characters stands where its original does."""
    if text.isascii():
        return text.lower().replace("`", "'"), True
    once, aligned = _fold(text)
    # Folding can undo NFKC or make an apostrophe; that is rare, and seen more cheaply than done again.
    while not (unicodedata.is_normalized("NFKC", once) and (aligned or not _SPECIAL.search(once))):
        again = _fold(once)[0]
        if again == once:  # folding takes apart what NFKC puts together: ῢ; so NFKC has the last word
            return unicodedata.normalize("NFKC", once), False
        once, aligned = again, False
    return once, aligned


def _fold(text: str) -> tuple[str, bool]:
    """One round of normalising, and whether no step of it moved a character."""
    aligned = True
    if _SPECIAL.search(text):
        kept = _REMOVED.sub("", text)
        aligned = len(kept) == len(text)
        text = _APOSTROPHE.sub("'", kept)
    text = text.replace("\u00a0", " ")
    if "№" in text or "…" in text:
        text = text.replace("№", "No").replace("…", "...")  # as NFKC does, at a tenth of its price
        aligned = False
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
        aligned = False
    folded = text.casefold()
    return folded.replace("ё", "е"), aligned and len(folded) == len(text)


class Text:
    """One field of one mail: its original, and when asked for its normalised form, its words and where they stand.

    original: at most `cap` characters; what lies behind them is not seen by any test. where: the field, for `explain`.
    spans: first and last word -> what `words_span` says of them, as far as who searched the text could tell.
    """

    def __init__(self, original: str, where: str = "", cap: int | None = None) -> None:
        self.original = original if cap is None or len(original) <= cap else original[:cap]
        self.where = where
        # By hand, not by cached_property: before Python 3.12 that takes a lock, which costs as much as a short text.
        self._normalised: tuple[str, bool] | None = None
        self._cut: tuple[list[str], str] | None = None
        self._word_count: int | None = None
        self.spans: dict[tuple[int, int], tuple[int, int]] = {}

    @property
    def normalised(self) -> str:
        if self._normalised is None:
            self._normalised = _normalise(self.original)
        return self._normalised[0]

    @property
    def words(self) -> list[str]:
        if self._cut is None:
            self._cut = cut(self.normalised)
        return self._cut[0]

    @property
    def joined(self) -> str:
        """The words with one space before, between and behind them: what the literal prefilter looks at."""
        if self._cut is None:
            self._cut = cut(self.normalised)
        return self._cut[1]

    @property
    def word_count(self) -> int:
        if self._word_count is None:
            self._word_count = len(self.words)
        return self._word_count

    @word_count.setter
    def word_count(self, count: int) -> None:
        self._word_count = count

    def word_at(self, joined_offset: int) -> int:
        """The number of the word before which the space at `joined_offset` of `joined` stands."""
        joined = self.joined
        if len(joined) < _LONG:
            return joined.count(" ", 0, joined_offset)
        return bisect_right(self._joined_starts, joined_offset) - 1

    @cached_property
    def _joined_starts(self) -> list[int]:
        return list(accumulate((len(word) + 1 for word in self.words), initial=0))

    @cached_property
    def starts(self) -> list[int]:
        """Where each word begins in the normalised text."""
        pieces = spaced(self.normalised).split(" ")
        ends = accumulate([len(piece) + 1 for piece in pieces], initial=0)
        return [at for at, piece in zip(ends, pieces, strict=False) if piece]

    @cached_property
    def _ends(self) -> dict[int, bool]:
        return {}

    def ends_after(self, word: int) -> bool:
        """Whether a sentence ends between word number `word` and the next one."""
        known = self._ends.get(word)
        if known is None:
            start, end = self.starts[word] + len(self.words[word]), self.starts[word + 1]
            known = self._ends[word] = _SENTENCE_END.search(self.normalised, start, end) is not None
        return known

    def words_span(self, first: int, last: int) -> tuple[int, int]:
        """From where to where words number `first` to `last` (included) go in the original."""
        known = self.spans.get((first, last))
        return known or self.original_span(self.starts[first], self.starts[last] + len(self.words[last]))

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """What of the original gave the normalised characters from `start` up to, not including, `end`."""
        if self._normalised is None:
            self._normalised = _normalise(self.original)
        if self._normalised[1]:
            return start, end
        if start >= end:
            start = self._origin(start)[0]
            return start, start
        return self._origin(start)[0], self._origin(end - 1)[1]

    def original_of(self, start: int, end: int) -> str:
        start, end = self.original_span(start, end)
        return self.original[start:end]

    def line_of(self, original_offset: int) -> int:
        """The line, from 1, of a place in the original; 0 when the text has but one line."""
        if "\n" not in self.original.strip("\n"):
            return 0
        return self.original.count("\n", 0, original_offset) + 1

    def _origin(self, offset: int) -> tuple[int, int]:
        """The original characters (from, up to) that the normalised character at `offset` came from."""
        normalised_starts, original_starts = self._map
        run = bisect_right(normalised_starts, offset) - 1
        length = normalised_starts[run + 1] - normalised_starts[run]
        start, end = original_starts[run], original_starts[run + 1]
        if length == end - start:  # one for one
            start += offset - normalised_starts[run]
            return start, start + 1
        return start, end

    @cached_property
    def _map(self) -> tuple[list[int], list[int]]:
        return _alignment(self.original, self.normalised)


def _alignment(original: str, normalised: str) -> tuple[list[int], list[int]]:
    """Where pieces begin in the normalised text and in the original, one piece of which makes one of the other, with
    both lengths at the end. Inside a piece of equal lengths one character makes one."""
    there, here = [0], [0]

    def piece(length: int, size: int) -> None:
        there.append(there[-1] + length)
        here.append(here[-1] + size)

    for odd in _ODD_RUN.finditer(original):
        if odd.start() > here[-1]:
            piece(odd.start() - here[-1], odd.start() - here[-1])
        for cluster in _clusters(odd.group()):
            made = len(normalise(cluster))
            piece(made, len(cluster))
    if here[-1] < len(original):
        piece(len(original) - here[-1], len(original) - here[-1])
    if there[-1] != len(normalised):  # pragma: no cover - no text is known that does this; then the whole is one piece
        return [0, len(normalised)], [0, len(original)]
    return _without_empty(there, here)


def _without_empty(there: list[int], here: list[int]) -> tuple[list[int], list[int]]:
    """Pieces that left nothing (a zero-width character) belong to the piece before them."""
    kept_there, kept_here = [there[0]], [here[0]]
    for index in range(1, len(there)):
        if there[index] == there[index - 1] and len(kept_there) > 1:
            kept_here[-1] = here[index]
        elif there[index] != there[index - 1]:
            kept_there.append(there[index])
            kept_here.append(here[index])
    return kept_there, kept_here


def _clusters(run: str) -> list[str]:
    """The run cut before every character that cannot melt with what is before it."""
    found: list[str] = []
    for char in run:
        if found and _melts(char):
            found[-1] += char
        else:
            found.append(char)
    return found


def _melts(char: str) -> bool:
    return (
        _REMOVED.match(char) is not None
        or unicodedata.category(char).startswith("M")
        or char in _JOINS_BACKWARD
        or "\u1161" <= unicodedata.normalize("NFKC", char)[0] <= "\u11ff"  # Hangul vowels and finals
    )


def spaced(normalised: str) -> str:
    """A normalised text with every separator as a space, of the same length: `.split()` gives its words."""
    text = _without_rare_separators(_without_common_separators(normalised))
    return _without_idle_joiners(f" {text} ")[1:-1]


def cut(normalised: str) -> tuple[list[str], str]:
    """The words of a normalised text, and all of them with one space before, between and behind them."""
    text = _without_common_separators(normalised)
    words = text.split()
    together = "".join(words)
    if not together.isalnum() and not together.replace("-", "").replace("'", "").isalnum():
        words = _without_rare_separators(text).split()
    joined = f" {' '.join(words)} "
    without = _without_idle_joiners(joined)
    if without is not joined:
        words = without.split()
        joined = f" {' '.join(words)} "
    return words, joined


def _without_common_separators(text: str) -> str:
    for sign in _COMMON_SEPARATORS if len(text) > _SHORT else set(_SHORT_SEPARATOR.findall(text)):
        text = text.replace(sign, " ")
    return text


def _without_rare_separators(text: str) -> str:
    signs = {char for char in _SEPARATOR.findall(text) if not unicodedata.category(char).startswith("M")}
    if len(signs) > _MANY:
        return "".join(" " if char in signs else char for char in text)
    for sign in signs:
        text = text.replace(sign, " ")
    return text


def _without_idle_joiners(text: str) -> str:
    """Apostrophes and hyphens that join nothing as spaces. The text begins and ends with a space."""
    if "-" in text or "'" in text:
        for pair in _NO_JOINERS:
            text = text.replace(pair, "  ")
    return text


def words(text: str) -> list[str]:
    """The words of a text that need not be normalised yet."""
    return cut(normalise(text))[0]
