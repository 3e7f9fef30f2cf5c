"""What the words of a mail add up to, and what is remembered for it. numpy only.

A memory is a value: the same text gives the same sums, in every process. It remembers what it has worked out for
each word it has met, which changes how fast it answers and never what. A mail's words are a string of bytes, joined of
what is remembered for each chunk, that numpy reads as numbers: no object a word is made.

A mail is scored as a whole and sentence by sentence: what one sentence says may be hidden among ten others. The highest
sentence (`peak`) counts beside the whole.

native_memory.py gives the same, some times faster, where a C compiler was found.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from router.classify import features
from router.classify.features import BLOCKS, MARKS, Indices
from router.classify.judging import Numbers
from router.classify.lexicon import Lexicon
from router.classify.normalise import SINGLE_LETTERS, plain_skeleton, unspaced
from router.classify.tokens import END, SPACED_LETTERS, chunks_of, plain_words, tokens_of_other
from router.frozen import dataclass

REMEMBERED = 27_000
"""Chunks of text that are remembered, twice: when so many are new, those not met since the last time are forgotten."""

TOKENS = 30_000
"""Tokens that are remembered; past it, those of forgotten chunks go."""


@dataclass(frozen=True, slots=True)
class Block:
    """What training found out about one block. kept: the features it kept, rising.

    table: (kept + 1, columns + 1) float32; row 0 is zero and stands for every other feature; the last column is what
    the feature adds to the square of a mail's length.
    """

    kept: NDArray[np.int32]
    table: NDArray[np.float32]


def rows_of(name: str, block: Block) -> NDArray[np.int32]:
    """bucket -> row of the block's table."""
    rows = np.zeros(features.size_of(name), dtype=np.int32)
    rows[block.kept] = np.arange(1, len(block.kept) + 1, dtype=np.int32)
    return rows


