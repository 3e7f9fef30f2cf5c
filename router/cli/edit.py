"""`mailrouter edit`: change rules.yaml as visudo changes sudoers. What cannot be used never gets into its place."""

import difflib
import fcntl
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from router import rule_files
from router.cli.checking import Checked, checked
from router.cli.shared_options import CONTROL, STATE
from router.errors import BadInput
from router.rule_files import History

CHOICES = {
    "e": "edit again",
    "x": "exit without saving; what you wrote is kept aside",
    "d": "show what you changed",
    "Q": "install it all the same",
    "t": "show what was changed by somebody else meanwhile",
    "o": "install yours over theirs",
}


@click.command("edit")
@click.argument("rules", type=click.Path(path_type=Path), default="rules.yaml")
@STATE
@CONTROL
@click.option("--unsaved", is_flag=True, help="Go on with what the last edit left unsaved.")
@click.option("--reload", "then_reload", is_flag=True, help="Afterwards let the running filter take it.")
def edit_command(rules: Path, state: Path | None, control: Path | None, unsaved: bool, then_reload: bool) -> None:
    """Edit rules.yaml safely: a copy is opened in $VISUAL or $EDITOR, checked and tested, and put in place in one step
    when it is right. With errors or failing tests it is never put in place.

    \b
    mailrouter edit
    EDITOR=nano mailrouter edit --reload /etc/mailrouter/rules.yaml
    """
    folder = rule_files.state_folder(rules, state)
    aside = folder / "unsaved.yaml"
    with _alone(rules):
        before = rule_files.read(rules)
        start = before
        if unsaved:
            if not aside.exists():
                raise BadInput(f"{aside}: nothing was left unsaved")
            start = rule_files.read(aside)
        edit = _Edit(rules, before, start)
        try:
            installed = edit.run()
        finally:
            edit.copy.unlink(missing_ok=True)
        if installed is None:
            if edit.text not in (before, start):
                _put_aside(aside, edit.text)
            raise click.exceptions.Exit(2 if edit.text != before else 0)
        aside.unlink(missing_ok=True)
        _remember(History(folder), rules, before, installed)
    click.echo(f"{rules} is installed" + (f" ({installed.counted()})" if installed.counted() else ""))
    if then_reload:
        from router.cli.reload import reload_now

        reload_now(rules, state, control)
    else:
        click.echo("A running filter takes it after: mailrouter reload")


class _Edit:
    """One sitting. text: what the editor left last."""

    def __init__(self, rules: Path, before: bytes, start: bytes) -> None:
        self.rules = rules
        self.before = before
        self.text = start
        try:
            # Beside the rules: relative names in it (lists, the schema for the editor) mean the same there.
            descriptor, name = tempfile.mkstemp(prefix=".edit-", suffix=f"-{rules.name}", dir=rules.parent)
        except OSError as error:
            raise BadInput(f"{rules.parent}: cannot be written: {error.strerror}") from None
        self.copy = Path(name)
        with open(descriptor, "wb") as file:
            file.write(start)

    def run(self) -> Checked | None:
        """What was installed, or None."""
        while True:
            self._open_editor()
            if self.text == self.before:
                click.echo("nothing was changed")
                return None
            judged = checked(self.text, self.rules)
            answer = "install"
            if said := judged.as_text():
                click.echo(said, err=True)
                answer = self._ask(judged.counted(), "exdQ" if judged.good else "exd")
            if answer in ("install", "Q") and rule_files.read(self.rules) != self.before:
                answer = self._ask(f"{self.rules} was changed by somebody else meanwhile", "etoxd")
            if answer in ("install", "Q", "o"):
                rule_files.install(self.rules, self.text)
                return judged
            if answer == "x":
                return None

    def _open_editor(self) -> None:
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "sensible-editor"
        try:
            status = subprocess.run([*shlex.split(editor), str(self.copy)], check=False).returncode
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise BadInput(
                f'the editor "{editor}" cannot be started: {reason}; set EDITOR, as in EDITOR=nano'
            ) from None
        if status:
            raise BadInput(f'the editor "{editor}" ended with status {status}; nothing was changed')
        self.text = rule_files.read(self.copy)

    def _ask(self, what: str, letters: str) -> str:
        while True:
            click.echo(f"\n{what}. What now?", err=True)
            for letter in letters:
                click.echo(f"  ({letter}) {CHOICES[letter]}", err=True)
            try:
                answer = click.prompt("", prompt_suffix="> ", default="e", show_default=False, err=True).strip()
            except click.Abort:  # nobody is there to ask
                return "x"
            answer = answer if answer == "Q" else answer.lower()[:1]
            if answer == "d" and "d" in letters:
                click.echo(unified(self.before, self.text, "before", "yours"))
            elif answer == "t" and "t" in letters:
                click.echo(unified(self.before, rule_files.read(self.rules), "before", "theirs"))
            elif answer and answer in letters:
                return answer


def unified(old: bytes, new: bytes, old_name: str, new_name: str) -> str:
    """A unified diff, without a line end at its last line."""
    before, after = (one.decode("utf-8", "replace").splitlines() for one in (old, new))
    return "\n".join(difflib.unified_diff(before, after, old_name, new_name, lineterm=""))


@contextmanager
def _alone(rules: Path) -> Iterator[None]:
    """Nobody else edits this file by this command at the same time."""
    rule_files.read(rules)
    with rules.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"{rules}: is being edited by somebody else at this moment") from None
        yield


def _put_aside(aside: Path, text: bytes) -> None:
    try:
        rule_files.private(aside.parent)
        rule_files.install(aside, text)
    except (OSError, BadInput) as error:
        click.echo(f"mailrouter: what you wrote could not be kept: {error}", err=True)
        return
    click.echo(f"not installed; what you wrote is in {aside}; mailrouter edit --unsaved goes on with it", err=True)


def _remember(history: History, rules: Path, before: bytes, installed: Checked) -> None:
    """Both versions, so that there is something to go back to after the first edit."""
    now = datetime.now(UTC)
    try:
        known = [history.read(one) for one in history.entries()[:1]]
        if before not in known:
            old = checked(before, rules)
            if old.good and old.file is not None:
                history.add(before, at=now, by="?", how="found", name=old.file.name or str(rules))
        assert installed.file is not None
        name = installed.file.name or str(rules)
        history.add(installed.data, at=now, by=rule_files.this_person(), how="edit", name=name)
    except BadInput as error:
        click.echo(f"mailrouter: {error}", err=True)
