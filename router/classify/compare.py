"""Two models on the same mails: what changes, by label and language, and whether the new one may take over.

Each is asked about mails it was not trained on. Differences come with the middle 95 % of what they are on mails drawn
anew from these (paired bootstrap, always the same draws).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.classify import held_out, registry
from router.classify.held_out import HeldOut
from router.classify.judging import Thresholds, decide_label
from router.frozen import dataclass

DRAWS = 500
WORSE_BY = 0.01
"""A label or language may lose no more than this."""
FLIPPED = 0.02
"""Nor may more than this share of the gold mails be decided otherwise."""
FEWEST = 20
"""Mails of a label or language that say something about it."""
GOLD = "gold.txt"
"""In the folder of models: ids of the frozen mails, one a line. Without it every mail of both models counts."""


@dataclass(frozen=True, slots=True)
class Difference:
    """before, after: F1 of a label, or of a language the mean over its labels; 0..1. low, high: of the difference."""

    classifier: str
    group: str
    mails: int
    before: float
    after: float
    low: float
    high: float

    @property
    def change(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Change:
    """One mail that the models see otherwise. before, after: the likeliest label; *_p: its probability.

    flipped: what one of them decides is not the likeliest label to the other.
    """

    id: str
    language: str
    classifier: str
    true: str
    before: str
    after: str
    before_p: float
    after_p: float
    flipped: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """mails: how many both have. differences: labels first, then languages, by classifier. changes: by id."""

    mails: int
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "mails": self.mails,
            "differences": [{**asdict(one), "change": one.change} for one in self.differences],
            "changes": [asdict(one) for one in self.changes],
        }

    def as_text(self) -> str:
        lines = [f"{self.mails} mails that both were asked about without having seen them.", ""]
        for one in self.differences:
            lines.append(
                f"{one.classifier:6} {one.group:10} {one.mails:5} mails  F1 {one.before:.3f} -> {one.after:.3f}"
                f"  {one.change * 100:+5.1f} points ({one.low * 100:+.1f} to {one.high * 100:+.1f})"
            )
        lines += [
            "",
            f"{len(self.changes)} answers change, {sum(one.flipped for one in self.changes)} of them decided:",
        ]
        for change in self.changes:
            verdict = (
                {True: "better", False: "worse"}.get(change.after == change.true, "") if _tells(change) else "other"
            )
            lines.append(
                f"{'!' if change.flipped else ' '} {change.id:14} {change.language:3} {change.classifier}: "
                f"{change.before} {change.before_p:.2f} -> {change.after} {change.after_p:.2f}  ({verdict})"
            )
        return "\n".join(lines)


def _tells(change: Change) -> bool:
    return change.true in (change.before, change.after)


Answers = Mapping[str, HeldOut]
AllThresholds = Mapping[str, Thresholds]


def compare(
    before: Sequence[HeldOut], after: Sequence[HeldOut], thresholds: tuple[AllThresholds, AllThresholds]
) -> Comparison:
    """before, after: what two models say; only mails of both count, with the labels that `after` has for them."""
    old = {one.id: one for one in before}
    both = [(old[one.id], one) for one in after if one.id in old]
    differences: list[Difference] = []
    changes: list[Change] = []
    for name in thresholds[1]:
        pairs = [pair for pair in both if name in pair[1].labels and name in pair[0].scores and name in pair[1].scores]
        if not pairs:
            continue
        truth = [pair[1].labels[name] for pair in pairs]
        answers = [[_likeliest(pair[side].scores[name]) for pair in pairs] for side in (0, 1)]
        differences += _differences(name, pairs, truth, [[one for one, _ in side] for side in answers])
        for pair, true, first, second in zip(pairs, truth, *answers, strict=True):
            if first[0] == second[0]:
                continue
            decides = [_decides(pair[side].scores[name], thresholds[side].get(name)) for side in (0, 1)]
            one = pair[1]
            changes.append(Change(one.id, one.language, name, true, *_woven(first, second), flipped=any(decides)))
    return Comparison(len(both), tuple(differences), tuple(sorted(changes, key=lambda one: (not one.flipped, one.id))))


def _likeliest(scores: Mapping[str, float]) -> tuple[str, float]:
    """The likeliest label; of one label it, or its opposite."""
    label, p = max(scores.items(), key=lambda pair: pair[1])
    if len(scores) == 1 and p < 0.5:
        return "clean", 1 - p
    return label, p


def _woven(first: tuple[str, float], second: tuple[str, float]) -> tuple[str, str, float, float]:
    return first[0], second[0], first[1], second[1]


def _decides(scores: Mapping[str, float], thresholds: Thresholds | None) -> bool:
    """Is a label accepted, or the only one rejected?"""
    if thresholds is None:
        return False
    rejected = len(scores) == 1 and max(scores.values()) < thresholds.reject
    return rejected or decide_label(scores, thresholds) is not None


def _differences(
    name: str, pairs: Sequence[tuple[HeldOut, HeldOut]], truth: Sequence[str], answers: Sequence[Sequence[str]]
) -> list[Difference]:
    single = len(pairs[0][1].scores[name]) == 1
    words = sorted({*truth, *answers[0], *answers[1]} - ({"clean"} if single else set()))
    # what a mail adds to hits, times given, and times true, by label: (3, mails, labels) for each model
    parts = [
        np.array(
            [
                [[a == b == word for word in words] for a, b in zip(truth, side, strict=True)],
                [[b == word for word in words] for b in side],
                [[a == word for word in words] for a in truth],
            ],
            dtype=np.float64,
        )
        for side in answers
    ]
    draws = _draws(len(pairs))
    drawn = [_f1(np.einsum("dm,pml->dpl", draws, part)) for part in parts]
    plain = [_f1(part.sum(axis=1)) for part in parts]
    found = []
    for place, word in enumerate(words):
        low, high = np.percentile(drawn[1][:, place] - drawn[0][:, place], [2.5, 97.5])
        times = int(parts[0][2][:, place].sum())
        found.append(
            Difference(name, word, times, float(plain[0][place]), float(plain[1][place]), float(low), float(high))
        )
    for language in sorted({pair[1].language for pair in pairs} - {""}):
        rows = [row for row, pair in enumerate(pairs) if pair[1].language == language]
        draws = _draws(len(rows))
        own = [part[:, rows] for part in parts]
        drawn_means = [_f1(np.einsum("dm,pml->dpl", draws, part)).mean(axis=1) for part in own]
        means = [float(_f1(part.sum(axis=1)).mean()) for part in own]
        low, high = np.percentile(drawn_means[1] - drawn_means[0], [2.5, 97.5])
        found.append(Difference(name, language, len(rows), means[0], means[1], float(low), float(high)))
    return found


def _draws(mails: int) -> NDArray[np.float64]:
    """(draws, mails): how often each mail is in each draw."""
    return np.random.default_rng(0).multinomial(mails, np.full(mails, 1 / mails), size=DRAWS).astype(np.float64)


def _f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3, labels): hits, times given, times true -> (..., labels)."""
    total = counts[..., 1, :] + counts[..., 2, :]
    return np.asarray(np.where(total > 0, 2 * counts[..., 0, :] / np.maximum(total, 1e-12), 1.0))


