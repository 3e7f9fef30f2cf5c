"""`mailrouter hours`: what is believed about the working time of a department, day by day, and why."""

import json
import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import click

from router.cli.shared_options import RULES, Moment
from router.errors import BadInput, closest
from router.generation import load_generation
from router.hours import HORIZON_DAYS, Calendar
from router.rules.ruleset import Ruleset

_STATES = {
    "closed": "no hours now",
    "holiday": "a holiday",
    "before_open": "before it opens",
    "after_close": "after hours",
}
_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@click.command("hours")
@click.argument("queue", required=False, metavar="[QUEUE]")
@RULES
@click.option("--at", type=Moment(), help="From when. Default: now.")
@click.option("--days", type=click.IntRange(1, HORIZON_DAYS), default=7, show_default=True, help="How many days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a queue.")
def hours_command(queue: str | None, rules: Path, at: datetime | None, days: int, as_json: bool) -> None:
    """Print the working time of a queue, or of all: each day with its hours and the reason, the next opening, and when
    a mail of this moment will be answered.

    \b
    mailrouter hours
    mailrouter hours accounts --days 14
    mailrouter hours accounts --at 2026-12-31T14:00 --days 5
    """
    ruleset = load_generation(rules, None, anew=True).ruleset
    for one in ruleset.warnings:
        click.echo(f"{one.location}: warning {one.code}: {one.message}", err=True)
    if queue is not None and queue not in ruleset.queues:
        near = closest(queue, ruleset.queues)
        raise BadInput(
            f'{rules}: no queue "{queue}"'
            + (f'; did you mean "{near}"?' if near else f"; there are {', '.join(ruleset.queues)}")
        )
    for number, name in enumerate([queue] if queue else list(ruleset.queues)):
        told = told_about(ruleset, name, at, days)
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            click.echo(("\n" if number else "") + _for_a_person(told))


def told_about(ruleset: Ruleset, queue: str, at: datetime | None, days: int) -> dict[str, object]:
    """queue, zone, at, state, opens_at (now, if it is open), closes_at, opens_again_at, answer_by (null where none),
    days: [{date, hours, reason}]. A time without an offset is meant in the calendar's zone."""
    calendar = ruleset.calendar_of(queue)
    now = _placed(at, calendar)
    promised = ruleset.queues[queue].first_answer
    opens, closes = calendar.next_opening(now), _closing(calendar, now)
    due = calendar.answer_due_at(now, promised) if promised is not None else None
    listed = []
    for step in range(days):
        date = now.date() + timedelta(step)
        day = calendar.day(date)
        listed.append({"date": date.isoformat(), "hours": [str(span) for span in day.spans], "reason": day.reason})
    return {
        "queue": queue,
        "calendar": str(ruleset.queues[queue].calendar),
        "zone": calendar.zone,
        "at": now.isoformat(timespec="minutes"),
        "state": calendar.state(now),
        "opens_at": _iso(opens),
        "closes_at": _iso(closes),
        "opens_again_at": _iso(calendar.next_opening(closes) if closes else None),
        "answer_by": _iso(due),
        "days": listed,
    }


def _closing(calendar: Calendar, now: datetime) -> datetime | None:
    """When the hours end that it is open in; None: it is closed, or open for a week and more."""
    if calendar.state(now) != "open":
        return None
    date, minute = now.date(), now.hour * 60 + now.minute
    for _ in range(7):
        end = next((span.end for span in calendar.day(date).spans if span.start <= minute < span.end), None)
        if end is None:
            return datetime.combine(date, time(minute // 60, minute % 60), now.tzinfo)
        if end < 1440:
            return datetime.combine(date, time(end // 60, end % 60), now.tzinfo)
        date, minute = date + timedelta(1), 0
    return None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="minutes") if moment else None


def _placed(at: datetime | None, calendar: Calendar) -> datetime:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(calendar.zone)
    if at is None:
        return datetime.now(UTC).astimezone(zone)
    return at.astimezone(zone) if at.tzinfo else at.replace(tzinfo=zone)


def _for_a_person(told: dict[str, object]) -> str:
    lines = [f"{told['queue']} (calendar {told['calendar']}, {told['zone']})"]
    days = told["days"]
    assert isinstance(days, list)
    width = max([len(", ".join(day["hours"])) for day in days] + [len("closed")])
    for day in days:
        weekday = _NAMES[datetime.fromisoformat(day["date"]).weekday()]
        shown = ", ".join(day["hours"]) or "closed"
        reason = day["reason"] if day["hours"] else re.sub("^closed,? ", "", day["reason"])
        lines.append(f"  {weekday} {day['date']}  {shown:<{width}}  {reason}")
    at = _shown(told["at"])
    if told["state"] != "open":
        lines.append(f"At {at} it is closed ({_STATES[str(told['state'])]}).")
        lines.append(
            f"Next opening: {_shown(told['opens_at'])}." if told["opens_at"] else "It does not open in a year."
        )
    elif told["closes_at"]:
        lines.append(f"At {at} it is open, until {_shown(told['closes_at'])}.")
        lines.append(
            f"Next opening: {_shown(told['opens_again_at'])}." if told["opens_again_at"] else "Then no more in a year."
        )
    else:
        lines.append(f"At {at} it is open, for a week and more.")
    if told["answer_by"]:
        lines.append(f"A mail of that moment is answered by {_shown(told['answer_by'])}.")
    return "\n".join(lines)


def _shown(moment: object) -> str:
    instant = datetime.fromisoformat(str(moment))
    return f"{_NAMES[instant.weekday()]} {instant:%Y-%m-%d %H:%M}"
