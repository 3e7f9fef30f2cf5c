"""`mailrouter check`: is rules.yaml right?"""

import json
from pathlib import Path

import click

from router.errors import Problem, Severity
from router.rules import cases, problems
from router.rules.compile import compile_rules
from router.rules.load import check, read_file


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
    data = read_file(rules)
    loaded, found = check(data, str(rules), base=rules.parent)
    report = None
    if loaded is not None:
        report = cases.run(compile_rules(loaded, data))
    click.echo(written(form, found, data, rules, report), nl=False)
    if any(one.severity is Severity.ERROR for one in found):
        raise click.exceptions.Exit(2)
    if report is not None and not report.ok:
        raise click.exceptions.Exit(3)
    if strict and found:
        raise click.exceptions.Exit(1)


def written(form: str, found: tuple[Problem, ...], data: bytes, rules: Path, report: "cases.Report | None") -> str:
    """What to print: nothing at all when all is well (text), one object (json), one line a problem (github)."""
    sources = {str(rules): data}
    if form == "json":
        tests = {"passed": report.passed if report else 0, "failed": report.failed if report else 0}
        return json.dumps(problems.as_json(found) | {"tests": tests}, ensure_ascii=False) + "\n"
    text = problems.as_github(found) if form == "github" else problems.as_text(found, sources)
    if report is not None and not report.ok:
        text += report.as_text() + "\n"
    return text if not text or text.endswith("\n") else text + "\n"
