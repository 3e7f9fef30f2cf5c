"""`mailrouter history`, `why`, `undo`, `report`, `forget`: what the journal remembers of live mail."""

import csv
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from router.cli.asking import KEY_FILE, RULES, STATE, Moment
from router.errors import BadInput, LookupFailed
from router.journal import NAME, Compared, Entry, History, Journal, Report, Wanted
from router.pseudonyms import read_key
from router.rule_files import state_folder
from router.shadow.counts import behaves

F = TypeVar("F", bound=Callable[..., object])

COLUMNS = (
    "number", "at", "queue_id", "sender_domain", "queue", "verdict", "redirected_from", "priority", "topic", "thread",
    "ticket", "tags", "fired", "hold", "answer_by", "refused", "degraded", "decide_ms", "wait_ms", "decision", "rules",
    "model",
)  # fmt: skip
"""Of the CSV."""


def _stores(command: F) -> F:
    for option in (STATE, RULES):
        command = option(command)
    return command


@contextmanager
def _history(rules: Path, state: Path | None) -> Iterator[History]:
    """The journal of the filter with these rules. Raises BadInput."""
    folder = state_folder(rules, state)
    if not (folder / NAME).exists():
        raise BadInput(f"{folder / NAME}: no mail was recorded here; --state DIR names the filter's state directory")
    try:
        opened = History.open(folder / NAME, read_key(folder))
        try:
            yield opened
        finally:
            opened.close()
    except LookupFailed as problem:
        raise BadInput(str(problem)) from None


