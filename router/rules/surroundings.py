"""What a rules file says about the site and its hours, ready for use; reads the few files that it names beside itself.

Everything read here is read once, when the rules are loaded. What comes by https comes from the caller.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn, TypeAlias
from zoneinfo import ZoneInfo

from router import hours
from router.errors import BadFile, Location, Problem
from router.facts import Site
from router.message.envelope import folded
from router.rules import helpdesks, ical, schema

CODE = "E319"
NOT_NEW = "W520"

CalendarAt: TypeAlias = Callable[[str, Callable[[bytes], str]], tuple[bytes, str]]
"""Address of a calendar, and what says why some bytes are of no use -> the bytes, and what is to be said of them.
Raises ValueError with words."""


def nobody_fetches(address: str, why_not: Callable[[bytes], str]) -> tuple[bytes, str]:
    raise ValueError(f"{address} is not fetched here; save the calendar beside the rules and write its path")


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
        helpdesk_prefixes=tuple(helpdesks.PREFIXES[one] for one in settings.adapters),
    )


def calendars_of(
    file: schema.RulesFile, calendar_at: CalendarAt = nobody_fetches
) -> tuple[dict[str, hours.Calendar], tuple[Problem, ...]]:
    """Every calendar of the file, and warnings (W520). Raises BadFile when holidays from outside cannot be had."""
    warnings: list[Problem] = []
    calendars = {name: _calendar(one, file, calendar_at, warnings) for name, one in file.calendars.items()}
    return calendars, tuple(dict.fromkeys(warnings))


def ending(file: schema.RulesFile, calendars: Mapping[str, hours.Calendar], year: int) -> Iterator[Problem]:
    """W513 for days from outside the file: dates until last year, and none of `year`."""
    for name, calendar in file.calendars.items():
        listed = file.holidays.get(calendar.holidays, ()) if calendar.holidays else ()
        if any(isinstance(one, schema.IcsHolidays) for one in listed):
            dates = [one.date for one in calendars[name].holidays if one.date is not None and len(one.date) == 10]
            last = max([int(one[:4]) for one in dates] + [one.date.year for one in calendar.exceptions], default=year)
            if last < year:
                message = f'calendar "{name}" has dates of {last} and none of {year}'
                yield Problem("W513", message, calendar.name.at)


def _calendar(
    calendar: schema.Calendar, file: schema.RulesFile, calendar_at: CalendarAt, warnings: list[Problem]
) -> hours.Calendar:
    week: dict[int, tuple[hours.Span, ...]] = {}
    for one in calendar.hours:
        for day in hours.parse_days(one.days):
            week[day] = week.get(day, ()) + _spans(one.spans)
    listed = file.holidays.get(calendar.holidays, ()) if calendar.holidays else ()
    return hours.Calendar(
        zone=calendar.timezone,
        week=week,
        holidays=tuple(
            day for one in listed for day in _holidays(one, file, ZoneInfo(calendar.timezone), calendar_at, warnings)
        ),
        exceptions=tuple(
            hours.SpecialDay(one.date.isoformat(), _spans(one.spans), str(one.name)) for one in calendar.exceptions
        ),
    )


def _spans(texts: tuple[schema.Text, ...]) -> tuple[hours.Span, ...]:
    return tuple(hours.parse_span(text) for text in texts)


def _holidays(
    one: schema.Holiday, file: schema.RulesFile, zone: ZoneInfo, calendar_at: CalendarAt, warnings: list[Problem]
) -> Iterable[hours.Holiday]:
    if isinstance(one, schema.DatedHoliday):
        return [hours.Holiday(str(one.name), one.closed, date=str(one.date), hours=_spans(one.hours))]
    if isinstance(one, schema.EasterHoliday):
        return [hours.Holiday(str(one.name), one.closed, easter=one.offset, church=one.church, hours=_spans(one.hours))]
    if isinstance(one, schema.IcsHolidays):
        return _of_ics(one, file, zone, calendar_at, warnings)
    return _of_country(one)


def _of_country(one: schema.CountryHolidays) -> list[hours.Holiday]:
    from holidays import country_holidays  # only where a file asks for it: its import takes 0.1 s

    country, _, part = one.country.partition("-")
    try:
        found = country_holidays(
            country, subdiv=part or None, years=ical.YEARS, categories=str(one.category), language="en_US"
        )
    except (NotImplementedError, ValueError) as error:
        _refuse(f'the package "holidays" knows no {one.category} days of {one.country}: {error}', one.at)
    last = max(found, default=None)
    if last is None or last.year < ical.YEARS[-1]:
        # Ukraine since 2022: under martial law no public holiday is a day off, and the package says so by silence.
        since = f" after {last.year}" if last else ""
        hint = "; its days of category workday are those that have a name" if country == "UA" else ""
        _refuse(
            f'the package "holidays" gives no {one.category} day of {one.country}{since}{hint}; name the days', one.at
        )
    return [hours.Holiday(name, True, date=day.isoformat()) for day, name in sorted(found.items())]


def _of_ics(
    one: schema.IcsHolidays, file: schema.RulesFile, zone: ZoneInfo, calendar_at: CalendarAt, warnings: list[Problem]
) -> tuple[hours.Holiday, ...]:
    read: dict[bytes, tuple[hours.Holiday, ...]] = {}

    def why_not(data: bytes) -> str:
        try:
            if data not in read:
                read[data] = ical.closures(data, zone)
        except ValueError as error:
            return str(error)
        return ""

    if "://" not in one.source:
        data = _bytes_of(one.source, file)
    else:
        try:
            data, said = calendar_at(str(one.source), why_not)
        except ValueError as error:
            _refuse(f"{one.source} cannot be had: {error}", one.source.at)
        if said:
            warnings.append(Problem(NOT_NEW, f"{one.source}: {said}", one.source.at))
    if why := why_not(data):
        _refuse(f"{one.source} {why}", one.source.at)
    return read[data]


def _bytes_of(path: schema.Text, file: schema.RulesFile) -> bytes:
    base = file.base or Path()
    try:
        return (base / path).read_bytes()
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror or error}", path.at)


def _refuse(message: str, at: Location) -> NoReturn:
    raise BadFile([Problem(CODE, message, at)])
