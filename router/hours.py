"""Working hours: when a department is open, when it opens next, and when so much working time will have passed.

Hours are what the clock on the wall shows. A calendar is open at an instant exactly when the local date has a span that
holds the local time of day; so a span across the spring gap is an hour shorter, one across the autumn fold an hour
longer, and one that lies wholly in the gap does not happen. Sums of working time are taken between instants, in UTC.
Results are in the calendar's zone, for people; compare them in UTC, since Python finds a local time of the fold equal
to no time of another zone (PEP 495).

What a date has is decided in this order: an exception for the date, a holiday that closes it, a holiday with its own
hours (only where the week is open at all: New Year's Eve on a Sunday opens nothing), the week; less the breaks of that
day. A night is two spans, on two days.
"""

import re
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from router.errors import closest
from router.frozen import dataclass

HORIZON_DAYS = 400  # a year and every movable feast in it: what is closed for so long does not open
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STATES = ("open", "closed", "holiday", "before_open", "after_close")

_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
_LONG_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CACHED_DATES = 4_000
_ONE_SECOND = timedelta(seconds=1)
_ONE_HOUR = timedelta(hours=1)


class NaiveTime(ValueError):
    """A datetime without a zone: it names no instant."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` up to, not including, `end`: minutes of one day, 0 <= start < end <= 1440."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= 1440:
            raise ValueError(f"a span lies within one day and ends after it begins, unlike {self.start}..{self.end}")

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


def parse_span(text: str) -> Span:
    """`"09:00-18:00"` as a span; `24:00` may stand at the end. Raises ValueError with words for the administrator."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError(f'hours must look like "09:00-18:00", not "{text}"')
    start_hour, start_minute, end_hour, end_minute = found.groups()
    start = int(start_hour) * 60 + int(start_minute)
    end = 1440 if end_hour is None else int(end_hour) * 60 + int(end_minute)
    if start >= end:
        first, second = text.split("-")
        hint = (
            f'; a night is two spans, "{first}-24:00" and "00:00-{second}" on the next day' if start > end > 0 else ""
        )
        raise ValueError(f'hours must end after they begin, unlike "{text}"{hint}')
    return Span(start, end)


def parse_days(text: str) -> tuple[int, ...]:
    """`"mon-fri"` as (0, 1, 2, 3, 4); also `"mon"` and, round the weekend, `"fri-mon"`. ValueError has words."""
    ends = text.strip().lower().split("-")
    for one in ends:
        if one not in DAY_NAMES:
            meant = one[:3] if one[:3] in DAY_NAMES else closest(one, DAY_NAMES)
            raise ValueError(
                f'days must look like "mon", "mon-fri" or "sat-sun", not "{text}"'
                + (f'; did you mean "{text.strip().lower().replace(one, meant)}"?' if meant else "")
            )
    if len(ends) > 2:
        raise ValueError(f'days must look like "mon", "mon-fri" or "sat-sun", not "{text}"')
    first, last = DAY_NAMES.index(ends[0]), DAY_NAMES.index(ends[-1])
    return tuple((first + step) % 7 for step in range((last - first) % 7 + 1))


