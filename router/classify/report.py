"""report.html of a model: one file with its pictures and its worst mistakes, for people. It asks nothing of a network.

All figures are of the cross-validation: no mail was scored by a model that saw it, its sender or its thread.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from router.classify import charts, features, personal
from router.classify.charts import Line
from router.classify.corpus import Example
from router.classify.evaluate import Metrics
from router.classify.held_out import HeldOut
from router.classify.judging import Thresholds, decide_label
from router.classify.model import Model

LANGUAGE_NAMES = {"ru": "Russian", "uk": "Ukrainian", "en": "English", "": "all languages"}
TOLD = 25
"""Words, n-grams and mistakes of each kind that are shown."""
SHOWN_CHARACTERS = 420
SHOWN_SENDERS = 5
"""An n-gram or word that fewer senders used is not shown."""

Curve = Sequence[tuple[float, Mapping[str, float]]]
"""(share of the mails, classifier -> its measure) of a learning curve."""


def page(
    model: Model, metrics: Metrics, rows: Sequence[HeldOut], examples: Sequence[Example], curve: Curve = ()
) -> str:
    """rows: the held-out scores. examples: all that it was trained on, for words and mistakes."""
    parts = [_summary(model, metrics)]
    for name, labels in model.labels.items():
        own = [one for one in rows if name in one.labels]
        if own:
            parts.append(_classifier(name, labels, own, model.thresholds[name]))
    parts.append(_learning(curve))
    parts.append(_words(model, examples))
    for name in model.labels:
        parts.append(_mistakes(name, [one for one in rows if name in one.labels], examples))
    return _PAGE.replace("{title}", escape(model.id)).replace("{body}", "\n".join(one for one in parts if one))


def _summary(model: Model, metrics: Metrics) -> str:
    tables = []
    for name, groups in metrics.values.items():
        measures = [one for one in next(iter(groups.values())) if one not in ("low", "high")]
        head = "".join(f"<th>{escape(one)}</th>" for one in measures)
        lines = []
        for group, found in groups.items():
            main = "macro-F1" if "macro-F1" in found else "average precision"
            cells = []
            for one in measures:
                number = f"{found[one]:.0f}" if one == "mails" else f"{found[one]:.3f}"
                interval = f"<small>{found['low']:.3f}-{found['high']:.3f}</small>" if one == main else ""
                cells.append(f"<td>{number}{interval}</td>")
            lines.append(f"<tr><th>{escape(LANGUAGE_NAMES.get(group, group))}</th>{''.join(cells)}</tr>")
        used = model.thresholds[name]
        tables.append(
            f"<h2>{escape(name)} <small>accept {used.accept}, reject {used.reject}, margin {used.margin}</small></h2>"
            f'<table class="plain"><tr><td></td>{head}</tr>{"".join(lines)}</table>'
        )
    return "".join(tables)


def _classifier(name: str, labels: Sequence[str], rows: Sequence[HeldOut], thresholds: Thresholds) -> str:
    languages = ["", *sorted({one.language for one in rows} - {""})]
    names = [*labels, "clean"] if len(labels) == 1 else list(labels)
    figures = []
    for language in languages:
        chosen = [one for one in rows if language in ("", one.language)]
        counts = [[0] * len(names) for _ in names]
        for one in chosen:
            counts[names.index(one.labels[name])][names.index(_given(one.scores[name], thresholds))] += 1
        figures.append(
            charts.confusion(f"{LANGUAGE_NAMES.get(language, language)}, {len(chosen)} mails", names, counts)
        )
    said = "the likeliest label" if len(labels) > 1 else f"{labels[0]} from {thresholds.accept} on, else clean"
    return (
        f"<h2>{escape(name)}: right and wrong <small>rows: what is true; columns: {escape(said)}</small></h2>"
        f'<div class="row">{"".join(figures)}</div><div class="row">'
        f"{_reliability(name, labels, rows, languages)}{_precision_recall(name, labels, rows, thresholds)}"
        f"{_coverage(name, labels, rows, languages, thresholds)}</div>"
    )


def _given(scores: Mapping[str, float], thresholds: Thresholds) -> str:
    if len(scores) == 1:
        return decide_label(scores, thresholds) or "clean"
    return max(scores, key=lambda one: scores[one])


def _confidence(
    name: str, labels: Sequence[str], rows: Sequence[HeldOut]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How sure it was of its likeliest label (of the only one), and whether that is true."""
    best = [max(one.scores[name].items(), key=lambda pair: pair[1]) for one in rows]
    return (
        np.array([p for _, p in best]),
        np.array([label == one.labels[name] for (label, _), one in zip(best, rows, strict=True)], dtype=bool),
    )


