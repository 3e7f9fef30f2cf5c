"""`mailrouter classify`: the classifiers alone, for data staff and evaluation."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from router.classify import registry
from router.classify.judging import Thresholds, decide_label
from router.classify.model import Model
from router.classify.replies import ASKS_ANEW, NEW_QUESTION, Told
from router.cli.shared_options import MODELS
from router.errors import BadFile, Location, Problem
from router.generation import load_generation, rule_thresholds
from router.message.language import detect
from router.message.quoting import split
from router.message.stems import overlap, stems


@click.command("classify")
@click.option("--model", "model_id", metavar="ID", help="Default: the promoted one.")
@MODELS
@click.option(
    "--rules",
    type=click.Path(path_type=Path),
    help="Take the thresholds of this rules file. Default: those of the model's manifest.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def classify_command(model_id: str | None, models: Path, rules: Path | None, as_json: bool) -> None:
    """Classify JSON lines {"id", "subject", "body"} from standard input; one line a mail, in input order.

    `new_question` is meant for replies in a ticket; it judges better when the line also has "ticket": [{"text": …}, …]
    (what was written so far), "status": "open" or "closed", and "idle_days".

    \b
    echo '{"id": "1", "subject": "Invoice", "body": "Please send the invoice."}' | mailrouter classify --json
    """
    model = registry.load(models, model_id)
    thresholds = dict(model.thresholds)
    if rules is not None:
        thresholds = rule_thresholds(load_generation(rules, None).ruleset, thresholds)
    problems: list[Problem] = []
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        row = _row(line, number, problems)
        if row is None:
            continue
        found = classified(model, thresholds, row)
        click.echo(json.dumps(found, ensure_ascii=False) if as_json else as_text(found))
    if problems:
        raise BadFile(problems)


def _row(line: bytes, number: int, problems: list[Problem]) -> dict[str, Any] | None:
    """One input line, or None and a problem; the other lines are classified all the same."""
    place = Location("standard input", number, 1)
    try:
        row = json.loads(line)
    except ValueError as error:
        problems.append(Problem("E101", f"not a JSON object: {error}", place))
        return None
    if (
        not isinstance(row, dict)
        or not isinstance(row.get("body", ""), str)
        or not isinstance(row.get("subject", ""), str)
    ):
        problems.append(Problem("E201", 'expected {"id": …, "subject": "text", "body": "text"}', place))
        return None
    return row


def classified(model: Model, thresholds: dict[str, Thresholds], row: dict[str, Any]) -> dict[str, Any]:
    """contract.md's object for one mail: id, language, and for each classifier label, by and p."""
    subject = row.get("subject", "")
    text = split(row.get("body", ""), subject).new_text
    language, _ = detect(text)
    scores = model.scores(subject, text, language)
    found: dict[str, Any] = {"id": row.get("id"), "language": language}
    likely = model.asks_anew(text, told_of(row, text))
    if likely is not None:
        scores = {**scores, NEW_QUESTION: {ASKS_ANEW: likely}}
    for name, p in scores.items():
        label = decide_label(p, thresholds[name])
        found[name] = {
            "label": label,
            "by": None if label is None else "model",
            "p": {one: round(value, 6) for one, value in p.items()},
        }
    return found


def told_of(row: dict[str, Any], reply: str) -> Told:
    """What a row tells of the ticket that it replies to; nothing, when it tells nothing."""
    said = [
        one["text"] for one in row.get("ticket") or () if isinstance(one, dict) and isinstance(one.get("text"), str)
    ]
    known = frozenset(stems(row.get("subject", ""), *said))
    status, idle = row.get("status"), row.get("idle_days")
    return Told(
        overlap(reply, known.__contains__) if said else None,
        None if status is None else status == "closed",
        float(idle) if isinstance(idle, int | float) and not isinstance(idle, bool) else None,
    )


def as_text(found: dict[str, Any]) -> str:
    parts = [f"{found['id']}: {found['language']}"]
    for name, one in found.items():
        if isinstance(one, dict):
            likely, p = max(one["p"].items(), key=lambda pair: pair[1])
            parts.append(f"{name} {one['label'] or 'undecided'} ({likely} {p:.2f})")
    return " · ".join(parts)
