"""A running filter remembers: a reply to a ticket that it saw leave is a follow-up; every mail can be asked about."""

import asyncio
import csv
import io
import json
import os
import signal

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from router.errors import BadInput
from router.milter.simulator import Caller, Mta, Transaction
from tests.integration.filter import ROOT, RunningFilter, eventually

OLENA, SUPPORT, BILL = "olena@customer.example", "support@flexihost.example", "bill@flexihost.example"
PROOF = "Authentication-Results: mx.flexihost.example; spf=pass smtp.mailfrom={}\n"


class Desk:
    """A filter with the shipped rules. options: more of `serve`."""

    def __init__(self, state, *options):
        self.state = state
        self.filter = RunningFilter("--state", str(state), "--workers", "1", *options)
        self.sent = 0

    def send(
        self,
        sender,
        to,
        subject,
        *,
        head="",
        text="Записи DNS для customer.com.ua добавлены.",
        user=b"",
        proven=True,
        author=None,
    ):
        """The header fields that the filter added, by name without prefix. author: another than the sender."""
        self.sent += 1
        proof = "" if user or not proven else PROOF.format(sender)
        domain = sender.partition("@")[2]
        message = (
            f"{proof}From: <{author or sender}>\nTo: <{to}>\nSubject: {subject}\nMessage-ID: <m{self.sent}@{domain}>\n"
            f"{head}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        ).encode()
        transaction = Transaction(
            f"<{sender}>".encode(), (f"<{to}>".encode(),), message, queue_id=f"Q{self.sent}".encode()
        )

        async def one():
            async with await Mta.connect(self.filter.spec, caller=Caller(user=user)) as mta:
                return await mta.exchange(transaction)

        outcome = asyncio.run(one())
        assert outcome.delivered
        return {name.decode().removeprefix("X-FlexiHost-"): body.decode() for name, body in outcome.added_fields}

    def counters(self):
        return self.told("status")["counters"]

    def says(self, *command):
        return CliRunner().invoke(
            mailrouter,
            [*command, "--rules", str(ROOT / "rules.yaml"), "--state", str(self.state)],
            catch_exceptions=False,
        )

    def told(self, *command):
        return json.loads(self.says(*command, "--json").stdout)

    def lines(self, *command):
        return [json.loads(line) for line in self.says(*command, "--json").stdout.splitlines()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("records") / "state")
    yield desk
    assert desk.filter.stop() == 0


def test_a_reply_to_what_we_saw_leave_is_a_follow_up_and_a_forged_number_is_not(desk):
    assert desk.send(SUPPORT, OLENA, "Re: [flexihost #12345] DNS", user=b"helpdesk") == {}, (
        "mail of the desk is let alone"
    )
    eventually(lambda: desk.counters().get("recorded", 0) == 1)
    answered = f"In-Reply-To: <m{desk.sent}@flexihost.example>\n"
    reply = "Дякуємо, але записи DNS для customer.com.ua не працюють, перевірте, будь ласка"
    assert (
        desk.send(OLENA, SUPPORT, "Re: DNS", head=answered, text=reply, proven=False)["Thread"]
        == "follow_up; ticket=12345"
    )
    assert desk.send("kolya@other.example", SUPPORT, "Re: DNS", head=answered)["Thread"] == "follow_up; ticket=12345"
    tagged = "Re: [flexihost #12345] DNS"
    assert desk.send(OLENA, SUPPORT, tagged, text=reply)["Thread"] == "follow_up; ticket=12345", "S, P and A"
    assert desk.send(OLENA, SUPPORT, tagged, text=reply, proven=False)["Thread"] == "unproven"
    assert desk.send("thief@evil.example", SUPPORT, tagged)["Thread"] == "unproven"
    assert desk.send(OLENA, SUPPORT, "[flexihost #99999] DNS")["Thread"] == "unproven"


def test_a_stranger_cannot_teach_it(desk):
    """Only what was submitted counts, whatever From says; so nobody makes himself a participant."""
    desk.send(SUPPORT, "thief@evil.example", "Re: [flexihost #777] DNS")
    answered = f"In-Reply-To: <m{desk.sent}@flexihost.example>\n"
    desk.send("thief@evil.example", "anna@flexihost.example", "Re: [flexihost #777] DNS", user=b"customer")
    assert desk.send("thief@evil.example", SUPPORT, "Re: x", head=answered)["Thread"] == "new"
    # a customer with a login, in the name of the desk: the mail server holds his sender against his login
    desk.send("thief@evil.example", "thief@evil.example", "[flexihost #777] DNS", user=b"x", author=SUPPORT)
    answered = f"In-Reply-To: <m{desk.sent}@evil.example>\n"
    assert desk.send("thief@evil.example", SUPPORT, "Re: x", head=answered)["Thread"] == "new"


def test_every_mail_can_be_found_and_asked_about(desk):
    desk.send(
        "new@buyer.example",
        BILL,
        "Сайт не відкривається",
        text="Наш сайт customer.com.ua не відкривається, помилка 502",
    )
    number = f"Q{desk.sent}"
    eventually(lambda: desk.lines("history", "--sender", "New@Buyer.example"))
    (found,) = desk.lines("history", "--sender", "new@buyer.example")
    assert found["queue_id"] == number and found["queue"] == "support" and found["sender_domain"] == "buyer.example"
    assert "technical-mail-to-accounts" in found["fired"] and found["saved_s"] > 0 and found["decide_ms"] > 0
    assert number in [one["queue_id"] for one in desk.lines("history", "--rule", "technical-mail-to-accounts")]
    assert number in [one["queue_id"] for one in desk.lines("history", "--tag", "redirected", "--recipient", BILL)]
    assert desk.lines("history", "--until", "2020-01-01") == []
    rows = list(csv.DictReader(io.StringIO(desk.says("history", "--sender", "new@buyer.example", "--csv").stdout)))
    assert rows[0]["queue_id"] == number and rows[0]["redirected_from"] == BILL
    why = desk.says("why", number).output
    assert "technical-mail-to-accounts" in why and f"{BILL} -> {SUPPORT}" in why
    undo = desk.says("undo", number).output
    assert f"}} {BILL} < FILE.eml" in undo.replace(')"', "}") and f"postcat -bhq {number}" in undo
    assert desk.says("why", "NONE").exit_code == 4
    assert "new@" not in why + undo + str(desk.lines("history"))


def test_pages_follow_one_another(desk):
    first = desk.lines("history", "--limit", "2")
    second = desk.lines("history", "--limit", "2", "--after", str(first[-1]["number"]))
    assert len(first) == len(second) == 2
    assert [one["number"] for one in first + second] == sorted([one["number"] for one in first + second], reverse=True)


def test_the_week_in_figures(desk):
    report = desk.told("report", "--week")
    assert report["mails"] == len(desk.lines("history")) and report["redirected"] >= 1 and report["hours_saved"] > 1
    text = desk.says("report").output
    assert "redirected" in text and "hours sooner" in text
    with pytest.raises(BadInput, match="exclude each other"):
        desk.says("report", "--week", "--since", "2026-01-01")


def test_a_person_can_be_forgotten(desk):
    desk.send("erase@me.example", SUPPORT, "Hello", text="Please help us with the mailbox")
    eventually(lambda: desk.lines("history", "--sender", "erase@me.example"))
    result = desk.says("forget", "erase@me.example")
    assert result.exit_code == 0 and "1 mails of the journal" in result.output, result.output
    assert desk.lines("history", "--sender", "erase@me.example") == []


def test_a_dead_recorder_costs_no_mail_and_comes_back(desk):
    (recorder,) = desk.filter.pids_of("router.recorder")
    os.kill(recorder, signal.SIGKILL)
    assert "Queue" in desk.send("after@death.example", SUPPORT, "Hello", text="Please help us with the mailbox")
    eventually(lambda: desk.lines("history", "--sender", "after@death.example"))
    assert desk.counters()["recorder-died"] == 1


def test_no_address_and_no_word_of_a_mail_is_in_log_or_stores(desk):
    everything = str(desk.filter.events)
    for path in desk.state.glob("*.sqlite*"):
        everything += path.read_bytes().decode("latin-1")
    for secret in ("olena", "kolya", "helpdesk", "customer.com.ua", "відкривається".encode().decode("latin-1")):
        assert secret not in everything, secret


def test_commands_without_a_journal_say_where_they_looked(tmp_path):
    for command in (["history"], ["why", "Q1"], ["undo", "Q1"], ["report"], ["forget", "a@b.example"]):
        result = CliRunner().invoke(mailrouter, [*command, "--state", str(tmp_path)])
        assert result.exit_code != 0 and "was recorded here" in str(result.exception), command
