"""Training.

Folds that keep a sender and a thread together give scores on mail not trained on; calibration and thresholds come from
these; then everything is trained once more on all mails and written as a model.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import StratifiedGroupKFold

from router.classify import features, held_out, lexicon, package, reply_training
from router.classify.calibration import Form, calibrate
from router.classify.corpus import Example
from router.classify.evaluate import Metrics, measure
from router.classify.lexicon import Lexicon
from router.classify.model import INNER, OURS, Block, Head, Model, Sums, Thresholds, judge
from router.classify.pipeline import DEFAULTS, Features, Numbers, Settings, balance, count, fit_linear, targets_of
from router.classify.replies import ASKS_ANEW, NEW_QUESTION, REPLY
from router.classify.report import Curve
from router.classify.thresholds import WISHES, Costs, tune, tune_by_cost
from router.classify.tokens import END, chunks_of, plain_word
from router.errors import BadInput

LABELS: dict[str, tuple[str, ...]] = {
    "topic": ("technical", "billing", "sales", "other"),
    "abuse": ("abusive",),
    "vague": ("vague",),
    "urgency": ("low", "normal", "high", "urgent"),
    OURS: ("ours",),
    REPLY: (ASKS_ANEW,),
}
"""Every classifier and the labels it gives. A classifier more is one entry here and one in corpus.COLUMNS."""

FORMS = {"abuse": Form.SHAPED, "vague": Form.SHAPED, "urgency": Form.CROSSED, REPLY: Form.SHAPED}
"""How sums become probabilities; PLAIN where it is not said. Measured: docs/model.md."""

HIDING = "abuse"
MOST_AROUND = 8
AMONG_WEIGHT = 0.3
"""An insult may stand in the middle of a long businesslike mail. Of each mail hidden among such sentences, against the
mail; with all of it recall there rose from 0.09 to 0.28, and nothing was lost elsewhere (docs/model.md).
"""

OURS_SHARE = 0.85
"""How much of a desk's mail is of our trade, roughly."""

COMMON_SENDERS = 5

SENTENCE_WEIGHT = 0.3
"""Of one sentence of a mail that lacks the label, against a mail."""

Targets = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """model: as it would be loaded. folder: where it was written. metrics: of the cross-validation."""

    model: Model
    folder: Path
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Counted:
    """The counted features of all mails, and of all their sentences; owner: which mail a sentence is of. shapes: of
    all mails.
    """

    examples: Sequence[Example]
    mails: Mapping[str, Any]
    sentences: Mapping[str, Any]
    shapes: Numbers
    owner: Targets


def counted(examples: Sequence[Example], words: Lexicon) -> Counted:
    return _counted(examples, documents_of(examples), words)


def documents_of(examples: Sequence[Example]) -> list[list[str]]:
    return [features.tokens(one.subject, one.text) for one in examples]


def _counted(examples: Sequence[Example], documents: Sequence[Sequence[str]], words: Lexicon) -> Counted:
    sentences, owner = features.segments(documents)
    return Counted(
        examples,
        count(documents, words, distinct=True),
        count(sentences, words, distinct=False),
        features.shapes(documents),
        np.array(owner, dtype=np.int64),
    )


