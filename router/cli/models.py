"""`mailrouter models`, `promote`, `rollback`: which models there are and which is in use."""

import json
from pathlib import Path

import click

from router.classify import registry
from router.cli.shared_options import MODELS


@click.command("models")
@MODELS
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def models_command(models: Path, as_json: bool) -> None:
    """List the models; the one in use has a star.

    \b
    mailrouter models
    """
    try:
        current = registry.current(models)
    except registry.ModelRefused:
        current = ""
    known = registry.models(models)
    if as_json:
        rows = [
            {"id": one.id, "current": one.id == current, "created": one.created, "labels": one.labels} for one in known
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, default=list))
        return
    for one in known:
        click.echo(f"{'*' if one.id == current else ' '} {one.id}  {one.created}  {', '.join(one.labels)}")
    if not known:
        click.echo(f"{models}: no model; `mailrouter train models/data` makes one", err=True)


@click.command("promote")
@click.argument("model_id", metavar="ID")
@MODELS
def promote_command(model_id: str, models: Path) -> None:
    """Make a model the one in use; a running filter takes it at the next reload.

    \b
    mailrouter promote 2026-11-24-a
    """
    registry.promote(models, model_id)
    click.echo(f"{model_id} is in use after the next reload")


@click.command("rollback")
@MODELS
def rollback_command(models: Path) -> None:
    """Go back to the model that was in use before.

    \b
    mailrouter rollback
    """
    click.echo(f"{registry.rollback(models)} is in use after the next reload")
