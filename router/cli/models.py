"""`mailrouter models`, `promote`, `rollback`, `compare`: which models there are, which is in use, what is better."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from router.classify import registry, signing
from router.cli.shared_options import MODELS
from router.errors import BadInput
from router.rule_files import this_person


@click.group("models", invoke_without_command=True)
@MODELS
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_context
def models_command(ctx: click.Context, models: Path, as_json: bool) -> None:
    """List the models; the one in use has a star. Its commands sign models, and say who did.

    \b
    mailrouter models
    mailrouter models key model.key
    mailrouter models sign topic-abuse-636e4fb5 --key model.key
    mailrouter models verify --key /etc/mailrouter/model.key.pub
    """
    ctx.obj = models
    if ctx.invoked_subcommand is None:
        _list(models, as_json)


def _list(models: Path, as_json: bool) -> None:
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


@models_command.command("key")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
def key_command(path: Path) -> None:
    """Make a pair of keys: the private one in FILE (0600), the public one in FILE.pub. Keep the private one away from
    the filter's host.

    \b
    mailrouter models key model.key
    """
    public = signing.make(path)
    click.echo(f"{path}: private, keep it secret; {path}.pub: public, for `serve --model-key`; key id {public.id}")


@models_command.command("sign")
@click.argument("model_id", metavar="ID")
@click.option(
    "--key", "key_file", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The private key."
)
@click.pass_obj
def sign_command(models: Path, model_id: str, key_file: Path) -> None:
    """Sign a model's manifest, which names the sha256 of the model.

    \b
    mailrouter models sign topic-abuse-636e4fb5 --key model.key
    """
    public = registry.sign(models, model_id, key_file)
    click.echo(f"{model_id} is signed by the key {public.id}")


@models_command.command("verify")
@click.argument("model_id", metavar="[ID]", required=False)
@click.option(
    "--key",
    "key_files",
    required=True,
    multiple=True,
    metavar="PUBLIC",
    type=click.Path(path_type=Path),
    help="A public key; repeatable.",
)
@click.pass_obj
def verify_command(models: Path, model_id: str | None, key_files: tuple[Path, ...]) -> None:
    """Load a model (the one in use, unless told) as a filter with these keys would. Exit status 4 when it is refused.

    \b
    mailrouter models verify --key model.key.pub
    """
    trusted = [signing.read_public(one) for one in key_files]
    chosen = model_id or registry.current(models)
    try:
        registry.load(models, chosen, trusted)
    except registry.ModelRefused as refused:
        click.echo(f"mailrouter: {refused}", err=True)
        click.get_current_context().exit(4)
    click.echo(f"{chosen} is signed by one of {', '.join(one.id for one in trusted)}, and is what was signed")


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
