"""`mailrouter test`: the tests inside rules.yaml."""

import json
from pathlib import Path

import click

from router import rule_files
from router.calendar_copies import copies_for
from router.rules import cases
from router.rules.compile import compile_rules
from router.rules.load import load


@click.command("test")
@click.argument("rules", type=click.Path(path_type=Path), default="rules.yaml")
@click.option("--run", "only", metavar="NAME", help="Only the tests whose name holds this.")
@click.option("--mutate", is_flag=True, help="Remove each rule in turn: some test must notice.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def test_command(rules: Path, only: str | None, mutate: bool, junit: Path | None, as_json: bool) -> None:
    """Run the tests inside rules.yaml. A failing one shows what differs and what each rule did.

    \b
    mailrouter test rules.yaml
    mailrouter test --mutate rules.yaml
    """
    data = rule_files.read(rules)
    ruleset = compile_rules(load(data, str(rules), base=rules.parent), data, copies_for(rules).get)
    report = cases.run(ruleset, only=only, mutate=mutate)
    if junit is not None:
        junit.write_text(report.as_junit(), encoding="utf-8")
    click.echo(json.dumps(report.as_json(), ensure_ascii=False) if as_json else report.as_text())
    if not report.ok or report.survived:
        raise click.exceptions.Exit(3)