class Fitted:
    """Features and weights, fitted to some rows. weights: classifier -> (labels, features)."""

    def __init__(self, settings: Settings, labels: Mapping[str, tuple[str, ...]], data: Counted, rows: Targets) -> None:
        self.settings = settings
        self.labels = labels
        examples = [data.examples[row] for row in rows.tolist()]
        self.features = Features(settings)
        chosen = {name: part[rows] for name, part in data.mails.items()}
        self.features.fit(chosen, [one.sender for one in examples])
        mails = self.features.matrix(chosen)
        inside = np.isin(data.owner, rows)
        sentences = self.features.matrix({name: part[inside] for name, part in data.sentences.items()})
        place = np.full(len(data.examples), -1)
        place[rows] = np.arange(len(rows))
        owner = place[data.owner[inside]]
        self.weights = {name: self._weights(name, examples, mails, sentences, owner) for name in labels}

    def _weights(self, name: str, examples: Sequence[Example], mails: Any, sentences: Any, owner: Targets) -> Numbers:
        strength = self.settings.strength[name]
        rows, targets = targets_of(examples, name, self.labels[name])
        share = np.array([examples[row].weight for row in rows]) * balance(targets)
        weights = fit_linear(mails[rows], targets, share, strength)
        if len(self.labels[name]) > 1 or name in INNER:
            return weights
        # One label: where it is, in one sentence at least it shows; where it is not, no sentence has it.
        label_of = np.full(len(examples), -1)
        label_of[rows] = targets
        sums = np.asarray(sentences @ weights.T).ravel()
        best = np.full(len(examples), -np.inf)
        np.maximum.at(best, owner, sums)
        bare = np.flatnonzero(label_of[owner] == 0)
        telling = np.flatnonzero((label_of[owner] == 1) & (sums == best[owner]))
        added = np.concatenate([bare, telling])
        mail_weight = np.array([one.weight for one in examples])[owner[added]]
        return fit_linear(
            sp.vstack([mails[rows], sentences[added]], format="csr"),
            np.concatenate([targets, label_of[owner[added]]]),
            np.concatenate([share, mail_weight * np.where(label_of[owner[added]] == 1, 1.0, SENTENCE_WEIGHT)]),
            strength,
        )

    def sums(self, data: Counted, rows: Targets) -> Sums:
        """Of some mails."""
        weights = np.vstack([self.weights[name] for name in self.labels]).T
        whole = np.asarray(self.features.matrix({name: part[rows] for name, part in data.mails.items()}) @ weights)
        inside = np.flatnonzero(np.isin(data.owner, rows))
        sentences = self.features.matrix({name: part[inside] for name, part in data.sentences.items()}) @ weights
        place = np.full(len(data.examples), -1)
        place[rows] = np.arange(len(rows))
        peak = np.full(whole.shape, -np.inf)
        np.maximum.at(peak, place[data.owner[inside]], np.asarray(sentences))
        return Sums(whole, peak, data.shapes[rows])

    def blocks(self) -> dict[str, Block]:
        """The tables that serving uses."""
        weights = np.vstack([self.weights[name] for name in self.labels]).T
        found, start = {}, 0
        for name in features.BLOCKS:
            kept, idf = self.features.kept[name], self.features.idf[name]
            part = weights[start : start + len(kept)] * idf[:, None] * self.settings.scale[name]
            start += len(kept)
            table = np.zeros((len(kept) + 1, part.shape[1] + 1), dtype=np.float32)
            table[1:, :-1] = part
            table[1:, -1] = self.features.squares(name)
            found[name] = Block(kept.astype(np.int32), table)
        return found


def hidden(examples: Sequence[Example], documents: Sequence[list[str]], place: Targets, seed: int) -> list[list[str]]:
    """Every mail among sentences of other people's harmless mail, MOST_AROUND at most; only of its own fold, so that no
    fold learns from what it is measured on.
    """
    around: dict[int, list[list[str]]] = {}
    for fold, one, document in zip(place.tolist(), examples, documents, strict=True):
        if one.is_mail and one.labels.get(HIDING) == "clean":
            around.setdefault(fold, []).extend(features.segments([document])[0])
    draw = np.random.default_rng(seed)
    found = []
    for fold, document in zip(place.tolist(), documents, strict=True):
        chosen = draw.integers(0, max(1, len(around.get(fold, ()))), draw.integers(2, MOST_AROUND + 1)).tolist()
        sentences = [[*around[fold][one], END] for one in chosen] if fold in around else []
        half = len(sentences) // 2
        found.append([*chain.from_iterable(sentences[:half]), *document, END, *chain.from_iterable(sentences[half:])])
    return found


def columns_of(labels: Mapping[str, tuple[str, ...]]) -> dict[str, slice]:
    found, start = {}, 0
    for name, words in labels.items():
        found[name] = slice(start, start + len(words))
        start += len(words)
    return found


def heads_of(
    examples: Sequence[Example], labels: Mapping[str, tuple[str, ...]], sums: Sums, among: Sums | None = None
) -> dict[str, Head]:
    """Calibration of every classifier on out-of-fold sums. Only mails count, not single phrases. among: sums of the
    mails `hidden` among others' sentences, for the classifier HIDING: what one sentence says then counts for more.
    """
    heads = {}
    for name, columns in columns_of(labels).items():
        rows, targets = targets_of(examples, name, labels[name])
        # phrases have half the weight in training, and none here, except where nothing else shows what is not ours
        weights = np.array([examples[row].weight if examples[row].is_mail else 0.0 for row in rows])
        if name == OURS:
            share = np.where(targets == 1, OURS_SHARE, 1 - OURS_SHARE)
            weights = share / np.bincount(targets)[targets]
        part = Sums(sums.whole[rows][:, columns], sums.peak[rows][:, columns], sums.shape[rows])
        if among is not None and name == HIDING:
            part = Sums(
                np.vstack([part.whole, among.whole[rows][:, columns]]),
                np.vstack([part.peak, among.peak[rows][:, columns]]),
                np.vstack([part.shape, among.shape[rows]]),
            )
            targets, weights = np.tile(targets, 2), np.concatenate([weights, weights * AMONG_WEIGHT])
        heads[name] = calibrate(part, targets, weights, labels[name], columns, FORMS.get(name, Form.PLAIN))
    return heads


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
    data = counted(examples, words)
    place = folds_of(examples, settings.folds, seed)
    documents = hidden(examples, documents_of(examples), place, seed)
    sums, among = out_of_fold((data, _counted(examples, documents, words)), labels, settings, place, progress)
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
        curve=learning_curve(data, labels, settings, seed, progress, metrics) if curve else (),
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


