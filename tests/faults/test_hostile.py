"""Hostile mail through the whole filter: each is answered in time and delivered, and memory stays bounded.

The generators of tests/message/attacks.py, and what only the envelope and the protocol can carry.
"""

import asyncio
import base64
import io
import time
import zipfile

import pytest

from router.milter.simulator import SENDMAIL, Outcome, Transaction, exchange
from tests.faults.serving import resident_kb
from tests.integration.filter import RunningFilter
from tests.message.attacks import ATTACKS, filled, mixed, nested

BILL = b"<bill@flexihost.example>"
PREFIX = b"X-FlexiHost-"
HEAD = b"From: olena@customer.example\r\nTo: bill@flexihost.example\r\n"
LIMIT_S = 8 + 1
"""I5: no reply later than the deadline and a second."""


@pytest.fixture(scope="module")
def running():
    one = RunningFilter("--no-tests", "--no-journal")
    yield one
    assert one.stop() == 0


def sent(running: RunningFilter, message: bytes, *recipients: bytes, **named) -> Outcome:
    transaction = Transaction(b"<olena@customer.example>", recipients or (BILL,), message)
    began = time.monotonic()
    outcome = asyncio.run(exchange(running.spec, transaction, **named))
    assert time.monotonic() - began < LIMIT_S
    assert outcome.delivered, outcome.reply
    return outcome


def ours(outcome: Outcome, name: bytes) -> list[bytes]:
    return [body for key, body in outcome.added_fields if key == PREFIX + name]


def forged(outcome: Outcome) -> bool:
    return b"forged" in outcome.message.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(running, name):
    made = ATTACKS[name]()
    header, _, body = made.partition(b"\n\n")
    header = b"\n".join(line[:60_000] for line in header.split(b"\n"))  # Postfix hands a filter no more of a field
    mail = HEAD.replace(b"\r\n", b"\n") + b"Message-ID: <%d@x>\n" % len(made) + header + b"\n\n" + body
    outcome = sent(running, PREFIX + b"Queue: forged\n" + mail)
    assert len(ours(outcome, b"Decision")) == 1 or ours(outcome, b"Degraded")[0].startswith(b"deadline"), outcome.edits
    assert not forged(outcome)


def test_after_all_of_them_the_next_mail_is_decided_and_memory_is_as_before(running):
    sent(running, HEAD + b"\r\nhello\r\n")
    before = resident_kb(running.process.pid)
    for make in (lambda: nested(300) + filled("x\n", 240_000), lambda: mixed(filled("--b\n\n")), ATTACKS["HTML <"]):
        for number in range(4):
            sent(running, HEAD + b"Message-ID: <m%d@x>\r\n" % number + make())
    outcome = sent(running, HEAD + b"Message-ID: <last@x>\r\n\r\nOur website is not working, error 502\r\n")
    assert len(ours(outcome, b"Decision")) == 1
    assert resident_kb(running.process.pid) < before + 150_000


def test_ten_bodies_of_15_mb_at_once_are_not_kept(running):
    """Row 8: of each the first 256 KiB are kept, the rest is not even sent."""
    message = HEAD + b"\r\n" + b"x" * 998 + b"\r\n"
    message += b"x" * 998 * 15_000

    async def all_of_them():
        transaction = Transaction(b"<olena@customer.example>", (BILL,), message)
        return await asyncio.gather(*(exchange(running.spec, transaction) for _ in range(10)))

    before = resident_kb(running.process.pid)
    outcomes = asyncio.run(all_of_them())
    assert all(one.delivered and one.sent_body_bytes < 400_000 for one in outcomes)
    assert resident_kb(running.process.pid) < before + 20_000


@pytest.mark.parametrize("manner", [None, SENDMAIL], ids=["Postfix", "Sendmail"])
def test_20000_fields_and_forged_ones_among_them(running, manner):
    """Row 9 and amendment 10: what lies behind the cap is counted, so that every forged one goes."""
    lines = [b"X-Padding-%d: %s\r\n" % (number, b"y" * 50) for number in range(20_000)]
    for at in (0, 500, 1_500, 19_999):
        lines[at] = PREFIX.upper() + b"Queue: forged\r\n"
    named = {} if manner is None else {"manner": manner}
    outcome = sent(running, HEAD + b"".join(lines) + b"\r\nhello\r\n", **named)
    assert not forged(outcome)
    assert ours(outcome, b"Degraded")


def test_fields_of_60_kb(running):
    outcome = sent(running, HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"z" * 60_000) for n in range(100)) + b"\r\nhi\r\n")
    assert ours(outcome, b"Degraded")


def test_forged_fields_with_very_long_names(running):
    """Their deletion alone takes 1.8 MB; the mail is decided all the same."""
    fields = b"".join(PREFIX + b"%d" % number + b"q" * 20_000 + b": forged\r\n" for number in range(10)) * 9
    outcome = sent(running, HEAD + b"Subject: a website that is down\r\n" + fields + b"\r\nError 502\r\n")
    assert not forged(outcome)
    assert len(ours(outcome, b"Decision")) == 1, outcome.added_fields


def test_a_thousand_recipients(running):
    many = [b"<user%d@flexihost.example>" % number for number in range(1_000)]
    outcome = sent(running, HEAD + b"\r\nhello\r\n", *many[:500], BILL, *many[500:])
    assert len(outcome.recipients) == 1_001


def test_a_zip_bomb_is_not_opened(running):
    """Row 13: of attachments only names and types are looked at."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb", b"\0" * 50_000_000)
    body = b"--b\r\nContent-Type: text/plain\r\n\r\nError 502\r\n--b\r\nContent-Type: application/zip; name=b.zip\r\n"
    body += b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(made.getvalue()) + b"--b--\r\n"
    before = resident_kb(running.process.pid)
    outcome = sent(running, HEAD + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + body)
    assert len(ours(outcome, b"Decision")) == 1
    assert resident_kb(running.process.pid) < before + 20_000


EVERY_BYTE = bytes(range(1, 256)).replace(b"\n", b"").replace(b"\r", b"")


@pytest.mark.parametrize("field", [b"From", b"To", b"Subject", b"Message-ID", b"References", b"Date", b"Content-Type"])
def test_every_byte_in_a_field(running, field):
    """Row 68: what comes in may hold any byte, what we add is ASCII."""
    outcome = sent(running, field + b": " + EVERY_BYTE + b"\r\nTo: bill@flexihost.example\r\n\r\nhello\r\n")
    assert len(ours(outcome, b"Decision")) == 1
    assert all(body.isascii() for _, body in outcome.added_fields)
