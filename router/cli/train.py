"""`mailrouter train`: a model from labelled mail."""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import click

from router.classify import registry, signing
from router.classify.corpus import read
from router.cli.models import FORCE, take_over
from router.errors import BadFile, Problem


@click.command("train")
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default="models", show_default=True, help="The folder of models."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same data and seed, same model.")
@click.option("--rules", type=click.Path(path_type=Path), help="Choose thresholds by training.cost of this rules file.")
@click.option("--redact", is_flag=True, help="Mask personal data instead of refusing the rows that hold it.")
@click.option("--curve", is_flag=True, help="A learning curve in the report; takes three times as long.")
@click.option(
    "--sign", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Sign it by this private key."
)
@click.option("--promote", is_flag=True, help="Make it the one in use, if it is no worse.")
@FORCE
def train_command(
    data: tuple[Path, ...],
    out: Path,
    seed: int,
    rules: Path | None,
    redact: bool,
    curve: bool,
    sign: Path | None,
    promote: bool,
    force: str | None,
) -> None:
    """Train a model from labelled mail (JSON lines or CSV, corrections too; a folder stands for all its files) and
    write it beside the others, with its manifest, metrics, card and report.html. It is used only when it is promoted.

    What is there twice teaches once; a sender's rows weigh no more than five; rows with personal data are refused.

    \b
    mailrouter train models/data --out models
    mailrouter train models/data corrections.jsonl --redact --promote
    """
    costs = _costs(rules) if rules is not None else None
    if sign is not None:
        signing.signed(b"", sign)  # a key that cannot be used is told before the work, not after it
    progress, finish = _progress()
    progress("reading")
    examples = read(data)
    # what must learn of an error in the data does not wait for scikit-learn
    from router.classify import curation

    curated = curation.curate(examples, redact=redact)
    from router.classify.train import train

    result = train(
        curated.examples,
        out,
        seed=seed,
        created=date.today().isoformat(),
        costs=costs,
        left_out=curated.counts(),
        curve=curve,
        progress=progress,
    )
    finish()
    left_out = [f"{len(curated.duplicates)} rows say what another says and were left out"] if curated.duplicates else []
    left_out += [f"{curated.masked} rows were masked"] if curated.masked else []
    left_out += [f"{sender}: {rows} rows weigh less each" for sender, rows in sorted(curated.quietened.items())]
    for line in left_out:
        click.echo(line, err=True)
    click.echo(result.metrics.as_text())
    click.echo(f"{result.folder}: written; look at {result.folder / 'report.html'}")
    if sign is not None:
        public = registry.sign(out, result.model.id, sign)
        click.echo(f"signed by the key {public.id}")
    if promote:
        take_over(out, result.model.id, force)
    else:
        click.echo(f"mailrouter promote {result.model.id} puts it in use")


def _progress() -> tuple[Callable[[str], None], Callable[[], None]]:
    """On a terminal one line that changes; elsewhere a line a step."""
    shown = sys.stderr.isatty()

    def show(step: str) -> None:
        click.echo(f"\r\x1b[K{step} …" if shown else step, err=True, nl=not shown)

    def finish() -> None:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    return show, finish


def _costs(path: Path) -> dict[str, dict[str, float]]:
    """training.cost of a rules file; every label in it must be one of ours."""
    from router.classify.corpus import COLUMNS
    from router.classify.thresholds import UNDECIDED
    from router.errors import closest
    from router.rule_files import read as read_rules
    from router.rules.load import load

    file = load(read_rules(path), str(path), base=path.parent)
    if file.training is None:
        raise click.ClickException(f"{path}: has no training: cost:; see docs/rules.md")
    known = {label for name, (_, words) in COLUMNS.items() for label in words.values() if name != "ours"}
    problems = []
    for true, row in file.training.cost.items():
        for word in (true, *row):
            if word not in known and not (word == UNDECIDED and word in row):
                near = closest(word, known)
                hint = f'did you mean "{near}"?' if near else f"expected one of {', '.join(sorted(known))}"
                problems.append(
                    Problem("E330", f'label "{word}" is unknown; {hint}', file.training.at, "training > cost")
                )
    if problems:
        raise BadFile(problems)
    return {true: dict(row) for true, row in file.training.cost.items()}
