"""Prediction. numpy only: scikit-learn is needed to train, never to serve.

A `Model` is a value: the same text gives the same scores, in every process. It remembers what it has worked out for
each word it has met, which changes how fast it answers and never what.

A mail is scored as a whole and sentence by sentence: what one sentence says may be hidden among ten others. The highest
sentence (`peak`) counts beside the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from router.classify import features
from router.classify.features import BLOCKS, TOKEN_BLOCKS
from router.classify.lexicon import Lexicon
from router.classify.normalise import SINGLE_LETTERS, unspaced
from router.classify.tokens import END, SPACED_LETTERS, chunks_of, tokens_of
from router.vocabulary import UNDETERMINED

REMEMBERED = 30_000
"""Words (and, separately, chunks of text) a process keeps in memory; past it, it starts anew."""

OURS = "ours"
"""The inner classifier that knows mail of this trade from other texts; its score is not given out."""

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

    table: (kept + 1, columns + 1) float32; row 0 is zero and stands for every other feature; the last column is the
    squared size that the feature adds to the norm.
    """

    kept: NDArray[np.int32]
    table: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """One classifier: its labels, its columns of the tables, and what turns its sums into probabilities.

    One label: a sigmoid; several: a softmax. whole, peak: slopes for the sums of the whole mail and of its highest
    sentence. bias: one number a label. prior: how frequent each label is.
    """

    labels: tuple[str, ...]
    columns: slice
    bias: Numbers
    whole: float
    peak: float
    prior: Numbers


def probabilities(whole: Numbers, peak: Numbers, head: Head) -> Numbers:
    """Sums of mails, (mails, labels) -> calibrated probabilities, (mails, labels)."""
    logits = whole * head.whole + peak * head.peak + head.bias
    if len(head.labels) == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-logits)))
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def judge(whole: Numbers, peak: Numbers, heads: Mapping[str, Head]) -> dict[str, Numbers]:
    """Sums of mails, (mails, columns) -> classifier -> (mails, labels): what `Model.scores` gives, for many.

    Where a classifier has to choose (several labels), the less a text is of our trade, the nearer its scores are to
    what is usual. An insult is an insult in any trade: one label stands as it is.
    """
    found = {name: probabilities(whole[:, head.columns], peak[:, head.columns], head) for name, head in heads.items()}
    ours = found.pop(OURS, None)
    if ours is None:
        return found
    return {
        name: heads[name].prior + ours * (scores - heads[name].prior) if scores.shape[1] > 1 else scores
        for name, scores in found.items()
    }


