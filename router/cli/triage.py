"""`mailrouter triage`: decide stored mail."""

import json
from datetime import datetime
from pathlib import Path

import click

from router.cli.asking import DNS, RESOLVER, decisions, generation, options
from router.decision import Decision


@click.command("triage")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@options
@DNS
@RESOLVER
@click.option("--json", "as_json", is_flag=True, help="One decision a line, in input order.")
def triage_command(
    paths: tuple[str, ...],
    rules: Path,
    models: Path,
    recipients: tuple[str, ...],
    sender: str | None,
    at: datetime | None,
    auth: str | None,
    client: str | None,
    dns: bool,
    resolvers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Decide stored mail without an MTA. PATH is an .eml, a Maildir, an mbox, a folder of .eml, or - for standard
    input.

    \b
    mailrouter triage mail.eml
    mailrouter triage --json --to bill@company.example --at 2026-03-06T19:40 Maildir/
    """
    loaded = generation(rules, models)
    for decision in decisions(
        paths,
        loaded,
        recipients=recipients,
        sender=sender,
        at=at,
        auth=auth,
        client=client,
        dns=dns,
        resolvers=resolvers,
        trace=as_json,
    ):
        click.echo(json.dumps(decision.as_json(), ensure_ascii=False) if as_json else line(decision))


def line(decision: Decision) -> str:
    """One mail in one line for a person: source, queue, what becomes of it, and because of what."""
    parts = [f"{decision.source}:", decision.queue or "not ours"]
    if decision.recipients.remove and decision.recipients.add and decision.hold is None:
        parts.append(f"(redirected from {', '.join(decision.recipients.remove)})")
    if decision.queue is not None:
        parts.append(f"· {decision.priority}")
    if decision.hold is not None:
        parts.append(f"· held: {'; '.join(decision.hold)}")
    if decision.tags:
        parts.append(f"· {', '.join(decision.tags)}")
    if decision.expect is not None:
        parts.append(f"· answer by {decision.expect.answer_by:%a %d %b %H:%M}")
    if decision.degraded:
        parts.append(f"· degraded: {', '.join(sorted({one.what for one in decision.degraded}))}")
    return " ".join(parts)
