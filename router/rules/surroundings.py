"""What a rules file says about the site and its hours, ready for use; reads the few files that it names beside itself.

Everything read here is read once, when the rules are loaded. A calendar by https is refused: the same rules file must
mean the same tomorrow, so that "why was this decided?" can be answered by its sha256.
"""

import importlib
import re
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

from router import hours
from router.errors import BadFile, Location, Problem
from router.facts import Site
from router.message.envelope import folded
from router.rules import schema

CODE = "E319"
YEARS = range(2020, 2041)  # of a country's holidays: each year is its own list of dates
MAX_ICS_BYTES = 1 << 20


def site_of(file: schema.RulesFile) -> Site:
    """The site. Raises BadFile when the panel's key cannot be read."""
    addresses: dict[str, str] = {}
    for queue in file.queues.values():
        for address in (queue.address, *queue.aliases):
            addresses.setdefault(folded(address), str(queue.name))
    settings = file.settings
    signed = file.panel.signed_header
    return Site(
        header_prefix=str(settings.header_prefix),
        queue_addresses=addresses,
        own_networks=tuple(settings.own_clients),
        trusted_authserv=frozenset(str(one) for one in settings.trusted_authserv),
        ticket_tags=tuple(str(tag) for tag in (*file.tickets.tags, *file.tickets.former)),
        panel_networks=tuple(file.panel.clients),
        panel_key=(str(signed.name), _bytes_of(signed.key_file, file).strip()) if signed else None,
        spam=(str(settings.spam.header), settings.spam.over) if settings.spam else None,
        own_domains=frozenset(address.rpartition("@")[2] for address in addresses),
    )


def calendars_of(file: schema.RulesFile) -> dict[str, hours.Calendar]:
    """Every calendar of the file. Raises BadFile when holidays from outside the file cannot be had."""
    return {name: _calendar(calendar, file) for name, calendar in file.calendars.items()}


def _calendar(calendar: schema.Calendar, file: schema.RulesFile) -> hours.Calendar:
    week: dict[int, tuple[hours.Span, ...]] = {}
    for one in calendar.hours:
        for day in hours.parse_days(one.days):
            week[day] = week.get(day, ()) + _spans(one.spans)
    listed = file.holidays.get(calendar.holidays, ()) if calendar.holidays else ()
    return hours.Calendar(
        zone=calendar.timezone,
        week=week,
        holidays=tuple(day for one in listed for day in _holidays(one, file)),
        exceptions=tuple(
            hours.SpecialDay(one.date.isoformat(), _spans(one.spans), str(one.name)) for one in calendar.exceptions
        ),
    )


def _spans(texts: tuple[schema.Text, ...]) -> tuple[hours.Span, ...]:
    return tuple(hours.parse_span(text) for text in texts)


def _holidays(one: schema.Holiday, file: schema.RulesFile) -> list[hours.Holiday]:
    if isinstance(one, schema.DatedHoliday):
        return [hours.Holiday(str(one.name), one.closed, date=str(one.date), hours=_spans(one.hours))]
    if isinstance(one, schema.EasterHoliday):
        return [hours.Holiday(str(one.name), one.closed, easter=one.offset, church=one.church, hours=_spans(one.hours))]
    if isinstance(one, schema.IcsHolidays):
        return _from_ics(one, file)
    return _of_country(one)


def _of_country(one: schema.CountryHolidays) -> list[hours.Holiday]:
    try:
        holidays = importlib.import_module("holidays")  # a choice of the site; nothing else needs it
    except ImportError:
        _refuse('the package "holidays" is not installed, so days of a country are not known; name the days', one.at)
    country, _, part = one.country.partition("-")
    try:
        found = holidays.country_holidays(
            country, subdiv=part or None, years=YEARS, categories=str(one.category), language="en_US"
        )
    except (NotImplementedError, ValueError) as error:
        _refuse(f'the package "holidays" knows no {one.category} days of {one.country}: {error}', one.at)
    if not found:
        # Ukraine since 2022: under martial law no public holiday is a day off, and the package says so by silence.
        _refuse(f'the package "holidays" gives no day at all for {one.country} ({one.category}); name the days', one.at)
    return [hours.Holiday(name, True, date=day.isoformat()) for day, name in sorted(found.items())]


def _from_ics(one: schema.IcsHolidays, file: schema.RulesFile) -> list[hours.Holiday]:
    if "://" in one.source:
        _refuse("a calendar is read from a file beside the rules; save it there and write its path", one.source.at)
    text = _bytes_of(one.source, file)[:MAX_ICS_BYTES].decode("utf-8", "replace")
    found = [day for event in _events(text) for day in _days_of(event)]
    if not found:
        _refuse(f"{one.source} holds no whole-day event", one.source.at)
    return found


def _events(text: str) -> list[dict[str, str]]:
    """The VEVENTs of an iCalendar file (RFC 5545): property name -> value, long lines unfolded."""
    events: list[dict[str, str]] = []
    inside: dict[str, str] | None = None
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        name, _, value = line.partition(":")
        name = name.partition(";")[0].upper()
        if (name, value.upper()) == ("BEGIN", "VEVENT"):
            inside = {}
        elif (name, value.upper()) == ("END", "VEVENT") and inside is not None:
            events.append(inside)
            inside = None
        elif inside is not None:
            inside.setdefault(name, value.strip())
    return events


def _days_of(event: dict[str, str]) -> list[hours.Holiday]:
    """The closed days of a whole-day event; DTEND is the day after the last one. A yearly one returns every year."""
    first, last = _ics_date(event.get("DTSTART", "")), _ics_date(event.get("DTEND", ""))
    if first is None:
        return []
    days = max(1, min(366, (last - first).days)) if last else 1
    name = event.get("SUMMARY", "holiday").replace("\\,", ",").replace("\\;", ";")
    yearly = "FREQ=YEARLY" in event.get("RRULE", "").upper()
    found = []
    for offset in range(days):
        day = (first + timedelta(offset)).isoformat()
        found.append(hours.Holiday(name, True, date=day[5:] if yearly else day))
    return found


def _ics_date(value: str) -> date | None:
    """`20261225`; an event with a time of day is no whole day."""
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:8])) if re.fullmatch(r"[0-9]{8}", value) else None
    except ValueError:
        return None


def _bytes_of(path: schema.Text, file: schema.RulesFile) -> bytes:
    base = file.base or Path()
    try:
        return (base / path).read_bytes()
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror or error}", path.at)


def _refuse(message: str, at: Location) -> NoReturn:
    raise BadFile([Problem(CODE, message, at)])
