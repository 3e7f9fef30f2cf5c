"""Working hours, held against an oracle that knows nothing of spans in UTC: the clock on the wall, minute by minute."""

import pickle
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.hours import (
    HORIZON_DAYS,
    Calendar,
    Holiday,
    NaiveTime,
    Span,
    SpecialDay,
    easter,
    parse_days,
    parse_span,
)

MINUTE = timedelta(minutes=1)
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2038, 1, 1, tzinfo=UTC)


def instant(at: datetime | None) -> datetime | None:
    """In UTC: Python finds an ambiguous local time equal to nothing of another zone (PEP 495), its own instant too."""
    return at and at.astimezone(UTC)


def week(**hours: str) -> dict[int, tuple]:
    """`week(mon_fri="09:00-18:00")`; several spans are parted by a space."""
    return {
        day: tuple(parse_span(one) for one in spans.split())
        for days, spans in hours.items()
        for day in parse_days(days.replace("_", "-"))
    }


def office(zone: str = "Europe/Kyiv") -> Calendar:
    return Calendar(
        zone,
        week(mon_fri="09:00-13:00 14:00-18:00"),
        (
            Holiday("New Year", True, date="01-01"),
            Holiday("Women's Day", False, date="03-08"),
            Holiday("Trinity", True, easter=50),  # its Monday: Trinity itself is a Sunday
            Holiday("Good Friday", True, easter=-2, church="western"),
            Holiday("Independence Day", True, date="08-24"),
            Holiday("A day of 2026", True, date="2026-07-07"),
            Holiday("New Year's Eve", False, date="12-31", hours=(parse_span("10:00-15:00"),)),
        ),
        (SpecialDay("2026-08-24", (parse_span("12:00-16:00"),), "moved server"), SpecialDay("2027-03-29")),
    )


def night_watch(zone: str = "Europe/Kyiv") -> Calendar:
    """Spans that begin and end inside the hours that happen twice or never."""
    return Calendar(
        zone,
        week(mon="20:00-24:00", tue_fri="00:00-06:00 20:00-24:00", sat="00:00-06:00", sun="01:30-02:30 03:30-05:00"),
        (Holiday("Easter", True, easter=0),),
    )


# ------------------------------------------------------------------------------------------------------ the oracle

EASTERS = {  # from published tables
    "orthodox": "2024-05-05 2025-04-20 2026-04-12 2027-05-02 2028-04-16 2029-04-08 2030-04-28 2031-04-13 2032-05-02 "
    "2033-04-24 2034-04-09 2035-04-29 2036-04-20 2037-04-05",
    "western": "2024-03-31 2025-04-20 2026-04-05 2027-03-28 2028-04-16 2029-04-01 2030-04-21 2031-04-13 2032-03-28 "
    "2033-04-17 2034-04-09 2035-03-25 2036-04-13 2037-04-05",
}


def office_day(on: date) -> list[tuple[int, int]]:
    """What `office` means, said once more by hand."""
    iso = on.isoformat()
    if iso == "2026-08-24":
        return [(720, 960)]
    trinity_monday = (date.fromisoformat(one) + timedelta(50) for one in EASTERS["orthodox"].split())
    good_friday = (date.fromisoformat(one) - timedelta(2) for one in EASTERS["western"].split())
    if iso in ("2027-03-29", "2026-07-07") or iso[5:] in ("01-01", "08-24") or on in {*trinity_monday, *good_friday}:
        return []
    if on.weekday() > 4:
        return []
    return [(600, 900)] if iso[5:] == "12-31" else [(540, 780), (840, 1080)]


def night_day(on: date) -> list[tuple[int, int]]:
    if on.isoformat() in EASTERS["orthodox"]:
        return []
    late, early = (1200, 1440), (0, 360)
    return {0: [late], 5: [early], 6: [(90, 150), (210, 300)]}.get(on.weekday(), [early, late])


class Oracle:
    """Every minute from EPOCH to END: is the clock on the wall of `zone` inside the day's hours?"""

    def __init__(self, zone: str, day: Callable[[date], list[tuple[int, int]]]) -> None:
        self.zone = ZoneInfo(zone)
        quarters = int((END - EPOCH) / MINUTE) // 15
        self.open = np.zeros(quarters * 15, dtype=bool)
        self.changes = []
        templates: dict[date, np.ndarray] = {}
        offset = None
        for quarter in range(quarters):  # offsets change on a quarter of an hour, and so do dates
            local = (EPOCH + quarter * 15 * MINUTE).astimezone(self.zone)
            if offset is not None and local.utcoffset() != offset:
                self.changes.append(quarter * 15)
            offset = local.utcoffset()
            template = templates.get(local.date())
            if template is None:
                template = templates[local.date()] = np.zeros(1440, dtype=bool)
                for start, end in day(local.date()):
                    template[start:end] = True
            minute = local.hour * 60 + local.minute
            self.open[quarter * 15 : quarter * 15 + 15] = template[minute : minute + 15]
        self.worked = np.concatenate(([0], np.cumsum(self.open, dtype=np.int32)))

    def answer_due_at(self, start: int, working: int) -> datetime:
        """The first instant at which `working` minutes (more than none) have been open since minute `start`."""
        return EPOCH + int(np.searchsorted(self.worked, self.worked[start] + working)) * MINUTE

    def next_opening(self, start: int) -> datetime:
        return EPOCH + (start + int(np.argmax(self.open[start : start + 40_000]))) * MINUTE


