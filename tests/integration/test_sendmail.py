"""The main job through a real Sendmail, which negotiates, counts and renumbers unlike Postfix."""

import smtplib
from dataclasses import dataclass

import pytest

from tests.integration.filter import RunningFilter
from tests.integration.postfix import Sink, free_port
from tests.integration.sendmail import PrivateSendmail, needs_sendmail
from tests.integration.test_main_job import BILL, BILLING, PREFIX, SUPPORT, TECHNICAL

pytestmark = needs_sendmail


@dataclass
class Desk:
    sink: Sink
    filter: RunningFilter
    sendmail: PrivateSendmail

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.sendmail.port, local_hostname="customer.example", timeout=60)

    def send(self, text: str, *recipients: str) -> None:
        with self.client() as client:
            data = text.encode().replace(b"\n", b"\r\n")
            client.sendmail("olena@customer.example", list(recipients), data, ["BODY=8BITMIME"])


@pytest.fixture(scope="module")
def desk():
    sink = Sink()
    running = RunningFilter("--no-tests")
    sendmail = PrivateSendmail(sink, running.spec)
    sendmail.start()
    yield Desk(sink, running, sendmail)
    sendmail.stop()
    running.stop()
    sink.close()


@pytest.fixture(autouse=True)
def empty_sink(desk):
    desk.sink.settle(0.1)
    desk.sink.clear()


def test_technical_mail_to_the_accounts_goes_to_support_only_once_with_the_headers(desk):
    desk.send(TECHNICAL.format(id="t1"), BILL)
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle(0.3)
    assert mail.recipients == (SUPPORT,)
    assert mail.fields(PREFIX + "Queue") == ["support"]
    assert mail.fields(PREFIX + "Original-Recipient") == [BILL]
    assert "redirected" in mail.fields(PREFIX + "Tags")[0]
    assert len(mail.fields(PREFIX + "Decision")) == 1
    assert "не открывается".encode() in mail.data


def test_everything_that_the_redirect_needs_was_offered(desk):
    desk.send(TECHNICAL.format(id="offered"), BILL)
    desk.sink.wait_for(1)
    assert not desk.filter.wait_for("negotiated").get("lacking")
    assert not desk.filter.of("decided")[-1].get("not_offered")


@pytest.mark.parametrize(
    "spellings", [(BILL, SUPPORT), (SUPPORT, BILL), ("Bill@FlexiHost.example", "SUPPORT@flexihost.example")]
)
def test_a_mail_to_both_is_not_doubled(desk, spellings):
    desk.send(TECHNICAL.format(id="both"), *spellings)
    desk.sink.wait_for(1)
    everybody = [one.lower() for mail in desk.sink.settle(0.3) for one in mail.recipients]
    assert everybody == [SUPPORT]


@pytest.mark.parametrize(
    "spelling", ["Bill@FlexiHost.example", "BILL@FLEXIHOST.EXAMPLE", "bill+march@flexihost.example"]
)
def test_every_spelling_of_the_recipient_is_redirected(desk, spelling):
    desk.send(TECHNICAL.format(id="spelling"), spelling)
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle(0.3)
    assert mail.recipients == (SUPPORT,)


def test_a_colleague_on_the_same_mail_keeps_his_copy(desk):
    desk.send(TECHNICAL.format(id="colleague"), BILL, "anna@flexihost.example")
    desk.sink.wait_for(1)
    everybody = sorted(one for mail in desk.sink.settle(0.3) for one in mail.recipients)
    assert everybody == ["anna@flexihost.example", SUPPORT]


def test_forged_fields_are_gone(desk):
    """Sendmail does not renumber after a deletion as Postfix does; nine copies in three spellings show it."""
    names = ("X-FlexiHost-Queue", "x-flexihost-priority", "X-FLEXIHOST-QUEUE") * 3
    desk.send("".join(f"{name}: forged\n" for name in names) + TECHNICAL.format(id="forged"), BILL)
    (mail,) = desk.sink.wait_for(1)
    assert b": forged\r\n" not in mail.data
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
    mails = {mail.fields("Message-ID")[0]: mail for mail in desk.sink.settle(0.3)}
    assert [mails[f"<session{n}@customer.example>"].recipients for n in range(3)] == [(SUPPORT,), (BILL,), (SUPPORT,)]
    assert mails["<session2@customer.example>"].fields(PREFIX + "Original-Recipient") == []


def test_a_big_attachment_arrives_whole(desk):
    line = "QUJD" * 19 + "\n"
    head = TECHNICAL.format(id="big").replace("text/plain; charset=utf-8", 'multipart/mixed; boundary="b"')
    head, _, body = head.partition("\n\n")
    part = "--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    attached = (
        "--b\nContent-Type: image/png; name=s.png\nContent-Transfer-Encoding: base64\n\n" + line * 60_000 + "--b--\n"
    )
    desk.send(head + "\n\n" + part + body + attached, BILL)
    (mail,) = desk.sink.wait_for(1, 60)
    assert mail.recipients == (SUPPORT,)
    assert mail.data.count(line.strip().encode()) == 60_000


def test_the_queue_id_is_logged(desk):
    desk.send(TECHNICAL.format(id="id"), BILL)
    (mail,) = desk.sink.wait_for(1)
    assert desk.filter.of("decided")[-1]["queue_id"] in mail.fields("Received")[0]


def test_without_the_filter_the_sender_is_told_to_wait_and_nothing_is_delivered():
    sink = Sink()
    sendmail = PrivateSendmail(sink, f"inet:{free_port()}@127.0.0.1")
    sendmail.start()
    try:
        with smtplib.SMTP("127.0.0.1", sendmail.port, local_hostname="customer.example", timeout=60) as client:
            with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                client.sendmail(
                    "olena@customer.example", [BILL], TECHNICAL.format(id="down").encode(), ["BODY=8BITMIME"]
                )
            assert refused.value.smtp_code == 451
        assert sink.settle() == []
    finally:
        sendmail.stop()
        sink.close()