def easter(year: int, church: str = "orthodox") -> date:
    """Easter Sunday in the Gregorian calendar; church: `orthodox` or `western` (Meeus, Astronomical Algorithms, 8)."""
    if church == "western":
        century, in_century = divmod(year, 100)
        golden = year % 19
        epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
        weekday = (32 + 2 * (century % 4) + 2 * (in_century // 4) - epact - in_century % 4) % 7
        shift = (golden + 11 * epact + 22 * weekday) // 451
        month, day = divmod(epact + weekday - 7 * shift + 114, 31)
        return date(year, month, day + 1)
    moon = (19 * (year % 19) + 15) % 30
    weekday = (2 * (year % 4) + 4 * (year % 7) - moon + 34) % 7
    month, day = divmod(moon + weekday + 114, 31)
    julian_lag = year // 100 - year // 400 - 2  # 13 days from 1900 to 2099
    return date(year, month, day + 1) + timedelta(julian_lag)


def parse_date(text: str) -> date:
    """`"2026-12-31"` as a date. Raises ValueError with words."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(f'there is no day "{text}"') from None
    raise ValueError(f'a date must look like "2026-12-31", not "{text}"')


@dataclass(frozen=True, slots=True)
class Holiday:
    """A named day. Give exactly one of `date` ("MM-DD" every year, "YYYY-MM-DD" once) and `easter` (days from Easter
    Sunday of `church`, "orthodox" or "western"; Trinity is 49).

    closed: whether nobody works; False with no hours is an ordinary day that has a name. hours: other hours of a day
    that is not closed. breaks: when nobody works, on a day that is otherwise as ever. Raises ValueError with words.
    """

    name: str
    closed: bool
    date: str | None = None
    easter: int | None = None
    church: str = "orthodox"
    hours: tuple[Span, ...] = ()
    breaks: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if (self.date is None) == (self.easter is None):
            raise ValueError(f'holiday "{self.name}" needs either a date or an offset from Easter')
        if self.date is not None:
            short = re.fullmatch(r"[0-9]{2}-[0-9]{2}", self.date)
            try:
                parse_date(f"2024-{self.date}" if short else self.date)  # 2024 has a 29 February
            except ValueError:
                raise ValueError(
                    f'the date of a holiday must look like "12-25" or "2026-12-25", not "{self.date}"'
                ) from None
        if self.church not in ("orthodox", "western"):
            raise ValueError(f'church must be "orthodox" or "western", not "{self.church}"')
        if self.easter is not None and not -80 <= self.easter <= 230:
            raise ValueError(f"an offset from Easter lies between -80 and 230 days, unlike {self.easter}")
        if self.closed and self.hours:
            raise ValueError(f'holiday "{self.name}" is closed and has hours; leave one of the two out')


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """One date ("YYYY-MM-DD") that is not as its weekday: other hours, or none."""

    date: str
    hours: tuple[Span, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        parse_date(self.date)


@dataclass(frozen=True, slots=True)
class DayHours:
    """What is believed about one date: its spans in order (none: closed), and why, in words.

    holiday: the name of the holiday that closes it, or "".
    """

    spans: tuple[Span, ...]
    reason: str
    holiday: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours of one department.

    zone: a name such as `Europe/Kyiv`. week: weekday (Monday is 0) -> spans; a day that is not there is closed.
    Overlapping spans of a day are joined. Raises ValueError with words for an unknown zone or a date given twice.
    """

    zone: str
    week: Mapping[int, tuple[Span, ...]]
    holidays: tuple[Holiday, ...] = ()
    exceptions: tuple[SpecialDay, ...] = ()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _exceptions: dict[date, SpecialDay] = field(init=False, repr=False, compare=False)
    _holidays: dict[int, dict[date, tuple[Holiday, ...]]] = field(init=False, repr=False, compare=False)
    _days: dict[int, DayHours] = field(init=False, repr=False, compare=False)
    _open: dict[int, tuple[tuple[datetime, datetime], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for weekday in self.week:
            if weekday not in range(7):
                raise ValueError(f"a week has days 0 (Monday) to 6, not {weekday}")
        exceptions: dict[date, SpecialDay] = {}
        for one in self.exceptions:
            if exceptions.setdefault(parse_date(one.date), one) is not one:
                raise ValueError(f"the date {one.date} has two exceptions; join them")
        # The caches are filled as dates are asked for; nothing else about a calendar ever changes.
        caches = {"_zone": _zone(self.zone), "_exceptions": exceptions, "_holidays": {}, "_days": {}, "_open": {}}
        for name, value in caches.items():
            object.__setattr__(self, name, value)

    def is_open(self, at: datetime) -> bool:
        """Whether the department works at that instant. at: aware, any zone."""
        local = self._local(at)
        minute = local.hour * 60 + local.minute
        return any(span.start <= minute < span.end for span in self._day(local.toordinal()).spans)

    def state(self, at: datetime) -> str:
        """One of STATES: `open`; `holiday` (a holiday closes the whole date); `before_open` and `after_close` (of a
        date with hours); `closed` (a date without hours, or a break between two spans)."""
        local = self._local(at)
        minute = local.hour * 60 + local.minute
        day = self._day(local.toordinal())
        if not day.spans:
            return "holiday" if day.holiday else "closed"
        if minute < day.spans[0].start:
            return "before_open"
        if minute >= day.spans[-1].end:
            return "after_close"
        return "open" if any(span.start <= minute < span.end for span in day.spans) else "closed"

    def next_opening(self, at: datetime) -> datetime | None:
        """The first instant from `at` on that lies within hours: `at` itself when open. In the calendar's zone.

        None when the department does not open within HORIZON_DAYS.
        """
        return self.answer_due_at(at, timedelta(0))

    def answer_due_at(self, received_at: datetime, working: timedelta) -> datetime | None:
        """When `working` time of the department will have passed since `received_at`. In the calendar's zone.

        Friday 17:00 and two hours, open 09:00-18:00, give Monday 10:00. Time that ends with the day is due at closing
        time. None when it never opens for HORIZON_DAYS on end. Raises ValueError for negative `working`.
        """
        if working < timedelta(0):
            raise ValueError("working time is not negative")
        ordinal = self._local(received_at).toordinal()
        left, begin = working, received_at.astimezone(UTC)
        last = ordinal + HORIZON_DAYS
        while ordinal <= last and ordinal <= _LAST_ORDINAL:
            for opens, closes in self._instants(ordinal):
                if closes <= begin:
                    continue
                start = max(opens, begin)
                if left <= closes - start:
                    return (start + left).astimezone(self._zone)
                left -= closes - start
                last = ordinal + HORIZON_DAYS
            ordinal += 1
        return None

    def day(self, on: date) -> DayHours:
        """What is believed about one date and why, for printing."""
        return self._day(on.toordinal())

    def _local(self, at: datetime) -> datetime:
        if at.utcoffset() is None:
            raise NaiveTime(f"{at.isoformat()} has no zone")
        if not 1900 <= at.year <= 9990:
            raise ValueError(f"calendars know the years 1900 to 9990, not {at.year}")
        return at.astimezone(self._zone)

    def _day(self, ordinal: int) -> DayHours:
        known = self._days.get(ordinal)
        if known is None:
            if len(self._days) >= _CACHED_DATES:
                self._days.clear()
            known = self._days[ordinal] = self._decide(date.fromordinal(ordinal))
        return known

    def _decide(self, on: date) -> DayHours:
        special = self._exceptions.get(on)
        if special:
            name = f": {special.name}" if special.name else ""
            return DayHours(_joined(special.hours), f"exception{name}" if special.hours else f"closed, exception{name}")
        week = _joined(self.week.get(on.weekday(), ()))
        weekday = _LONG_DAY_NAMES[on.weekday()]
        named = self._holidays_on(on)
        names = ", ".join(one.name for one in named)
        if any(one.closed for one in named):
            return DayHours((), f"holiday: {names}", holiday=names)
        if not week:
            return DayHours((), f"closed every {weekday}" + (f" ({names})" if named else ""))
        spans, reason = week, f"every {weekday}"
        working = ", ".join(one.name for one in named if not one.breaks)
        for one in named:
            if one.hours:
                spans, reason = _joined(one.hours), f"hours of a holiday: {one.name}"
                break
        else:
            reason += f" ({working} is a working day)" if working else ""
        left = _without(spans, _joined(span for one in named for span in one.breaks))
        if left == spans:
            return DayHours(spans, reason)
        breaks = ", ".join(one.name for one in named if one.breaks)
        return DayHours(left, f"{reason}, less: {breaks}" if left else f"holiday: {breaks}", "" if left else breaks)

    def _holidays_on(self, on: date) -> tuple[Holiday, ...]:
        year = self._holidays.get(on.year)
        if year is None:
            found: dict[date, list[Holiday]] = {}
            for holiday in self.holidays:
                falls = _in_year(holiday, on.year)
                if falls:
                    found.setdefault(falls, []).append(holiday)
            year = self._holidays[on.year] = {day: tuple(ones) for day, ones in found.items()}
        return year.get(on, ())

    def _instants(self, ordinal: int) -> tuple[tuple[datetime, datetime], ...]:
        """The open stretches of one local date, in UTC and in order."""
        known = self._open.get(ordinal)
        if known is None:
            if len(self._open) >= _CACHED_DATES:
                self._open.clear()
            midnight = datetime.fromordinal(ordinal).replace(tzinfo=UTC)
            spans = [
                (midnight + timedelta(minutes=span.start), midnight + timedelta(minutes=span.end))
                for span in self._day(ordinal).spans
            ]
            found = []
            for since, until, offset in self._offsets(midnight) if spans else ():
                for start, end in spans:
                    opens, closes = max(start - offset, since), min(end - offset, until)
                    if opens < closes:
                        found.append((opens, closes))
            known = self._open[ordinal] = tuple(sorted(found))
        return known

    def _offsets(self, midnight: datetime) -> list[tuple[datetime, datetime, timedelta]]:
        """The zone's offsets round one local date: (since, until, offset), UTC instants, without a hole.

        No zone is a whole day from UTC, so three days round the date hold all of it. zoneinfo does not tell its
        transitions; two equal ends mean there is none, else they are searched for hour by hour.
        """
        since, end = midnight - timedelta(1), midnight + timedelta(2)
        if self._offset(since) == self._offset(end):
            return [(since, end, self._offset(since))]
        runs = []
        at = since
        while at < end:
            following = at + _ONE_HOUR
            if self._offset(following) != self._offset(at):
                low, high = at, following
                while high - low > _ONE_SECOND:
                    middle = low + timedelta(seconds=(high - low) // _ONE_SECOND // 2)
                    low, high = (middle, high) if self._offset(middle) == self._offset(at) else (low, middle)
                runs.append((since, high, self._offset(at)))
                since = high
            at = following
        return [*runs, (since, end, self._offset(end))]

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self._zone).utcoffset() or timedelta(0)


_LAST_ORDINAL = date(9998, 12, 31).toordinal()


def _in_year(holiday: Holiday, year: int) -> date | None:
    """The day it falls on in `year`, or None (another year's date; 29 February)."""
    if holiday.easter is not None:
        return easter(year, holiday.church) + timedelta(holiday.easter)
    parts = [int(part) for part in (holiday.date or "").split("-")]
    if len(parts) == 3:
        return date(*parts) if parts[0] == year else None
    try:
        return date(year, *parts)
    except ValueError:
        return None


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def _without(spans: Iterable[Span], breaks: tuple[Span, ...]) -> tuple[Span, ...]:
    """What is left of the spans. breaks: joined."""
    left: list[Span] = []
    for span in spans:
        start = span.start
        for one in breaks:
            if start < one.start < span.end:
                left.append(Span(start, one.start))
            if one.start < span.end:
                start = max(start, one.end)
        if start < span.end:
            left.append(Span(start, span.end))
    return tuple(left)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: a name that is a directory of the database, such as "Europe"
        meant = closest(name, zoneinfo.available_timezones())
        raise ValueError(f'unknown time zone "{name}"' + (f'; did you mean "{meant}"?' if meant else "")) from None