CASES = {
    "office in Kyiv": (office(), "Europe/Kyiv", office_day),
    "night watch in Kyiv": (night_watch(), "Europe/Kyiv", night_day),
    "night watch in New York": (night_watch("America/New_York"), "America/New_York", night_day),
    "office, half an hour of summer time": (office("Australia/Lord_Howe"), "Australia/Lord_Howe", office_day),
}


@pytest.mark.parametrize("name", CASES)
def test_calendar_agrees_with_the_clock_on_the_wall(name: str) -> None:
    """Every minute of both weekends of the clock, 2024-2037, and 20,000 others: open, next opening, sum of work."""
    calendar, zone, day = CASES[name]
    oracle = Oracle(zone, day)
    assert len(oracle.changes) == 28
    last = len(oracle.open) - 60_000
    chance = random.Random(name)
    minutes = {minute for change in oracle.changes for minute in range(change - 1500, change + 1500)}
    minutes |= {chance.randrange(last) for _ in range(20_000)}
    for start in sorted(minute for minute in minutes if minute < last):
        at = EPOCH + start * MINUTE
        assert calendar.is_open(at) == oracle.open[start], at
        assert (calendar.state(at) == "open") == oracle.open[start], at
        if start % 5 == 0:
            assert instant(calendar.next_opening(at)) == oracle.next_opening(start), at
            working = chance.choice((1, 30, 240, 480, 481, 4_800))
            assert instant(calendar.answer_due_at(at, working * MINUTE)) == oracle.answer_due_at(start, working), (
                at,
                working,
            )


# ---------------------------------------------------------------------------------------------------- its promises

ZONES = ("Europe/Kyiv", "America/New_York", "America/Nuuk", "Africa/Casablanca", "Pacific/Chatham", "Asia/Kathmandu")
spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda pair: pair[0] < pair[1])
instants = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    days = draw(st.dictionaries(st.integers(0, 6), st.lists(spans, max_size=3), max_size=7))
    return Calendar(
        draw(st.sampled_from(ZONES)),
        {day: tuple(Span(*pair) for pair in pairs) for day, pairs in days.items()},
        (Holiday("Easter", True, easter=0), Holiday("Christmas", True, date="12-25")),
    )


@settings(max_examples=150, deadline=None)
@given(calendars(), instants)
def test_next_opening_is_not_before_in_hours_and_minimal(calendar: Calendar, at: datetime) -> None:
    """The result is at or after the question, lies in hours, and no open minute lies before it."""
    opens = instant(calendar.next_opening(at))
    if opens is None:
        assert not any(calendar.week.values())
        return
    assert opens >= at
    assert calendar.is_open(opens)
    assert opens == at or not calendar.is_open(opens - timedelta(microseconds=1))
    whole = at.replace(second=0, microsecond=0) + MINUTE
    assert not any(calendar.is_open(whole + n * MINUTE) for n in range(min(2_000, int((opens - whole) / MINUTE))))


@settings(max_examples=200, deadline=None)
@given(calendars(), instants, st.integers(0, 10_000), st.integers(0, 10_000))
def test_working_time_adds_up(calendar: Calendar, at: datetime, first: int, second: int) -> None:
    """Working one stretch and then another ends when working both at once ends."""
    halfway = calendar.answer_due_at(at, timedelta(minutes=first))
    if halfway is not None:
        at_once = calendar.answer_due_at(at, timedelta(minutes=first + second))
        in_turn = calendar.answer_due_at(halfway, timedelta(minutes=second))
        assert instant(in_turn) == instant(at_once) or second == 0


# ------------------------------------------------------------------------------------------------- by hand, one each


