"""text.py, phrases.py and expressions.py in C: what a text has, in one pass over it. The code is in native/search.c.

Python says once what the letters of some pages are and become; a text with any other, or with one that melts with its
neighbours (a mark), is Python's alone.
"""

import ctypes
import unicodedata
import weakref
from array import array
from collections.abc import Callable, Iterable, Mapping
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_uint32, c_void_p
from functools import lru_cache

from router import native
from router.native import LETTER_BYTES, function, letters
from router.rules.expressions import ExpressionBook
from router.rules.phrases import CHECK_EVERY, OutOfTime, PhraseBook
from router.rules.search import Search
from router.rules.text import Text, normalise

PAGES = (*range(0x07), 0x1E, *range(0x20, 0x28), 0x2B, 0xFE, 0xFF, *range(0x1F3, 0x1FB))
"""Of 256 code points each: what Latin, Cyrillic, Greek, Hebrew and Arabic are written with, and signs and pictures."""
LONGEST = 4
"""Letters that one letter may become; what becomes more (ﷺ) is Python's."""

KNOWN, WORD, JOINER, SPACE, END, CLOSING, EXPANDS, REMOVED = (1 << bit for bit in range(21, 29))
"""What C knows of a letter. The bits below: what it becomes, or of EXPANDS where that stands."""
_LETTER = KNOWN - 1
_SIGNS = {"-": JOINER, "'": JOINER | CLOSING, **dict.fromkeys(".!?;:", END), **dict.fromkeys('"»”“)]}', CLOSING)}
_BETWEEN = "\U0010ffff"  # a code point that is no letter and never will be, so that nothing melts with it

_DONE, _UNFINISHED = 0, 2  # anything else: Python's
_PHRASES, _EXPRESSIONS = 1, 2
_HEAD, _RECORD = 4, 5


class _Written(Structure):
    _fields_ = (
        *((name, c_char_p) for name in ("letters", "lengths", "order")),
        ("length", c_uint32),
        ("count", c_uint32),
    )


class _Told(Structure):
    _fields_ = (
        ("phrases", _Written),
        ("expressions", _Written),
        *(
            (name, c_char_p)
            for name in ("wholes", "partials", "whole", "partial", "words", "letters", "lengths", "open", "gap")
        ),
        *((name, c_uint32) for name in ("length", "count", "size", "check_every")),
    )


class _Kept:
    """Something C made, and what it was made of; given back when nobody holds it any more."""

    def __init__(self, library: ctypes.CDLL, at: int | None, free: str, made_of: object = None) -> None:
        if not at:
            raise MemoryError("no memory for searching texts")
        self.at = at
        self.made_of = made_of
        weakref.finalize(self, function(library, free, None, (c_void_p,)), at)


class _Searcher(_Kept):
    """What C keeps while it reads a text; answer: where it says what it found."""

    def __init__(self, library: ctypes.CDLL, at: int | None, answer: "ctypes._Pointer[c_uint32]", book: _Kept) -> None:
        super().__init__(library, at, "search_free", book)
        self.answer = answer


class Alphabet(_Kept):
    def __init__(self, library: ctypes.CDLL) -> None:
        table, expansions = _table()
        arguments = (c_char_p, c_uint32, c_char_p, c_char_p, c_uint32)
        make = function(library, "search_alphabet", c_void_p, arguments)
        at = make(_numbers(PAGES), len(PAGES), _numbers(table), _numbers(expansions), len(expansions))
        super().__init__(library, at, "search_alphabet_free")
        self._kind = function(library, "search_kind", c_uint32, (c_void_p, c_uint32))

    def kind(self, letter: str) -> int:
        """What C knows of a letter."""
        found: int = self._kind(self.at, ord(letter))
        return found


@lru_cache(maxsize=1)
def alphabet_of(library: ctypes.CDLL) -> Alphabet:
    """One for all rules files of a process."""
    return Alphabet(library)


def search_of(phrases: PhraseBook, expressions: ExpressionBook) -> "Search | NativeSearch":
    """In C where that is built."""
    library = native.library()
    return Search(phrases, expressions) if library is None else NativeSearch(library, phrases, expressions)


