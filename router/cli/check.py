"""`mailrouter check`: is rules.yaml right?"""

import json
from pathlib import Path

import click

from router import rule_files
from router.errors import Problem, Severity
from router.rules import cases, problems
from router.rules.compile import compile_rules
from router.rules.load import check


@click.command("check")
@click.argument("rules", type=click.Path(path_type=Path), default="rules.yaml")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit status 1 when there are warnings.")
def check_command(rules: Path, form: str, strict: bool) -> None:
    """Look for mistakes in rules.yaml and run the tests inside it. All problems are shown at once, each with its place
    and, where one was probably meant, the right word.

    \b
    mailrouter check rules.yaml
    mailrouter check --format json rules.yaml
    """
    data = rule_files.read(rules)
    loaded, found = check(data, str(rules), base=rules.parent)
    report = None
    if loaded is not None:
        report = cases.run(compile_rules(loaded, data))
    text = written(form, found, data, report)
    if text:
        click.echo(text)
    if any(one.severity is Severity.ERROR for one in found):
        raise click.exceptions.Exit(2)
    if report is not None and not report.ok:
        raise click.exceptions.Exit(3)
    if strict and found:
        raise click.exceptions.Exit(1)


def written(form: str, found: tuple[Problem, ...], data: bytes, report: cases.Report | None) -> str:
    """What to print: nothing at all when all is well (text), one object (json), one line a problem (github)."""
    if form == "json":
        tests = {"passed": report.passed if report else 0, "failed": report.failed if report else 0}
        listed = [problems.as_json(one) for one in found]
        return json.dumps({"problems": listed, "tests": tests}, ensure_ascii=False)
    said = [problems.as_github(one) for one in found] if form == "github" else [problems.report(found, data)]
    if report is not None and not report.ok:
        said.append(report.as_text())
    return "\n".join(one for one in said if one)
