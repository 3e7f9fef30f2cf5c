"""How right a model is: on mails with labels that it was not trained on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.classify.corpus import Example
from router.classify.judging import Thresholds, decide_label
from router.classify.model import Model
from router.frozen import dataclass

Numbers = NDArray[np.float64]

BOOTSTRAP = 200


@dataclass(frozen=True, slots=True)
class Metrics:
    """classifier -> group ("all" or a language) -> measure -> number. mails: how many were measured."""

    mails: int
    values: Mapping[str, Mapping[str, Mapping[str, float]]]

    def summary(self) -> dict[str, dict[str, float]]:
        return {name: dict(groups["all"]) for name, groups in self.values.items()}

    def as_json(self) -> dict[str, Any]:
        return {"mails": self.mails, "classifiers": {name: dict(groups) for name, groups in self.values.items()}}

    def as_text(self) -> str:
        """Tables in Markdown, one a classifier."""
        lines = [f"{self.mails} mails."]
        for name, groups in self.values.items():
            measures = list(next(iter(groups.values())))
            lines += ["", f"| {name} | " + " | ".join(measures) + " |", "|---" * (len(measures) + 1) + "|"]
            for group, found in groups.items():
                lines.append(f"| {group} | " + " | ".join(f"{found[one]:.3f}" for one in measures) + " |")
        return "\n".join(lines) + "\n"


def evaluate(model: Model, examples: Sequence[Example]) -> Metrics:
    """The model's measures on these mails."""
    scores = {name: np.zeros((len(examples), len(words))) for name, words in model.labels.items()}
    for row, one in enumerate(examples):
        for name, found in model.scores(one.subject, one.text, one.language).items():
            scores[name][row] = [found[label] for label in model.labels[name]]
    return measure(examples, model.labels, scores, model.thresholds)


def measure(
    examples: Sequence[Example],
    labels: Mapping[str, tuple[str, ...]],
    scores: Mapping[str, Numbers],
    thresholds: Mapping[str, Thresholds],
) -> Metrics:
    values: dict[str, dict[str, dict[str, float]]] = {}
    languages = sorted({one.language for one in examples if one.language})
    for name, words in labels.items():
        values[name] = {}
        for group in ("all", *languages):
            rows = [
                row
                for row, one in enumerate(examples)
                if name in one.labels and (group == "all" or one.language == group)
            ]
            if rows:
                truth = [examples[row].labels[name] for row in rows]
                values[name][group] = _measures(truth, words, scores[name][rows], thresholds[name])
    return Metrics(len(examples), values)


def _measures(
    truth: Sequence[str], words: tuple[str, ...], scores: Numbers, thresholds: Thresholds
) -> dict[str, float]:
    decided = [decide_label(dict(zip(words, row.tolist(), strict=True)), thresholds) for row in scores]
    chosen = [label is not None for label in decided]
    right = [label == wanted for label, wanted in zip(decided, truth, strict=True)]
    accepted = sum(chosen)
    precision = sum(right) / accepted if accepted else 1.0
    if len(words) == 1:
        wanted = np.array([one == words[0] for one in truth])
        confidence, hit = scores[:, 0], wanted
        recall = float(sum(right) / wanted.sum()) if wanted.any() else 1.0
        return {
            "mails": float(len(truth)),
            "precision": precision,
            "recall": recall,
            "average precision": average_precision(confidence, wanted),
            **_interval(lambda rows: average_precision(confidence[rows], wanted[rows]), len(truth)),
            "ece": expected_calibration_error(confidence, hit),
        }
    best = scores.argmax(axis=1)
    guessed = [words[one] for one in best]
    hit = np.array([one == wanted for one, wanted in zip(guessed, truth, strict=True)])
    return {
        "mails": float(len(truth)),
        "macro-F1": macro_f1(truth, guessed, words),
        **_interval(
            lambda rows: macro_f1([truth[row] for row in rows], [guessed[row] for row in rows], words), len(truth)
        ),
        "right": float(hit.mean()),
        "coverage": accepted / len(truth),
        "right when decided": precision,
        "ece": expected_calibration_error(scores.max(axis=1), hit),
    }


def _interval(of: Callable[[NDArray[np.int64]], float], mails: int) -> dict[str, float]:
    """95 % of what the measure is on mails drawn anew from these (bootstrap, always the same draws)."""
    draw = np.random.default_rng(0)
    found = [of(draw.integers(0, mails, mails)) for _ in range(BOOTSTRAP)]
    low, high = np.percentile(found, [2.5, 97.5])
    return {"low": float(low), "high": float(high)}


def macro_f1(truth: Sequence[str], guessed: Sequence[str], words: Sequence[str]) -> float:
    """The mean over the labels of 2 * hits / (times guessed + times true); a label that is in neither is left out."""
    found = []
    for word in words:
        hits = sum(a == b == word for a, b in zip(truth, guessed, strict=True))
        total = sum(a == word for a in truth) + sum(b == word for b in guessed)
        if total:
            found.append(2 * hits / total)
    return float(np.mean(found)) if found else 0.0


def expected_calibration_error(confidence: Numbers, hit: NDArray[np.bool_], bins: int = 10) -> float:
    """Mean distance between what was said and what came true, over equal-width bins, weighted by their mails."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for one in range(bins):
        inside = place == one
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - hit[inside].mean())
    return float(error)


def average_precision(scores: Numbers, wanted: NDArray[np.bool_]) -> float:
    """The mean, over the mails that have the label, of the share of right ones among all that score as high."""
    if not wanted.any():
        return 1.0
    order = wanted[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(order) / np.arange(1, len(order) + 1)
    return float(precision[order].mean())
