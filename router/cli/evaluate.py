"""`mailrouter evaluate`: how good is a model on labelled mail, and which labels does it doubt?"""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from router.classify import held_out, personal, registry, suspects
from router.classify.corpus import Example, read
from router.classify.evaluate import evaluate
from router.classify.model import Model
from router.classify.suspects import Suspect
from router.cli.shared_options import MODELS

SHOWN_CHARACTERS = 70


@click.command("evaluate")
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=click.Path(path_type=Path))
@click.option("--model", "model_id", metavar="ID", help="Default: the promoted one.")
@MODELS
@click.option("--suspects", "wants_suspects", is_flag=True, help="List the rows whose label the model doubts, instead.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="With --suspects: rows that are listed."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output; with --suspects a line a row.")
def evaluate_command(
    data: tuple[Path, ...], model_id: str | None, models: Path, wants_suspects: bool, limit: int, as_json: bool
) -> None:
    """Measure a model on labelled mail. Mail it was trained on flatters it: use mail that nobody trained on.

    With --suspects: which labels are probably wrong, the most doubted first. Of mail that the model was trained on
    counts what its cross-validation said. `mailrouter label DATA --suspects` asks about them.

    \b
    mailrouter evaluate held-out.jsonl
    mailrouter evaluate --model 2026-11-24-a held-out.jsonl --json
    mailrouter evaluate models/data --suspects
    """
    model = registry.load(models, model_id)
    examples = read(data)
    if wants_suspects:
        found = doubted(model, models, examples)
        for one in found[:limit]:
            click.echo(json.dumps(one.as_json(), ensure_ascii=False) if as_json else _line(one))
        if not as_json:
            click.echo(f"{len(found)} labels of {sum(one.is_mail for one in examples)} mails are doubted", err=True)
        return
    metrics = evaluate(model, examples)
    click.echo(json.dumps(metrics.as_json(), ensure_ascii=False) if as_json else f"{model.id}\n{metrics.as_text()}")


def doubted(model: Model, models: Path, examples: Sequence[Example]) -> list[Suspect]:
    """The suspects among these mails, by what the model said of them in its cross-validation, or says now of those that
    it was not trained on."""
    stored = held_out.read(models, model.id) or []
    known = {one.id for one in stored}
    new = [one for one in examples if one.is_mail and one.id not in known]
    return suspects.find(model, examples, [*stored, *held_out.scored(model, new)])


def _line(one: Suspect) -> str:
    text = " ".join(personal.redacted(f"{one.example.subject} · {one.example.text}").split())
    shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"
    said = f"{one.classifier} {one.given} {one.p[one.given]:.2f}, rather {one.likely} {one.p[one.likely]:.2f}"
    return f"{one.example.place}: {one.example.id}: {said}: {shown}"
