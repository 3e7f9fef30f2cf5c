"""memory.py in C: the same sums to the last digits, at a tenth of the time. The code is in native/prediction.c.

Python cuts the text, parses what is no plain word (`tokens_of`), and knows the dictionary; words, their features and
all sums are C's.
"""

import ctypes
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int32, c_int64, c_uint32, c_uint64, c_void_p

import numpy as np

from router.classify import features, memory
from router.classify.features import BLOCKS, HASH_BITS, MARKS
from router.classify.judging import Numbers
from router.classify.lexicon import Lexicon
from router.classify.memory import Block, rows_of
from router.classify.normalise import SINGLE_LETTERS, unspaced
from router.classify.tokens import shortened, tokens_of, tokens_of_other
from router.native import LETTER_BYTES, function, letters

MOST_LETTERS = 2_000_000
"""Letters of all that is remembered, four bytes each."""

_PLAIN = 200
"""Letters up to which C knows a plain word: what it asks about is none."""
_UNKNOWN, _SPACED_SUBJECT, _SPACED_TEXT = 1, 2, 4
_MAY_FORGET, _IS_CLOSE = 1, 2


class _Block(Structure):
    _fields_ = (("rows", c_void_p), ("numbers", c_void_p))


class _Tables(Structure):
    _fields_ = (
        *((name, c_int64) for name in ("columns", "hash_bits", "most_tokens", "most_chunks", "most_letters")),
        ("seed", c_uint64),
        *((name, _Block) for name in BLOCKS),
    )


_STRING = (c_char_p, c_uint32)
_FUNCTIONS = (
    ("new", c_void_p, (POINTER(_Tables),)),
    ("free", None, (c_void_p,)),
    ("mean", c_int, (c_void_p, *_STRING, POINTER(c_uint32), c_uint32)),
    ("fix", c_int, (c_void_p, *_STRING, c_uint32)),
    ("teach", c_int, (c_void_p, *_STRING, *_STRING)),
    ("sums", c_int, (c_void_p, *_STRING, *_STRING, c_int, c_void_p, c_void_p, POINTER(c_int64))),
    ("remembered", c_uint32, (c_void_p,)),
    ("missing", POINTER(c_int32), (c_void_p, POINTER(c_uint32))),
)
"""As native/prediction.c has them: name, result, arguments."""


class NativeMemory:
    """See `Memory`, which this stands for. Raises MemoryError where that would."""

    def __init__(
        self, library: ctypes.CDLL, blocks: Mapping[str, Block], lexicon: Lexicon, words: Sequence[str] = ()
    ) -> None:
        called = {
            name: function(library, f"prediction_{name}", result, arguments) for name, result, arguments in _FUNCTIONS
        }
        self._sums, self._missing, self._remembered = called["sums"], called["missing"], called["remembered"]
        self._teach = called["teach"]
        width = blocks[BLOCKS[0]].table.shape[1] - 1
        self._kept = [(rows_of(name, block), np.ascontiguousarray(block.table)) for name, block in blocks.items()]
        seed = int.from_bytes(os.urandom(8), "big")  # nobody can write words that meet in one slot
        tables = _Tables(width + 1, HASH_BITS, memory.TOKENS, memory.REMEMBERED, MOST_LETTERS, seed)
        for name, (rows, table) in zip(blocks, self._kept, strict=True):
            setattr(tables, name, _Block(rows.ctypes.data, table.ctypes.data))
        self._at = called["new"](byref(tables))
        if not self._at:
            raise MemoryError
        weakref.finalize(self, called["free"], self._at)
        self._vector: Numbers = np.zeros(2 * width + features.SHAPE)
        self._shape = 2 * width
        self._about = (c_int64 * 3)()
        whole = self._vector.ctypes.data
        self._out = (whole, whole + width * 8, self._about)
        self._know(lexicon, called["mean"], called["fix"])
        for start in range(0, len(words), 500):
            self.vector("", "\n".join(words[start : start + 500]))

    def _know(self, lexicon: Lexicon, mean: Callable[..., int], fix: Callable[..., int]) -> None:
        for before, table in (("", lexicon.whole), ("\0", lexicon.stems)):
            for word, concepts in table.items():
                data = letters(before + word)
                numbers = (c_uint32 * len(concepts))(*concepts)
                _check(mean(self._at, data, len(data) // LETTER_BYTES, numbers, len(concepts)))
        data = letters(_listed([*MARKS, *sorted(SINGLE_LETTERS)]))
        _check(fix(self._at, data, len(data) // LETTER_BYTES, len(MARKS)))

    def vector(self, subject: str, text: str) -> Numbers:
        """As `Memory.vector`."""
        flags, parts = _MAY_FORGET, (shortened(subject), shortened(text))
        while said := self._said(*parts, flags):
            if said == _UNKNOWN:
                self._learn("".join(parts))
                flags &= ~_MAY_FORGET
            else:
                _check(said)
                spaced = (said & _SPACED_SUBJECT, said & _SPACED_TEXT)
                close = [unspaced(part) if has else part for part, has in zip((subject, text), spaced, strict=True)]
                flags, parts = flags | _IS_CLOSE, (shortened(close[0]), shortened(close[1]))
        words, ends, bits = self._about
        marks = [mark for place, mark in enumerate(MARKS) if bits >> place & 1]
        self._vector[self._shape :] = features.shape_of(words, ends, marks)
        return self._vector

    def remembered(self) -> int:
        """As `Memory.remembered`."""
        found: int = self._remembered(self._at)
        return found

    def _said(self, subject: str, text: str, flags: int) -> int:
        first, second = letters(subject), letters(text)
        found: int = self._sums(
            self._at, first, len(first) // LETTER_BYTES, second, len(second) // LETTER_BYTES, flags, *self._out
        )
        return found

    def _learn(self, both: str) -> None:
        size = c_uint32()
        missing = self._missing(self._at, byref(size))
        for chunk in {both[missing[at] : missing[at] + missing[at + 1]] for at in range(0, size.value, 2)}:
            of = tokens_of if len(chunk) > _PLAIN else tokens_of_other
            key, tokens = letters(chunk), letters(_listed(of(chunk)))
            _check(self._teach(self._at, key, len(key) // LETTER_BYTES, tokens, len(tokens) // LETTER_BYTES))


def _listed(tokens: Iterable[str]) -> str:
    return "".join(f"\n{token}" for token in tokens)


def _check(said: int) -> None:
    if said < 0:
        raise MemoryError("no memory for what words add up to")
