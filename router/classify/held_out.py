"""What a model says of mails that it was not trained on: a line a mail in `models/<id>/held-out.jsonl`.

`train` writes them from its cross-validation; two models are compared on the mails that both have. No text is in them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from router.classify import registry
from router.classify.corpus import Example
from router.classify.model import Model
from router.frozen import dataclass

FILE = "held-out.jsonl"
LARGEST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HeldOut:
    """labels: classifier -> the true label. scores: classifier -> label -> probability, to four digits."""

    id: str
    language: str
    labels: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float]]


def rows_of(
    examples: Sequence[Example], labels: Mapping[str, Sequence[str]], scores: Mapping[str, NDArray[np.float64]]
) -> list[HeldOut]:
    """scores: classifier -> (examples, labels)."""
    return [
        HeldOut(
            one.id,
            one.language,
            {name: one.labels[name] for name in labels if name in one.labels},
            {
                name: {label: round(float(p), 4) for label, p in zip(words, scores[name][row], strict=True)}
                for name, words in labels.items()
            },
        )
        for row, one in enumerate(examples)
    ]


def scored(model: Model, examples: Sequence[Example]) -> list[HeldOut]:
    """What `model` says of these mails now."""
    rows = [model.scores(one.subject, one.text, one.language) for one in examples]
    return rows_of(
        examples,
        model.labels,
        {
            name: np.array([[row[name][label] for label in words] for row in rows]).reshape(len(rows), len(words))
            for name, words in model.labels.items()
        },
    )


def as_lines(rows: Sequence[HeldOut]) -> str:
    return "".join(
        json.dumps(
            {"id": one.id, "language": one.language, "labels": dict(one.labels), "scores": _plain(one.scores)},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        + "\n"
        for one in rows
    )


def _plain(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: dict(found) for name, found in scores.items()}


def read(folder: Path, model_id: str) -> list[HeldOut] | None:
    """The rows of one model; None for a model of a time that wrote none. Raises registry.ModelRefused."""
    path = folder / model_id / FILE
    wanted = registry.read_manifest(folder, model_id).held_out_sha256
    if not wanted:
        return None
    raw = registry.read_once(path, LARGEST_BYTES)
    if hashlib.sha256(raw).hexdigest() != wanted:
        raise registry.ModelRefused(f"{path}: its sha256 is not the manifest's; the file was changed")
    return [
        HeldOut(row["id"], row["language"], row["labels"], row["scores"])
        for row in map(json.loads, raw.decode("utf-8").splitlines())
    ]