@click.command("history")
@_stores
@click.option("--sender", metavar="ADDRESS", help='Mail from this address; "" is the null sender.')
@click.option("--recipient", metavar="ADDRESS", help="Mail that was addressed to it.")
@click.option("--rule", metavar="ID", help="Mail in which this rule fired, in shadow too.")
@click.option("--tag", metavar="TAG", help="Mail that was given this tag.")
@click.option("--queue", metavar="NAME", help="Mail of this queue.")
@click.option("--since", type=Moment(), help="Received at this time or later.")
@click.option("--until", type=Moment(), help="Received before this time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Mails a page.")
@click.option("--after", type=int, metavar="NUMBER", help="The next page: the last number of the page before.")
@click.option("--csv", "as_csv", is_flag=True, help="A table for a spreadsheet.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a mail and line.")
def history_command(
    rules: Path,
    state: Path | None,
    sender: str | None,
    recipient: str | None,
    rule: str | None,
    tag: str | None,
    queue: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    after: int | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Decided mail, newest first; every condition that is given must fit. Addresses are found by their exact spelling
    (letter case and +detail do not matter) and never shown: the journal does not know them.

    \b
    mailrouter history --sender olena@customer.example
    mailrouter history --rule technical-mail-to-accounts --since 2026-03-01 --csv
    """
    wanted = Wanted(
        sender=sender,
        recipient=recipient,
        rule=rule,
        tag=tag,
        queue=queue,
        since=_aware(since),
        until=_aware(until),
        after=after,
    )
    with _history(rules, state) as journal:
        found = journal.find(wanted, limit)
    if as_json:
        for one in found:
            click.echo(json.dumps(one.as_json(), ensure_ascii=False))
    elif as_csv:
        _table(found)
    else:
        for one in found:
            click.echo(_line(one))
    if not as_json and len(found) == limit:
        click.echo(f"the next page: --after {found[-1].number}", err=True)
    if not found:
        click.echo("no such mail", err=True)


@click.command("why")
@click.argument("queue_id")
@_stores
@click.option("--json", "as_json", is_flag=True, help="One JSON object a mail and line.")
def why_command(queue_id: str, rules: Path, state: Path | None, as_json: bool) -> None:
    """Why was this mail treated so? QUEUE-ID is the mail server's, as in its log and in the mail's Received field. Exit
    status 4 when the journal does not know it.

    \b
    mailrouter why 4C1D2F0A3B
    """
    entries = entries_of(queue_id, rules, state)
    with _history(rules, state) as journal:
        shadows = {one.at_ms: one for one in journal.compared(queue_id=queue_id)}
    for one in entries:
        shadow = shadows.get(round(one.at.timestamp() * 1_000))
        if as_json:
            told = {"shadow_difference": shadow.difference} if shadow and shadow.difference else {}
            click.echo(json.dumps({**one.as_json(), **told}, ensure_ascii=False))
        else:
            click.echo("\n".join([*_explained(one), *(_shadow(shadow) if shadow else ())]))


def _shadow(one: Compared) -> list[str]:
    """What `settings.shadow` would have done with the mail."""
    if one.failed:
        return [f"  The shadow could not decide it: {one.failed}."]
    if one.difference is None:
        return ["  The shadow would have treated it just the same."]
    changes = [f"    {kind:<15} {was} -> {now}" for kind, (was, now) in one.difference["changes"].items()]
    causes = [f"    because {rule} {behaves(was, now)}" for rule, (was, now) in one.difference["rules"].items()]
    return ["  The shadow would have treated it otherwise:", *changes, *causes]


@click.command("undo")
@click.argument("queue_id")
@_stores
def undo_command(queue_id: str, rules: Path, state: Path | None) -> None:
    """How to send a redirected or held mail to where it was addressed. Nothing is sent: the words are printed.

    \b
    mailrouter undo 4C1D2F0A3B
    """
    for one in entries_of(queue_id, rules, state):
        click.echo("\n".join(_undone(one)))


@click.command("report")
@_stores
@click.option("--week", is_flag=True, help="The last seven days. This is the default.")
@click.option("--since", type=Moment(), help="From this time on, instead.")
@click.option("--until", type=Moment(), help="Up to this time. Default: now.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def report_command(
    rules: Path, state: Path | None, week: bool, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """What the filter did in a week: mails a queue, redirected and by how much sooner they are answered, told to wait,
    held, acknowledgements and what stopped them.

    \b
    mailrouter report --week
    mailrouter report --since 2026-03-01 --until 2026-04-01 --json
    """
    if week and since:
        raise BadInput("--week and --since exclude each other")
    end = _aware(until) or datetime.now().astimezone()
    start = _aware(since) or end - timedelta(days=7)
    report = Report()
    with _history(rules, state) as journal:
        for one in journal.each(Wanted(since=start, until=end)):
            report.add(one.event)
    told = report.as_json()
    if as_json:
        click.echo(json.dumps({"since": start.isoformat(), "until": end.isoformat(), **told}, ensure_ascii=False))
        return
    click.echo(f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}")
    for name, value in (
        ("mails", f"{told['mails']}" + _in_words(told["queues"])),
        ("redirected", f"{told['redirected']}, together answered {told['hours_saved']:g} hours sooner"),
        ("told to wait", str(told["told_to_wait"])),
        ("held for a person", str(told["held"])),
        ("acknowledgements", f"{report.answered} asked for" + _in_words(report.refused, "; stopped by gates: ")),
        ("degraded", str(sum(report.degraded.values())) + _in_words(report.degraded)),
    ):
        click.echo(f"{name:<18} {value}")


@click.command("forget")
@click.argument("address")
@_stores
@KEY_FILE
@click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The store of acknowledgements. Default: the one in the state directory, if it is there.",
)
def forget_command(address: str, rules: Path, state: Path | None, key_file: Path | None, database: Path | None) -> None:
    """Erase what the stores know about one address: journal, threads, acknowledgements. Log files, mailboxes and the
    helpdesk are not ours to erase.

    \b
    mailrouter forget olena@customer.example
    """
    from router.threads import store as threads

    if "@" not in address:
        raise BadInput(f'"{address}" is no address')
    folder = state_folder(rules, state)
    now = datetime.now().astimezone()
    if not (folder / NAME).exists() and not (folder / threads.NAME).exists():
        raise BadInput(f"{folder}: no mail was recorded here; --state DIR names the filter's state directory")
    key = read_key(folder)
    told = []
    try:
        if (folder / NAME).exists():
            journal = Journal.open(folder / NAME, key, now)
            told.append(f"{journal.forget(address)} mails of the journal")
            journal.close()
        if (folder / threads.NAME).exists():
            store = threads.ThreadWriter.open(folder / threads.NAME, key, now)
            told.append(f"{store.forget(address)} entries of the thread store")
            store.close()
    except LookupFailed as problem:
        raise BadInput(str(problem)) from None
    told += _acknowledgements_forgotten(address, rules, state, database, key_file)
    click.echo(f"forgotten: {', '.join(told)}", err=True)


def _acknowledgements_forgotten(
    address: str, rules: Path, state: Path | None, database: Path | None, key_file: Path | None
) -> list[str]:
    from router.cli.acknowledge import DATABASE_NAME, open_database

    if database is None and not (state_folder(rules, state) / DATABASE_NAME).exists():
        click.echo("mailrouter: no store of acknowledgements here; --database PATH names it", err=True)
        return []
    store = open_database(rules, state, database, key_file)
    try:
        return [f"{store.forget(address)} acknowledgements"]
    finally:
        store.close()


# --------------------------------------------------------------------------------------------------------------- words
def entries_of(queue_id: str, rules: Path, state: Path | None) -> tuple[Entry, ...]:
    with _history(rules, state) as journal:
        found = journal.find(Wanted(queue_id=queue_id), 20)
    if not found:
        click.echo(f"mailrouter: the journal knows no mail with queue id {queue_id}", err=True)
        raise click.exceptions.Exit(4)
    return found


def _line(one: Entry) -> str:
    event = one.event
    moved = event.get("recipients") or {}
    what = [str(event.get("queue") or "undecided")]
    if moved.get("add"):
        what.append(f"from {', '.join(moved.get('remove') or ('-',))}")
    what += [str(event[name]) for name in ("priority", "topic", "thread") if event.get(name)]
    what += [f"tags {', '.join(event['tags'])}"] if event.get("tags") else []
    what += [f"degraded {', '.join(event['degraded'])}"] if event.get("degraded") else []
    return f"{one.at:%Y-%m-%d %H:%M:%S}  {one.queue_id or '-':<12}  {one.domain or '<>':<24}  {'; '.join(what)}"


def _explained(one: Entry) -> list[str]:
    event = one.event
    moved = event.get("recipients") or {}
    expect = event.get("expect")
    reply = event.get("reply")
    lines = [f"{one.queue_id or '-'}  {one.at:%Y-%m-%d %H:%M:%S}  from {one.domain or 'the null sender'}"]
    rows: list[tuple[str, Any]] = [
        ("queue", event.get("queue") or "undecided"),
        ("redirected", f"{', '.join(moved['remove'])} -> {', '.join(moved['add'])}" if moved.get("add") else None),
        ("rules that fired", ", ".join(event.get("fired") or ()) or None),
        ("rules in shadow", ", ".join(event.get("shadow") or ()) or None),
        ("rules not known", ", ".join(event.get("unknown") or ()) or None),
        ("topic", event.get("topic")),
        ("abuse", event.get("abuse")),
        ("thread", " ".join(str(part) for part in (event.get("thread"), event.get("ticket")) if part)),
        ("priority", event.get("priority")),
        ("tags", ", ".join(event.get("tags") or ()) or None),
        ("author", event.get("auth")),
        ("held", "; ".join(event.get("hold") or ()) or None),
        ("answer by", expect and f"{expect['answer_by']}, {'open' if expect['open'] else 'closed'} when it came"),
        ("acknowledgement", reply and ("asked for" if reply["send"] else f"stopped by {', '.join(reply['refused'])}")),
        ("degraded", ", ".join(event.get("degraded") or ()) or None),
        ("why", event.get("why") or event.get("fault")),
        ("not offered", ", ".join(event.get("not_offered") or ()) or None),
        ("took", f"{event['decide_ms']} ms, waited {event['wait_ms']} ms" if "decide_ms" in event else None),
        ("decided by", f"rules {event.get('rules')}, model {event.get('model')}" if event.get("rules") else None),
        ("decision", event.get("decision")),
    ]
    lines += [f"  {name:<17} {value}" for name, value in rows if value]
    lines.append("  The words that rules found are not kept: save the mail and run mailrouter explain FILE.eml.")
    return lines


def _undone(one: Entry) -> list[str]:
    event = one.event
    moved = event.get("recipients") or {}
    came, went = moved.get("remove") or [], moved.get("add") or []
    if not went and event.get("verdict") != "hold":
        return [f"{one.queue_id} was neither redirected nor held: it went to where it was addressed."]
    lines = []
    if event.get("verdict") == "hold":
        lines += ["It is in the mail server's hold queue. To let it go:", "", f"    postsuper -H {one.queue_id}", ""]
    if went:
        to = shlex.join(came)
        if event.get("hold"):
            lines += [f"To send it on to the queue it was meant for: mailrouter release {one.queue_id}", ""]
        lines += [
            f"It was addressed to {', '.join(came)} and went to {', '.join(went)}"
            + (f", held for a person ({'; '.join(event['hold'])})." if event.get("hold") else "."),
            "Save it from that mailbox as FILE.eml (while it is still in Postfix's queue: "
            f"postcat -bhq {one.queue_id} > FILE.eml), then:",
            "",
            f"    sendmail -i -f \"$(sed -n 's/^Return-Path: *<\\(.*\\)>.*/\\1/p;/^$/q' FILE.eml)\" {to} < FILE.eml",
            "",
            "sendmail(1) does not pass the filter (non_smtpd_milters is empty): it stays there. For mail to come,",
            f"the rules that fired are: {', '.join(event.get('fired') or ()) or 'none'}.",
        ]
    return lines


def _table(entries: Iterable[Entry]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    for one in entries:
        values = _columns(one.as_json())
        writer.writerow([_cell(values.get(name)) for name in COLUMNS])


def _columns(told: Mapping[str, Any]) -> dict[str, Any]:
    expect, reply = told.get("expect") or {}, told.get("reply") or {}
    moved = told.get("recipients") or {}
    return {
        **told,
        "redirected_from": moved.get("remove") if moved.get("add") else None,
        "answer_by": expect.get("answer_by"),
        "refused": reply.get("refused"),
    }


def _cell(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    # A spreadsheet takes a cell that begins so for a formula.
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _in_words(counts: Mapping[str, int], before: str = ": ") -> str:
    return before + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) if counts else ""


def _aware(at: datetime | None) -> datetime | None:
    """A bare time is meant in the zone of this machine, as in its logs."""
    return at.astimezone() if at is not None else None