# --------------------------------------------------------------------------------------------------------- promotion
def stored(folder: Path, before: str, after: str) -> Comparison | None:
    """Two models of one folder by their cross-validations; None if one has kept none. Raises ModelRefused."""
    rows = held_out.read(folder, before), held_out.read(folder, after)
    if rows[0] is None or rows[1] is None:
        return None
    manifests = registry.read_manifest(folder, before), registry.read_manifest(folder, after)
    return compare(rows[0], rows[1], (manifests[0].thresholds, manifests[1].thresholds))


def objections(comparison: Comparison, gold: frozenset[str] | None = None) -> list[str]:
    """Why the second model should not take over; [] if nothing speaks against it. gold: ids of the frozen mails."""
    found = [
        f"{one.classifier}, {one.group}: F1 {one.before:.3f} -> {one.after:.3f}, {-one.change * 100:.1f} points worse"
        f" ({one.low * 100:+.1f} to {one.high * 100:+.1f}); {WORSE_BY * 100:.0f} is allowed"
        for one in comparison.differences
        if one.mails >= FEWEST and one.change < -WORSE_BY
    ]
    frozen = len(gold) if gold else comparison.mails
    flipped = {one.id for one in comparison.changes if one.flipped and (not gold or one.id in gold)}
    if frozen and len(flipped) > FLIPPED * frozen:
        some = ", ".join(sorted(flipped)[:5])
        found.append(
            f"{len(flipped)} of {frozen} {'gold ' if gold else ''}mails are decided otherwise ({some} …);"
            f" {FLIPPED * 100:.0f} % is allowed"
        )
    return found


def gold_of(folder: Path) -> frozenset[str] | None:
    """The ids in `gold.txt`, or None."""
    try:
        return frozenset((folder / GOLD).read_text(encoding="utf-8").split())
    except OSError:
        return None


def weigh(folder: Path, model_id: str) -> tuple[list[str], str]:
    """(why `model_id` should not replace the current model, or [] ; a remark when that could not be weighed)."""
    if not (folder / "current").exists():
        return [], ""
    try:
        current = registry.current(folder)
        if current == model_id:
            return [], ""
        comparison = stored(folder, current, model_id)
    except registry.ModelRefused as refused:
        return [], f"not compared: {refused.reason}"
    if comparison is None or not comparison.mails:
        return [], f"not compared: {current} and {model_id} have no held-out mails in common"
    return objections(comparison, gold_of(folder)), ""
