"""Acknowledgements through a real Sendmail: the intents' domain is routed to the service by the mailertable."""

import contextlib
import smtplib
from dataclasses import dataclass

import pytest

from tests.integration.acknowledging import DOMAIN, RunningService, desk_folder
from tests.integration.filter import RunningFilter, eventually
from tests.integration.postfix import Delivered, Sink, free_port
from tests.integration.sendmail import PrivateSendmail, needs_sendmail
from tests.integration.test_main_job import BILL, PROOF, SUPPORT, TECHNICAL

pytestmark = needs_sendmail

OLENA = "olena@customer.example"
FEATURES = """\
FEATURE(`mailertable', `hash {{folder}}/mailertable')dnl
FEATURE(`access_db', `hash {{folder}}/access')dnl
FEATURE(`blocklist_recipients')dnl
DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port={submission}, Name=Answers, InputMailFilters=')dnl
"""
MAILER = """\
MAILER_DEFINITIONS
Mintents, P=[IPC], F=mDFMuXz, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,
\tT=DNS/RFC822/SMTP, A=TCP $h {lmtp}
"""
"""As in docs/acknowledge.md, but for the ports."""


@dataclass
class Desk:
    sink: Sink
    filter: RunningFilter
    sendmail: PrivateSendmail
    service: RunningService

    def send(self, recipient: str, *, sender: str = OLENA, id_: str, head: str = "") -> None:
        text = head + PROOF.replace(OLENA, sender).replace("customer.example", sender.partition("@")[2])
        text += TECHNICAL.format(id=id_).replace(OLENA, sender)
        with smtplib.SMTP("127.0.0.1", self.sendmail.port, local_hostname="customer.example", timeout=60) as client:
            client.sendmail(sender, [recipient], text.encode().replace(b"\n", b"\r\n"), ["BODY=8BITMIME"])

    def acknowledgements(self) -> list[Delivered]:
        return [mail for mail in self.sink.delivered if mail.fields("Auto-Submitted") == ["auto-replied"]]

    def staff(self) -> list[Delivered]:
        return [mail for mail in self.sink.delivered if mail.fields("Auto-Submitted") == []]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with contextlib.ExitStack() as ends:
        sink = Sink()
        ends.callback(sink.close)
        rules = desk_folder(tmp_path_factory.mktemp("desk"))
        running = RunningFilter("--no-tests", rules=rules)
        ends.callback(running.stop)
        submission = free_port()
        service = RunningService(rules, submission)
        ends.callback(service.stop)
        sendmail = PrivateSendmail(
            sink,
            running.spec,
            features=FEATURES.format(submission=submission),
            mailers=MAILER.format(lmtp=service.port),
            tables={"mailertable": f"{DOMAIN}\tintents:[127.0.0.1]\n", "access": f"To:{DOMAIN}\tREJECT\n"},
        )
        sendmail.start()
        ends.callback(sendmail.stop)
        yield Desk(sink, running, sendmail, service)


@pytest.fixture(autouse=True)
def empty_sink(desk):
    desk.sink.settle(0.2)
    desk.sink.clear()


def test_an_accepted_mail_is_acknowledged_exactly_once(desk):
    decided = len(desk.filter.of("decided"))
    desk.send(BILL, id_="once")
    desk.sink.wait_for(2)
    desk.sink.settle()
    desk.sendmail.run_queue()
    desk.sink.settle(0.3)
    (staff,) = desk.staff()
    (acknowledgement,) = desk.acknowledgements()
    assert staff.recipients == (SUPPORT,)
    assert acknowledgement.sender in ("", None, "<>")
    assert acknowledgement.recipients == (OLENA,)
    assert acknowledgement.fields("In-Reply-To") == ["<once@customer.example>"]
    assert acknowledgement.fields("X-FlexiHost-Decision") == [], "it has passed the filter"
    assert len(desk.filter.of("decided")) == decided + 1
    assert desk.sendmail.queued() == []


def test_one_acknowledgement_for_one_mail_sent_in_turn(desk):
    for recipient in (BILL, SUPPORT, BILL):
        desk.send(recipient, sender="turn@turns.example", id_="turns")
    eventually(lambda: len(desk.staff()) == 3)
    desk.sink.settle()
    assert len(desk.acknowledgements()) == 1


def test_a_robot_s_mail_is_not_acknowledged(desk):
    before = len(desk.service.of("acknowledged"))
    desk.send(BILL, sender="cron@robots.example", id_="robot", head="Auto-Submitted: auto-generated\n")
    desk.sink.wait_for(1)
    assert [mail.recipients for mail in desk.sink.settle()] == [(SUPPORT,)]
    assert len(desk.service.of("acknowledged")) == before


def test_while_the_service_is_down_staff_get_their_mail_and_the_intent_waits(desk):
    desk.service.stop()
    desk.send(BILL, sender="down@waits.example", id_="down")
    desk.sink.wait_for(1)
    desk.sink.settle()
    assert (len(desk.staff()), len(desk.acknowledgements())) == (1, 0)
    assert len(desk.sendmail.queued()) == 1
    desk.service.start()
    eventually(lambda: desk.sendmail.run_queue() or desk.acknowledgements())
    desk.sink.settle()
    assert (len(desk.staff()), len(desk.acknowledgements())) == (1, 1)
    assert desk.sendmail.queued() == []


def test_nobody_outside_reaches_the_intents(desk):
    with smtplib.SMTP("127.0.0.1", desk.sendmail.port, local_hostname="customer.example", timeout=60) as client:
        client.ehlo()
        client.mail(OLENA)
        assert client.rcpt(f"v1.a.b.c@{DOMAIN}")[0] == 550
