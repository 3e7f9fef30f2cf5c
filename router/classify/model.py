"""Prediction. numpy only: scikit-learn is needed to train, never to serve.

A `Model` is a value: the same text gives the same scores, in every process. It remembers what it has worked out for
each word it has met, which changes how fast it answers and never what. A mail's words are a string of bytes, joined of
what is remembered for each chunk, that numpy reads as numbers: no object a word is made.

A mail is scored as a whole and sentence by sentence: what one sentence says may be hidden among ten others. The highest
sentence (`peak`) counts beside the whole.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from router.classify import features
from router.classify.features import BLOCKS, MARKS, Indices
from router.classify.lexicon import Lexicon
from router.classify.normalise import SINGLE_LETTERS, plain_skeleton, unspaced
from router.classify.replies import REPLY, Evidence, Told
from router.classify.tokens import END, SPACED_LETTERS, chunks_of, plain_words, tokens_of_other
from router.vocabulary import UNDETERMINED

REMEMBERED = 27_000
"""Chunks of text that are remembered, twice: when so many are new, those not met since the last time are forgotten."""

TOKENS = 30_000
"""Tokens that are remembered; past it, those of forgotten chunks go."""

OURS = "ours"
"""The inner classifier that knows mail of this trade from other texts; its score is not given out."""

ANY_TRADE = frozenset({"abuse", REPLY})
"""Classifiers whose scores do not depend on whether a text is of our trade."""

HARDLY = 5.0
"""A text is hardly of our trade when less than a fifth speaks for it."""

INNER = frozenset({OURS, REPLY})
"""Classifiers that `scores` does not give out."""

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """accept, reject, margin: 0..1, as in rules.yaml; tuned on mail the model was not trained on."""

    accept: float
    reject: float
    margin: float = 0.0


def decide_label(scores: Mapping[str, float], thresholds: Thresholds) -> str | None:
    """The accepted label, or None: the classifier abstains.

    Accepted is the highest label if it has at least `accept` and leads the second by at least `margin`. A classifier
    of one label has no second and no margin (amendment 22).
    """
    if not scores:
        return None
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    label, first = ranked[0]
    if first < thresholds.accept:
        return None
    if len(ranked) > 1 and first - ranked[1][1] < thresholds.margin:
        return None
    return label


@dataclass(frozen=True, slots=True)
class Block:
    """What training found out about one block. kept: the features it kept, rising.

    table: (kept + 1, columns + 1) float32; row 0 is zero and stands for every other feature; the last column is what
    the feature adds to the square of a mail's length.
    """

    kept: NDArray[np.int32]
    table: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """One classifier: its labels, its columns of the tables, and what turns its sums into probabilities.

    One label: a sigmoid; several: a softmax. whole, peak: (labels, labels), what the sums of the whole mail and of its
    highest sentence count for each label; shape: (SHAPE, labels), what the mail's shape does. bias: one number a label.
    prior: what a text of another trade gets.
    """

    labels: tuple[str, ...]
    columns: slice
    bias: Numbers
    whole: Numbers
    peak: Numbers
    shape: Numbers
    prior: Numbers


@dataclass(frozen=True, slots=True)
class Sums:
    """What is known of some mails, or (without the first dimension) of one: whole, peak: (mails, columns) sums of all
    words and of the highest sentence; shape: (mails, SHAPE), features.shape_of.
    """

    whole: Numbers
    peak: Numbers
    shape: Numbers


def _probabilities(sums: Sums, head: Head) -> Numbers:
    """Calibrated probabilities, (mails, labels)."""
    logits = (
        sums.whole[:, head.columns] @ head.whole
        + sums.peak[:, head.columns] @ head.peak
        + sums.shape @ head.shape
        + head.bias
    )
    if len(head.labels) == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-logits)))
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def judge(sums: Sums, heads: Mapping[str, Head]) -> dict[str, Numbers]:
    """classifier -> (mails, labels): what `Model.scores` gives, for many.

    Where a classifier has to choose (several labels), the less a text is of our trade, the nearer its scores are to
    `prior`; with one label only if the text is hardly of our trade (a few vague words can be of any). An insult
    is an insult in any trade: what is in ANY_TRADE stands as it is.
    """
    found = {name: _probabilities(sums, head) for name, head in heads.items()}
    ours = found.pop(OURS, None)
    if ours is None:
        return found
    return {
        name: scores
        if name in ANY_TRADE
        else heads[name].prior
        + (ours if scores.shape[1] > 1 else np.minimum(1.0, ours * HARDLY)) * (scores - heads[name].prior)
        for name, scores in found.items()
    }


def _all_heads(heads: Mapping[str, Head], columns: int) -> tuple[Numbers, Numbers]:
    """What `_probabilities` multiplies by, for all heads in one: (2 * columns + SHAPE, columns), and (columns,)."""
    matrix, bias = np.zeros((2 * columns + features.SHAPE, columns)), np.zeros(columns)
    for head in heads.values():
        own = head.columns
        matrix[own, own] = head.whole
        matrix[columns + own.start : columns + own.stop, own] = head.peak
        matrix[2 * columns :, own] = head.shape
        bias[own] = head.bias
    return matrix, bias


def _judge_one(all_logits: Sequence[float], heads: Mapping[str, Head]) -> dict[str, dict[str, float]]:
    """`judge` for one mail, from the logits of all columns; arrays of four numbers cost more than they save."""
    found = {}
    for name, head in heads.items():
        logits = all_logits[head.columns]
        if len(logits) == 1:
            found[name] = [1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, logits[0]))))]
        else:
            top = max(logits)
            powers = [math.exp(one - top) for one in logits]
            total = sum(powers)
            found[name] = [one / total for one in powers]
    ours = found.pop(OURS, None)
    for name, scores in found.items():
        if ours is not None and name not in ANY_TRADE:
            priors = heads[name].prior.tolist()
            share = ours[0] if len(scores) > 1 else min(1.0, ours[0] * HARDLY)
            found[name] = [prior + share * (p - prior) for p, prior in zip(scores, priors, strict=True)]
    return {name: dict(zip(heads[name].labels, scores, strict=True)) for name, scores in found.items()}


@dataclass(slots=True)
class _Memory:
    """What one process has worked out so far. A token's number is its row in the arrays; row 0 is END.

    numbers: of each token, as the bytes of an int64. chunks: lately met, each with its tokens' numbers one behind the
    other; older: met before these. single: tokens that one letter gives. place: where a token stood, written anew for
    each mail.
    """

    chunks: dict[str, bytes]
    older: dict[str, bytes]
    numbers: dict[str, bytes]
    sums: Numbers
    stems: features.Hashes
    concepts: Indices
    single: NDArray[np.bool_]
    place: Indices


class Model:
    """See the module. `labels`, `thresholds`: by the name of the classifier."""

    def __init__(
        self,
        model_id: str,
        labels: Mapping[str, tuple[str, ...]],
        thresholds: Mapping[str, Thresholds],
        blocks: Mapping[str, Block],
        heads: Mapping[str, Head],
        lexicon: Lexicon,
        words: Sequence[str] = (),
        evidence: Evidence | None = None,
    ) -> None:
        self.id = model_id
        self.labels = labels
        self.thresholds = thresholds
        self.blocks = blocks
        self.heads = heads
        self.lexicon = lexicon
        self.words = words
        self.evidence = evidence
        self._given = {name: head for name, head in heads.items() if name != REPLY}
        self._columns = blocks[BLOCKS[0]].table.shape[1]
        self._matrix, self._bias = _all_heads(heads, self._columns - 1)
        self._rows = {}
        for name, block in blocks.items():
            rows = np.zeros(features.size_of(name), dtype=np.int32)
            rows[block.kept] = np.arange(1, len(block.kept) + 1, dtype=np.int32)
            self._rows[name] = rows
        self._tables = {name: block.table for name, block in blocks.items()}
        self._begin()

    def _begin(self) -> None:
        rows = 32_768  # what is not used yet takes no memory, and what grows leaves a copy behind
        self._memory = _Memory(
            chunks={},
            older={},
            numbers={END: _END},
            sums=np.zeros((rows, self._columns)),
            stems=np.zeros(rows, dtype=np.uint64),
            concepts=np.zeros(rows, dtype=np.int64),
            single=np.zeros(rows, dtype=np.bool_),
            place=np.zeros(rows, dtype=np.int64),
        )
        self._memory.concepts[0] = -1
        self._learn_tokens(MARKS)  # they are the tokens 1 to len(MARKS), and never forgotten
        if self.words:
            self._learn(self.words)

    def _forget(self) -> None:
        """Keep what was met lately; if need be, only the tokens of that."""
        memory = self._memory
        memory.older, memory.chunks = memory.chunks, {}
        if len(memory.numbers) <= TOKENS:
            return
        needed = np.zeros(len(memory.numbers), dtype=np.bool_)
        needed[: len(MARKS) + 1] = True
        needed[_numbers_in(b"".join(memory.older.values()))] = True
        kept = needed.nonzero()[0]
        place = needed.cumsum() - 1
        moved = {old: _as_bytes(place[row]) for row, old in enumerate(memory.numbers.values()) if needed[row]}
        memory.numbers = {token: moved[old] for token, old in memory.numbers.items() if old in moved}
        memory.older = {
            chunk: moved.get(found) or place[_numbers_in(found)].tobytes() for chunk, found in memory.older.items()
        }
        for name in _ROWS:
            setattr(memory, name, getattr(memory, name)[kept])

    def scores(self, subject: str, text: str, language: str = UNDETERMINED) -> dict[str, dict[str, float]]:
        """classifier -> label -> probability. `abuse` has one label, so its number adds up with nothing.

        subject, text: decoded; text is what the author wrote, without quotes. language: not asked, the words tell it
        better. A text that is not of this trade, or empty, gets what no threshold accepts. Never raises.
        """
        sums = self.sums(subject, text)
        logits = np.concatenate([sums.whole, sums.peak, sums.shape]) @ self._matrix + self._bias
        return _judge_one(logits.tolist(), self._given)

    def asks_anew(self, text: str, told: Told) -> float | None:
        """How likely a reply in a ticket asks something else; None when the model has not learned that. text: what
        its author wrote, without quotes and without the Subject, which is the ticket's.
        """
        if self.evidence is None:
            return None
        column = self.heads[REPLY].columns.start
        sums = self.sums("", text)
        logit = float(
            np.concatenate([sums.whole, sums.peak, sums.shape]) @ self._matrix[:, column] + self._bias[column]
        )
        return self.evidence.of_words(logit) if told.nothing else self.evidence.probability(logit, told)

    def sums(self, subject: str, text: str) -> Sums:
        """Of one mail: each array without its first dimension."""
        numbers = self._numbers(subject, text)
        width = self._columns - 1
        if not len(numbers):
            return Sums(np.zeros(width), np.zeros(width), np.array(features.shape_of(0, 0, ())))
        memory = self._memory
        ends = (numbers == 0).nonzero()[0].tolist()
        starts = _sentences(ends, len(numbers))
        by_token = memory.sums.take(numbers, axis=0)
        # a row a sentence, and one for the whole mail, in which every token counts once
        table = np.empty((len(starts) + 1, self._columns))
        np.add.reduceat(by_token + self._places(numbers), starts, axis=0, out=table[:-1])
        np.add.reduce(table[:-1], axis=0, out=table[-1])
        order = np.arange(len(numbers))
        memory.place[numbers] = order
        again = (memory.place.take(numbers) != order).nonzero()[0]
        if len(again):
            table[-1] -= np.add.reduce(by_token.take(again, axis=0), axis=0)
        # of a text without any known feature the sums are zero, whatever they are divided by
        sizes = np.sqrt(np.maximum(table[:, -1:], _TINY))
        totals = table[:, :-1] / sizes
        marks = {MARKS[one - 1] for one in set(numbers.compress(numbers <= len(MARKS)).tolist()) if one}
        shape = np.array(features.shape_of(len(numbers) - len(ends), len(ends), marks))
        return Sums(totals[-1], np.maximum.reduce(totals[:-1], axis=0), shape)

    def _places(self, numbers: Indices) -> Numbers:
        """What the place of each token adds, by its pair and by its concept pairs: (tokens, columns)."""
        memory = self._memory
        rows = np.zeros(len(numbers), dtype=np.int32)
        buckets, both = features.pair_buckets(memory.stems.take(numbers))
        np.multiply(self._rows["pairs"].take(buckets), both, out=rows[1:])  # row 0 of a table is zero
        found = self._tables["pairs"].take(rows, axis=0).astype(np.float64)
        for buckets, at in features.concept_buckets(memory.concepts.take(numbers)):
            found[at] += self._tables["concept_pairs"].take(self._rows["concept_pairs"].take(buckets), axis=0)
        return found

    def _numbers(self, subject: str, text: str) -> Indices:
        """The mail as numbers of remembered tokens, in order, 0 where a sentence ends; as features.tokens has it."""
        if len(self._memory.chunks) > REMEMBERED:
            self._forget()
        parts = self._look_up(subject, text)
        single = self._memory.single
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
            self._learn(set(chain.from_iterable(chain.from_iterable(lines))).difference(self._memory.chunks))
            return self._joined(lines)

    def _joined(self, parts: Sequence[Sequence[Sequence[str]]]) -> list[bytes]:
        """`_look_up` of the chunks of each part's lines. Raises KeyError for one that is not known."""
        known = self._memory.chunks.__getitem__
        return [_END.join([*(b"".join(map(known, line)) for line in lines), b""]) for lines in parts]

    def _learn(self, missing: Iterable[str]) -> None:
        memory = self._memory
        chunks, older, numbers = memory.chunks, memory.older, memory.numbers
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
        memory = self._memory
        first = len(memory.numbers)
        last = first + len(tokens)
        while last > len(memory.sums):
            for name in _ROWS:
                had = getattr(memory, name)
                setattr(memory, name, np.concatenate([had, np.zeros_like(had)]))
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
                memory.single[first + place] = True
            if found := self.lexicon.concepts(token):
                memory.concepts[first + place] = found[0]
                for one in found:
                    sums[place] += concepts[1][concepts[0][one]]
        memory.sums[first:last] = sums
        memory.stems[first:last] = hashed.stems
        memory.numbers.update(zip(tokens, map(_as_bytes, range(first, last)), strict=True))


_ROWS = ("sums", "stems", "concepts", "single", "place")
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
