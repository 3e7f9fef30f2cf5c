"""Acknowledgements through a real Postfix: once when the mail was accepted, never when it was not."""

import smtplib
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from router.acknowledge import token
from router.acknowledge.keys import Keys, read_keys
from router.acknowledge.token import Asked
from router.milter import responses
from tests.integration.acknowledging import DOMAIN, LastMilter, RunningService, desk_folder
from tests.integration.filter import RunningFilter, eventually
from tests.integration.postfix import Delivered, PrivatePostfix, Sink, free_port, needs_postfix
from tests.integration.test_main_job import BILL, PROOF, SUPPORT, TECHNICAL

pytestmark = needs_postfix

OLENA = "olena@customer.example"
SERVICES = """\
127.0.0.1:{submission} inet n - n - 20 smtpd
    -o smtpd_milters=
"""
BACK_DOOR = """\
127.0.0.1:{port} inet n - n - 20 smtpd
    -o smtpd_milters=
    -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""
"""A port of this test alone, by which an intent gets into Postfix's queue without the filter."""
SETTINGS = """\
transport_maps = inline:{{ {domain}=lmtp:inet:127.0.0.1:{lmtp} }}
smtpd_recipient_restrictions = check_recipient_access inline:{{ {domain}=REJECT }}, permit_mynetworks, reject
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 2s
"""


@dataclass
class Desk:
    sink: Sink
    filter: RunningFilter
    last: LastMilter
    postfix: PrivatePostfix
    service: RunningService
    keys: Keys
    back_door: int
    number: int = 0

    def send(self, *recipients: str, sender: str = OLENA, id_: str = "", head: str = "") -> str:
        """A proven mail about a site that is down, of a sender of its own; gives its Message-ID."""
        self.number += 1
        id_ = id_ or f"ack{self.number}"
        text = PROOF.replace(OLENA, sender).replace("customer.example", sender.partition("@")[2])
        text += TECHNICAL.format(id=id_).replace(OLENA, sender)
        text = text.replace("MIME-Version", head + "MIME-Version", 1)
        with smtplib.SMTP("127.0.0.1", self.postfix.port, local_hostname="customer.example", timeout=60) as client:
            client.sendmail(sender, list(recipients), text.encode().replace(b"\n", b"\r\n"), ["BODY=8BITMIME"])
        return f"<{id_}@customer.example>"

    def put_in_queue(self, mail: Delivered, id_: str, made_at: datetime) -> None:
        """A mail as the filter left it, under another Message-ID, with an intent made at that time."""
        (old,), (reply,) = mail.fields("Message-ID"), mail.fields("X-FlexiHost-Reply")
        data = mail.data.replace(old.encode(), id_.encode())
        made = token.make(self.keys, Asked(mail.sender.encode(), id_, reply), made_at)
        with smtplib.SMTP("127.0.0.1", self.back_door, local_hostname="customer.example", timeout=60) as client:
            client.sendmail(mail.sender, [f"{made}@{DOMAIN}"], data, ["BODY=8BITMIME"])

    def acknowledgements(self) -> list:
        return [mail for mail in self.sink.delivered if mail.fields("Auto-Submitted") == ["auto-replied"]]

    def staff(self) -> list:
        return [mail for mail in self.sink.delivered if mail.fields("Auto-Submitted") == []]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    rules = desk_folder(folder)
    sink, last, submission, back_door = Sink(), LastMilter(), free_port(), free_port()
    running = RunningFilter("--no-tests", rules=rules)
    service = RunningService(rules, submission)
    postfix = PrivatePostfix(
        sink,
        f"{running.postfix_spec}, inet:127.0.0.1:{last.port}",
        settings=SETTINGS.format(domain=DOMAIN, lmtp=service.port),
        services=SERVICES.format(submission=submission) + BACK_DOOR.format(port=back_door),
    )
    postfix.start()
    yield Desk(sink, running, last, postfix, service, read_keys(folder / "key"), back_door)
    postfix.stop()
    service.stop()
    running.stop()
    last.close()
    sink.close()


@pytest.fixture(autouse=True)
def quiet(desk):
    desk.last.answer = responses.ACCEPT
    desk.sink.settle(0.2)
    desk.sink.clear()


def new_sender(desk) -> str:
    return f"p{desk.number}@shop{desk.number}.example"


def test_the_filter_asks_and_says_so(desk):
    assert "no_answers" not in desk.filter.wait_for("loaded")


def test_an_accepted_mail_is_acknowledged_exactly_once(desk):
    message_id = desk.send(BILL)
    desk.sink.wait_for(2)
    desk.sink.settle()
    (staff,) = desk.staff()
    (acknowledgement,) = desk.acknowledgements()
    assert staff.recipients == (SUPPORT,)
    assert acknowledgement.sender in ("", None, "<>")
    assert acknowledgement.recipients == (OLENA,)
    assert acknowledgement.fields("In-Reply-To") == [message_id]
    assert acknowledgement.fields("From") == ["FlexiHost <support@flexihost.example>"]


def test_the_acknowledgement_never_passes_the_filter(desk):
    before = len(desk.filter.of("decided"))
    sender = new_sender(desk)
    desk.send(BILL, sender=sender)
    desk.sink.wait_for(2)
    desk.sink.settle()
    (acknowledgement,) = desk.acknowledgements()
    assert len(desk.filter.of("decided")) == before + 1
    assert acknowledgement.fields("X-FlexiHost-Decision") == []
    assert acknowledgement.fields("X-FlexiHost-Queue") == []


