"""Times in the writer's language, with the case that the words before them want."""

from datetime import UTC, datetime, timedelta

import pytest

from router.acknowledge.wording import Moment, beginning, deadline, listed, zone_phrase

MONDAY = Moment(datetime(2026, 11, 30, 15, 0, tzinfo=UTC), "Europe/Kyiv")


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("uk", "понеділок, 30 листопада, до 17:00, за київським часом"),
        ("ru", "понедельник, 30 ноября, до 17:00, по киевскому времени"),
        ("en", "Monday, 30 November, by 17:00, Kyiv time"),
        ("de", "Montag, 30. November, bis 17:00, GMT+02:00"),
        ("pl", "poniedziałek, 30 listopada, do 17:00, GMT+02:00"),
        ("xx", "Monday, 30 November, ≤ 17:00, GMT+02:00"),
    ],
)
def test_a_deadline(language, wanted):
    assert deadline(MONDAY, language) == wanted


@pytest.mark.parametrize(
    ("before", "language", "wanted"),
    [
        ("Очікуйте відповідь до ", "uk", "понеділка, 30 листопада, 17:00, за київським часом"),
        ("Ожидайте ответ до ", "ru", "понедельника, 30 ноября, 17:00, по киевскому времени"),
        ("Expect an answer by ", "en", "Monday, 30 November, 17:00, Kyiv time"),
        ("Ждите: (до ", "ru", "понедельника, 30 ноября, 17:00, по киевскому времени"),
        ("Наш адрес: Надо ", "ru", "понедельник, 30 ноября, до 17:00, по киевскому времени"),
    ],
)
def test_a_preposition_of_the_text_s_own_is_not_said_twice(before, language, wanted):
    assert deadline(MONDAY, language, before) == wanted


def test_all_weekdays_have_their_genitive():
    days = [deadline(Moment(MONDAY.instant + timedelta(n), "Europe/Kyiv"), "uk", "до ").split(",")[0] for n in range(7)]
    assert days == ["понеділка", "вівторка", "середи", "четверга", "п'ятниці", "суботи", "неділі"]
    days = [deadline(Moment(MONDAY.instant + timedelta(n), "Europe/Kyiv"), "ru", "до ").split(",")[0] for n in range(7)]
    assert days == ["понедельника", "вторника", "среды", "четверга", "пятницы", "субботы", "воскресенья"]


def test_a_beginning():
    assert beginning(MONDAY, "uk") == "понеділок, 30 листопада, 17:00, за київським часом"
    assert beginning(MONDAY, "ru", "Мы работаем с ") == "понедельника, 30 ноября, 17:00, по киевскому времени"


def test_the_clock_is_the_department_s_on_both_sides_of_a_change():
    before = Moment(datetime(2026, 10, 24, 21, 0, tzinfo=UTC), "Europe/Kyiv")
    after = Moment(datetime(2026, 10, 25, 21, 0, tzinfo=UTC), "Europe/Kyiv")
    assert deadline(before, "en").startswith("Sunday, 25 October, by 00:00")
    assert deadline(after, "en").startswith("Sunday, 25 October, by 23:00")


@pytest.mark.parametrize(
    ("zone", "language", "wanted"),
    [
        ("UTC", "uk", "за всесвітнім часом (UTC)"),
        ("Europe/Warsaw", "en", "Warsaw time"),
        ("America/New_York", "ru", "по времени города Нью-Йорк"),
        ("America/New_York", "pl", "czas wschodnioamerykański standardowy"),
        ("Etc/GMT-3", "en", "GMT+03:00"),
    ],
)
def test_every_zone_is_named(zone, language, wanted):
    assert zone_phrase(zone, language, MONDAY.instant) == wanted


def test_what_is_asked_for_twice_is_asked_once():
    assert listed(["the error text", "the program", "the error text"]) == "the error text, the program"