class NativeSearch:
    """See `Search`, which this stands for and asks about the texts that C does not read."""

    def __init__(self, library: ctypes.CDLL, phrases: PhraseBook, expressions: ExpressionBook) -> None:
        alphabet = alphabet_of(library)
        make = function(library, "search_book", c_void_p, (c_void_p, POINTER(_Told)))
        at = make(alphabet.at, byref(_told(phrases, expressions)))
        self._book = _Kept(library, at, "search_book_free", alphabet)
        self._library = library
        self._new = function(library, "search_new", c_void_p, (c_void_p,))
        self._answer = function(library, "search_answer", POINTER(c_uint32), (c_void_p,))
        self._search = function(library, "search", c_int, (c_void_p, c_char_p, c_uint32, c_int))
        self._go_on = function(library, "search_on", c_int, (c_void_p,))
        self._of_literals = expressions.of_literals
        self._python = Search(phrases, expressions)
        self._idle: list[_Searcher] = []  # threads take one each

    def find(
        self, text: Text, out_of_time: Callable[[], bool] = lambda: False
    ) -> tuple[Mapping[int, tuple[int, int]], frozenset[int] | None]:
        """As `Search.find`. Tells the text how many words it has, and where in the original the phrases are."""
        said = self._said(text, _PHRASES | _EXPRESSIONS, out_of_time)
        if said is None:
            return self._python.find(text, out_of_time)
        (found, _, has_removed, text.word_count), numbers = said
        hits = {}
        for at in range(0, found * _RECORD, _RECORD):
            number, first, last, start, end = numbers[at : at + _RECORD]
            hits[number] = place = first, last
            if not has_removed:
                text.spans[place] = start, end
        return hits, self._of_literals(numbers[found * _RECORD :])

    def possible(self, text: Text) -> frozenset[int]:
        """As `Search.possible`."""
        said = self._said(text, _EXPRESSIONS)
        return self._python.possible(text) if said is None else self._of_literals(said[1])

    def reads(self, text: Text) -> bool:
        """Whether C does, and not Python."""
        return self._said(text, 0) is not None

    def _said(
        self, text: Text, what: int, out_of_time: Callable[[], bool] = lambda: False
    ) -> tuple[list[int], list[int]] | None:
        """The head of C's answer, and what comes behind it; None: Python is to be asked."""
        try:
            searcher = self._idle.pop()
        except IndexError:  # not asked before: another thread may take the last one
            searcher = self._made()
        data = letters(text.original)
        said = self._search(searcher.at, data, len(data) // LETTER_BYTES, what)
        while said == _UNFINISHED:
            if out_of_time():
                raise OutOfTime
            said = self._go_on(searcher.at)
        found = None
        if said == _DONE:
            answer = searcher.answer
            head = answer[:_HEAD]
            size = head[0] * _RECORD + head[1]
            found = head, (answer[_HEAD : _HEAD + size] if size else [])
        self._idle.append(searcher)
        return found

    def _made(self) -> "_Searcher":
        at = self._new(self._book.at)
        return _Searcher(self._library, at, self._answer(at), self._book)


def _table() -> tuple[list[int], list[int]]:
    """What C is told of the letters of all PAGES; and the letters that some become several of, with their number before
    them."""
    pages = [list(map(chr, range(page << 8, (page + 1) << 8))) for page in PAGES]
    every = [one for page in pages for one in page]
    forms = [form for page in pages for form in normalise(_BETWEEN.join(page)).split(_BETWEEN)]
    itself = {one for one, form in zip(every, forms, strict=True) if one == form and not _melts(one)}
    expansions: list[int] = []
    table = []
    for form in forms:
        if not form:
            table.append(KNOWN | REMOVED)
        elif len(form) > LONGEST or not itself.issuperset(form):
            table.append(0)
        elif len(form) == 1:
            kind = WORD if form.isalnum() else SPACE if form.isspace() else _SIGNS.get(form, 0)
            table.append(ord(form) | KNOWN | kind)
        else:
            table.append(len(expansions) | KNOWN | EXPANDS)
            expansions += [len(form), *map(ord, form)]
    return table, expansions


def _melts(letter: str) -> bool:
    """Whether it may become another with its neighbours: a mark, or a part of a Hangul syllable."""
    return unicodedata.category(letter).startswith("M") or "\u1100" <= letter <= "\u11ff"


def _told(phrases: PhraseBook, expressions: ExpressionBook) -> _Told:
    words = [word for phrase in phrases.phrases for word in phrase.words]
    told = letters("".join(words))
    return _Told(
        _written([literal[1:] for literal in phrases.literals]),  # the space before it is where a word begins
        _written(expressions.literals),
        wholes=_numbers(map(len, phrases.wholes)),
        partials=_numbers(map(len, phrases.partials)),
        whole=_numbers(number for users in phrases.wholes for user in users for number in user),
        partial=_numbers(number for users in phrases.partials for user in users for number in user),
        words=_numbers(len(phrase.words) for phrase in phrases.phrases),
        letters=told,
        lengths=_numbers(map(len, words)),
        open=bytes(one for phrase in phrases.phrases for one in phrase.open),
        gap=bytes(one for phrase in phrases.phrases for one in phrase.gap),
        length=len(told) // LETTER_BYTES,
        count=len(words),
        size=len(phrases.phrases),
        check_every=CHECK_EVERY,
    )


def _written(literals: Iterable[str]) -> _Written:
    listed = list(literals)
    order = sorted(range(len(listed)), key=listed.__getitem__)
    in_order = [listed[number] for number in order]
    told = letters("".join(in_order))
    return _Written(told, _numbers(map(len, in_order)), _numbers(order), len(told) // LETTER_BYTES, len(listed))


def _numbers(numbers: Iterable[int]) -> bytes:
    return array("I", numbers).tobytes()
