"""Calendar files as companies' programs write them: which days and hours they close."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.hours import Calendar, Span
from router.rules import ical

KYIV = ZoneInfo("Europe/Kyiv")
WEEK = {day: (Span(540, 1080),) for day in range(7)}


def calendar(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//desk//EN"]
    for number, event in enumerate(events):
        body = [one.strip() for one in event.strip().splitlines()]
        uid = [] if any(one.startswith("UID:") for one in body) else [f"UID:{number}"]
        lines += ["BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", *uid, *body, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def day(data: bytes, on: str) -> tuple[str, str]:
    """Hours and reason of a date, for a desk that is open from 9 to 18 every day."""
    found = Calendar("Europe/Kyiv", WEEK, ical.closures(data, KYIV)).day(date.fromisoformat(on))
    return " ".join(map(str, found.spans)), found.reason


OPEN = "09:00-18:00"


def test_a_weekly_event_with_exceptions_and_one_that_was_moved():
    data = calendar(
        """UID:training
        DTSTART;TZID=Europe/Kyiv:20260305T160000
        DTEND;TZID=Europe/Kyiv:20260305T180000
        RRULE:FREQ=WEEKLY;BYDAY=TH;UNTIL=20260430T235959Z
        EXDATE;TZID=Europe/Kyiv:20260312T160000
        SUMMARY:Training""",
        """UID:training
        RECURRENCE-ID;TZID=Europe/Kyiv:20260319T160000
        DTSTART;TZID=Europe/Kyiv:20260320T090000
        DTEND;TZID=Europe/Kyiv:20260320T120000
        SUMMARY:Training on Friday""",
    )
    assert day(data, "2026-03-05") == ("09:00-16:00", "every Thursday, less: Training")
    assert day(data, "2026-03-12")[0] == OPEN, "left out"
    assert day(data, "2026-03-19")[0] == OPEN, "moved away"
    assert day(data, "2026-03-20") == ("12:00-18:00", "every Friday, less: Training on Friday")
    assert day(data, "2026-04-02") == ("09:00-16:00", "every Thursday, less: Training"), (
        "the same hour after the clocks"
    )
    assert day(data, "2026-05-07")[0] == OPEN, "after its end"


def test_the_last_friday_of_a_month_and_a_day_of_every_year():
    data = calendar(
        "DTSTART;VALUE=DATE:20260130\nRRULE:FREQ=MONTHLY;BYDAY=-1FR\nSUMMARY:Stocktaking",
        "DTSTART;VALUE=DATE:20200501\nRRULE:FREQ=YEARLY\nSUMMARY:Labour Day",
        "DTSTART;VALUE=DATE:20260706\nRDATE;VALUE=DATE:20260708\nSUMMARY:Move",
    )
    assert day(data, "2026-02-27") == ("", "holiday: Stocktaking")
    assert day(data, "2026-02-20")[0] == OPEN
    assert day(data, "2040-05-01") == ("", "holiday: Labour Day")
    assert [day(data, f"2026-07-0{one}")[0] for one in (6, 7, 8)] == ["", OPEN, ""]


def test_times_of_another_zone_are_those_of_the_desk():
    data = calendar("DTSTART;TZID=America/New_York:20260310T090000\nDURATION:PT1H30M\nSUMMARY:Call with New York")
    assert day(data, "2026-03-10") == ("09:00-15:00 16:30-18:00", "every Tuesday, less: Call with New York")


def test_an_event_over_midnight_takes_from_both_days_and_a_whole_day_between_is_closed():
    data = calendar("DTSTART:20260310T150000\nDTEND:20260312T100000\nSUMMARY:Power cut")
    assert [day(data, f"2026-03-{one}")[0] for one in (10, 11, 12)] == ["09:00-15:00", "", "10:00-18:00"]
    assert day(data, "2026-03-11")[1] == "holiday: Power cut"


def test_a_break_as_long_as_the_working_day_closes_it_like_a_holiday():
    found = Calendar(
        "Europe/Kyiv", WEEK, ical.closures(calendar("DTSTART:20260310T080000\nDTEND:20260310T190000"), KYIV)
    )
    assert found.day(date(2026, 3, 10)).holiday == "an event without a name"


@pytest.mark.parametrize(
    ("event", "open_"),
    [
        ("DTSTART;VALUE=DATE:20260310\nSTATUS:CANCELLED", True),
        ("DTSTART:20260310T100000\nDTEND:20260310T110000\nTRANSP:TRANSPARENT", True),
        ("DTSTART:20260310T100000\nDTEND:20260310T100000", True),
        ("DTSTART;VALUE=DATE:20260310\nTRANSP:TRANSPARENT", False),
    ],
    ids=["cancelled", "marked as free", "no time at all", "a public holiday as Google writes it"],
)
def test_what_closes_and_what_does_not(event, open_):
    assert (day(calendar(event), "2026-03-10")[0] == OPEN) == open_


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no event"),
        (b"<html>Log in, please</html>", "cannot be understood"),
        (calendar("SUMMARY:never"), "cannot be understood"),
        (calendar(), "holds no event"),
        (calendar("DTSTART:20260310T100000\nRRULE:FREQ=SECONDLY\nSUMMARY:tick"), 'repeats within a day: "tick"'),
        (
            calendar(
                f"DTSTART:20260310T100000\nRRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE={','.join(map(str, range(30)))}"
            ),
            "repeats within a day",
        ),
        (calendar(*["DTSTART:20200101T100000\nRRULE:FREQ=DAILY"] * 3), "more than 20,000 events in 2020 to 2040"),
        (b" " * (ical.MAX_BYTES + 1), "is larger than 1 MiB"),
    ],
    ids=["empty", "a page", "no start", "no event", "every second", "150 times a day", "very many", "large"],
)
def test_what_is_no_calendar_of_a_company_is_refused_with_words(data, message):
    with pytest.raises(ValueError, match=message):
        ical.closures(data, KYIV)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_is_holidays_or_a_refusal(data):
    whole = calendar("DTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260312\nRRULE:FREQ=YEARLY\nSUMMARY:days")
    at = data.draw(st.integers(0, len(whole)))
    changed = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 8)) :]
    try:
        ical.closures(changed, KYIV)
    except ValueError as refused:
        assert str(refused)
