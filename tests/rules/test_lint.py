"""Warnings that no bad file can show: those that depend on the date, the model, the tests or what they leave alone."""

from datetime import date
from pathlib import Path

import pytest

from router.rules import lint, load
from router.rules.lint_words import _tokens as tokens
from router.rules.lint_words import covers

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "rules.yaml"


def codes(text: str, **options) -> list[str]:
    file, problems = load.check(text.encode(), "f", **options)
    assert file is not None, problems
    return [one.code for one in problems]


SMALL = """version: 1
languages: [en]
calendars:
  office: {timezone: UTC, hours: {mon-fri: "09:00-18:00"}, holidays: days}
holidays:
  days: [{date: "2026-05-01", name: May, closed: true}]
queues:
  one: {address: one@a.example, calendar: office, name: {en: one}}
classifiers:
  topic: {labels: [a, b], tuned_for: topic-1}
rules:
  - id: robots
    stage: guard
    when: {automatic: any}
    then: [{no_reply: robot}]
"""


@pytest.mark.parametrize("path", [SHIPPED, HERE / "desk-de-pl.yaml"], ids=["shipped", "de-pl"])
@pytest.mark.parametrize("today", [None, date(2026, 3, 4), date(2026, 11, 24), date(2027, 6, 1)])
def test_complete_files_get_no_warning(path, today):
    """The shipped file and the second desk are as the linter wants them, on any day before they must be renewed."""
    expected = ["W513"] if path != SHIPPED and today == date(2026, 11, 24) else []  # its days are those of 2026
    assert [one.code for one in load.check(path.read_bytes(), path.name, base=path.parent, today=today)[1]] == expected


def test_dates_of_next_year_are_asked_for_from_november():
    """W513 only where days are written with their year, and not before 1 November."""
    assert codes(SMALL, today=date(2026, 10, 31)) == []
    assert codes(SMALL, today=date(2026, 11, 1)) == ["W513"]
    assert codes(SMALL.replace("2026-05-01", "05-01"), today=date(2026, 11, 1)) == []
    assert codes(SMALL.replace("2026-05-01", "2027-05-01"), today=date(2026, 11, 1)) == []


def test_thresholds_of_another_model():
    """W515 when the loaded model is not the one that the numbers were tuned for."""
    assert codes(SMALL, model="topic-1") == codes(SMALL) == []
    assert codes(SMALL, model="topic-2") == ["W515"]


def test_shadow_is_not_for_ever():
    """W514: until has passed; shadow without since, or for more than 60 days; shadow with an end is a plan."""
    rule = "    stage: guard\n"
    day = date(2026, 6, 1)
    assert codes(SMALL.replace(rule, rule + "    until: 2026-05-31\n"), today=day) == ["W514"]
    assert codes(SMALL.replace(rule, rule + "    until: 2026-06-01\n"), today=day) == []
    assert codes(SMALL.replace(rule, rule + "    mode: shadow\n"), today=day) == ["W514"]
    assert codes(SMALL.replace(rule, rule + "    mode: shadow\n    since: 2026-04-02\n"), today=day) == []
    assert codes(SMALL.replace(rule, rule + "    mode: shadow\n    since: 2026-04-01\n"), today=day) == ["W514"]
    planned = rule + "    mode: shadow\n    since: 2025-01-01\n    until: 2026-12-31\n"
    assert codes(SMALL.replace(rule, planned), today=day) == []
    assert codes(SMALL.replace(rule, rule + "    mode: off\n    until: 2020-01-01\n"), today=day) == []


def test_untested_rules():
    """W510 after the tests ran: a rule that never fired in one, or always did."""
    file = load.load(SMALL.encode(), "f")
    said = [one.message for count in ((1, 1), (0, 3), (3, 0)) for one in lint.untested(file, {"robots": count})]
    assert said == [
        'rule "robots" has no test in which it fires',
        'rule "robots" has no test in which it does not fire',
    ]
    assert [one.code for one in lint.untested(file, {})] == ["W510"]


@pytest.mark.parametrize(
    ("general", "special", "found"),
    [
        ("ошибк*", "сообщени* об ошибк*", True),
        ("site .. down", "site is down", True),
        ("site .. down", "site down", True),
        ("site is down", "site .. down", False),
        ("site .. down", "site a b c d e down", True),
        ("site .. down", "site a b c d e f down", False),
        ("site .. down", "site .. down now", True),
        ("site .. down", "site .. is down", False),  # ".." may already be five words
        ("сайт*", "сайт", True),
        ("сайт", "сайт*", False),
        ("сайт* лежит", "сайты не лежит", False),
        ("Ошибка", "ошибка 500", True),
        ("ё", "е", True),
        ("down site", "site down", False),
    ],
)
def test_more_general_phrases(general, special, found):
    """W509 rests on this: every text that holds `special` holds `general`."""
    assert covers(tokens(general), tokens(special)) is found


def test_foreign_words_are_not_mixed_letters():
    """W512 is about letters that look alike: DNSом, web-сайт and кафе-bar are what people type."""
    pattern = "patterns:\n  p: {any: [%s]}\nrules:\n"
    use = "    when: {text: {pattern: p}}\n"
    text = SMALL.replace("    when: {automatic: any}\n", use)
    for words, expected in (
        ("DNSом, web-сайт, sql база", []),
        ("cайт", ["W512"]),
        ("сaйт, site", ["W512"]),
        ("оutlook", ["W512"]),
    ):
        assert codes(text.replace("rules:\n", pattern % words)) == expected, words


def test_lookups_that_always_answer_are_no_lookups():
    """W505 is not about lists whose items stand in the file, nor about rules that answer the question."""
    lists = "lists:\n  inline: {items: [a.example]}\n  far: {file: a.csv, key: k}\nrules:\n"
    text = SMALL.replace("rules:\n", lists)
    condition = "    when: {automatic: any}\n"
    inline = "    when: {all: [{not: {from: {domain_in: inline}}}, {sender_in: far}]}\n"
    far = "    when: {all: [{not: {from: {in: far}}}, {sender_in: inline}]}\n"
    assert codes(text.replace(condition, inline)) == []
    assert codes(text.replace(condition, far)) == ["W505"]
    assert codes(text.replace(condition, far + "    on_unknown: skip\n")) == []
    assert codes(text.replace(condition, far + "    mode: off\n")) == []


def test_local_warnings_come_with_errors():
    """A file with an error still hears of what can be seen without the rest."""
    _, problems = load.check(
        SMALL.replace("automatic: any", "any: [{not: {thread: new}}, {not: {use: x}}]").encode(), "f"
    )
    assert [one.code for one in problems] == ["W507", "E302"]