def kyiv(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Kyiv"))


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-03-06T08:59", "before_open"),
        ("2026-03-06T09:00", "open"),
        ("2026-03-06T13:30", "closed"),
        ("2026-03-06T17:59:59", "open"),
        ("2026-03-06T18:00", "after_close"),
        ("2026-03-07T12:00", "closed"),
        ("2025-08-24T12:00", "holiday"),
        ("2026-08-24T11:00", "before_open"),  # the exception beats the holiday
        ("2027-03-29T11:00", "closed"),
        ("2026-12-31T15:00", "after_close"),
    ],
)
def test_state_says_why_nobody_is_there(at: str, state: str) -> None:
    """The five words of the condition `calendar`."""
    assert office().state(kyiv(at)) == state


def test_friday_evening_becomes_monday_in_the_calendars_zone() -> None:
    """A question in another zone is answered in the calendar's, with its summer time."""
    calendar = Calendar("Europe/Kyiv", week(mon_fri="09:00-18:00"))
    at = datetime(2026, 3, 27, 12, 40, tzinfo=timezone(timedelta(hours=-5)))  # 19:40 in Kyiv, the clock changes Sunday
    due = calendar.answer_due_at(at, timedelta(hours=8))
    assert due is not None
    assert due.isoformat() == "2026-03-30T17:00:00+03:00"
    assert calendar.next_opening(at) == kyiv("2026-03-30T09:00")


def test_round_the_clock_promises_cost_real_hours_when_the_clock_changes() -> None:
    """Four hours from 01:30 on the night of the change are four hours, whatever the wall says."""
    duty = Calendar("Europe/Kyiv", week(mon_sun="00:00-24:00"))
    spring = duty.answer_due_at(kyiv("2026-03-29T01:30"), timedelta(hours=4))
    autumn = duty.answer_due_at(kyiv("2026-10-25T01:30"), timedelta(hours=4))
    assert [str(spring), str(autumn)] == ["2026-03-29 06:30:00+03:00", "2026-10-25 04:30:00+02:00"]


def test_a_question_inside_hours_counts_from_itself_and_may_end_at_closing_time() -> None:
    """Work that ends with the day is due at closing time, not next morning."""
    assert office().answer_due_at(kyiv("2026-03-06T16:15"), timedelta(minutes=105)) == kyiv("2026-03-06T18:00")
    assert office().next_opening(kyiv("2026-03-06T16:15:07")) == kyiv("2026-03-06T16:15:07")


def test_a_department_that_never_opens_has_no_next_opening() -> None:
    """None, not an endless search; and a holiday a day before the horizon is still found."""
    assert Calendar("UTC", {}).next_opening(EPOCH) is None
    assert Calendar("UTC", {}).answer_due_at(EPOCH, timedelta(hours=1)) is None
    only = SpecialDay((EPOCH + timedelta(HORIZON_DAYS)).date().isoformat(), (parse_span("09:00-10:00"),))
    opens = Calendar("UTC", {}, exceptions=(only,)).next_opening(EPOCH)
    assert opens == EPOCH + timedelta(HORIZON_DAYS, hours=9)


def test_long_work_goes_on_as_long_as_the_department_opens() -> None:
    """The horizon counts from the last opening: an hour every 300 days makes three hours in 900 days."""
    days = [date(2024, 1, 1) + timedelta(300 * number) for number in range(1, 4)]
    rare = Calendar("UTC", {}, exceptions=tuple(SpecialDay(str(one), (parse_span("09:00-10:00"),)) for one in days))
    due = rare.answer_due_at(EPOCH, timedelta(hours=3))
    assert due == datetime(2026, 6, 19, 10, tzinfo=UTC)


def test_naive_and_absurd_times_are_refused() -> None:
    """A datetime without a zone names no instant; nor does one that no zone can hold."""
    with pytest.raises(NaiveTime):
        office().is_open(datetime(2026, 3, 6))
    for year in (1, 9999):
        with pytest.raises(ValueError, match="calendars know"):
            office().answer_due_at(datetime(year, 1, 1, tzinfo=UTC), MINUTE)
    with pytest.raises(ValueError, match="not negative"):
        office().answer_due_at(EPOCH, -MINUTE)


@pytest.mark.parametrize("church", EASTERS)
def test_easter_is_the_churches_easter(church: str) -> None:
    """Fourteen years of both churches."""
    assert " ".join(str(easter(year, church)) for year in range(2024, 2038)) == EASTERS[church]


@pytest.mark.parametrize(
    ("on", "spans", "reason"),
    [
        ("2026-03-06", "09:00-13:00 14:00-18:00", "every Friday"),
        ("2027-03-08", "09:00-13:00 14:00-18:00", "every Monday (Women's Day is a working day)"),
        ("2026-03-07", "", "closed every Saturday"),
        ("2026-03-08", "", "closed every Sunday (Women's Day)"),
        ("2027-08-24", "", "holiday: Independence Day"),
        ("2026-08-24", "12:00-16:00", "exception: moved server"),
        ("2027-03-29", "", "closed, exception"),
        ("2026-12-31", "10:00-15:00", "hours of a holiday: New Year's Eve"),
        ("2028-12-31", "", "closed every Sunday (New Year's Eve)"),
    ],
)
def test_a_day_says_what_is_believed_and_why(on: str, spans: str, reason: str) -> None:
    """`mailrouter hours` prints this."""
    day = office().day(date.fromisoformat(on))
    assert (" ".join(map(str, day.spans)), day.reason) == (spans, reason)


