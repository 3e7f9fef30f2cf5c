"""The main job through a real Postfix: what the customers and the desks find in their mailboxes."""

import contextlib
import os
import signal
import smtplib
import socket
from dataclasses import dataclass

import pytest

from tests.integration.filter import RunningFilter, eventually
from tests.integration.postfix import PrivatePostfix, Sink, needs_postfix

pytestmark = needs_postfix

BILL, SUPPORT = "bill@flexihost.example", "support@flexihost.example"
PREFIX = "X-FlexiHost-"

PROOF = "Authentication-Results: mx.flexihost.example; spf=pass smtp.mailfrom=olena@customer.example\n"
"""What the border server of the desk writes on top of a mail that it has checked."""

TECHNICAL = """\
From: Olena <olena@customer.example>
To: bill@flexihost.example
Subject: =?utf-8?b?0KHQsNC50YIg0L3QtSDQvtGC0LrRgNGL0LLQsNC10YLRgdGP?=
Message-ID: <{id}@customer.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Здравствуйте, наш сайт customer.com.ua не открывается в Chrome, пишет «ошибка 502 Bad Gateway».
Началось сегодня в шесть вечера, на сервере ничего не меняли. Помогите, пожалуйста.
"""

BILLING = """\
From: Olena <olena@customer.example>
To: bill@flexihost.example
Subject: Invoice for March
Message-ID: <{id}@customer.example>

Please send us the invoice for March and the act of completed works, contract 104455.
We will pay it on Monday from our new bank account.
"""


@dataclass
class Desk:
    sink: Sink
    filter: RunningFilter
    postfix: PrivatePostfix

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.postfix.port, local_hostname="customer.example", timeout=60)

    def send(self, text: str | bytes, *recipients: str, sender: str = "olena@customer.example") -> None:
        data = text if isinstance(text, bytes) else text.encode()
        with self.client() as client:
            client.sendmail(sender, list(recipients), data.replace(b"\n", b"\r\n"), ["BODY=8BITMIME"])


@pytest.fixture(scope="module")
def desk():
    sink = Sink()
    running = RunningFilter()
    postfix = PrivatePostfix(sink, running.postfix_spec)
    postfix.start()
    yield Desk(sink, running, postfix)
    postfix.stop()
    assert running.stop() == 0
    sink.close()


@pytest.fixture(autouse=True)
def empty_sink(desk):
    desk.sink.settle(0.1)
    desk.sink.clear()


def test_technical_mail_to_the_accounts_goes_to_support_only_once_with_the_headers(desk):
    desk.send(PROOF + TECHNICAL.format(id="t1"), BILL)
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle()
    assert mail.recipients == (SUPPORT,)
    assert mail.fields(PREFIX + "Queue") == ["support"]
    assert mail.fields(PREFIX + "Original-Recipient") == [BILL]
    assert "redirected" in mail.fields(PREFIX + "Tags")[0]
    assert mail.fields(PREFIX + "Priority") == ["high"]
    assert mail.fields(PREFIX + "Expect")[0].startswith("2026-03-06T23:40:00+02:00")
    assert mail.fields(PREFIX + "Topic")[0].startswith("technical")
    assert len(mail.fields(PREFIX + "Decision")) == 1
    assert mail.fields(PREFIX + "Degraded") == []
    assert mail.fields(PREFIX + "Identity")[0].startswith("pass")


def test_billing_mail_stays_and_is_told_about_monday(desk):
    desk.send(BILLING.format(id="b1"), BILL)
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle()
    assert mail.recipients == (BILL,)
    assert mail.fields(PREFIX + "Queue") == ["accounts"]
    assert mail.fields(PREFIX + "Original-Recipient") == []
    assert mail.fields(PREFIX + "Expect")[0].startswith("2026-03-09T17:00:00+02:00")


@pytest.mark.parametrize(
    "spellings", [(BILL, SUPPORT), (SUPPORT, BILL), ("Bill@FlexiHost.example", "SUPPORT@flexihost.example")]
)
def test_a_mail_to_both_is_not_doubled(desk, spellings):
    desk.send(TECHNICAL.format(id="both"), *spellings)
    desk.sink.wait_for(1)
    everybody = [one for mail in desk.sink.settle() for one in mail.recipients]
    assert [one.lower() for one in everybody] == [SUPPORT]


@pytest.mark.parametrize(
    "spelling", ["Bill@FlexiHost.example", "BILL@FLEXIHOST.EXAMPLE", "bill+march@flexihost.example"]
)
def test_every_spelling_of_the_recipient_is_redirected(desk, spelling):
    desk.send(TECHNICAL.format(id="spelling"), spelling)
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle()
    assert mail.recipients == (SUPPORT,)


def test_a_colleague_on_the_same_mail_keeps_his_copy(desk):
    desk.send(TECHNICAL.format(id="colleague"), BILL, "anna@flexihost.example")
    desk.sink.wait_for(1)
    everybody = sorted(one for mail in desk.sink.settle() for one in mail.recipients)
    assert everybody == ["anna@flexihost.example", SUPPORT]


def test_forged_fields_are_gone(desk):
    forged = "".join(
        f"{name}: forged\n" for name in ("X-FlexiHost-Queue", "x-flexihost-priority", "X-FLEXIHOST-QUEUE") * 3
    )
    desk.send(forged + TECHNICAL.format(id="forged"), BILL)
    (mail,) = desk.sink.wait_for(1)
    assert b"forged\r\n" not in mail.data
    assert mail.fields(PREFIX + "Queue") == ["support"]


