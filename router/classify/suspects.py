"""Rows whose label the model doubts: a search for wrong labels among labelled mails.

Confident learning (Northcutt, Jiang, Chuang: "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70,
2021) on out-of-fold scores. A label j is believed of a row when its score is at least what rows labelled j get on
average; a row is suspect when the likeliest believed label is not the one it has (an off-diagonal entry of the
"confident joint"), and its own is not the likeliest. Ranked by the normalized margin: the score of its label minus the
highest of the others.

This is what cleanlab does by `find_label_issues(filter_by="confident_learning")` and
`get_normalized_margin_for_each_label`; see docs/model.md for why it is not used itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.classify.corpus import COLUMNS, Example
from router.classify.held_out import HeldOut
from router.classify.model import Model
from router.frozen import dataclass

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Suspect:
    """given: the label that the row has; likely: the one the model believes. p: label -> score. margin: -1..1, the less
    the more it is doubted."""

    example: Example
    classifier: str
    given: str
    likely: str
    p: Mapping[str, float]
    margin: float

    def as_json(self) -> dict[str, Any]:
        """No text of the mail."""
        return {
            "id": self.example.id,
            "file": self.example.place.file,
            "line": self.example.place.line,
            "language": self.example.language,
            "classifier": self.classifier,
            "given": self.given,
            "likely": self.likely,
            "p": {label: round(value, 4) for label, value in self.p.items()},
            "margin": round(self.margin, 4),
        }


def find(model: Model, examples: Sequence[Example], scored: Iterable[HeldOut]) -> list[Suspect]:
    """The doubted labels of mails, for every classifier, the most doubted first; a mail may be there for several.

    scored: what the model says of mails that it was not trained on, in whatever order. What a model says of its own
    training mails says nothing, so mails without such a score are left out.
    """
    scores = {one.id: one.scores for one in scored}
    found = []
    for name in model.labels:
        rows = [one for one in examples if one.is_mail and name in one.labels and name in scores.get(one.id, {})]
        labels = _labels(name, model.labels[name])
        given = np.array([labels.index(one.labels[name]) for one in rows], dtype=np.int64)
        table = np.array([[_p(scores[one.id][name], label) for label in labels] for one in rows]).reshape(
            -1, len(labels)
        )
        likely = believed(table, given)
        margins = normalized_margin(table, given)
        for row in np.flatnonzero(likely != given).tolist():
            p = dict(zip(labels, table[row].tolist(), strict=True))
            found.append(Suspect(rows[row], name, labels[given[row]], labels[likely[row]], p, float(margins[row])))
    return sorted(found, key=lambda one: (one.margin, one.example.id))


def believed(table: Numbers, given: NDArray[np.int64]) -> NDArray[np.int64]:
    """The likeliest believed label of every row; its own where nothing is doubted. table: (rows, labels)."""
    width = table.shape[1]
    # a label that no row has is believed of none
    usual = np.array([table[given == one, one].mean() if (given == one).any() else np.inf for one in range(width)])
    sure = np.where(table >= usual - 1e-9, table, -1.0)  # scores come rounded: what equals the mean is at the mean
    if not len(table):
        return given
    # a rare label is believed early; where the row's own is the likeliest all the same, nothing is doubted
    undoubted = (sure.max(axis=1) < 0) | (table.argmax(axis=1) == given)
    return np.where(undoubted, given, sure.argmax(axis=1))


def normalized_margin(table: Numbers, given: NDArray[np.int64]) -> Numbers:
    """Of every row: the score of its label minus the highest of the others, -1..1."""
    rows = np.arange(len(table))
    others = table.copy()
    others[rows, given] = -np.inf
    return np.asarray(table[rows, given] - others.max(axis=1, initial=-np.inf))


def _labels(name: str, of_model: Sequence[str]) -> tuple[str, ...]:
    """For a classifier of one label also its opposite."""
    if len(of_model) > 1:
        return tuple(of_model)
    return (*(one for one in COLUMNS[name][1].values() if one not in of_model), *of_model)


def _p(scores: Mapping[str, float], label: str) -> float:
    """Of the opposite of a single label: what is left."""
    return scores[label] if label in scores else 1.0 - sum(scores.values())
