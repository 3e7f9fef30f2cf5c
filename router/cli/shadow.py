"""`mailrouter shadow report`: what other rules or another model would have done with the live mail of this filter."""

import json
from datetime import datetime
from pathlib import Path

import click

from router.cli.asking import RULES, STATE, Moment
from router.errors import BadInput, LookupFailed
from router.journal import NAME, History
from router.pseudonyms import read_key
from router.rule_files import state_folder
from router.shadow.counts import NO_RULE, Counts, Listed, behaves

SHOWN_MOVES = 20


@click.group("shadow")
def shadow_command() -> None:
    """What `settings.shadow` of the rules (other rules, another model, or both) would have done with live mail.
    `mailrouter status` says whether it decides at the moment.

    \b
    mailrouter shadow report
    mailrouter shadow report --since 2026-11-01 --html shadow.html
    """


@shadow_command.command("report")
@RULES
@STATE
@click.option(
    "--since",
    type=Moment(),
    help="Mail of this time or later. Default: as long as the same rules and models were compared as last.",
)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Mails listed, the newest first.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page to look at."
)
@click.option("--json", "as_json", is_flag=True, help="A line for each difference, then one with the counts.")
def report_command(
    rules: Path, state: Path | None, since: datetime | None, limit: int, html: Path | None, as_json: bool
) -> None:
    """Count what differs: by kind, by rule, and mail by mail with the queue id, by which `mailrouter why` and the mail
    server's log know it. There is no text in it.

    \b
    mailrouter shadow report --since 2026-11-01
    """
    counts = Counts()
    folder = state_folder(rules, state)
    if not (folder / NAME).exists():
        raise BadInput(f"{folder / NAME}: no mail was recorded here; --state DIR names the filter's state directory")
    try:
        journal = History.open(folder / NAME, read_key(folder))
        try:
            for one in journal.compared(since.astimezone() if since else None):
                found = counts.add(one)
                if as_json and found is not None:
                    click.echo(json.dumps(found.as_json(), ensure_ascii=False))
        finally:
            journal.close()
    except LookupFailed as problem:
        raise BadInput(str(problem)) from None
    if as_json:
        click.echo(json.dumps({"summary": counts.as_json()}, ensure_ascii=False))
    else:
        click.echo("\n".join(told(counts, limit)))
    if html is not None:
        from router.cli.shadow_page import page

        try:
            html.write_text(page(counts), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{html}: cannot be written: {error.strerror}") from None
        click.echo(f"{html} is written", err=True)


def told(counts: Counts, limit: int) -> list[str]:
    """The report for a terminal."""
    if not counts.sides:
        return ["no mail was decided by a shadow here; settings.shadow of the rules names one"]
    lines = [line for one in reversed(counts.listed[-limit:] if limit else []) for line in (*listed(one), "")]
    if counts.differ > limit > 0:
        lines += [f"… and {counts.differ - min(limit, len(counts.listed))} more; --html or --json shows them", ""]
    part = f" ({100 * counts.differ / counts.compared:.1f} %)" if counts.compared else ""
    lines.append(f"{counts.compared} mails decided by both, {counts.differ} differ{part}")
    lines += [f"    {number:7} in {kind}" for kind, number in counts.changed.most_common()]
    lines += [f"    {counts.skipped:7} skipped: the filter had no time for them"] if counts.skipped else []
    lines += [f"    {number:7} failed: {why}" for why, number in counts.failed.most_common()]
    assert counts.first and counts.last
    lines += [
        "",
        f"from {counts.first:%Y-%m-%d %H:%M} to {counts.last:%Y-%m-%d %H:%M}; rules and model in use | shadow:",
    ]
    lines += [f"    {number:7} {sides}" for sides, number in counts.sides.most_common()]
    if counts.moves:
        lines += ["", "what changes"]
        lines += [
            f"    {number:7} {kind}: {was} -> {now}"
            for (kind, was, now), number in counts.moves.most_common(SHOWN_MOVES)
        ]
        hidden = len(counts.moves) - SHOWN_MOVES
        lines += [f"            and {hidden} others"] if hidden > 0 else []
        lines += ["", "because of rule"]
        lines += [
            f"    {number:7} {rule}: {behaves(was, now)}" for (rule, was, now), number in counts.rules.most_common()
        ]
        lines += [f"    {counts.without_rule:7} {NO_RULE}"] if counts.without_rule else []
    return lines


def listed(one: Listed) -> list[str]:
    """One mail for a terminal."""
    width = max(len(kind) for kind, _, _ in one.changes)
    lines = [f"{one.queue_id or '(forgotten)'} ({one.language}, {one.at:%Y-%m-%d %H:%M})"]
    lines += [f"    {kind:{width}}  {was}  ->  {now}" for kind, was, now in one.changes]
    lines += [f"    because {rule} {behaves(was, now)}" for rule, was, now in one.rules]
    return lines + ([] if one.rules else [f"    because of {NO_RULE}"])
