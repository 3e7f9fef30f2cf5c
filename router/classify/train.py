"""Training.

Folds that keep a sender and a thread together give scores on mail not trained on; calibration and thresholds come from
these; then everything is trained once more on all mails and written as a model.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from router.classify import held_out, lexicon, package, reply_training
from router.classify.corpus import Example
from router.classify.evaluate import Metrics, measure
from router.classify.fitting import (
    LABELS,
    Counted,
    Fitted,
    Targets,
    counted_of,
    documents_of,
    folds_of,
    groups,
    heads_of,
    hidden,
    out_of_fold,
)
from router.classify.judging import INNER, Thresholds, judge
from router.classify.model import Model
from router.classify.pipeline import DEFAULTS, Settings, targets_of
from router.classify.replies import NEW_QUESTION, REPLY
from router.classify.report import Curve
from router.classify.thresholds import WISHES, Costs, tune, tune_by_cost
from router.classify.tokens import chunks_of, plain_word
from router.errors import BadInput
from router.frozen import dataclass

COMMON_SENDERS = 5


@dataclass(frozen=True, slots=True)
class TrainResult:
    """model: as it would be loaded. folder: where it was written. metrics: of the cross-validation."""

    model: Model
    folder: Path
    metrics: Metrics


def train(
    examples: Sequence[Example],
    out: Path,
    *,
    seed: int = 1,
    model_id: str | None = None,
    settings: Settings = DEFAULTS,
    created: str = "",
    costs: Costs | None = None,
    left_out: Mapping[str, int] | None = None,
    curve: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> TrainResult:
    """Train on `examples` and write `out/<id>/`. Same examples, settings and seed, same bytes (amendment 35).

    created: a date for the manifest; the caller's, since nothing here asks the clock. A model that is there already
    and is made again keeps its date: its id names everything that goes in. costs: thresholds cost least by this matrix,
    for classifiers whose labels it names; the others are tuned as WISHES says. left_out: for the manifest, what
    curation.py did. curve: a learning curve for the report.
    """
    words = lexicon.parse(lexicon.own_text())
    examples = reply_training.apart(examples)
    labels = {name: one for name, one in LABELS.items() if len(set(_labels_of(examples, name))) > 1}
    if REPLY in labels and not _has_enough(examples, REPLY, settings.folds):
        del labels[REPLY]
    given = {name: one for name, one in labels.items() if name not in INNER}
    _enough(examples, labels, settings.folds)
    documents = documents_of(examples)
    data = counted_of(examples, documents, words)
    place = folds_of(examples, settings.folds, seed)
    among_others = counted_of(examples, hidden(examples, documents, place, seed), words)
    sums, among = out_of_fold((data, among_others), labels, settings, place, progress)
    progress("all mails")
    fitted = Fitted(settings, labels, data, np.arange(len(examples)))
    heads = heads_of(examples, labels, sums, among)
    scores = judge(sums, heads)
    thresholds = {}
    for name in given:
        rows, targets = targets_of(examples, name, labels[name])
        mails = np.array([examples[row].is_mail for row in rows])
        measured = scores[name][rows[mails]], targets[mails]
        if costs and set(costs) & set(labels[name]):
            thresholds[name] = tune_by_cost(*measured, labels[name], costs, WISHES[name])
        else:
            thresholds[name] = tune(*measured, WISHES[name])
    mails_only = [row for row, one in enumerate(examples) if one.is_mail and set(one.labels) & set(given)]
    metrics = measure(
        [examples[row] for row in mails_only],
        given,
        {name: part[mails_only] for name, part in scores.items()},
        thresholds,
    )
    evidence = None
    if REPLY in labels:
        evidence, thresholds[NEW_QUESTION], of_pairs = reply_training.fit(examples, place, scores[REPLY][:, 0])
        if of_pairs:
            metrics = Metrics(metrics.mails, {**metrics.values, **of_pairs.values})
    recipe = package.recipe(examples, words.text, repr(settings), seed, costs)
    chosen = model_id or f"{'-'.join(given)}-{recipe[:8]}"
    model = Model(chosen, given, thresholds, fitted.blocks(), heads, words, common_words(examples), evidence)
    folder = out / chosen
    kept = held_out.rows_of([examples[row] for row in mails_only], given, {n: s[mails_only] for n, s in scores.items()})
    package.write(
        folder,
        model,
        metrics,
        kept,
        examples=examples,
        seed=seed,
        created=created,
        left_out=left_out or {},
        curve=learning_curve(data, labels, settings, place, seed, progress, metrics) if curve else (),
    )
    return TrainResult(model, folder, metrics)


def common_words(examples: Sequence[Example]) -> tuple[str, ...]:
    """The words of mails, in lower case and by name, that COMMON_SENDERS senders used: a model knows their features
    before the first mail. A word of fewer senders could say whose mail it was trained on, and is nowhere in a model.
    """
    senders: dict[str, set[str]] = {}
    for one in examples:
        if one.is_mail:
            for line in [*chunks_of(one.subject), *chunks_of(one.text)]:
                for chunk in line:
                    if word := plain_word(chunk)[0]:
                        senders.setdefault(word, set()).add(one.sender)
    return tuple(sorted(word for word, found in senders.items() if len(found) >= COMMON_SENDERS))


def learning_curve(
    data: Counted,
    labels: Mapping[str, tuple[str, ...]],
    settings: Settings,
    place: Targets,
    seed: int,
    progress: Callable[[str], None],
    whole: Metrics,
) -> Curve:
    """Measures when training sees a part of the groups only; every mail is measured each time. place: the fold of each
    mail. whole: with all.
    """
    examples = data.examples
    # groups come in an order of their own, so that a larger share holds all of a smaller one
    numbers = np.array(groups(examples))
    rank = np.random.default_rng(seed).permutation(len(examples))[numbers] / len(examples)
    mails = [row for row, one in enumerate(examples) if one.is_mail]
    given = {name: one for name, one in labels.items() if name not in INNER}
    found: list[tuple[float, dict[str, float]]] = []
    pairs = [list(one.labels.items()) for one in examples]
    everything = len(set(chain.from_iterable(pairs)))
    for share in CURVE:
        seen = rank < share
        parts = [np.flatnonzero((place != fold) & seen) for fold in range(settings.folds)]
        if any(len(set(chain.from_iterable(pairs[row] for row in part))) < everything for part in parts):
            continue  # too few mails for this share: a part of them lacks a label
        what = f"learning curve: {share * 100:.0f} % of the mails, "
        (sums,) = out_of_fold((data,), labels, settings, place, progress, seen=seen, what=what)
        scores = judge(sums, heads_of(examples, labels, sums))
        measured = measure(
            [examples[row] for row in mails],
            given,
            {name: part[mails] for name, part in scores.items()},
            {name: Thresholds(0.9, 0.1) for name in given},
        )
        found.append((share, _main(measured)))
    return [*found, (1.0, _main(whole))]


def _main(metrics: Metrics) -> dict[str, float]:
    return {
        name: groups["all"].get("macro-F1", groups["all"].get("average precision", 0.0))
        for name, groups in metrics.values.items()
    }


CURVE = (0.25, 0.5, 0.75)
"""Shares of the mails."""


def _enough(examples: Sequence[Example], labels: Mapping[str, tuple[str, ...]], folds: int) -> None:
    """Raises BadInput unless every label has mails of some senders."""
    if set(labels) <= INNER:
        raise BadInput("nothing to learn: expected mails with two topics at least, or abusive and clean ones")
    group = groups(examples)
    for name, words in labels.items():
        senders: dict[str, set[int]] = {}
        for number, one in zip(group, examples, strict=True):
            if name in one.labels:
                senders.setdefault(one.labels[name], set()).add(number)
        for label in {*words, *senders}:
            found = len(senders.get(label, ()))
            if found < folds:
                raise BadInput(f"{name}: {found} senders or threads have {label}; at least {folds} are needed")


def _has_enough(examples: Sequence[Example], name: str, folds: int) -> bool:
    numbers: dict[str, set[str]] = {}
    for one in examples:
        if name in one.labels:
            numbers.setdefault(one.labels[name], set()).add(one.sender)
    return all(len(found) >= folds for found in numbers.values())


def _labels_of(examples: Sequence[Example], name: str) -> list[str]:
    return [one.labels[name] for one in examples if name in one.labels]
