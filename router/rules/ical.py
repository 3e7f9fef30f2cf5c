"""A company's calendar file (RFC 5545) as days and hours on which nobody works.

    a whole-day event                   the days are closed, also when it is marked as free (public calendars are)
    an event with times of day          its time is closed, the rest of the day is as ever; nothing if marked as free
    repeated, moved, left out           as its rule, its exceptions and changed single events say
    cancelled                           counts for nothing

Occurrences are worked out once, for the years of `YEARS`; a file that asks for very many is refused.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from router.hours import Holiday, Span

YEARS = range(2020, 2041)
MAX_BYTES = 1 << 20
MAX_OCCURRENCES = 20_000
MAX_DAYS = 366
"""Of one event."""
MAX_TIMES_A_DAY = 24

_MANY = ("SECONDLY", "MINUTELY", "HOURLY")
_ONE_DAY = timedelta(days=1)


def closures(data: bytes, zone: ZoneInfo) -> tuple[Holiday, ...]:
    """Closed days, and days with breaks, in order. zone: of the desk's calendar. Raises ValueError with words."""
    # Loaded only where a rules file names such a calendar: together they take 0.2 s.
    from icalendar import Calendar
    from recurring_ical_events import of

    if len(data) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES >> 20} MiB")
    found: dict[tuple[date, str, bool, tuple[Span, ...]], Holiday] = {}
    try:
        calendars = Calendar.from_ical(data, multiple=True)
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
        for event in events:
            _check_rule(event)
        occurrences = 0
        for calendar in calendars:
            query = of(calendar)
            for year in YEARS:
                days = query.between(date(year, 1, 1), date(year + 1, 1, 1))
                occurrences += len(days)
                if occurrences > MAX_OCCURRENCES:
                    raise _Refused(f"has more than {MAX_OCCURRENCES:,} events in {YEARS[0]} to {YEARS[-1]}")
                for one in days:
                    for holiday in _of_event(one, zone):
                        found[date.fromisoformat(holiday.date or ""), holiday.name, holiday.closed, holiday.breaks] = (
                            holiday
                        )
    except _Refused:
        raise
    except Exception as error:  # strangers' files: both libraries raise whatever their parsing meets
        raise ValueError(f"cannot be understood ({' '.join(str(error).split())[:120]})") from None
    if not events:
        raise ValueError("holds no event")
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0], key[1])))


class _Refused(ValueError):
    """The file is understood, and refused."""


def _check_rule(event: Mapping[str, Any]) -> None:
    """Nothing that repeats within a day: working it out would take for ever, and no calendar of a company means it."""
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        times = math.prod(len(rule.get(key, "?")) for key in ("BYHOUR", "BYMINUTE", "BYSECOND"))
        if times > MAX_TIMES_A_DAY or any(str(one).upper() in _MANY for one in rule.get("FREQ", ())):
            raise _Refused(f'has an event that repeats within a day: "{_name(event)}"')


def _of_event(event: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Holiday]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    name = _name(event)
    if not isinstance(start, datetime):
        for offset in range(max(1, min(MAX_DAYS, (end - start).days))):  # DTEND is the day after the last one
            yield Holiday(name, True, date=(start + timedelta(offset)).isoformat())
        return
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
        return
    begins, ends = _local(start, zone), _local(end, zone)
    for offset in range(min(MAX_DAYS, (ends.date() - begins.date()).days + 1)):
        midnight = datetime.combine(begins.date() + offset * _ONE_DAY, time())
        first = max(0, math.floor((begins - midnight).total_seconds() / 60))
        last = min(1440, math.ceil((ends - midnight).total_seconds() / 60))
        if (first, last) == (0, 1440):
            yield Holiday(name, True, date=midnight.date().isoformat())
        elif first < last:
            yield Holiday(name, False, date=midnight.date().isoformat(), breaks=(Span(first, last),))


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the desk's wall shows; a time without a zone is meant there."""
    return at.astimezone(zone).replace(tzinfo=None) if at.tzinfo else at


def _name(event: Mapping[str, Any]) -> str:
    return " ".join(str(event.get("SUMMARY", "")).split())[:100] or "an event without a name"