def test_mail_for_others_is_not_touched_but_for_forged_fields(desk):
    desk.send("X-FlexiHost-Queue: forged\n" + TECHNICAL.format(id="others"), "anna@flexihost.example")
    (mail,) = desk.sink.wait_for(1)
    assert mail.recipients == ("anna@flexihost.example",)
    assert b"X-FlexiHost" not in mail.data


def test_two_messages_of_one_session_share_nothing(desk):
    with desk.client() as client:
        for number, (text, recipient) in enumerate([(TECHNICAL, BILL), (BILLING, BILL), (TECHNICAL, SUPPORT)]):
            data = text.format(id=f"session{number}").encode().replace(b"\n", b"\r\n")
            client.sendmail("olena@customer.example", [recipient], data, ["BODY=8BITMIME"])
            client.mail("somebody@else.example")
            client.rset()
    desk.sink.wait_for(3)
    mails = {mail.fields("Message-ID")[0]: mail for mail in desk.sink.settle()}
    assert [mails[f"<session{n}@customer.example>"].recipients for n in range(3)] == [(SUPPORT,), (BILL,), (SUPPORT,)]
    assert mails["<session2@customer.example>"].fields(PREFIX + "Original-Recipient") == []


def test_an_8_bit_helo_and_a_utf8_sender_arrive(desk):
    with socket.create_connection(("127.0.0.1", desk.postfix.port), 30) as connection:
        stream = connection.makefile("rwb")

        def say(line: str) -> bytes:
            stream.write(line.encode() + b"\r\n")
            stream.flush()
            while True:
                answer = stream.readline()
                if answer[3:4] != b"-":
                    return answer

        assert stream.readline().startswith(b"220")
        assert say("EHLO привіт.приклад").startswith(b"250")
        assert say("MAIL FROM:<олена@приклад.укр> SMTPUTF8").startswith(b"250")
        assert say(f"RCPT TO:<{BILL}>").startswith(b"250")
        assert say("DATA").startswith(b"354")
        assert say(TECHNICAL.format(id="utf8").replace("\n", "\r\n") + ".").startswith(b"250")
        say("QUIT")
    (mail,) = desk.sink.wait_for(1)
    assert mail.sender == "олена@приклад.укр"
    assert mail.recipients == (SUPPORT,)


def test_a_30_mb_attachment_arrives_whole(desk):
    line = b"QUJD" * 19 + b"\n"
    text = (
        b"From: olena@customer.example\nTo: bill@flexihost.example\nSubject: 502\nMessage-ID: <big@customer.example>\n"
        b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n'
        b"Our website is not working, error 502, screenshot attached.\n--b\nContent-Type: image/png; name=shot.png\n"
        b"Content-Transfer-Encoding: base64\n\n" + line * (30_000_000 // len(line)) + b"--b--\n"
    )
    desk.send(text, BILL)
    (mail,) = desk.sink.wait_for(1, 120)
    assert len(mail.data) > 30_000_000
    assert mail.recipients == (SUPPORT,)


def test_2000_header_fields_arrive_and_a_forged_one_behind_the_cap_is_gone(desk):
    many = "".join(f"X-Padding-{number}: {number}\n" for number in range(2000))
    desk.send(many + "X-FlexiHost-Queue: forged\n" + TECHNICAL.format(id="many"), BILL)
    (mail,) = desk.sink.wait_for(1)
    assert mail.fields("X-Padding-1999") == ["1999"]
    assert "forged" not in mail.fields(PREFIX + "Queue")


def test_a_frozen_worker_costs_one_degraded_mail_and_the_next_is_decided(desk):
    before = desk.filter.worker_pids()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    for number, _ in enumerate(before, 1):
        desk.send(TECHNICAL.format(id=f"frozen{number}"), BILL)
        mail = desk.sink.wait_for(number)[-1]
        assert mail.recipients == (BILL,)
        assert mail.fields(PREFIX + "Degraded")[0].startswith("deadline")
    eventually(lambda: len(set(desk.filter.worker_pids()) - set(before)) == len(before))
    desk.sink.clear()
    desk.send(TECHNICAL.format(id="after"), BILL)
    (mail,) = desk.sink.wait_for(1)
    assert mail.recipients == (SUPPORT,)


def test_the_same_mail_does_not_reach_a_second_worker(desk):
    before = desk.filter.worker_pids()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    desk.send(TECHNICAL.format(id="poison"), BILL)
    desk.sink.wait_for(1)
    for pid in before:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    desk.send(TECHNICAL.format(id="poison"), BILL)
    (_, again) = desk.sink.wait_for(2)
    assert again.fields(PREFIX + "Degraded")[0].startswith("poison")


def test_every_decision_is_logged_with_its_queue_id_and_without_words_of_the_mail(desk):
    desk.send(TECHNICAL.format(id="logged"), BILL)
    (mail,) = desk.sink.wait_for(1)
    decided = desk.filter.of("decided")[-1]
    assert decided["queue_id"] in mail.fields("Received")[0]
    assert "customer.com.ua" not in str(desk.filter.events)
    assert "olena@" not in str(desk.filter.events)
