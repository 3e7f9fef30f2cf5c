"""What a rules file says of its site and names beside itself; and the whole language, compiled and run."""

from datetime import date
from pathlib import Path

import pytest

from router.errors import BadFile
from router.facts import panel_signature
from router.rules import cases
from router.rules.compile import compile_rules
from router.rules.decide import decide
from router.rules.explain import explain
from router.rules.load import load
from tests.rules.engine_desk import HEAD, WEDNESDAY, facts, rule

HERE = Path(__file__).parent
ALWAYS = rule("{always: true}")
ICS = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261227
SUMMARY:Christmas\\, and
  after
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20200501
RRULE:FREQ=YEARLY
SUMMARY:Labour Day
END:VEVENT
BEGIN:VEVENT
DTSTART:20260304T090000Z
DTEND:20260304T103000Z
SUMMARY:Stocktaking
END:VEVENT
BEGIN:VEVENT
DTSTART:20260305T090000Z
DTEND:20260305T103000Z
TRANSP:TRANSPARENT
SUMMARY:A meeting
END:VEVENT
END:VCALENDAR
"""


def compiled(head: str, base: Path | None = None, rules: str = ALWAYS):
    data = f"{head}rules:\n{rules}".encode()
    return compile_rules(load(data, "desk.yaml", base=base), data)


def refusal(head: str, base: Path | None = None):
    with pytest.raises(BadFile) as refused:
        compiled(head, base)
    (problem,) = refused.value.problems
    return problem


def test_the_site_is_what_the_file_says():
    site = compiled(HEAD).site
    assert site.header_prefix == "X-Desk-"
    assert list(site.queue_addresses.items())[:3] == [
        ("support@desk.example", "support"),
        ("help@desk.example", "support"),
        ("bill@desk.example", "accounts"),
    ]
    assert site.ticket_tags == ("[desk #{number}]",)
    assert site.queue_of("Help+x@Desk.example") == "support"


def test_the_scripts_of_languages_are_read_from_their_texts():
    assert compiled(HEAD).scripts == {"uk": "cyrillic", "ru": "cyrillic", "en": "latin"}


def test_the_hash_of_a_ruleset_is_that_of_the_file():
    one, other = compiled(HEAD), compiled(HEAD + "# a comment\n")
    assert len(one.sha) == 64
    assert one.sha != other.sha


SIGNED = HEAD.replace("panel: {clients: [198.51.100.7]}", "panel: {signed_header: {name: X-Form, key_file: form.key}}")


def test_the_forms_key_is_read_from_its_file(tmp_path):
    (tmp_path / "form.key").write_bytes(b"secret\n")
    rules = compiled(SIGNED, tmp_path, rule("{panel: true}"))
    mail = facts(rules, body="please")
    signature = panel_signature(mail.message, mail.author, b"secret")
    assert decide(facts(rules, body="please", headers=[("X-Form", signature)]), rules).tags == ("yes",)
    assert decide(facts(rules, body="other", headers=[("X-Form", signature)]), rules).tags == ()


def test_a_key_that_is_not_there_is_a_located_error(tmp_path):
    problem = refusal(SIGNED, tmp_path)
    assert problem.code == "E319"
    assert problem.location.line == SIGNED[: SIGNED.index("form.key")].count("\n") + 1
    assert "form.key cannot be read: No such file" in problem.message


DAYS = '  days: [{date: "08-24", name: Independence Day, closed: true}]'


def test_whole_days_of_a_calendar_file_are_closed(tmp_path):
    (tmp_path / "days.ics").write_text(ICS)
    calendar = compiled(HEAD.replace(DAYS, "  days: [{ics: days.ics}]"), tmp_path).calendars["office"]
    closed = [day for day in range(20, 31) if not calendar.day(date(2026, 12, day)).spans]
    assert closed == [20, 24, 25, 26, 27]  # two Sundays, one Saturday, and the three days of the event
    assert calendar.day(date(2026, 12, 24)).holiday == "Christmas, and after"
    assert calendar.day(date(2031, 5, 1)).holiday == "Labour Day"
    assert len(calendar.day(date(2026, 3, 4)).spans) == 2, "an hour and a half is gone"
    assert len(calendar.day(date(2026, 3, 5)).spans) == 1, "a meeting closes nothing"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{ics: https://desk.example/days.ics}", "save the calendar beside the rules"),
        ("{ics: none.ics}", "none.ics cannot be read"),
        ("{ics: empty.ics}", "empty.ics holds no event"),
        ("{country: XX}", "holidays"),
        ("{country: DE, category: holy}", "knows no holy days of DE"),
        ("{country: UA}", "gives no public day of UA after 2022; its days of category workday"),
    ],
)
def test_holidays_that_cannot_be_had_are_a_located_error(tmp_path, entry, message):
    (tmp_path / "empty.ics").write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    problem = refusal(HEAD.replace(DAYS, f"  days: [{entry}]"), tmp_path)
    assert (problem.code, problem.location.line > 0) == ("E319", True)
    assert message in problem.message


def test_days_of_a_country_are_closed_under_their_english_names():
    german = compiled(HEAD.replace(DAYS, "  days: [{country: DE-BY}]")).calendars["office"]
    assert german.day(date(2027, 1, 6)).holiday == "Epiphany", "a day of Bavaria alone"
    assert not german.day(date(2040, 12, 25)).spans
    ukrainian = compiled(HEAD.replace(DAYS, "  days: [{country: UA, category: workday}]")).calendars["office"]
    assert ukrainian.day(date(2026, 8, 24)).holiday == "Independence Day"


@pytest.fixture
def whole(tmp_path):
    """The file that uses everything the language has, with the files it names."""
    text = (HERE / "whole-language.yaml").read_text(encoding="utf-8")
    (tmp_path / "panel.key").write_bytes(b"secret")
    (tmp_path / "days.ics").write_text(ICS)
    (tmp_path / "mail.eml").write_bytes(b"From: a@b.example\r\nSubject: hello\r\n\r\nHow are you?\r\n")
    data = text.encode()
    return compile_rules(load(data, "whole-language.yaml", base=tmp_path), data)


MAILS = [
    {},
    {"sender": "", "headers": [("From", "MAILER-DAEMON@x.example"), ("Auto-Submitted", "auto-replied")]},
    {"subject": "Re: Re: Re: hello", "body": "line\n" * 50, "lists": {}, "auth": "unknown", "thread": "unavailable"},
    {"attachments": [("a.exe", "application/x")], "client": "192.0.2.1", "auth": {"spf": "temperror"}},
    {"headers": [("From", "a@x.example, b@y.example"), ("Content-Type", "application/pkcs7-mime")]},
]


@pytest.mark.parametrize("mail", range(len(MAILS)))
def test_the_whole_language_decides_any_mail(whole, mail):
    """With trace and without, the same decision; every rule is told; all of it can be explained."""
    for queue in whole.queues.values():
        mailed = facts(whole, to=str(queue.address), **MAILS[mail])
        traced, live = decide(mailed, whole, trace=True), decide(mailed, whole)
        assert {line.rule for line in traced.trace} == {str(one.id) for one in whole.rules}
        assert traced.headers_add == live.headers_add
        assert str(queue.name) in explain(traced, whole) or traced.queue != queue.name
        assert traced.received_at.isoformat() == WEDNESDAY or traced.received_at.tzinfo is not None


def test_the_whole_languages_own_tests_can_be_run(whole):
    """They are there to be read by the loader; here it matters that running them ends in a report."""
    report = cases.run(whole, mutate=True)
    assert report.passed + report.failed == len(report.tests) > 0
    assert report.as_text()
