"""memory.py and judging.py in C: the same numbers to the last digits, at a tenth of the time; see native/prediction.c.

Python knows the dictionary and parses the few chunks that C is not certain of (`tokens_of`); all others, the features
of words, all sums and what they say are C's.
"""

import ctypes
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from ctypes import (
    POINTER,
    Structure,
    addressof,
    byref,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)

import numpy as np

from router.classify import features, memory
from router.classify.features import BLOCKS, HASH_BITS, MARKS
from router.classify.judging import ANY_TRADE, OURS, Head, Numbers, all_heads
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


class _Heads(Structure):
    _fields_ = (
        *((name, c_int64) for name in ("count", "ours")),
        *((name, c_void_p) for name in ("first", "labels", "mixed", "matrix", "bias", "prior")),
    )


_STRING = (c_char_p, c_uint32)
_FUNCTIONS = (
    ("new", c_void_p, (POINTER(_Tables),)),
    ("free", None, (c_void_p,)),
    ("mean", c_int, (c_void_p, *_STRING, POINTER(c_uint32), c_uint32)),
    ("fix", c_int, (c_void_p, *_STRING, c_uint32)),
    ("teach", c_int, (c_void_p, *_STRING, *_STRING)),
    ("sums", c_int, (c_void_p, c_char_p, c_uint32, c_uint32, c_int, c_void_p, POINTER(_Heads))),
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
        size = 2 * width + features.SHAPE
        self._found = (c_double * (size + width))()
        self._found_at = addressof(self._found)
        self._vector: Numbers = np.frombuffer(self._found, count=size)
        self._first_score = size
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
        self._work_out(subject, text, None)
        return self._vector

    def scores(self, subject: str, text: str, heads: "NativeHeads") -> dict[str, dict[str, float]]:
        """As `judge_one`, from the text."""
        self._work_out(subject, text, heads)
        scores = self._found[self._first_score :]
        return {name: dict(zip(labels, scores[columns], strict=True)) for name, labels, columns in heads.shown}

    def _work_out(self, subject: str, text: str, heads: "NativeHeads | None") -> None:
        flags, close = _MAY_FORGET, [subject, text]
        at = None if heads is None else heads.at
        while True:
            first, second = map(shortened, close)
            both = first + second
            said = self._sums(self._at, letters(both), len(first), len(second), flags, self._found_at, at)
            if not said:
                return
            if said == _UNKNOWN:
                self._learn(both)
                flags &= ~_MAY_FORGET
            else:
                _check(said)
                spaced = (said & _SPACED_SUBJECT, said & _SPACED_TEXT)
                close = [unspaced(part) if has else part for part, has in zip((subject, text), spaced, strict=True)]
                flags |= _IS_CLOSE

    def remembered(self) -> int:
        """As `Memory.remembered`."""
        found: int = self._remembered(self._at)
        return found

    def _learn(self, both: str) -> None:
        size = c_uint32()
        missing = self._missing(self._at, byref(size))
        for chunk in {both[missing[at] : missing[at] + missing[at + 1]] for at in range(0, size.value, 2)}:
            of = tokens_of if len(chunk) > _PLAIN else tokens_of_other
            key, tokens = letters(chunk), letters(_listed(of(chunk)))
            _check(self._teach(self._at, key, len(key) // LETTER_BYTES, tokens, len(tokens) // LETTER_BYTES))


class NativeHeads:
    """What `judge_one` goes by, as C reads it. columns: of the tables, without the squares. shown: the name, labels and
    columns of each classifier whose scores are given out."""

    def __init__(self, heads: Mapping[str, Head], columns: int) -> None:
        prior = np.zeros(columns)
        for head in heads.values():
            prior[head.columns] = head.prior
        of_each = (
            [head.columns.start for head in heads.values()],
            [len(head.labels) for head in heads.values()],
            [name != OURS and name not in ANY_TRADE for name in heads],
        )
        arrays = [np.array(one, dtype=np.int64) for one in of_each]
        arrays += [np.ascontiguousarray(one) for one in (*all_heads(heads, columns), prior)]
        ours = list(heads).index(OURS) if OURS in heads else -1
        self._kept = (arrays, _Heads(len(heads), ours, *(one.ctypes.data for one in arrays)))
        self.at = byref(self._kept[1])
        self.shown = tuple((name, head.labels, head.columns) for name, head in heads.items() if name != OURS)


def _listed(tokens: Iterable[str]) -> str:
    return "".join(f"\n{token}" for token in tokens)


def _check(said: int) -> None:
    if said < 0:
        raise MemoryError("no memory for what words add up to")
