"""Fitting to some mails, and asking of others: the folds, the weights, and the heads that make them probabilities."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from router.classify import features
from router.classify.calibration import Form, calibrate
from router.classify.corpus import Example
from router.classify.judging import INNER, OURS, Head, Sums, judge
from router.classify.lexicon import Lexicon
from router.classify.memory import Block
from router.classify.pipeline import Features, Numbers, Settings, balance, count, fit_linear, targets_of
from router.classify.replies import ASKS_ANEW, REPLY
from router.classify.tokens import END
from router.frozen import dataclass

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

NEVER_USUAL = frozenset({"topic"})
"""Classifiers of whose labels none is usual for a text of another trade: its scores go towards each other, not towards
how frequent each label is, which would call every odd text technical.
"""

OURS_SHARE = 0.7
"""How much of a desk's mail is of our trade: rather too little, since a guess about another trade's text costs more
than an abstention. By cross-validation 0.85 accepted 5.8 % of texts of other trades where this accepts 3.4 %, and
decided 82 % of our mails where this decides 80 %.
"""

SENTENCE_WEIGHT = 0.3
"""Of one sentence of a mail that lacks the label, against a mail."""

Targets = np.ndarray[tuple[int], np.dtype[np.int64]]


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
    """As `counted_of`, of the mails as they are."""
    return counted_of(examples, documents_of(examples), words)


def documents_of(examples: Sequence[Example]) -> list[list[str]]:
    return [features.tokens(one.subject, one.text) for one in examples]


def counted_of(examples: Sequence[Example], documents: Sequence[Sequence[str]], words: Lexicon) -> Counted:
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
        prior = _prior(name, len(labels[name]), targets, weights)
        heads[name] = calibrate(part, targets, weights, labels[name], columns, FORMS.get(name, Form.PLAIN), prior)
    return heads


def _prior(name: str, width: int, targets: Targets, weights: Numbers) -> Numbers:
    """What a text of another trade gets: how frequent each label is, or all alike."""
    if name in NEVER_USUAL:
        return np.full(width, 1 / width)
    usual = np.bincount(targets, weights=weights, minlength=max(2, width)) / weights.sum()
    return np.asarray(usual[1:2] if width == 1 else usual)


def out_of_fold(
    asked: Sequence[Counted],
    labels: Mapping[str, tuple[str, ...]],
    settings: Settings,
    place: Targets,
    progress: Callable[[str], None] = lambda line: None,
    *,
    seen: NDArray[np.bool_] | None = None,
    what: str = "",
) -> list[Sums]:
    """Of every mail, by models that saw neither it nor its sender and thread. asked: the mails, from which the models
    learn, and perhaps other forms of the same mails. seen: which mails a model may learn from at all, (mails,); None:
    every one. what: said before each line of progress.
    """
    mails, width = len(asked[0].examples), sum(map(len, labels.values()))
    found = [Sums(np.zeros((mails, width)), np.zeros((mails, width)), one.shapes) for one in asked]
    for fold in range(settings.folds):
        progress(f"{what}fold {fold + 1} of {settings.folds}")
        held = np.flatnonzero(place == fold)
        inside = place != fold if seen is None else (place != fold) & seen
        fitted = Fitted(settings, labels, asked[0], np.flatnonzero(inside))
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
