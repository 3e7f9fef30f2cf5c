"""`mailrouter backtest`: what would an edit of the rules have meant for the mail of last year?"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from router.archive import Given, stored
from router.backtest.compare import Difference
from router.backtest.counts import Counts, Pair, greedy
from router.backtest.run import Judge, Stored, run
from router.cli.asking import STATE, fixed_auth, options, placed
from router.errors import BadInput, Problem
from router.generation import Generation, load_generation
from router.rule_files import History, state_folder
from router.rules import problems

LISTED = 2_000
"""Differences that the HTML page lists; it counts all of them."""


@click.command("backtest")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@options
@click.option("--against", metavar="OLD", help="The old rules: a file, or an ID of `mailrouter rules history`.")
@click.option("--model", metavar="ID", help="The model of the new side; the old side has the one in use.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that decide.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page to look at."
)
@click.option("--with-text", is_flag=True, help="Show the texts of mails and the words found, not subjects alone.")
@click.option(
    "--greedy",
    type=click.FloatRange(0, 100),
    default=20.0,
    show_default=True,
    metavar="PERCENT",
    help="Warn (W516) of a phrase that more than this share of the mails have.",
)
@click.option("--json", "as_json", is_flag=True, help="A line for each difference, then one with the counts.")
@STATE
def backtest_command(
    paths: tuple[str, ...],
    rules: Path,
    models: Path,
    recipients: tuple[str, ...],
    sender: str | None,
    at: datetime | None,
    auth: str | None,
    client: str | None,
    against: str | None,
    model: str | None,
    jobs: int,
    html: Path | None,
    with_text: bool,
    greedy: float,
    as_json: bool,
    state: Path | None,
) -> None:
    """Decide a whole archive twice, by old and new rules (or models), and show only what differs and because of which
    rules; then counts by rule, queue and language. PATH is an .eml, a Maildir, an mbox, or a folder of them. Without
    --against and --model it only counts.

    \b
    mailrouter backtest ~/Maildir --against rules.old.yaml
    mailrouter backtest archive.mbox --model topic-2026-11 --jobs 4 --html report.html
    """
    started = time.monotonic()
    new, old = sides(rules, models, against, model, state)
    judge = Judge(
        new=new,
        old=old,
        given=Given(sender, recipients, placed(at, new), client),
        now=datetime.now(UTC).astimezone(),
        authenticate=fixed_auth(auth),
        with_text=with_text,
    )
    counts = Counts()
    listed: list[Difference] = []
    with Progress(paths) as progress:
        for differences, batch in run(judge, progress.watched(stored(paths)), jobs):
            counts.merge(batch)
            progress.differ = counts.differ
            if html is not None:
                listed += differences[: max(0, LISTED - len(listed))]
            for one in differences:
                progress.clear()
                click.echo(json.dumps(one.as_json(), ensure_ascii=False) if as_json else told(one, with_text))
    warned = _greedy(counts, new, greedy)
    if as_json:
        summary = counts.as_json(compared=old is not None)
        summary["problems"] = [problems.as_json(one) for one in warned]
        click.echo(json.dumps({"summary": summary}, ensure_ascii=False))
    else:
        click.echo("\n".join(summed_up(counts, new, old, warned)))
    if html is not None:
        from router.cli.backtest_page import page

        text = page(counts, listed, new, old, warned, paths, time.monotonic() - started)
        try:
            html.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{html}: cannot be written: {error.strerror}") from None
        click.echo(f"{html} is written", err=True)


def sides(
    rules: Path, models: Path, against: str | None, model: str | None, state: Path | None
) -> tuple[Generation, Generation | None]:
    """New and old; the old one is None when there is nothing to compare with. They share a model if it is the same."""
    new = load_generation(rules, models, model_id=model)
    if model is not None and new.model is None:
        raise BadInput(new.model_refused)
    if against is None and model is None:
        return new, None
    if against is None:
        return new, load_generation(rules, models)
    path = Path(against)
    if not path.exists():
        history = History(state_folder(rules, state))
        if not history.entries():
            raise BadInput(f"{against}: no such file, and no history in {history.folder}")
        path = history.path(history.find(against))
    # Lists and keys are those of today's desk, wherever the old file lies.
    if model is not None:
        return new, load_generation(path, models, base=rules.parent)
    old = load_generation(path, None, base=rules.parent)
    return new, replace(old, model=new.model, model_refused=new.model_refused)


def _greedy(counts: Counts, new: Generation, percent: float) -> tuple[Problem, ...]:
    return greedy(counts, new.ruleset, percent / 100)


# ---------------------------------------------------------------------------------------------------------------- text
def told(one: Difference, with_text: bool = False) -> str:
    """One difference for a terminal."""
    lines = [f'{one.source}: "{one.subject}" ({one.language}, {one.received_at:%Y-%m-%d %H:%M})']
    width = max(len(change.what) for change in one.changes)
    lines += [f"    {change.what:{width}}  {change.was}  ->  {change.now}" for change in one.changes]
    for cause in one.causes:
        lines.append(f"    because {cause}")
        if cause.because:
            lines.append(f"        {cause.because}")
    if not one.causes:
        lines.append("    because of no rule: settings, calendars, texts, lists or the model differ")
    if with_text and one.text:
        lines += ["", *(f"    | {line}" for line in one.text.splitlines())]
    return "\n".join([*lines, ""])


def summed_up(counts: Counts, new: Generation, old: Generation | None, warned: tuple[Problem, ...]) -> list[str]:
    """The counts for a terminal."""
    if old is None:
        lines = [f"{counts.mails} mails decided; nothing to compare with (--against, --model)"]
    else:
        share = f" ({100 * counts.differ / counts.mails:.1f} %)" if counts.mails else ""
        lines = [f"{counts.mails} mails decided twice, {counts.differ} differ{share}"]
        lines += [f"    {number:7} in {what}" for what, number in counts.changed.most_common()]
    if counts.not_ours:
        lines.append(f"{counts.not_ours} are for none of the queues")
    lines += [f"{number} could not be decided: {what}" for what, number in counts.faults.items()]
    order = [str(one.id) for one in new.ruleset.rules]
    gone = [one for one in counts.fired if one not in order]
    tables = (
        ("rule (fired)", counts.fired, [*order, *gone]),
        ("rule (in shadow)", counts.shadow, [*order, *gone]),
        ("rule (unknown)", counts.unknown, [*order, *gone]),
        ("queue", counts.queues, sorted(counts.queues)),
        ("outcome", counts.outcomes, sorted(counts.outcomes)),
    )
    for title, table, names in tables:
        shown = [name for name in names if name in table or title == "rule (fired)"]
        if not table:
            continue
        lines += ["", _row(title, "before", "after", "", old)]
        lines += [_counted(name, table.get(name, Pair()), old) for name in shown]
    lines += ["", f"{'language':40} {'mails':>8}" + (f" {'differ':>8}" if old else "")]
    by_size = sorted(counts.languages.items(), key=lambda one: -one[1].before)
    lines += [f"{name:40} {one.before:8}" + (f" {one.after:8}" if old else "") for name, one in by_size]
    if warned:
        lines += ["", *(problems.as_text(one) for one in warned)]
    return ["", *lines] if counts.differ else lines


def _counted(name: str, one: Pair, old: Generation | None) -> str:
    moved = one.after - one.before
    return _row(name, str(one.before), str(one.after), f"{moved:+}" if moved else "", old)


def _row(name: str, before: str, after: str, moved: str, old: Generation | None) -> str:
    return (f"{name:40} {before:>8} {after:>8} {moved:>7}" if old is not None else f"{name:40} {after:>8}").rstrip()


# ------------------------------------------------------------------------------------------------------------ progress
class Progress:
    """One line on stderr while it is a terminal: share, mails, differences, time left."""

    def __init__(self, paths: tuple[str, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self.differ = 0
        self._shown = sys.stderr.isatty()
        self._total = sum(_size(path) for path in paths) if self._shown else 0
        self._clock = clock
        self._started = self._last = clock()
        self._bytes = self._mails = 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def watched(self, mails: Iterator[Stored]) -> Iterator[Stored]:
        """The mails as they are, counted."""
        for one in mails:
            self._bytes += len(one[1])
            self._mails += 1
            if self._shown and self._clock() - self._last > 0.2:
                self._last = self._clock()
                click.echo(f"\r\033[K{self.line()}", nl=False, err=True)
            yield one

    def line(self) -> str:
        parts = [f"{self._mails:,} mails, {self.differ:,} differ"]
        if self._total:
            share = min(1.0, self._bytes / self._total)
            filled = round(24 * share)
            parts.insert(0, f"[{'#' * filled}{'.' * (24 - filled)}] {100 * share:3.0f} %")
            if share > 0.01:
                left = (self._clock() - self._started) * (1 - share) / share
                parts.append(f"{int(left) // 60}:{int(left) % 60:02} left")
        return "  ".join(parts)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)


def _size(path: str) -> int:
    """Bytes below a path, roughly: for the bar only."""
    try:
        if not os.path.isdir(path):
            return os.path.getsize(path)
        return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)
    except OSError:
        return 0
