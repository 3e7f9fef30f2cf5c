"""Calendars by https: fetched anew, kept, and used from the last good copy when the server fails."""

import http.server
import os
import threading
from datetime import date

import pytest
from click.testing import CliRunner

from router.calendar_copies import CalendarCopies
from router.cli import mailrouter
from router.errors import BadFile
from router.generation import load_generation

RULES = """\
version: 1
languages: [en]
settings: {timezone: UTC, header_prefix: X-Desk-, default_queue: help}
holidays: {ours: [{ics: "ADDRESS"}]}
calendars: {office: {timezone: UTC, hours: {mon-fri: "09:00-17:00"}, holidays: ours}}
queues: {help: {address: help@desk.example, calendar: office, name: {en: help}}}
rules: [{id: everything, stage: enrich, when: {always: true}, then: [{tag: seen}]}]
"""


def ics(day: str, name: str) -> bytes:
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
        f"DTSTART;VALUE=DATE:{day}\r\nSUMMARY:{name}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


class Server:
    """Answers every request with `status` and `body`. asked: how often it was."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, ics("20260310", "Move"), 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked += 1
                self.send_response(server.status)
                self.end_headers()
                self.wfile.write(server.body)

            def log_message(self, *words):
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/days.ics"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@pytest.fixture
def server():
    one = Server()
    yield one
    one.close()


@pytest.fixture
def rules(tmp_path, server):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES.replace("ADDRESS", server.address))
    return path


def reason(rules, day: date = date(2026, 3, 10), **options) -> str:
    return load_generation(rules, None, **options).ruleset.calendars["office"].day(day).reason


def test_it_is_fetched_anew_with_the_rules_and_a_command_that_looks_at_a_mail_asks_nobody(rules, server):
    assert reason(rules, anew=True) == "holiday: Move"
    server.body = ics("20260310", "Stocktaking")
    assert reason(rules) == "holiday: Move"
    assert server.asked == 1
    assert reason(rules, anew=True) == "holiday: Stocktaking"


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", "127.0.0.1 answered 500 Internal Server Error"),
        (302, b"", "127.0.0.1 answered 302 Found"),
        (200, b"<html>Log in</html>", "what it gives cannot be understood"),
        (200, ics("20260310", "Move")[:-20], "what it gives holds no event"),
        (200, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "what it gives holds no event"),
    ],
    ids=["an error", "a redirect", "a page", "half of it", "nothing in it"],
)
def test_what_fails_changes_nothing_and_is_said_at_its_place(rules, server, status, body, why):
    assert reason(rules, anew=True) == "holiday: Move"
    copy = next((rules.parent / ".mailrouter/calendars").iterdir())
    os.utime(copy, (1_770_000_000, 1_770_000_000))
    server.status, server.body = status, body
    ruleset = load_generation(rules, None, anew=True).ruleset
    assert ruleset.calendars["office"].day(date(2026, 3, 10)).reason == "holiday: Move"
    (warning,) = ruleset.warnings
    assert (warning.code, warning.location.line) == ("W520", 4)
    assert why in warning.message and "the copy of 2026-02-02 02:40 UTC is used" in warning.message


def test_without_a_copy_rules_whose_calendar_cannot_be_had_are_refused_at_its_place(rules, server):
    server.status = 503
    with pytest.raises(BadFile) as refused:
        load_generation(rules, None, anew=True)
    (problem,) = refused.value.problems
    assert (problem.code, problem.location.line) == ("E319", 4)
    assert "cannot be had: 127.0.0.1 answered 503" in problem.message


def test_a_copy_that_was_damaged_is_fetched_again(rules, server):
    assert reason(rules) == "holiday: Move"
    next((rules.parent / ".mailrouter/calendars").iterdir()).write_bytes(b"\0" * 100)
    assert reason(rules) == "holiday: Move"
    assert server.asked == 2


def test_copies_are_private_and_those_of_another_state_directory_are_others(rules, server, tmp_path):
    reason(rules, state=tmp_path / "one")
    (copy,) = (tmp_path / "one/calendars").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    reason(rules, state=tmp_path / "two")
    assert server.asked == 2


def test_a_state_directory_that_cannot_be_written_is_said_and_costs_nothing(rules, tmp_path):
    (tmp_path / "state").write_text("a file, not a folder")
    ruleset = load_generation(rules, None, state=tmp_path / "state", anew=True).ruleset
    assert ruleset.calendars["office"].day(date(2026, 3, 10)).holiday == "Move"
    assert "no copy could be kept" in ruleset.warnings[0].message


def test_only_https_and_nobody_is_asked_otherwise(tmp_path):
    with pytest.raises(ValueError, match="only https"):
        CalendarCopies(tmp_path).get("http://desk.example/days.ics", lambda data: "")


def test_hours_print_what_was_fetched_and_what_could_not_be(rules, server):
    words = ["hours", "help", "--rules", str(rules), "--at", "2026-03-09T10:00", "--days", "3"]
    result = CliRunner().invoke(mailrouter, words, catch_exceptions=False)
    assert "Tue 2026-03-10  closed       holiday: Move" in result.stdout
    server.status = 500
    result = CliRunner().invoke(mailrouter, words, catch_exceptions=False)
    assert "warning W520" in result.stderr and "Tue 2026-03-10  closed" in result.stdout


def test_check_says_in_november_that_the_calendar_ends_with_the_year(rules, server):
    words = ["check", str(rules), "--at", "2026-11-24"]
    result = CliRunner().invoke(mailrouter, words, catch_exceptions=False)
    assert 'note W513: calendar "office" has dates of 2026 and none of 2027' in result.stderr
    server.body = ics("20270310", "Move")
    result = CliRunner().invoke(mailrouter, words, catch_exceptions=False)
    assert "W513" not in result.stderr