def out_of_fold(
    asked: Sequence[Counted],
    labels: Mapping[str, tuple[str, ...]],
    settings: Settings,
    place: Targets,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Sums]:
    """Of every mail, by models that saw neither it nor its sender and thread. asked: the mails, from which the models
    learn, and perhaps other forms of the same mails.
    """
    mails, width = len(asked[0].examples), sum(map(len, labels.values()))
    found = [Sums(np.zeros((mails, width)), np.zeros((mails, width)), one.shapes) for one in asked]
    for fold in range(settings.folds):
        progress(f"fold {fold + 1} of {settings.folds}")
        held = np.flatnonzero(place == fold)
        fitted = Fitted(settings, labels, asked[0], np.flatnonzero(place != fold))
        for one, sums in zip(asked, found, strict=True):
            part = fitted.sums(one, held)
            sums.whole[held], sums.peak[held] = part.whole, part.peak
    return found


def folds_of(examples: Sequence[Example], folds: int, seed: int) -> Targets:
    """The fold of every mail, 0-based. A mail stays in its fold when other groups come and go, so that two models can
    be compared mail by mail; only where too few mails have a label for that, folds are made anew.
    """
    group = groups(examples)
    names: dict[int, str] = {}
    for number, one in zip(group, examples, strict=True):
        names[number] = min(names.get(number, one.id), one.id)
    hashes = {number: hashlib.sha256(f"{seed} {name}".encode("utf-8", "replace")) for number, name in names.items()}
    place = np.array([int.from_bytes(hashes[number].digest()[:8], "big") % folds for number in group], dtype=np.int64)
    held: dict[tuple[str, str], set[int]] = {}
    for fold, one in zip(place.tolist(), examples, strict=True):
        for pair in one.labels.items():
            held.setdefault(pair, set()).add(fold)
    if len(set(place.tolist())) == folds and all(len(found) > 1 for found in held.values()):
        return place
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    strata = [" ".join(one.labels.values()) for one in examples]
    for fold, (_, rows) in enumerate(splitter.split(np.zeros(len(examples)), strata, group)):
        place[rows] = fold
    return place


def learning_curve(
    data: Counted,
    labels: Mapping[str, tuple[str, ...]],
    settings: Settings,
    seed: int,
    progress: Callable[[str], None],
    whole: Metrics,
) -> Curve:
    """Measures when training sees a part of the groups only; every mail is measured each time. whole: with all."""
    examples = data.examples
    place = folds_of(examples, settings.folds, seed)
    # groups come in an order of their own, so that a larger share holds all of a smaller one
    numbers = np.array(groups(examples))
    rank = np.random.default_rng(seed).permutation(len(examples))[numbers] / len(examples)
    mails = [row for row, one in enumerate(examples) if one.is_mail]
    given = {name: one for name, one in labels.items() if name not in INNER}
    found: list[tuple[float, dict[str, float]]] = []
    pairs = [list(one.labels.items()) for one in examples]
    everything = len(set(chain.from_iterable(pairs)))
    for share in CURVE:
        parts = [np.flatnonzero((place != fold) & (rank < share)) for fold in range(settings.folds)]
        if any(len(set(chain.from_iterable(pairs[row] for row in part))) < everything for part in parts):
            continue  # too few mails for this share: a part of them lacks a label
        width = sum(map(len, labels.values()))
        sums = Sums(np.zeros((len(examples), width)), np.zeros((len(examples), width)), data.shapes)
        for fold in range(settings.folds):
            progress(f"learning curve: {share * 100:.0f} % of the mails, fold {fold + 1} of {settings.folds}")
            inside, held = parts[fold], np.flatnonzero(place == fold)
            part = Fitted(settings, labels, data, inside).sums(data, held)
            sums.whole[held], sums.peak[held] = part.whole, part.peak
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


def groups(examples: Sequence[Example]) -> list[int]:
    """One number for all mails joined by a sender, a thread or a translation (tag `pair:ID`)."""
    parent = list(range(len(examples)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    first: dict[str, int] = {}
    for row, one in enumerate(examples):
        pairs = [tag.removeprefix("pair:") for tag in one.tags if tag.startswith("pair:")]
        keys = [f"sender {one.sender}", *(f"thread {key}" for key in one.thread.split()), f"id {one.id}"]
        for key in (*keys, *(f"id {pair}" for pair in pairs)):
            parent[root(row)] = root(first.setdefault(key, row))
    return [root(row) for row in range(len(examples))]


def predict_proba(fitted: Fitted, heads: Mapping[str, Head], data: Counted) -> dict[str, Numbers]:
    """What the training pipeline itself says: classifier -> (mails, labels). Serving equals it to 1e-6."""
    return judge(fitted.sums(data, np.arange(len(data.examples))), heads)