def _reliability(name: str, labels: Sequence[str], rows: Sequence[HeldOut], languages: Sequence[str]) -> str:
    lines = []
    for language in languages:
        said, true = _confidence(name, labels, [one for one in rows if language in ("", one.language)])
        points = []
        for step in range(10):
            inside = (said >= step / 10) & (said < step / 10 + 0.1 + 1e-9 * (step == 9))
            if inside.sum() >= 10:
                points.append((float(said[inside].mean()), float(true[inside].mean())))
        lines.append(Line(LANGUAGE_NAMES.get(language, language), points, dots=True))
    return charts.plot("Is it as often right as it says?", "probability given", "came true", lines, diagonal=True)


def _precision_recall(name: str, labels: Sequence[str], rows: Sequence[HeldOut], thresholds: Thresholds) -> str:
    lines, marks = [], []
    for label in labels:
        scores = np.array([one.scores[name][label] for one in rows])
        wanted = np.array([one.labels[name] == label for one in rows])
        order = np.argsort(-scores, kind="stable")
        hits = np.cumsum(wanted[order])
        recall, precision = hits / max(1, wanted.sum()), hits / np.arange(1, len(order) + 1)
        keep = _spread(len(order))
        lines.append(Line(label, [(float(recall[one]), float(precision[one])) for one in keep if one >= 10]))
        taken = int((scores >= thresholds.accept).sum())
        if taken:
            marks.append(("", (float(recall[taken - 1]), float(precision[taken - 1]))))
    title = "Precision against recall; rings: the threshold"
    return charts.plot(title, "recall", "precision", lines, y_from=0.5, marks=marks)


def _coverage(
    name: str, labels: Sequence[str], rows: Sequence[HeldOut], languages: Sequence[str], thresholds: Thresholds
) -> str:
    lines, marks = [], []
    for language in languages:
        said, true = _confidence(name, labels, [one for one in rows if language in ("", one.language)])
        if len(labels) == 1:  # both answers are answers: how sure of abusive, or of clean
            true = np.where(said >= 0.5, true, ~true)
            said = np.maximum(said, 1 - said)
        order = np.argsort(-said, kind="stable")
        right = np.cumsum(true[order]) / np.arange(1, len(order) + 1)
        lines.append(
            Line(
                LANGUAGE_NAMES.get(language, language),
                [((one + 1) / len(order), float(right[one])) for one in _spread(len(order)) if one >= 20],
            )
        )
        taken = int((said >= thresholds.accept).sum())
        if not language and taken and len(labels) > 1:
            marks.append((f"accept {thresholds.accept}", (taken / len(order), float(right[taken - 1]))))
    return charts.plot(
        "How right, when it may abstain?", "share of mails decided", "right", lines, y_from=0.8, marks=marks
    )


def _spread(number: int) -> list[int]:
    """At most 120 places of a long curve, its end among them."""
    return sorted({int(one) for one in np.linspace(0, number - 1, min(number, 120))})


def _learning(curve: Curve) -> str:
    if not curve:
        return ""
    lines = [Line(name, [(share, found[name]) for share, found in curve], dots=True) for name in curve[0][1]]
    ticks = [(share, f"{share * 100:.0f} %") for share, _ in curve]
    title = "<h2>Would more mails help? <small>topic: macro-F1; abuse: average precision</small></h2>"
    picture = charts.plot("Learning curve", "share of the mails", "measure", lines, y_from=0.5, x_ticks=ticks)
    return f'{title}<div class="row">{picture}</div>'


# -------------------------------------------------------------------------------------------------------- what tells
def _words(model: Model, examples: Sequence[Example]) -> str:
    found = []
    senders: dict[str, set[str]] = {}
    for one in examples:
        for token in set(features.tokens(one.subject, one.text)):
            if token and not token.startswith("="):
                senders.setdefault(token, set()).add(one.sender)
    known = sorted(token for token, who in senders.items() if len(who) >= SHOWN_SENDERS)
    if not known:
        return ""
    grams: dict[str, set[str]] = {}
    for token in known:
        for gram in _ngrams(token):
            grams.setdefault(gram, set()).update(senders[token])
    pieces = sorted(gram for gram, who in grams.items() if len(who) >= SHOWN_SENDERS)
    whole = _weights(model, "words", features.hashes_of(known).words[:, 0])
    parts = _weights(model, "chars", _gram_buckets(pieces))
    column = 0
    for name, labels in model.labels.items():
        del name
        for label in labels:
            for kind, names, weights in (("words", known, whole), ("n-grams", pieces, parts)):
                order = np.argsort(-weights[:, column], kind="stable")[:TOLD]
                told = " ".join(
                    f'<span title="{weights[one, column]:.2f}">{escape(names[one])}</span>'
                    for one in order
                    if weights[one, column] > 0
                )
                found.append(f"<tr><th>{escape(label)}</th><td>{kind}</td><td>{told}</td></tr>")
            column += 1
    return (
        "<h2>What speaks for a label <small>as skeletons (normalise.py), heaviest first; none of fewer than "
        f'{SHOWN_SENDERS} senders</small></h2><table class="words">{"".join(found)}</table>'
    )


