"""`mailrouter models`, `promote`, `rollback`, `compare`: which models there are, which is in use, what is better."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from router.classify import registry
from router.cli.shared_options import MODELS
from router.errors import BadInput
from router.rule_files import this_person


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


FORCE = click.option("--force", metavar="REASON", help="Promote it even if it is worse; the reason is kept in history.")


@click.command("promote")
@click.argument("model_id", metavar="ID")
@FORCE
@MODELS
def promote_command(model_id: str, force: str | None, models: Path) -> None:
    """Make a model the one in use; a running filter takes it at the next reload. A model that is worse than the one in
    use by more than a point on some label or language, or that decides more than 2 % of the gold mails otherwise, is
    refused with status 4.

    \b
    mailrouter promote topic-abuse-636e4fb5
    mailrouter promote topic-abuse-636e4fb5 --force "the old labels of sales were wrong"
    """
    take_over(models, model_id, force)


def take_over(models: Path, model_id: str, force: str | None) -> None:
    """Promote a model unless it is worse than the current one and nobody insists."""
    from router.classify import compare

    if force is not None and not force.strip():
        raise click.UsageError("--force wants a reason")
    registry.load(models, model_id)
    against, remark = compare.weigh(models, model_id)
    if remark:
        click.echo(remark, err=True)
    for one in against:
        click.echo(one, err=True)
    if against and force is None:
        click.echo(
            f"{model_id} is not promoted; {registry.current(models)} stays. "
            f"`mailrouter compare {registry.current(models)} {model_id}` shows the mails; "
            "--force REASON promotes it all the same",
            err=True,
        )
        click.get_current_context().exit(4)
    registry.promote(models, model_id)
    registry.record(models, _now(), "promote", model_id, this_person(), force or "")
    click.echo(f"{model_id} is in use after the next reload")


@click.command("rollback")
@MODELS
def rollback_command(models: Path) -> None:
    """Go back to the model that was in use before.

    \b
    mailrouter rollback
    """
    model_id = registry.rollback(models)
    registry.record(models, _now(), "rollback", model_id, this_person())
    click.echo(f"{model_id} is in use after the next reload")


def _now() -> datetime:
    return datetime.now(UTC)


@click.command("compare")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.argument("data", nargs=-1, metavar="[DATA]...", type=click.Path(path_type=Path))
@MODELS
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def compare_command(before: str, after: str, data: tuple[Path, ...], models: Path, as_json: bool) -> None:
    """Say what changes from model A to model B: by label and language, with intervals, and mail by mail.

    Without DATA by what each said in its cross-validation of mails it was not trained on; with DATA (labelled mail that
    neither was trained on) by what they say of it.

    \b
    mailrouter compare topic-abuse-debc8b5f topic-abuse-636e4fb5
    mailrouter compare topic-abuse-debc8b5f topic-abuse-636e4fb5 held-out.jsonl
    """
    from router.classify import compare, held_out
    from router.classify.corpus import read

    if data:
        pair = [registry.load(models, one) for one in (before, after)]
        examples = [one for one in read(data) if one.is_mail]
        rows = [held_out.scored(one, examples) for one in pair]
        found = compare.compare(rows[0], rows[1], (pair[0].thresholds, pair[1].thresholds))
    else:
        stored = compare.stored(models, before, after)
        if stored is None:
            raise BadInput(
                f"{before} or {after} kept no held-out scores; give labelled mail that neither was trained on"
            )
        found = stored
    click.echo(json.dumps(found.as_json(), ensure_ascii=False) if as_json else found.as_text())
