"""Follow-ups through a real Postfix: the helpdesk's answer leaves by the filter, and the reply finds its ticket."""

import smtplib
from pathlib import Path

import pytest

from router.control import ask
from tests.integration.filter import RunningFilter, eventually
from tests.integration.postfix import PrivatePostfix, Sink, needs_postfix
from tests.life.test_records import PROOF

pytestmark = needs_postfix

OLENA, SUPPORT = "olena@customer.example", "support@flexihost.example"
MAIL = "From: <{}>\nTo: <{}>\nSubject: {}\nMessage-ID: <{}>\n{}\nDNS records for customer.com.ua\n"


@pytest.fixture(scope="module")
def desk():
    sink = Sink()
    running = RunningFilter("--workers", "1")
    postfix = PrivatePostfix(sink, running.postfix_spec, settings="smtpd_sasl_auth_enable = no\n")
    postfix.start()
    yield sink, running, postfix
    postfix.stop()
    assert running.stop() == 0
    sink.close()


def send(postfix, sender, to, subject, message_id, head="", login=None):
    text = MAIL.format(sender, to, subject, message_id, head)
    with smtplib.SMTP("127.0.0.1", postfix.port, local_hostname="x.example", timeout=60) as client:
        client.ehlo()
        if login:
            # What a proxy in front of Postfix says of a client that has logged in there.
            assert client.docmd("XCLIENT", f"LOGIN={login}")[0] == 220
            client.ehlo()
        client.sendmail(sender, [to], (text if login else PROOF.format(sender) + text).replace("\n", "\r\n").encode())


def test_a_reply_to_what_left_by_postfix_is_a_follow_up(desk):
    sink, running, postfix = desk
    send(postfix, SUPPORT, OLENA, "[flexihost #12345] DNS", "out-1@flexihost.example", login="helpdesk")
    sink.wait_for(1)
    eventually(lambda: ask(Path(running.state.name) / "control.sock", "status")["counters"].get("recorded") == 1)
    send(postfix, OLENA, SUPPORT, "Re: DNS", "in-1@customer.example", "In-Reply-To: <out-1@flexihost.example>\n")
    send(postfix, "thief@evil.example", SUPPORT, "Re: [flexihost #12345] DNS", "in-2@evil.example")
    found = {mail.fields("Message-ID")[0]: mail.fields("X-FlexiHost-Thread") for mail in sink.wait_for(3)}
    assert found["<out-1@flexihost.example>"] == []
    assert found["<in-1@customer.example>"] == ["follow_up; ticket=12345"]
    assert found["<in-2@evil.example>"] == ["unproven"]