def _ngrams(token: str) -> set[str]:
    marked = f"<{token}>"
    return {marked[at : at + n] for n in features.NGRAMS for at in range(len(marked) - n + 1)}


def _gram_buckets(grams: Sequence[str]) -> NDArray[np.int64]:
    """The bucket of each n-gram: as the word that is the n-gram alone has it."""
    buckets = np.zeros(len(grams), dtype=np.int64)
    for number, gram in enumerate(grams):
        buckets[number] = features.ngram_bucket(gram)
    return buckets


def _weights(model: Model, block: str, buckets: NDArray[np.int64]) -> NDArray[np.float64]:
    """(features, columns); a feature that was not kept has weights of 0."""
    kept, table = model.blocks[block].kept, model.blocks[block].table
    place = np.searchsorted(kept, buckets)
    place[place == len(kept)] = 0
    rows = np.where(kept[place] == buckets, place + 1, 0)
    return np.asarray(table[rows, :-1], dtype=np.float64)


# ---------------------------------------------------------------------------------------------------------- mistakes
def _mistakes(name: str, rows: Sequence[HeldOut], examples: Sequence[Example]) -> str:
    by_id = {one.id: one for one in examples}
    wrong = []
    for one in rows:
        scores = one.scores[name]
        true = one.labels[name]
        own = scores.get(true, 1 - max(scores.values()))
        label, p = max(scores.items(), key=lambda pair: pair[1])
        if len(scores) == 1 and p < 0.5:
            label, p = "clean", 1 - p
        if label != true and one.id in by_id:
            wrong.append((own, one, label, p))
    wrong.sort(key=lambda entry: (entry[0], entry[1].id))
    lines = []
    for _, one, label, p in wrong[:TOLD]:
        mail = by_id[one.id]
        text = personal.redacted(f"{mail.subject}\n{mail.text}")
        text = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"
        lines.append(
            f"<tr><td>{escape(one.id)}</td><td><b>{escape(one.labels[name])}</b></td>"
            f'<td>{escape(label)} {p:.2f}</td><td class="mail">{escape(text)}</td></tr>'
        )
    if not lines:
        return ""
    return (
        f"<h2>{escape(name)}: the worst mistakes <small>{len(lines)} of {len(wrong)}; a wrong label in the data shows "
        'here first</small></h2><table class="mistakes"><tr><th>mail</th><th>true</th><th>said</th><th>text</th></tr>'
        f"{''.join(lines)}</table>"
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #1c1c1c; max-width: 1420px; margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem }
small { font-weight: normal; color: #666; font-size: .8em }
.row { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start }
figure { margin: 0 0 .6rem; flex: 0 1 380px; min-width: 280px }
.small { flex: 0 0 auto; min-width: 0; font-size: .9rem } figcaption { font-weight: 600; margin-bottom: .3rem }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif }
svg text { fill: #555 } svg .marked { fill: #1c1c1c; font-weight: 600 }
.grid { stroke: #e6e6e6 } .diagonal { stroke: #aaa; stroke-dasharray: 4 4 }
.line { fill: none; stroke-width: 2 } .mark { fill: none; stroke: #1c1c1c; stroke-width: 1.5 }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; color: #444; padding-left: 46px }
.legend i { display: inline-block; width: 1em; height: .25em; margin-right: .4em; vertical-align: middle }
table { border-collapse: collapse } th { text-align: left; font-weight: 600 }
.plain td, .plain th { padding: .25rem .8rem; border-bottom: 1px solid #e6e6e6; text-align: right }
.plain th:first-child { text-align: left } .plain small { display: block }
.confusion td { padding: .3rem; text-align: center; min-width: 2.9rem; border: 2px solid #fff }
.confusion th { font-size: .8rem; padding: .2rem .4rem } .confusion small { display: block; font-size: .72rem }
.confusion .dark, .confusion .dark small { color: #fff }
.words td, .words th, .mistakes td, .mistakes th { padding: .35rem .7rem .35rem 0; vertical-align: top;
  border-bottom: 1px solid #e6e6e6 }
.words span { background: #eef2f7; border-radius: 3px; padding: 0 .35em; margin-right: .25em; display: inline-block }
.mistakes { width: 100% } .mistakes td:first-child, .mistakes td:nth-child(3) { white-space: nowrap }
.mail { white-space: pre-line; overflow-wrap: anywhere }
</style></head><body>
<h1>Model {title}</h1>
<p>All figures are of the cross-validation: no mail was scored by a model that saw it, its sender, its thread or its
translation. Thresholds were chosen on these very scores, so read what they reach as the best case.</p>
{body}
</body></html>
"""
