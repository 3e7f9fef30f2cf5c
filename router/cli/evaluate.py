"""`mailrouter evaluate`: how good is a model on labelled mail?"""

import json
from pathlib import Path

import click

from router.classify import registry
from router.classify.corpus import read
from router.classify.evaluate import evaluate
from router.cli.shared_options import MODELS


@click.command("evaluate")
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=click.Path(path_type=Path))
@click.option("--model", "model_id", metavar="ID", help="Default: the promoted one.")
@MODELS
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def evaluate_command(data: tuple[Path, ...], model_id: str | None, models: Path, as_json: bool) -> None:
    """Measure a model on labelled mail. Mail it was trained on flatters it: use mail that nobody trained on.

    \b
    mailrouter evaluate held-out.jsonl
    mailrouter evaluate --model 2026-11-24-a held-out.jsonl --json
    """
    model = registry.load(models, model_id)
    metrics = evaluate(model, read(data))
    click.echo(json.dumps(metrics.as_json(), ensure_ascii=False) if as_json else f"{model.id}\n{metrics.as_text()}")
