"""Choosing accept, reject and margin on scores of mail that was not trained on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.classify.model import Thresholds


@dataclass(frozen=True, slots=True)
class Wish:
    """right: the share of accepted labels that must be right, 0..1; as many as possible are then accepted."""

    right: float
    wrongly_rejected: float = 0.01


WISHES = {"topic": Wish(right=0.98), "abuse": Wish(right=0.90)}
"""What the shipped classifiers are tuned to."""


def tune(scores: NDArray[np.float64], targets: NDArray[np.int64], wish: Wish) -> Thresholds:
    """The thresholds that accept most mails while `wish.right` of the accepted are right.

    scores: (mails, labels) probabilities. targets: the right label's number; for one label 1 or 0. reject: below it a
    label is wrong in all but `wish.wrongly_rejected` of its mails.
    """
    if scores.shape[1] == 1:
        accept = _accept(scores[:, 0], targets == 1, wish.right)
        mine = np.sort(scores[targets == 1, 0])
        return Thresholds(accept, _reject(mine, accept, wish.wrongly_rejected), 0.0)
    order = np.sort(scores, axis=1)
    first, lead = order[:, -1], order[:, -1] - order[:, -2]
    right = scores.argmax(axis=1) == targets
    best = (-1, 1.0, 0.0)
    for margin in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        fits = lead >= margin
        if not fits.any():
            continue
        accept = _accept(first[fits], right[fits], wish.right)
        accepted = int((fits & (first >= accept)).sum())
        if accepted > best[0]:
            best = (accepted, accept, margin)
    own = np.sort(scores[np.arange(len(targets)), targets])
    return Thresholds(best[1], _reject(own, best[1], wish.wrongly_rejected), best[2])


def _accept(scores: NDArray[np.float64], right: NDArray[np.bool_], wished: float) -> float:
    """The lowest score, in hundredths, from which on the wished share is right."""
    for percent in range(30, 100):
        chosen = scores >= percent / 100
        if chosen.any() and right[chosen].mean() >= wished:
            return percent / 100
    return 0.99


def _reject(own_scores: NDArray[np.float64], accept: float, share: float) -> float:
    if not len(own_scores):
        return 0.05
    level = float(own_scores[int(len(own_scores) * share)])
    return max(0.01, min(round(level, 2), round(accept - 0.05, 2)))
