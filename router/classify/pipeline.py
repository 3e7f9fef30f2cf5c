"""The plain way from text to score, by sparse matrices and scikit-learn: what training fits and serving must equal.

Only fitting.py, train.py and tests import this; a filter never does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from router.classify import features
from router.classify.corpus import Example
from router.classify.features import BLOCKS, FEATURES, TOKEN_BLOCKS
from router.classify.lexicon import Lexicon
from router.frozen import dataclass

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be turned. scale: weight of a block's features against the others'. strength: C of the logistic
    regression, by classifier. folds: of the cross-validation. min_senders: a feature that fewer senders used is not
    kept.
    """

    scale: Mapping[str, float]
    strength: Mapping[str, float]
    folds: int = 5
    min_senders: int = 2


DEFAULTS = Settings(
    scale={"chars": 0.3, "words": 1.0, "pairs": 1.2, "concepts": 0.6, "concept_pairs": 0.6},
    strength={"topic": 90.0, "abuse": 150.0, "vague": 30.0, "urgency": 30.0, "ours": 90.0, "reply": 30.0},
)


def count(documents: Sequence[Sequence[str]], lexicon: Lexicon, *, distinct: bool) -> dict[str, Any]:
    """block -> (documents, FEATURES): in how many tokens (distinct ones, or all), or places, of each a feature is."""
    words = features.vocabulary(documents)
    if not words:
        return {name: sp.csr_matrix((len(documents), FEATURES)) for name in BLOCKS}
    known = features.word_features(list(words), lexicon)
    numbers = [np.array([words.get(one, -1) for one in document], dtype=np.int64) for document in documents]
    used = [one[one >= 0] for one in numbers]
    incidence = _indicator([np.unique(one) for one in used] if distinct else used, len(words))
    found = {}
    for name in TOKEN_BLOCKS:
        tokens = sp.csr_matrix(
            (np.ones(len(known.owner[name])), (known.owner[name], known.buckets[name])), shape=(len(words), FEATURES)
        )
        found[name] = incidence @ tokens
    pairs, couples = [], []
    for one in numbers:
        buckets, both = features.pair_buckets(np.where(one >= 0, known.stems[one], np.uint64(0)))
        pairs.append(buckets[both])
        concepts = np.where(one >= 0, known.concepts[one], -1)
        couples.append(np.concatenate([buckets for buckets, _ in features.concept_buckets(concepts)]))
    found["pairs"], found["concept_pairs"] = _indicator(pairs, FEATURES), _indicator(couples, FEATURES)
    return found


def _indicator(columns: Sequence[NDArray[np.int64]], width: int) -> Any:
    """Row by row, how often each column is named."""
    rows = np.repeat(np.arange(len(columns)), [len(one) for one in columns])
    return sp.csr_matrix((np.ones(len(rows)), (rows, np.concatenate(columns))), shape=(len(columns), width))


class Features:
    """Which features are kept, and how rare each is; makes the matrix that a linear classifier learns from."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kept: dict[str, NDArray[np.int64]] = {}
        self.idf: dict[str, Numbers] = {}

    def fit(self, counts: Mapping[str, Any], senders: Sequence[str]) -> None:
        numbers = {sender: number for number, sender in enumerate(dict.fromkeys(senders))}
        owner = np.array([numbers[sender] for sender in senders])
        by_sender = sp.csr_matrix((np.ones(len(owner)), (owner, np.arange(len(owner)))))
        for name in BLOCKS:
            present = counts[name].copy()
            present.data = np.ones_like(present.data)
            grouped = by_sender @ present
            grouped.data = np.ones_like(grouped.data)
            kept = np.flatnonzero(np.asarray(grouped.sum(axis=0)).ravel() >= self.settings.min_senders)
            mails = np.asarray(present.sum(axis=0)).ravel()[kept]
            self.kept[name] = kept
            # rounded to what the model file holds, so that training and serving work with the very same numbers
            self.idf[name] = _rounded(np.log((1 + len(owner)) / (1 + mails)) + 1)

    def squares(self, name: str) -> Numbers:
        """What each feature adds to the square of a mail's length."""
        return _rounded(np.square(self.idf[name] * self.settings.scale[name]))

    def matrix(self, counts: Mapping[str, Any]) -> Any:
        """All blocks side by side, weighed; each mail divided by its length."""
        kept = {name: counts[name][:, self.kept[name]] for name in BLOCKS}
        squares = sum(part @ self.squares(name) for name, part in kept.items())
        inverse = sp.diags(np.where(squares > 0, 1 / np.sqrt(np.maximum(squares, 1e-12)), 0.0))
        scale = self.settings.scale
        return sp.hstack(
            [inverse @ part @ sp.diags(self.idf[name] * scale[name]) for name, part in kept.items()], format="csr"
        )


def _rounded(values: Numbers) -> Numbers:
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def fit_linear(matrix: Any, targets: NDArray[np.int64], weights: Numbers, strength: float) -> Numbers:
    """The weights of logistic regressions, (labels, features): each label against the rest, or 1 against 0.

    liblinear's dual solver is twenty times quicker here than lbfgs and agrees with it to a correlation of 0.9999.
    """
    classes = range(int(targets.max()) + 1) if targets.max() > 1 else [1]
    found = []
    for one in classes:
        estimator = LogisticRegression(
            C=strength, solver="liblinear", dual=True, tol=1e-4, max_iter=5000, random_state=0
        )
        estimator.fit(matrix, targets == one, sample_weight=weights)
        found.append(estimator.coef_[0])
    return _rounded(np.array(found))


def targets_of(
    examples: Sequence[Example], classifier: str, labels: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that are labelled for this classifier, and their labels' numbers; one label: 1 has it, 0 has it not."""
    rows = [row for row, one in enumerate(examples) if classifier in one.labels]
    if len(labels) == 1:
        numbers = [int(examples[row].labels[classifier] == labels[0]) for row in rows]
    else:
        numbers = [labels.index(examples[row].labels[classifier]) for row in rows]
    return np.array(rows, dtype=np.int64), np.array(numbers, dtype=np.int64)


def balance(targets: NDArray[np.int64]) -> Numbers:
    """Half way to equal classes: the square root of what would make them equal."""
    share = np.bincount(targets) / len(targets)
    return np.asarray(1 / np.sqrt(share[targets] * np.count_nonzero(share)))