@dataclass(slots=True)
class _Memory:
    """What one process has worked out so far, a row a token; row 0 is END.

    sums: TOKEN_BLOCKS side by side. single: 1 for a token that one letter gives.
    """

    chunks: dict[str, tuple[int, ...]]
    numbers: dict[str, int]
    sums: Numbers
    stems: features.Hashes
    concepts: NDArray[np.int64]
    single: NDArray[np.int64]


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
    ) -> None:
        self.id = model_id
        self.labels = labels
        self.thresholds = thresholds
        self.blocks = blocks
        self.heads = heads
        self.lexicon = lexicon
        self._columns = blocks[BLOCKS[0]].table.shape[1]
        self._rows = {}
        for name, block in blocks.items():
            rows = np.zeros(features.size_of(name), dtype=np.int32)
            rows[block.kept] = np.arange(1, len(block.kept) + 1, dtype=np.int32)
            self._rows[name] = rows
        self._forget()

    def _forget(self) -> None:
        rows = 4_096
        self._memory = _Memory(
            chunks={},
            numbers={END: 0},
            sums=np.zeros((rows, len(TOKEN_BLOCKS) * self._columns)),
            stems=np.zeros(rows, dtype=np.uint64),
            concepts=np.zeros(rows, dtype=np.int64),
            single=np.zeros(rows, dtype=np.int64),
        )
        self._memory.concepts[0] = -1

    def scores(self, subject: str, text: str, language: str = UNDETERMINED) -> dict[str, dict[str, float]]:
        """classifier -> label -> probability. `abuse` has one label, so its number adds up with nothing.

        subject, text: decoded; text is what the author wrote, without quotes. language: not asked, the words tell it
        better. A text that is not of this trade, or empty, gets what is usual, which no threshold accepts. Never
        raises.
        """
        whole, peak = self.sums(subject, text)
        found = judge(whole[None, :], peak[None, :], self.heads)
        return {
            name: dict(zip(self.heads[name].labels, scores[0].tolist(), strict=True)) for name, scores in found.items()
        }

    def sums(self, subject: str, text: str) -> tuple[Numbers, Numbers]:
        """(columns,) of the whole mail, and (columns,) the highest of each column over its sentences."""
        numbers = self._numbers(subject, text)
        width = self._columns - 1
        if not len(numbers):
            return np.zeros(width), np.zeros(width)
        memory = self._memory
        starts = _sentences(numbers)
        sentences = np.zeros((len(starts), width))
        rows = memory.sums[numbers]
        _add(sentences, np.add.reduceat(rows, starts, axis=0), self._columns)
        whole = np.zeros((1, width))
        distinct = np.sort(numbers)
        rows = memory.sums[distinct[np.flatnonzero(distinct[1:] != distinct[:-1]) + 1]]
        _add(whole, rows.sum(axis=0, keepdims=True), self._columns)
        pairs = [features.pair_buckets(memory.stems[numbers])]
        couples = features.concept_buckets(memory.concepts[numbers])
        for name, places in (("pairs", pairs), ("concept_pairs", couples)):
            table, of_feature = self.blocks[name].table, self._rows[name]
            sums = np.zeros((len(starts), self._columns))
            for buckets, at in places:
                found = of_feature[buckets]
                kept = np.flatnonzero(found)
                if len(kept):
                    values = table[found[kept]].astype(np.float64)
                    place = np.searchsorted(starts, at[kept], side="right") - 1
                    first = np.flatnonzero(np.concatenate([_TRUE, place[1:] != place[:-1]]))
                    sums[place[first]] += np.add.reduceat(values, first, axis=0)
            _add(sentences, sums, self._columns)
            _add(whole, sums.sum(axis=0, keepdims=True), self._columns)
        return whole[0], sentences.max(axis=0)

    def _numbers(self, subject: str, text: str) -> NDArray[np.int64]:
        """The mail as numbers of remembered tokens, in order, 0 where a sentence ends; as features.tokens has it."""
        if len(self._memory.chunks) > REMEMBERED or len(self._memory.numbers) > REMEMBERED:
            self._forget()
        parts = [subject, text]
        found = self._look_up([chunks_of(part) for part in parts])
        for index, numbers in enumerate(found):
            if _has_run(self._memory.single[numbers], SPACED_LETTERS):
                found[index] = self._look_up([chunks_of(unspaced(parts[index]))])[0]
        return np.concatenate(found)

    def _look_up(self, parts: Sequence[Sequence[Sequence[str]]]) -> list[NDArray[np.int64]]:
        """Each part's chunks, line by line, as numbers. What is not known yet is learned, in one go."""
        known = self._memory.chunks.get
        result = []
        missing = []
        for lines in parts:
            found: list[int] = []
            for line in lines:
                for chunk in line:
                    tokens = known(chunk)
                    if tokens is None:
                        missing.append(chunk)
                    else:
                        found += tokens
                if found and found[-1]:
                    found.append(0)
            result.append(np.array(found, dtype=np.int64))
        if missing:
            self._learn(sorted(set(missing)))
            return self._look_up(parts)
        return result

    def _learn(self, chunks: Sequence[str]) -> None:
        memory = self._memory
        parsed = [tokens_of(chunk) for chunk in chunks]
        unknown = [token for token in features.vocabulary(parsed) if token not in memory.numbers]
        if unknown:
            self._learn_tokens(unknown)
        for chunk, tokens in zip(chunks, parsed, strict=True):
            memory.chunks[chunk] = tuple(memory.numbers[token] for token in tokens)

    def _learn_tokens(self, tokens: Sequence[str]) -> None:
        memory = self._memory
        first = len(memory.numbers)
        last = first + len(tokens)
        while last > len(memory.sums):
            for name in ("sums", "stems", "concepts", "single"):
                had = getattr(memory, name)
                setattr(memory, name, np.concatenate([had, np.zeros_like(had)]))
        known = features.word_features(tokens, self.lexicon)
        for index, name in enumerate(TOKEN_BLOCKS):
            rows, owner = self._rows[name][known.buckets[name]], known.owner[name]
            part = memory.sums[first:last, index * self._columns : (index + 1) * self._columns]
            if len(rows):
                starts = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
                values = self.blocks[name].table[rows].astype(np.float64)
                part[owner[starts]] = np.add.reduceat(values, starts, axis=0)
        memory.stems[first:last] = known.stems
        memory.concepts[first:last] = known.concepts
        memory.single[first:last] = [token in SINGLE_LETTERS for token in tokens]
        memory.numbers.update(zip(tokens, range(first, last), strict=True))


_TRUE = np.array([True])


def _add(totals: Numbers, sums: Numbers, columns: int) -> None:
    """Add to (groups, columns - 1) blocks of (groups, columns), side by side, each divided by its norm.

    The last column of a block is the square of the norm.
    """
    for first in range(0, sums.shape[1], columns):
        squares = sums[:, first + columns - 1 : first + columns]
        totals += sums[:, first : first + columns - 1] / np.sqrt(np.where(squares > 0, squares, 1.0))


def _sentences(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each sentence begins; the same cuts as features.segments."""
    begun = 0
    starts = [0]
    for end in np.flatnonzero(numbers == 0).tolist():
        if end - begun >= features.SHORTEST:
            begun = end + 1
            starts.append(begun)
    if starts[-1] == len(numbers):
        starts.pop()
    return np.array(starts, dtype=np.int64)


def _has_run(flags: NDArray[np.int64], length: int) -> bool:
    """Are there `length` ones in a row?"""
    sums = np.cumsum(flags)
    return bool(
        len(sums) >= length and (sums[length - 1] == length or (sums[length:] - sums[:-length] == length).any())
    )
