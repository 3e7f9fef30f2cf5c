"""Training. The only module, with evaluate.py's helpers, that needs scikit-learn; nothing that serves imports it.

Mails become sparse matrices by the feature code of serving; logistic regression weighs them; folds that keep a sender and a thread together give
scores on mail not trained on, from which calibration and thresholds come. Then everything is trained once more on all mails.
"""

import hashlib
import io
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy
import scipy.sparse as sp
import sklearn
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from router.classify import features
from router.classify.corpus import Example
from router.classify.evaluate import Metrics, measure
from router.classify.model import BLOCKS, Block, Head, Model, probabilities
from router.classify.registry import MANIFEST_FORMAT
from router.classify.thresholds import Wish, tune
from router.classify.tokens import END

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be turned. scale: weight of a block. strength: C of the logistic regression. folds: of the cross-validation."""

    scale: Mapping[str, float]
    strength: Mapping[str, float]
    folds: int = 5
    min_senders: int = 2


DEFAULTS = Settings(
    scale={"text_chars": 1.0, "text_words": 1.0, "text_pairs": 0.7, "subject_chars": 0.5, "subject_words": 0.5},
    strength={"topic": 10.0, "abuse": 10.0},
)

LABELS: dict[str, tuple[str, ...]] = {"topic": ("technical", "billing", "sales", "other"), "abuse": ("abusive",)}
"""Every classifier and the labels it gives. A classifier more is one entry here and one in corpus.COLUMNS."""

WISHES = {"topic": Wish(right=0.98), "abuse": Wish(right=0.90)}


@dataclass(frozen=True, slots=True)
class TrainResult:
    """model: as it would be loaded. folder: where it was written. metrics: of the cross-validation."""

    model: Model
    folder: Path
    metrics: Metrics


class Pipeline:
    """The slow, plain way from text to probability, by sparse matrices and scikit-learn; serving must equal it to 1e-6."""

    def __init__(self, settings: Settings, labels: Mapping[str, tuple[str, ...]]) -> None:
        self.settings = settings
        self.labels = labels
        self.kept: dict[str, NDArray[np.int64]] = {}
        self.idf: dict[str, Numbers] = {}
        self.estimators: dict[str, LogisticRegression] = {}
        self.heads: dict[str, Head] = {}

    def counts(self, examples: Sequence[Example]) -> dict[str, Any]:
        """block -> (mails, FEATURES) how many tokens of the mail have the feature."""
        subjects = [features.tokens(one.subject) for one in examples]
        texts = [features.tokens(one.text) for one in examples]
        both = [first + second for first, second in zip(subjects, texts, strict=True)]
        words = features.vocabulary(both)
        known = features.word_features(list(words))
        chars = _indicator(known.chars_owner, known.chars, len(words), features.FEATURES)
        whole = _indicator(known.words_owner, known.words, len(words), features.FEATURES)
        in_both, in_subject = _incidence(both, words), _incidence(subjects, words)
        rows, columns = [], []
        for row, document in enumerate(both):
            stems = np.array([0 if one == END else known.stems[words[one]] for one in document], dtype=np.uint64)
            found = features.pair_features(stems)
            rows.append(np.full(len(found), row))
            columns.append(found)
        pairs = _indicator(np.concatenate(rows), np.concatenate(columns), len(examples), features.FEATURES)
        return {
            "text_chars": (in_both, chars),
            "text_words": (in_both, whole),
            "text_pairs": (None, pairs),
            "subject_chars": (in_subject, chars),
            "subject_words": (in_subject, whole),
        }

    def fit_features(self, counts: Mapping[str, Any], senders: Sequence[str]) -> None:
        """Which features are kept (seen from enough senders), and how rare each is."""
        numbers = {sender: number for number, sender in enumerate(dict.fromkeys(senders))}
        owner = np.array([numbers[sender] for sender in senders])
        by_sender = sp.csr_matrix((np.ones(len(owner)), (owner, np.arange(len(owner)))))
        for name in BLOCKS:
            present = _product(counts[name])
            present = present.copy()
            present.data = np.ones_like(present.data)
            grouped = by_sender @ present
            grouped.data = np.ones_like(grouped.data)
            senders_of = np.asarray(grouped.sum(axis=0)).ravel()
            kept = np.flatnonzero(senders_of >= self.settings.min_senders)
            mails = np.asarray(present.sum(axis=0)).ravel()[kept]
            self.kept[name] = kept
            # float32 here and in the model file, so that both work with the very same numbers
            idf = np.log((1 + len(owner)) / (1 + mails)) + 1
            self.idf[name] = idf.astype(np.float32).astype(np.float64)

    def matrix(self, counts: Mapping[str, Any]) -> Any:
        """All blocks side by side, each normalised."""
        parts = []
        for name in BLOCKS:
            documents, tokens = counts[name]
            kept = tokens[:, self.kept[name]]
            weighted = kept @ sp.diags(self.idf[name])
            squares = kept @ _squares(self.idf[name])
            if documents is not None:
                weighted, squares = documents @ weighted, documents @ squares
            with np.errstate(divide="ignore"):
                norm = np.where(squares > 0, 1 / np.sqrt(squares), 0.0)
            parts.append(sp.diags(norm * self.settings.scale[name]) @ weighted)
        return sp.hstack(parts, format="csr")

    def fit(self, counts: Mapping[str, Any], examples: Sequence[Example]) -> None:
        self.fit_features(counts, [one.sender for one in examples])
        whole = self.matrix(counts)
        for name in self.labels:
            rows, targets = targets_of(examples, name, self.labels[name])
            weight = np.array([examples[row].weight for row in rows]) * _balance(targets)
            estimator = LogisticRegression(C=self.settings.strength[name], max_iter=500, tol=1e-5)
            estimator.fit(whole[rows], targets, sample_weight=weight)
            estimator.coef_ = estimator.coef_.astype(np.float32).astype(np.float64)
            self.estimators[name] = estimator

    def sums(self, counts: Mapping[str, Any]) -> dict[str, Numbers]:
        """classifier -> (mails, labels): decision values without bias, before calibration."""
        whole = self.matrix(counts)
        return {name: np.asarray(whole @ estimator.coef_.T) for name, estimator in self.estimators.items()}

    def predict_proba(self, examples: Sequence[Example]) -> dict[str, Numbers]:
        sums = self.sums(self.counts(examples))
        return {name: np.stack([probabilities(row, self.heads[name]) for row in sums[name]]) for name in self.labels}


def _indicator(rows: Any, columns: Any, height: int, width: int) -> Any:
    return sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(height, width))


def _incidence(documents: Sequence[Sequence[str]], words: Mapping[str, int]) -> Any:
    rows, columns = [], []
    for row, document in enumerate(documents):
        distinct = sorted({words[one] for one in document if one != END})
        rows.extend([row] * len(distinct))
        columns.extend(distinct)
    return _indicator(rows, columns, len(documents), len(words))


def _product(pair: tuple[Any, Any]) -> Any:
    documents, tokens = pair
    return tokens if documents is None else documents @ tokens


def _squares(idf: Numbers) -> Numbers:
    return np.square(idf).astype(np.float32).astype(np.float64)


def _balance(targets: NDArray[np.int64]) -> Numbers:
    """Half way to equal classes: the square root of what would make them equal."""
    share = np.bincount(targets) / len(targets)
    return np.asarray(1 / np.sqrt(share[targets] * len(share)))


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


def calibrate(sums: Numbers, targets: NDArray[np.int64], labels: tuple[str, ...], columns: slice) -> Head:
    """Slope and bias that make out-of-fold sums probabilities (maximum likelihood)."""
    from scipy.optimize import minimize

    width = len(labels)

    def loss(parameters: Numbers) -> float:
        logits = sums * np.exp(parameters[0]) + parameters[1:]
        if width == 1:
            signed = logits[:, 0] * np.where(targets == 1, 1, -1)
            return float(np.mean(np.logaddexp(0, -signed)))
        top = logits.max(axis=1, keepdims=True)
        normal = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
        return float(np.mean(normal - logits[np.arange(len(targets)), targets]) + 1e-3 * np.mean(parameters[1:]) ** 2)

    found = minimize(loss, np.zeros(width + 1), method="L-BFGS-B")
    share = np.bincount(targets, minlength=max(2, width)) / len(targets)
    prior = share[1:2] if width == 1 else share
    return Head(labels, columns, found.x[1:].astype(np.float64), float(np.exp(found.x[0])), prior)


def train(
    examples: Sequence[Example],
    out: Path,
    *,
    seed: int = 0,
    model_id: str | None = None,
    settings: Settings = DEFAULTS,
    created: str = "",
    progress: Callable[[str], None] = lambda line: None,
) -> TrainResult:
    """Train on `examples` and write `out/<id>/`. Same examples, settings and seed, same bytes (amendment 35).

    created: a date for the manifest; the caller's, since nothing here asks the clock.
    """
    examples = list(examples)
    labels = {name: words for name, words in LABELS.items() if any(name in one.labels for one in examples)}
    groups = np.array(_groups(examples))
    strata = np.array([one.labels.get("topic", "") + one.labels.get("abuse", "") for one in examples])
    splitter = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=seed)
    outside = {name: np.zeros((len(examples), len(words))) for name, words in labels.items()}
    for fold, (inside, held) in enumerate(splitter.split(np.zeros(len(examples)), strata, groups), 1):
        progress(f"fold {fold} of {settings.folds}")
        pipeline = Pipeline(settings, labels)
        chosen = [examples[row] for row in inside]
        pipeline.fit(pipeline.counts(chosen), chosen)
        for name, sums in pipeline.sums(pipeline.counts([examples[row] for row in held])).items():
            outside[name][held] = sums
    progress("all mails")
    pipeline = Pipeline(settings, labels)
    pipeline.fit(pipeline.counts(examples), examples)
    start, thresholds, scores = 0, {}, {}
    for name, words in labels.items():
        rows, targets = targets_of(examples, name, words)
        head = calibrate(outside[name][rows], targets, words, slice(start, start + len(words)))
        pipeline.heads[name] = head
        start += len(words)
        scores[name] = np.stack([probabilities(row, head) for row in outside[name]])
        thresholds[name] = tune(scores[name][rows], targets, WISHES[name])
    metrics = measure(examples, labels, scores, thresholds)
    blocks = _compiled(pipeline)
    fingerprint = data_fingerprint(examples)
    chosen_id = model_id or f"{'-'.join(labels)}-{fingerprint[:8]}"
    model = Model(chosen_id, labels, thresholds, blocks, dict(pipeline.heads))
    folder = out / chosen_id
    _write(folder, model, pipeline, examples, metrics, seed, settings, created, fingerprint)
    return TrainResult(model, folder, metrics)


def _groups(examples: Sequence[Example]) -> list[int]:
    """One number for all mails joined by a sender or a thread."""
    parent = list(range(len(examples)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    first: dict[str, int] = {}
    for row, example in enumerate(examples):
        for key in (f"s {example.sender}", *(f"t {one}" for one in example.thread.split())):
            parent[root(row)] = root(first.setdefault(key, row))
    return [root(row) for row in range(len(examples))]


def _compiled(pipeline: Pipeline) -> dict[str, Block]:
    blocks, start = {}, 0
    coefficients = np.vstack([pipeline.estimators[name].coef_ for name in pipeline.labels]).T
    for name in BLOCKS:
        kept, idf = pipeline.kept[name], pipeline.idf[name]
        part = coefficients[start : start + len(kept)] * idf[:, None] * pipeline.settings.scale[name]
        start += len(kept)
        rows = np.zeros(features.FEATURES, dtype=np.int32)
        rows[kept] = np.arange(1, len(kept) + 1)
        weights = np.vstack([np.zeros(part.shape[1]), part]).astype(np.float32)
        blocks[name] = Block(rows, weights, np.concatenate([[0.0], _squares(idf)]).astype(np.float32))
    return blocks


def data_fingerprint(examples: Sequence[Example]) -> str:
    """sha256 over what training sees of each mail, in order."""
    digest = hashlib.sha256()
    for one in examples:
        seen = [one.id, one.sender, one.subject, one.text, one.language, sorted(one.labels.items()), one.weight]
        digest.update(json.dumps(seen, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def _write(
    folder: Path,
    model: Model,
    pipeline: Pipeline,
    examples: Sequence[Example],
    metrics: Metrics,
    seed: int,
    settings: Settings,
    created: str,
    fingerprint: str,
) -> None:
    content = {
        "features": features.FEATURES,
        "blocks": {
            name: {"kept": pipeline.kept[name].astype(np.int32), "weights": block.weights, "squares": block.squares}
            for name, block in model.blocks.items()
        },
        "heads": {
            name: {
                "labels": list(head.labels),
                "columns": [head.columns.start, head.columns.stop],
                "bias": head.bias,
                "scale": head.scale,
                "prior": head.prior,
            }
            for name, head in model.heads.items()
        },
    }
    packed = io.BytesIO()
    joblib.dump(content, packed, compress=("zlib", 6))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.joblib").write_bytes(packed.getvalue())
    manifest = {
        "format": MANIFEST_FORMAT,
        "id": model.id,
        "created": created,
        "sha256": hashlib.sha256(packed.getvalue()).hexdigest(),
        "size_bytes": len(packed.getvalue()),
        "feature_version": features.FEATURE_VERSION,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "joblib": joblib.__version__,
        },
        "labels": {name: list(words) for name, words in model.labels.items()},
        "thresholds": {
            name: {"accept": one.accept, "reject": one.reject, "margin": one.margin}
            for name, one in model.thresholds.items()
        },
        "seed": seed,
        "data": {"rows": len(examples), "fingerprint": fingerprint},
        "metrics": metrics.summary(),
    }
    for name, value in (("manifest.json", manifest), ("metrics.json", metrics.as_json())):
        (folder / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "card.md").write_text(_card(manifest, metrics), encoding="utf-8")


def _card(manifest: Mapping[str, Any], metrics: Metrics) -> str:
    return f"# Model {manifest['id']}\n\n" + metrics.as_text()
