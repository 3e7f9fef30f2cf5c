"""Prediction. numpy only: scikit-learn is needed to train, never to serve.

A `Model` is a value: the same text gives the same scores, in every process. It keeps what it has worked out for
each word it has met, which changes how fast it answers and never what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from router.classify import features
from router.classify.tokens import END, chunks_of, tokens_of
from router.vocabulary import UNDETERMINED

REMEMBERED = 30_000
"""Words (and, separately, chunks) a process keeps in memory; past it, it starts anew."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """accept, reject, margin: 0..1, as in rules.yaml; tuned on mail the model was not trained on."""

    accept: float
    reject: float
    margin: float = 0.0


def decide_label(scores: Mapping[str, float], thresholds: Thresholds) -> str | None:
    """The accepted label, or None: the classifier abstains.

    Accepted is the highest label if it has at least `accept` and leads the second by at least `margin`. A classifier of one label has
    no second and no margin (amendment 22).
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
    """The weights of one block. rows: feature -> row of `weights`, 0 for a feature that training did not keep.

    weights: (kept + 1, columns) float32, row 0 zero. squares: (kept + 1,) the squared size a feature adds to the norm.
    """

    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    squares: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """One classifier: its labels, its columns of the weights, and what turns their sums into probabilities.

    One label: a sigmoid; several: a softmax. scale: slope of the calibration. bias: one number a label, calibrated.
    """

    labels: tuple[str, ...]
    columns: slice
    bias: Numbers
    scale: float
    prior: Numbers


def probabilities(sums: Numbers, head: Head) -> Numbers:
    """Sums over a mail's words, (labels,) -> calibrated probabilities, (labels,)."""
    logits = sums * head.scale + head.bias
    if len(head.labels) == 1:
        return 1.0 / (1.0 + np.exp(-logits))
    powers = np.exp(logits - logits.max())
    result: Numbers = powers / powers.sum()
    return result


BLOCKS = ("text_chars", "text_words", "text_pairs", "subject_chars", "subject_words")


@dataclass
class _Memory:
    """What one process has worked out so far. Row 0 belongs to END."""

    chunks: dict[str, tuple[int, ...]]
    numbers: dict[str, int]
    sums: Numbers
    squares: Numbers
    stems: features.Hashes
    filled: int


@dataclass
class Model:
    """See the module. labels, thresholds: by the name of the classifier."""

    id: str
    labels: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, Thresholds]
    blocks: Mapping[str, Block] = field(repr=False)
    heads: Mapping[str, Head] = field(repr=False)
    _memory: _Memory = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._width = next(iter(self.blocks.values())).weights.shape[1]
        self._forget()

    def _forget(self) -> None:
        rows = 2_048
        # per word: the sums of text chars, text words, subject chars, subject words side by side
        self._memory = _Memory(
            chunks={},
            numbers={END: 0},
            sums=np.zeros((rows, 4 * self._width)),
            squares=np.zeros((rows, 4)),
            stems=np.zeros(rows, dtype=np.uint64),
            filled=1,
        )

    def scores(self, subject: str, text: str, language: str = UNDETERMINED) -> dict[str, dict[str, float]]:
        """classifier -> label -> probability. `abuse` has one label, so its number need not add up with anything.

        subject, text: decoded; text is what the author wrote, without quotes. language is not used by this feature version: the words
        tell it better. Never raises for any text.
        """
        sums = self._sums(self._numbers(subject), self._numbers(text))
        found = {}
        for name, head in self.heads.items():
            values = probabilities(sums[head.columns], head)
            found[name] = dict(zip(head.labels, values.tolist(), strict=True))
        return found

    def _numbers(self, text: str) -> NDArray[np.intp]:
        """The text as numbers of remembered tokens, in order, 0 where a sentence ends."""
        memory = self._memory
        if len(memory.chunks) > REMEMBERED or memory.filled > REMEMBERED:
            self._forget()
            memory = self._memory
        lines = chunks_of(text)
        chunks = memory.chunks
        missing = {chunk for line in lines for chunk in line if chunk not in chunks}
        if missing:
            self._learn(sorted(missing))
        found: list[int] = []
        for line in lines:
            for chunk in line:
                found.extend(chunks[chunk])
            found.append(0)
        return np.array(found, dtype=np.intp)

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
        first, last = memory.filled, memory.filled + len(tokens)
        while last > len(memory.sums):
            memory.sums = np.concatenate([memory.sums, np.zeros_like(memory.sums)])
            memory.squares = np.concatenate([memory.squares, np.zeros_like(memory.squares)])
            memory.stems = np.concatenate([memory.stems, np.zeros_like(memory.stems)])
        known = features.word_features(tokens)
        for place, name in enumerate(("text_chars", "text_words", "subject_chars", "subject_words")):
            block = self.blocks[name]
            buckets, owner = (
                (known.chars, known.chars_owner) if name.endswith("chars") else (known.words, known.words_owner)
            )
            rows = block.rows[buckets]
            for column in range(self._width):
                memory.sums[first:last, place * self._width + column] = np.bincount(
                    owner, weights=block.weights[rows, column], minlength=len(tokens)
                )
            memory.squares[first:last, place] = np.bincount(owner, weights=block.squares[rows], minlength=len(tokens))
        memory.stems[first:last] = known.stems
        memory.numbers.update(zip(tokens, range(first, last), strict=True))
        memory.filled = last

    def _sums(self, subject: NDArray[np.intp], text: NDArray[np.intp]) -> Numbers:
        memory, width = self._memory, self._width
        total = np.zeros(width)
        both = np.concatenate([subject, text])
        for numbers, place in ((both, 0), (subject, 2)):
            distinct = np.unique(numbers)
            sums = memory.sums[distinct, place * width : (place + 2) * width].sum(axis=0)
            squares = memory.squares[distinct, place : place + 2].sum(axis=0)
            for index in (0, 1):
                if squares[index] > 0:
                    total += sums[index * width : (index + 1) * width] / np.sqrt(squares[index])
        block = self.blocks["text_pairs"]
        rows = block.rows[features.pair_features(memory.stems[both])]
        square = block.squares[rows].sum(dtype=np.float64)
        if square > 0:
            total += block.weights[rows].sum(axis=0, dtype=np.float64) / np.sqrt(square)
        return total