class Memory:
    """See the module.

    A token's number is its row in the arrays; row 0 is END. _numbers: of each token, as the bytes of an int64. _chunks:
    lately met, each with its tokens' numbers one behind the other; _older: met before these. _single: tokens that one
    letter gives. _place: where a token stood, written anew for each mail.
    """

    def __init__(self, blocks: Mapping[str, Block], lexicon: Lexicon, words: Sequence[str] = ()) -> None:
        """words: known before the first mail."""
        self._lexicon = lexicon
        self._columns = blocks[BLOCKS[0]].table.shape[1]
        self._rows = {name: rows_of(name, block) for name, block in blocks.items()}
        self._tables = {name: block.table for name, block in blocks.items()}
        rows = 32_768  # what is not used yet takes no memory, and what grows leaves a copy behind
        self._chunks: dict[str, bytes] = {}
        self._older: dict[str, bytes] = {}
        self._numbers: dict[str, bytes] = {END: _END}
        self._sums: Numbers = np.zeros((rows, self._columns))
        self._stems: features.Hashes = np.zeros(rows, dtype=np.uint64)
        self._concepts: Indices = np.zeros(rows, dtype=np.int64)
        self._single: NDArray[np.bool_] = np.zeros(rows, dtype=np.bool_)
        self._place: Indices = np.zeros(rows, dtype=np.int64)
        self._concepts[0] = -1
        self._learn_tokens(MARKS)  # they are the tokens 1 to len(MARKS), and never forgotten
        if words:
            self._learn(words)

    def vector(self, subject: str, text: str) -> Numbers:
        """What one mail adds up to, (2 * (columns - 1) + SHAPE,): the sums of the whole mail, of its highest sentence,
        and its shape. Never raises. Valid until the next one is asked for.
        """
        numbers = self.numbers(subject, text)
        width = self._columns - 1
        if not len(numbers):
            return np.concatenate([np.zeros(2 * width), features.shape_of(0, 0, ())])
        ends = (numbers == 0).nonzero()[0].tolist()
        starts = _sentences(ends, len(numbers))
        by_token = self._sums.take(numbers, axis=0)
        # a row a sentence, and one for the whole mail, in which every token counts once
        table = np.empty((len(starts) + 1, self._columns))
        np.add.reduceat(by_token + self._places(numbers), starts, axis=0, out=table[:-1])
        np.add.reduce(table[:-1], axis=0, out=table[-1])
        order = np.arange(len(numbers))
        self._place[numbers] = order
        again = (self._place.take(numbers) != order).nonzero()[0]
        if len(again):
            table[-1] -= np.add.reduce(by_token.take(again, axis=0), axis=0)
        # of a text without any known feature the sums are zero, whatever they are divided by
        sizes = np.sqrt(np.maximum(table[:, -1:], _TINY))
        totals = table[:, :-1] / sizes
        marks = {MARKS[one - 1] for one in set(numbers.compress(numbers <= len(MARKS)).tolist()) if one}
        shape = features.shape_of(len(numbers) - len(ends), len(ends), marks)
        return np.concatenate([totals[-1], np.maximum.reduce(totals[:-1], axis=0), shape])

    def remembered(self) -> int:
        """Tokens and chunks."""
        return len(self._numbers) + len(self._chunks) + len(self._older)

    def _places(self, numbers: Indices) -> Numbers:
        """What the place of each token adds, by its pair and by its concept pairs: (tokens, columns)."""
        rows = np.zeros(len(numbers), dtype=np.int32)
        buckets, both = features.pair_buckets(self._stems.take(numbers))
        np.multiply(self._rows["pairs"].take(buckets), both, out=rows[1:])  # row 0 of a table is zero
        found = self._tables["pairs"].take(rows, axis=0).astype(np.float64)
        for buckets, at in features.concept_buckets(self._concepts.take(numbers)):
            found[at] += self._tables["concept_pairs"].take(self._rows["concept_pairs"].take(buckets), axis=0)
        return found

    def numbers(self, subject: str, text: str) -> Indices:
        """The mail as numbers of remembered tokens, in order, 0 where a sentence ends; as features.tokens has it."""
        if len(self._chunks) > REMEMBERED:
            self._forget()
        parts = self._look_up(subject, text)
        single = self._single
        numbers = _numbers_in(b"".join(parts))
        if _has_run(single.take(numbers)):
            spaced = [_has_run(single.take(_numbers_in(part))) for part in parts]
            close = [unspaced(part) if has else part for part, has in zip((subject, text), spaced, strict=True)]
            numbers = _numbers_in(b"".join(self._look_up(*close)))
        # an END is never the first and never follows another
        is_word = numbers != 0
        kept = is_word.copy()
        kept[1:] |= is_word[:-1]
        return numbers.compress(kept)

    def _look_up(self, *parts: str) -> list[bytes]:
        """The numbers of each part's tokens, END after each line. What is not known yet is learned, in one go."""
        lines = [chunks_of(part) for part in parts]
        try:
            return self._joined(lines)
        except KeyError:
            self._learn(set(chain.from_iterable(chain.from_iterable(lines))).difference(self._chunks))
            return self._joined(lines)

    def _joined(self, parts: Sequence[Sequence[Sequence[str]]]) -> list[bytes]:
        """`_look_up` of the chunks of each part's lines. Raises KeyError for one that is not known."""
        known = self._chunks.__getitem__
        return [_END.join([*(b"".join(map(known, line)) for line in lines), b""]) for lines in parts]

    def _learn(self, missing: Iterable[str]) -> None:
        chunks, older, numbers = self._chunks, self._older, self._numbers
        parsed: list[tuple[str, tuple[str, ...]]] = []
        words: dict[str, None] = {}
        marked: list[tuple[str, str, bool]] = []
        new = []
        for chunk in missing:
            if chunk in older:
                chunks[chunk] = older[chunk]
            else:
                new.append(chunk)
        for chunk, (word, ends) in zip(new, plain_words(new), strict=True):
            if not word:
                parsed.append((chunk, tokens_of_other(chunk)))
                continue
            if word == chunk:
                word = chunk  # one object of the two
            else:
                marked.append((chunk, word, ends))
            if word in older:
                chunks[word] = older[word]
            elif word not in chunks:
                words[word] = None
        bare = dict(zip(words, plain_skeleton("\n".join(words)).split("\n"), strict=True)) if words else {}
        tokens = dict.fromkeys(chain(bare.values(), chain.from_iterable(one for _, one in parsed)))
        unknown = [token for token in tokens if token and token not in numbers]
        if unknown:
            self._learn_tokens(unknown)
        for word, token in bare.items():
            chunks[word] = numbers[token] if token else b""
        for chunk, word, ends in marked:
            chunks[chunk] = chunks[word] + _END if ends else chunks[word]
        for chunk, found in parsed:
            chunks[chunk] = b"".join([numbers[token] for token in found])

    def _learn_tokens(self, tokens: Sequence[str]) -> None:
        first = len(self._numbers)
        last = first + len(tokens)
        while last > len(self._sums):
            for name in _ROWS:
                had = getattr(self, name)
                setattr(self, name, np.concatenate([had, np.zeros_like(had)]))
        hashed = features.hashes_of(tokens)
        # row 0 of a table is zero: what begins no n-gram adds nothing, and needs no sorting out
        rows = self._rows["chars"].take(hashed.chars)
        rows *= hashed.there
        by_ngram = self._tables["chars"].take(rows.reshape(-1), axis=0)
        sums = np.add.reduceat(by_ngram, hashed.start * len(features.NGRAMS), axis=0, dtype=np.float64)
        by_word = self._tables["words"].take(self._rows["words"].take(hashed.words), axis=0)
        sums += np.add.reduce(by_word, axis=1, dtype=np.float64)
        concepts = self._rows["concepts"], self._tables["concepts"]
        for place, token in enumerate(tokens):
            if token in SINGLE_LETTERS:
                self._single[first + place] = True
            if found := self._lexicon.concepts(token):
                self._concepts[first + place] = found[0]
                for one in found:
                    sums[place] += concepts[1][concepts[0][one]]
        self._sums[first:last] = sums
        self._stems[first:last] = hashed.stems
        self._numbers.update(zip(tokens, map(_as_bytes, range(first, last)), strict=True))

    def _forget(self) -> None:
        """Keep what was met lately; if need be, only the tokens of that."""
        self._older, self._chunks = self._chunks, {}
        if len(self._numbers) <= TOKENS:
            return
        needed = np.zeros(len(self._numbers), dtype=np.bool_)
        needed[: len(MARKS) + 1] = True
        needed[_numbers_in(b"".join(self._older.values()))] = True
        kept = needed.nonzero()[0]
        place = needed.cumsum() - 1
        moved = {old: _as_bytes(place[row]) for row, old in enumerate(self._numbers.values()) if needed[row]}
        self._numbers = {token: moved[old] for token, old in self._numbers.items() if old in moved}
        self._older = {
            chunk: moved.get(found) or place[_numbers_in(found)].tobytes() for chunk, found in self._older.items()
        }
        for name in _ROWS:
            setattr(self, name, getattr(self, name)[kept])


_ROWS = ("_sums", "_stems", "_concepts", "_single", "_place")
_TINY = 1e-300
_as_bytes = struct.Struct("=q").pack
_END = _as_bytes(0)


def _numbers_in(found: bytes) -> Indices:
    return np.frombuffer(found, dtype=np.int64)


def _sentences(ends: Sequence[int], length: int) -> list[int]:
    """Where each sentence begins; the same cuts as features.segments. ends: where the ENDs are."""
    begun = 0
    starts = [0]
    for end in ends:
        if end - begun >= features.SHORTEST:
            begun = end + 1
            starts.append(begun)
    if starts[-1] == length:
        starts.pop()
    return starts


def _has_run(flags: NDArray[np.bool_]) -> bool:
    """Are SPACED_LETTERS in a row flagged?"""
    where = flags.nonzero()[0]
    back = SPACED_LETTERS - 1
    return len(where) > back and bool((where[back:] - where[:-back] == back).any())