def test_a_fixed_holiday_on_29_february_comes_every_fourth_year() -> None:
    """Other years have no such day, and that is no error."""
    calendar = Calendar("UTC", week(mon_sun="09:00-18:00"), (Holiday("Leap", True, date="02-29"),))
    assert calendar.state(datetime(2028, 2, 29, 12, tzinfo=UTC)) == "holiday"
    assert calendar.state(datetime(2027, 3, 1, 12, tzinfo=UTC)) == "open"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9:00-18:00", 'hours must look like "09:00-18:00", not "9:00-18:00"'),
        ("09:00–18:00", "hours must look like"),
        ("٠٩:٠٠-١٨:٠٠", "hours must look like"),
        ("24:00-24:00", "hours must look like"),
        ("09:00-25:00", "hours must look like"),
        ("09:00-18:60", "hours must look like"),
        ("09:00-18:00\n", "hours must look like"),
        ("18:00-18:00", 'hours must end after they begin, unlike "18:00-18:00"'),
        ("22:00-06:00", 'a night is two spans, "22:00-24:00" and "00:00-06:00" on the next day'),
    ],
)
def test_bad_hours_are_refused_in_words(text: str, words: str) -> None:
    """The administrator reads what was expected and what stands there."""
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        parse_span(text)


def test_hours_and_days_read_as_written() -> None:
    """24:00 may end a day; a range of days may go round the weekend."""
    assert [str(parse_span(one)) for one in ("00:00-24:00", "09:05-18:30")] == ["00:00-24:00", "09:05-18:30"]
    assert parse_days("mon-fri") == (0, 1, 2, 3, 4)
    assert parse_days("Fri-Mon") == (4, 5, 6, 0)
    assert parse_days("sun") == (6,)
    assert parse_days("mon-sun") == tuple(range(7))


@pytest.mark.parametrize(
    ("text", "words"),
    [("monday", 'not "monday"; did you mean "mon"'), ("mon-tue-wed", "days must look"), ("", "days must look")],
)
def test_bad_days_are_refused_in_words(text: str, words: str) -> None:
    """With the day that was probably meant."""
    with pytest.raises(ValueError, match=words):
        parse_days(text)


def test_bad_calendars_are_refused_in_words() -> None:
    """Zones, dates and contradictions, each with its own sentence."""
    nine = (parse_span("09:00-18:00"),)
    for make, words in (
        (lambda: Calendar("Europe/Kiyv", {}), 'did you mean "Europe/Kyiv"'),
        (lambda: Calendar("Europe", {}), 'unknown time zone "Europe"'),
        (lambda: Calendar("../etc", {}), "unknown time zone"),
        (lambda: Calendar("UTC", {7: nine}), r"days 0 \(Monday\) to 6"),
        (lambda: Calendar("UTC", {}, (), (SpecialDay("2026-01-01"), SpecialDay("2026-01-01"))), "two exceptions"),
        (lambda: Holiday("x", True), "either a date or an offset"),
        (lambda: Holiday("x", True, date="2026-01-01", easter=1), "either a date or an offset"),
        (lambda: Holiday("x", True, date="31-12"), 'must look like "12-25"'),
        (lambda: Holiday("x", True, date="2027-02-29"), 'must look like "12-25"'),
        (lambda: Holiday("x", True, easter=400), "offset from Easter"),
        (lambda: Holiday("x", True, easter=1, church="norse"), "church must be"),
        (lambda: Holiday("x", True, date="12-25", hours=nine), "is closed and has hours"),
        (lambda: SpecialDay("12-31"), 'a date must look like "2026-12-31"'),
        (lambda: SpecialDay("2026-02-30"), 'there is no day "2026-02-30"'),
    ):
        with pytest.raises(ValueError, match=words):
            make()


def test_a_calendar_travels_to_another_process() -> None:
    """Backtests on many machines pickle it; the copy answers alike."""
    calendar = office()
    assert calendar.is_open(kyiv("2026-03-06T10:00"))
    copy = pickle.loads(pickle.dumps(calendar))
    assert copy == calendar
    assert copy.next_opening(kyiv("2026-03-06T19:00")) == kyiv("2026-03-09T09:00")
