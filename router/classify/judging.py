"""From the sums of a mail's words to probabilities and labels: one `Head` for each classifier.

For many mails (training, evaluation) `judge`, for one `judge_one`: the same numbers.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from router.classify import features
from router.classify.replies import REPLY
from router.frozen import dataclass

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
    """What is known of some mails. whole, peak: (mails, columns) sums of all words and of the highest sentence; shape:
    (mails, SHAPE), features.shape_of. Of one mail all three in a row are a `Memory`'s vector.
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


def all_heads(heads: Mapping[str, Head], columns: int) -> tuple[Numbers, Numbers]:
    """What `_probabilities` multiplies by, for all heads in one: (2 * columns + SHAPE, columns), and (columns,)."""
    matrix, bias = np.zeros((2 * columns + features.SHAPE, columns)), np.zeros(columns)
    for head in heads.values():
        own = head.columns
        matrix[own, own] = head.whole
        matrix[columns + own.start : columns + own.stop, own] = head.peak
        matrix[2 * columns :, own] = head.shape
        bias[own] = head.bias
    return matrix, bias


def judge_one(all_logits: Sequence[float], heads: Mapping[str, Head]) -> dict[str, dict[str, float]]:
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
