"""`mailrouter train`: a model from labelled mail."""

from pathlib import Path

import click

from router.classify.corpus import read


@click.command("train")
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default="models", show_default=True, help="The folder of models."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same data and seed, same model.")
@click.option("--promote", is_flag=True, help="Make it the one in use.")
def train_command(data: tuple[Path, ...], out: Path, seed: int, promote: bool) -> None:
    """Train a model from labelled mail (JSON lines or CSV; a folder stands for all its files) and write it beside the
    others, with its manifest, metrics and card. It is used only when it is promoted.

    \b
    mailrouter train models/data --out models
    mailrouter train models/data corrections.jsonl --promote
    """
    from router.classify import registry
    from router.classify.train import train

    examples = read(data)
    click.echo(f"{len(examples)} labelled mails; training takes some minutes", err=True)
    result = train(examples, out, seed=seed)
    click.echo(result.metrics.as_text())
    if promote:
        registry.promote(out, result.model.id)
    click.echo(
        f"{result.folder}: written" + (" and promoted" if promote else f"; mailrouter promote {result.model.id}")
    )