def test_one_acknowledgement_for_one_mail_sent_to_three_addresses_in_turn(desk):
    sender = new_sender(desk)
    for recipient in (BILL, SUPPORT, BILL):
        desk.send(recipient, sender=sender, id_="same")
    eventually(lambda: len(desk.staff()) == 3)
    desk.sink.settle()
    assert len(desk.acknowledgements()) == 1


def test_a_mail_that_a_later_milter_rejects_is_not_acknowledged(desk):
    desk.last.answer = responses.REJECT
    before = len(desk.service.events)
    with pytest.raises(smtplib.SMTPDataError):
        desk.send(BILL, sender=new_sender(desk))
    desk.last.answer = responses.TEMPFAIL
    with pytest.raises(smtplib.SMTPDataError):
        desk.send(BILL, sender=new_sender(desk))
    assert desk.sink.settle(2.0) == []
    assert len(desk.service.events) == before


def test_a_mail_that_is_held_is_acknowledged_when_it_is_released(desk):
    desk.last.answer = responses.quarantine("looks odd") + responses.ACCEPT
    desk.send(BILL, sender=new_sender(desk))
    assert desk.sink.settle(2.0) == []
    config = str(desk.postfix.folder / "etc")
    subprocess.run(["/usr/sbin/postsuper", "-c", config, "-H", "ALL"], check=True, capture_output=True)
    subprocess.run(["/usr/sbin/postqueue", "-c", config, "-f"], check=True, capture_output=True)
    desk.sink.wait_for(2)
    desk.sink.settle()
    assert (len(desk.staff()), len(desk.acknowledgements())) == (1, 1)


def test_while_the_service_is_down_staff_get_their_mail_and_the_intent_waits(desk):
    desk.service.stop()
    desk.send(BILL, sender=new_sender(desk))
    desk.sink.wait_for(1)
    desk.sink.settle(2.0)
    assert (len(desk.staff()), len(desk.acknowledgements())) == (1, 0)
    assert DOMAIN in desk.postfix.queue()
    desk.service.start()
    desk.sink.wait_for(2)
    desk.sink.settle()
    assert (len(desk.staff()), len(desk.acknowledgements())) == (1, 1)
    eventually(lambda: DOMAIN not in desk.postfix.queue())


def test_an_intent_that_waited_for_longer_than_12_hours_is_dropped_and_a_younger_one_is_not(desk):
    refused = len(desk.service.of("no-acknowledgement"))
    desk.service.run("pause", "so that the sender has not been answered yet")
    desk.send(BILL, sender=new_sender(desk))
    (staff,) = desk.sink.wait_for(1)
    desk.service.wait_for("no-acknowledgement", refused + 1)
    desk.service.run("resume")
    desk.sink.settle()
    desk.sink.clear()
    now = datetime.now(UTC)
    desk.put_in_queue(staff, "<too.old@customer.example>", now - timedelta(hours=12, seconds=1))
    eventually(lambda: {"G17": "expired"} in [one["why"] for one in desk.service.of("no-acknowledgement")])
    eventually(lambda: DOMAIN not in desk.postfix.queue())
    assert desk.sink.settle() == []
    desk.put_in_queue(staff, "<just.in.time@customer.example>", now - timedelta(hours=11, minutes=50))
    desk.sink.wait_for(1)
    (acknowledgement,) = desk.sink.settle()
    assert acknowledgement.fields("In-Reply-To") == ["<just.in.time@customer.example>"]


def test_nobody_outside_reaches_the_intents(desk):
    with smtplib.SMTP("127.0.0.1", desk.postfix.port, timeout=60) as client:
        client.mail("olena@customer.example")
        assert client.rcpt(f"v1.a.b.c@{DOMAIN}")[0] == 554


def test_a_robot_s_mail_has_no_intent_and_no_acknowledgement(desk):
    before = len(desk.service.events)
    desk.send(BILL, sender=new_sender(desk), head="Auto-Submitted: auto-generated\n")
    desk.sink.wait_for(1)
    desk.sink.settle()
    assert len(desk.sink.delivered) == 1
    assert len(desk.service.events) == before


def test_a_reply_to_our_acknowledgement_is_a_follow_up_without_a_ticket_and_never_answered(desk):
    sender = new_sender(desk)
    desk.send(BILL, sender=sender)
    desk.sink.wait_for(2)
    desk.sink.settle()
    (acknowledgement,) = desk.acknowledgements()
    desk.sink.clear()
    asked = len(desk.service.events)
    (id_,) = acknowledgement.fields("Message-ID")
    desk.send(BILL, sender=sender, head=f"In-Reply-To: {id_}\nReferences: {id_}\n")
    desk.sink.wait_for(1)
    (staff,) = desk.sink.settle()
    assert staff.fields("X-FlexiHost-Thread") == ["follow_up"]
    assert staff.fields("X-FlexiHost-Reply") == []
    assert len(desk.service.events) == asked, "an intent was sent"


def test_a_paused_service_refuses_and_the_list_says_why(desk):
    refused = len(desk.service.of("no-acknowledgement"))
    desk.service.run("pause", "texts")
    desk.send(BILL, sender=new_sender(desk))
    desk.sink.wait_for(1)
    desk.service.wait_for("no-acknowledgement", refused + 1)
    desk.sink.settle()
    assert desk.acknowledgements() == []
    assert "G12" in desk.service.run("list")
    desk.service.run("resume")


def test_the_log_holds_no_address_and_no_word_of_a_mail(desk):
    text = str(desk.service.events)
    assert not [word for word in ("olena", "shop", "Gateway", "сайт") if word in text]
