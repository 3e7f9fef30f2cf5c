"""`mailrouter rules history | diff | rollback`: the last good rules files."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import click

from router import rule_files
from router.cli.checking import checked
from router.cli.shared_options import CONTROL, STATE
from router.errors import BadInput
from router.rule_files import Entry, History

FILE = click.option(
    "--rules", type=click.Path(path_type=Path), default="rules.yaml", show_default=True, help="The rules file."
)


@click.group("rules")
def rules_command() -> None:
    """The last 20 rules files that were good: which there are, what changed since, and back to one of them.

    \b
    mailrouter rules history
    mailrouter rules diff 91c2e4
    mailrouter rules rollback
    """


@rules_command.command("history")
@FILE
@STATE
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def history_command(rules: Path, state: Path | None, as_json: bool) -> None:
    """List the good rules files, newest first; the one that rules.yaml is now has a star.

    \b
    mailrouter rules history
    """
    history = History(rule_files.state_folder(rules, state))
    present = _sha_of(rules)
    entries = history.entries()
    if as_json:
        rows = [
            {
                "id": one.id,
                "sha256": one.sha256,
                "at": one.at.isoformat(timespec="seconds"),
                "by": one.by,
                "how": one.how,
                "name": one.name,
                "present": one.sha256 == present,
            }
            for one in entries
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for one in entries:
        star = "*" if one.sha256 == present else " "
        click.echo(f"{star} {one.id}  {one.at.astimezone():%a %Y-%m-%d %H:%M}  {one.by:<12} {one.how:<8}  {one.name}")
    if not entries:
        click.echo(f"{history.folder}: no rules file was kept yet; serve and edit do that", err=True)
    elif present not in {one.sha256 for one in entries}:
        click.echo(f"{rules} as it is now is none of them: no filter has taken it yet", err=True)


@rules_command.command("diff")
@click.argument("old", metavar="[ID]", required=False)
@click.argument("new", metavar="[ID]", required=False)
@FILE
@STATE
def diff_command(old: str | None, new: str | None, rules: Path, state: Path | None) -> None:
    """Show what changed from a good rules file to rules.yaml (or to another good one), line by line and in words, and
    what that means for the tests. Without an ID: from the last good file that differs.

    \b
    mailrouter rules diff
    mailrouter rules diff 91c2e4 7f3a12
    """
    from router.cli.changes import meaning

    history = History(rule_files.state_folder(rules, state))
    present = rule_files.read(rules)
    before = history.find(old) if old else _before(history, present)
    old_data = history.read(before)
    if new:
        after = history.find(new)
        new_data, name = history.read(after), _titled(after)
    else:
        new_data, name = present, str(rules)
    if old_data == new_data:
        click.echo("no difference")
        return
    from router.cli.edit import unified

    click.echo(unified(old_data, new_data, _titled(before), name))
    click.echo()
    click.echo("\n".join(meaning(checked(old_data, rules), checked(new_data, rules))))


@rules_command.command("rollback")
@click.argument("wanted", metavar="[ID]", required=False)
@FILE
@STATE
@CONTROL
@click.option("--reload", "then_reload", is_flag=True, help="Afterwards let the running filter take it.")
def rollback_command(
    wanted: str | None, rules: Path, state: Path | None, control: Path | None, then_reload: bool
) -> None:
    """Put a good rules file back in the place of rules.yaml: the one named, else the last that differs from what is
    there. It is checked and tested first; what is replaced is kept.

    \b
    mailrouter rules rollback
    mailrouter rules rollback 91c2e4 --reload
    """
    folder = rule_files.state_folder(rules, state)
    history = History(folder)
    try:
        present = rule_files.read(rules)
    except BadInput as error:
        click.echo(f"mailrouter: {error}", err=True)
        present = b""
    entry = history.find(wanted) if wanted else _before(history, present)
    data = history.read(entry)
    if data == present:
        click.echo(f"{rules} is {entry.id} already")
        return
    judged = checked(data, rules)
    if not judged.good:
        click.echo(judged.as_text(), err=True)
        raise BadInput(f"{entry.id} is not good any more ({judged.counted()}); nothing was changed")
    if present and hashlib.sha256(present).hexdigest() not in {one.sha256 for one in history.entries()}:
        aside = folder / "replaced.yaml"
        rule_files.install(aside, present)
        click.echo(f"what was in {rules} is kept in {aside}", err=True)
    rule_files.install(rules, data)
    history.add(data, at=datetime.now(UTC), by=rule_files.this_person(), how="rollback", name=entry.name)
    click.echo(f"{rules} is {_titled(entry)} again")
    if then_reload:
        from router.cli.reload import reload_now

        reload_now(rules, state, control)
    else:
        click.echo("A running filter takes it after: mailrouter reload")


def _before(history: History, present: bytes) -> Entry:
    """The newest good file that is not the present one."""
    sha = hashlib.sha256(present).hexdigest()
    for one in history.entries():
        if one.sha256 != sha:
            return one
    raise BadInput(f"{history.folder}: no other good rules file is kept")


def _titled(entry: Entry) -> str:
    return f"{entry.id} ({entry.at.astimezone():%Y-%m-%d %H:%M}, {entry.by})"


def _sha_of(rules: Path) -> str:
    try:
        return hashlib.sha256(rule_files.read(rules)).hexdigest()
    except BadInput:
        return ""
