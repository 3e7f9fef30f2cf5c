"""Choosing accept, reject and margin on scores of mail that was not trained on."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from router.classify.judging import Thresholds
from router.classify.replies import NEW_QUESTION
from router.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """right: the share of accepted labels that must be right, 0..1; as many as possible are then accepted."""

    right: float
    wrongly_rejected: float = 0.01


WISHES = {
    "topic": Wish(right=0.98),
    "abuse": Wish(right=0.90),
    "vague": Wish(right=0.85),
    "urgency": Wish(right=0.80),
    NEW_QUESTION: Wish(right=0.85, wrongly_rejected=0.05),
}
"""What the shipped classifiers are tuned to."""

MARGINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


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
    for margin in MARGINS:
        fits = lead >= margin
        if not fits.any():
            continue
        accept = _accept(first[fits], right[fits], wish.right)
        accepted = int((fits & (first >= accept)).sum())
        if accepted > best[0]:
            best = (accepted, accept, margin)
    own = np.sort(scores[np.arange(len(targets)), targets])
    return Thresholds(best[1], _reject(own, best[1], wish.wrongly_rejected), best[2])


Costs = Mapping[str, Mapping[str, float]]
"""true label -> given label -> what that mistake costs; `undecided` as the given label: what abstaining costs."""

UNDECIDED = "undecided"
UNDECIDED_COSTS = 1.0
MISTAKE_COSTS = 10.0
"""Of a mistake that the matrix does not name."""


def tune_by_cost(
    scores: NDArray[np.float64], targets: NDArray[np.int64], labels: Sequence[str], costs: Costs, wish: Wish
) -> Thresholds:
    """The thresholds whose mistakes and abstentions cost least on these mails; of equal ones, the strictest.

    scores, targets: as for `tune`. labels: one a column; a single label's opposite is "clean", and a mail that is
    rightly not accepted costs nothing.
    """
    single = scores.shape[1] == 1
    names = ["clean", labels[0]] if single else list(labels)
    matrix = np.array(
        [[0.0 if a == b else costs.get(a, {}).get(b, MISTAKE_COSTS) for b in names] for a in names], dtype=np.float64
    )
    abstains = np.array([costs.get(one, {}).get(UNDECIDED, UNDECIDED_COSTS) for one in names])
    if single:
        given, first, lead = np.ones(len(targets), dtype=np.int64), scores[:, 0], np.ones(len(targets))
        # what is not accepted is taken for clean
        abstains = np.array([0.0, costs.get(names[1], {}).get("clean", UNDECIDED_COSTS)])
    else:
        order = np.sort(scores, axis=1)
        given, first, lead = scores.argmax(axis=1), order[:, -1], order[:, -1] - order[:, -2]
    if_accepted, if_not = matrix[targets, given], abstains[targets]
    best = (np.inf, 0.99, 0.0)
    for margin in (0.0,) if single else MARGINS:
        for percent in range(99, 29, -1):
            accepted = (first >= percent / 100) & (lead >= margin)
            cost = float(np.where(accepted, if_accepted, if_not).sum())
            if cost < best[0] - 1e-9:
                best = (cost, percent / 100, margin)
    own = scores[targets == 1, 0] if single else scores[np.arange(len(targets)), targets]
    return Thresholds(best[1], _reject(np.sort(own), best[1], wish.wrongly_rejected), best[2])


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
