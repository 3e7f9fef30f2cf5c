"""`mailrouter check`: is rules.yaml right?"""

import json
from datetime import date, datetime
from pathlib import Path

import click

from router import rule_files
from router.cli.checking import Checked, checked
from router.cli.shared_options import MODELS, Moment
from router.errors import Problem
from router.rules import problems

NOTES = frozenset({"W513"})
"""Nothing is wrong yet, only a date comes nearer: a note, unless --strict asks for everything."""


@click.command("check")
@click.argument("rules", type=click.Path(path_type=Path), default="rules.yaml")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit status 1 when there are warnings.")
@click.option("--at", type=Moment(), help="The day for warnings about dates. Default: today.")
@MODELS
def check_command(rules: Path, form: str, strict: bool, at: datetime | None, models: Path) -> None:
    """Look for mistakes in rules.yaml and run the tests inside it. All problems are shown at once, each with its place
    and, where one was probably meant, the right word.

    \b
    mailrouter check rules.yaml
    mailrouter check --format json rules.yaml
    """
    data = rule_files.read(rules)
    found = checked(data, rules, today=at.date() if at else date.today(), model=_model(data, models))
    notes = tuple(one for one in found.problems if one.code in NOTES and not strict)
    text = written(form, found, notes)
    if text:
        click.echo(text)
    if form == "text":
        for one in notes:
            click.echo(f"{one.location}: note {one.code}: {one.message}", err=True)
    if found.errors:
        raise click.exceptions.Exit(2)
    if found.failed:
        raise click.exceptions.Exit(3)
    if strict and found.problems:
        raise click.exceptions.Exit(1)


def written(form: str, found: Checked, notes: tuple[Problem, ...] = ()) -> str:
    """What to print: nothing at all when all is well (text), one object (json), one line a problem (github)."""
    if form == "json":
        tests = {"passed": found.report.passed if found.report else 0, "failed": found.failed}
        listed = [problems.as_json(one) for one in found.problems]
        return json.dumps({"problems": listed, "tests": tests}, ensure_ascii=False)
    if form == "github":
        said = [problems.as_github(one) for one in found.problems]
        if found.report is not None and not found.report.ok:
            said.append(found.report.as_text())
        return "\n".join(said)
    return found.as_text(without=notes)


def _model(data: bytes, models: Path) -> str | None:
    """The id of the model in use, for W515; looked up only where the rules speak of one."""
    if b"tuned_for" not in data:
        return None
    from router.classify import registry

    try:
        return registry.current(models)
    except registry.ModelRefused:
        return None
