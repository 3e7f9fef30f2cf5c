"""Writing a trained model as a folder that registry.py will load."""

import hashlib
import io
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

from router.classify import held_out, report
from router.classify.corpus import Example
from router.classify.evaluate import Metrics
from router.classify.features import FEATURE_VERSION
from router.classify.held_out import HeldOut
from router.classify.model import Model
from router.classify.registry import MANIFEST_FORMAT
from router.classify.report import Curve
from router.classify.thresholds import Costs


def fingerprint(examples: Sequence[Example]) -> str:
    """sha256 over what training sees of each mail, in order."""
    digest = hashlib.sha256()
    for one in examples:
        seen = [one.id, one.sender, one.subject, one.text, one.language, sorted(one.labels.items()), one.weight]
        digest.update(json.dumps(seen, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    return digest.hexdigest()


def recipe(examples: Sequence[Example], lexicon: str, settings: str, seed: int, costs: Costs | None) -> str:
    """sha256 over everything that goes into a model but the versions of the programs that make it."""
    parts = [FEATURE_VERSION, fingerprint(examples), lexicon, settings, seed, costs and _sorted(costs)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _sorted(costs: Costs) -> list[tuple[str, list[tuple[str, float]]]]:
    return sorted((true, sorted(row.items())) for true, row in costs.items())


def write(
    folder: Path,
    model: Model,
    metrics: Metrics,
    rows: Sequence[HeldOut],
    *,
    examples: Sequence[Example],
    seed: int,
    created: str,
    left_out: Mapping[str, int],
    curve: Curve = (),
) -> None:
    """model.joblib, manifest.json, metrics.json, held-out.jsonl, report.html, card.md. curve: see report.py."""
    held = held_out.as_lines(rows)
    packed = io.BytesIO()
    joblib.dump(_content(model), packed, compress=("zlib", 6))
    sources: dict[str, int] = {}
    for one in examples:
        sources[one.source] = sources.get(one.source, 0) + 1
    manifest = {
        "format": MANIFEST_FORMAT,
        "id": model.id,
        "created": _created(folder / "manifest.json") or created,
        "sha256": hashlib.sha256(packed.getvalue()).hexdigest(),
        "size_bytes": len(packed.getvalue()),
        "feature_version": FEATURE_VERSION,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "scikit-learn", "joblib")},
        },
        "labels": {name: list(words) for name, words in model.labels.items()},
        "thresholds": {
            name: {"accept": one.accept, "reject": one.reject, "margin": one.margin}
            for name, one in model.thresholds.items()
        },
        "seed": seed,
        "data": {
            "rows": len(examples),
            "fingerprint": fingerprint(examples),
            "sources": sources,
            "corrections": dict(sorted(Counter(one.corrected_by for one in examples if one.corrected_by).items())),
            "left_out": dict(left_out),
        },
        "held_out_sha256": hashlib.sha256(held.encode()).hexdigest(),
        "metrics": metrics.summary(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.joblib").write_bytes(packed.getvalue())
    (folder / held_out.FILE).write_text(held, encoding="utf-8")
    for name, value in (("manifest.json", manifest), ("metrics.json", metrics.as_json())):
        (folder / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page = report.page(model, metrics, rows, examples, curve)
    (folder / "report.html").write_text(page, encoding="utf-8", errors="replace")
    (folder / "card.md").write_text(_card(manifest, metrics), encoding="utf-8")


def _created(manifest: Path) -> str:
    """The date in a manifest that is there already, or ""."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))["created"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def _content(model: Model) -> dict[str, Any]:
    return {
        "blocks": {name: {"kept": block.kept, "table": block.table} for name, block in model.blocks.items()},
        "heads": {
            name: {
                "labels": list(head.labels),
                "columns": [head.columns.start, head.columns.stop],
                "bias": head.bias,
                "whole": head.whole,
                "peak": head.peak,
                "shape": head.shape,
                "prior": head.prior,
            }
            for name, head in model.heads.items()
        },
        "lexicon": model.lexicon.text,
        "words": list(model.words),
        "evidence": None
        if model.evidence is None
        else {"weights": model.evidence.weights, "bias": model.evidence.bias, "usual": model.evidence.usual},
    }


def _card(manifest: Mapping[str, Any], metrics: Metrics) -> str:
    sources = ", ".join(f"{name} {rows}" for name, rows in sorted(manifest["data"]["sources"].items()))
    thresholds = "; ".join(
        f"{name}: accept {one['accept']}, reject {one['reject']}, margin {one['margin']}"
        for name, one in manifest["thresholds"].items()
    )
    versions = ", ".join(f"{name} {number}" for name, number in manifest["versions"].items())
    return f"""# Model {manifest["id"]}

What it is: logistic regression over normalised words, their n-grams and their meanings, for mail to a hosting company's
support desk in Russian, Ukrainian and English. What it decides, a person can look at: it moves mail between desks and
asks for a person's attention; it never drops mail.

Trained on: {manifest["data"]["rows"]} rows written by hand for this project ({sources}).
No customer's mail, no public data set.
Not for: other trades, other languages, judging people. On such text it abstains.

Thresholds: {thresholds}.
Made with {versions}; seed {manifest["seed"]}.
The same data, seed and versions on the same kind of machine give the same bytes.
Data fingerprint {manifest["data"]["fingerprint"]}.

Measured by cross-validation on these mails: no mail was scored by a model that saw it, its sender or its thread.
Phrases and texts of other trades were trained on but are not counted here.

{metrics.as_text()}"""
