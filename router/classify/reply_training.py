"""Fitting what replies.py judges by."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from router.classify.corpus import Example
from router.classify.evaluate import Metrics, measure
from router.classify.judging import Thresholds
from router.classify.replies import ASKS_ANEW, EVIDENCE, NEW_QUESTION, REPLY, Evidence, vector
from router.classify.thresholds import WISHES, tune

FEWEST_PAIRS = 50
"""With fewer of either kind the words of a reply stand alone."""

Numbers = NDArray[np.float64]


def apart(examples: Sequence[Example]) -> list[Example]:
    """Follow-ups twice: as the mails they are, and as bare replies, without the ticket's Subject, for REPLY alone."""
    found = []
    for one in examples:
        if REPLY not in one.labels or one.told is not None:
            found.append(one)
            continue
        found.append(replace(one, labels={name: label for name, label in one.labels.items() if name != REPLY}))
        found.append(replace(one, id=f"{one.id} reply", subject="", labels={REPLY: one.labels[REPLY]}))
    return found


def fit(
    examples: Sequence[Example], place: NDArray[np.int64], scores: Numbers
) -> tuple[Evidence, Thresholds, Metrics | None]:
    """scores: (examples,) what REPLY says of each, out of fold. The thresholds and measures are of pairs, each judged
    by a regression that saw none of its fold.
    """
    rows = np.array([row for row, one in enumerate(examples) if one.told is not None], dtype=np.int64)
    known = np.array([vector(one.told) for one in examples if one.told is not None]).reshape(len(rows), EVIDENCE)
    truth = np.array([examples[row].labels[REPLY] == ASKS_ANEW for row in rows], dtype=np.int64)
    if np.bincount(truth, minlength=2).min() < FEWEST_PAIRS:
        alone = np.zeros(1 + EVIDENCE)
        alone[0] = 1.0
        labelled = [row for row, one in enumerate(examples) if REPLY in one.labels]
        wanted = np.array([examples[row].labels[REPLY] == ASKS_ANEW for row in labelled], dtype=np.int64)
        return (
            Evidence(alone, 0.0, np.zeros(EVIDENCE)),
            tune(scores[labelled, None], wanted, WISHES[NEW_QUESTION]),
            None,
        )
    bounded = np.clip(scores[rows], 1e-6, 1 - 1e-6)
    logits = np.log(bounded / (1 - bounded))
    held = np.zeros(len(rows))
    for fold in sorted(set(place[rows].tolist())):
        inside = place[rows] != fold
        judge = _fit(logits[inside], known[inside], truth[inside])
        held[~inside] = [
            judge.probability(float(logits[row]), told)
            for row in np.flatnonzero(~inside)
            if (told := examples[rows[row]].told) is not None
        ]
    thresholds = tune(held[:, None], truth, WISHES[NEW_QUESTION])
    pairs = [replace(examples[row], labels={NEW_QUESTION: examples[row].labels[REPLY]}) for row in rows]
    metrics = measure(pairs, {NEW_QUESTION: (ASKS_ANEW,)}, {NEW_QUESTION: held[:, None]}, {NEW_QUESTION: thresholds})
    return _fit(logits, known, truth), thresholds, metrics


def _fit(logits: Numbers, known: Numbers, truth: NDArray[np.int64]) -> Evidence:
    usual = np.nanmean(known, axis=0)
    filled = np.where(np.isnan(known), usual, known)
    regression = LogisticRegression(C=1.0, max_iter=2000).fit(np.column_stack([logits, filled]), truth)
    return Evidence(regression.coef_[0].astype(np.float64), float(regression.intercept_[0]), usual)
