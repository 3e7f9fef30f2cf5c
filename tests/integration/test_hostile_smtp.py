"""What a hostile SMTP client can do to a real Postfix with our filter: odd recipients, forged fields, smuggling."""

import itertools
import socket

import pytest

from tests.integration.filter import RunningFilter
from tests.integration.postfix import PrivatePostfix, Sink, needs_postfix
from tests.integration.test_main_job import BILL, PREFIX, SUPPORT, TECHNICAL, Desk

pytestmark = needs_postfix

OTHER = "anna@flexihost.example"


@pytest.fixture(scope="module")
def desk():
    sink = Sink()
    running = RunningFilter("--no-tests")
    # We are in mynetworks here, for which Postfix makes an exception.
    postfix = PrivatePostfix(sink, running.postfix_spec, settings="smtpd_forbid_bare_newline_exclusions =\n")
    postfix.start()
    yield Desk(sink, running, postfix)
    postfix.stop()
    running.stop()
    sink.close()


@pytest.fixture(autouse=True)
def empty_sink(desk):
    desk.sink.settle(0.1)
    desk.sink.clear()


def raw_session(port: int, *lines: bytes) -> list[bytes]:
    """Say these lines as they are, each after the answer to the one before; the last answer's lines."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        stream = connection.makefile("rwb")
        said = [_answer(stream)]
        for line in lines:
            stream.write(line)
            stream.flush()
            said.append(_answer(stream))
        return said


def _answer(stream) -> bytes:
    while True:
        line = stream.readline()
        if line[3:4] != b"-":
            return line


SPELLINGS = [
    "<bill@flexihost.example>", "<BILL@flexihost.example>", "<bill@FLEXIHOST.EXAMPLE>", "<Bill@FlexiHost.Example>",
    "bill@flexihost.example", "< bill@flexihost.example >", '<"bill"@flexihost.example>', "<bill+x@flexihost.example>",
    "<bill+@flexihost.example>", "<BILL+Invoice@flexihost.example>", "<@relay.example:bill@flexihost.example>",
    "<@a.example,@b.example:bill@flexihost.example>", "<bill@flexihost.example> NOTIFY=NEVER",
    "<bill@flexihost.example> ORCPT=rfc822;bill@flexihost.example", '<"b\\ill"@flexihost.example>',
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_odd_spelling_is_redirected_or_left_but_never_lost_or_doubled(desk, spelling):
    """Row 3 of the threats: DELRCPT must name the recipient as Postfix does."""
    desk.sink.clear()
    answers = raw_session(
        desk.postfix.port,
        b"EHLO customer.example\r\n",
        b"MAIL FROM:<olena@customer.example> BODY=8BITMIME\r\n",
        b"RCPT TO:" + spelling.encode() + b"\r\n",
        b"DATA\r\n",
        TECHNICAL.format(id="odd").replace("\n", "\r\n").encode() + b".\r\n",
    )
    if not answers[3].startswith(b"250"):
        assert desk.sink.settle(0.2) == []  # Postfix takes no such spelling
        return
    desk.sink.wait_for(1)
    everybody = [one.lower() for mail in desk.sink.settle(0.3) for one in mail.recipients]
    assert len(everybody) == 1, everybody
    assert everybody == [SUPPORT] or everybody[0].startswith(("bill", '"b')), everybody
    if spelling.lower().startswith(("<bill@", "bill@", "<@", "<bill+")):
        assert everybody == [SUPPORT]


@pytest.mark.parametrize(
    "recipients",
    [one for count in (2, 3) for one in itertools.permutations((BILL.upper(), SUPPORT.title(), OTHER), count)],
    ids=" ".join,
)
def test_every_subset_of_recipients_gets_one_copy_each(desk, recipients):
    """Row 2: adding one that is there already would deliver to it twice."""
    desk.sink.clear()
    desk.send(TECHNICAL.format(id="subset"), *recipients)
    wanted = sorted({SUPPORT if one.lower() == BILL else one.lower() for one in recipients})
    desk.sink.wait_for(1)
    assert sorted(one.lower() for mail in desk.sink.settle(0.3) for one in mail.recipients) == wanted


@pytest.mark.parametrize("copies", [1, 8, 100])
def test_no_forged_field_survives(desk, copies):
    """Row 34: mixed case, folded, white space before the colon, many copies."""
    forms = (
        "X-FlexiHost-Queue: forged",
        "x-flexihost-queue: forged",
        "X-FLEXIHOST-PRIORITY:\n forged",
        "X-FlexiHost-Tags : forged",
        "X-FlexiHost-Anything: forged\n\tforged",
        "X-FlexiHost-: forged",
    )
    head = "".join(f"{form}\n" for form in forms * copies)
    desk.send(head + TECHNICAL.format(id="forged"), BILL)
    (mail,) = desk.sink.wait_for(1)
    header = mail.data.partition(b"\r\n\r\n")[0]
    assert [line for line in header.split(b"\r\n") if b"forged" in line and b"@" not in line] == []
    assert mail.fields(PREFIX + "Queue") == ["support"]


ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\n.\r", b"\r\n.\r", b"\r\n\0.\r\n"]


@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_no_second_message_is_smuggled_in(desk, end):
    """Row 41: with the settings that docs/operate.md asks for, nothing but CRLF . CRLF ends a message."""
    inner = (
        b"MAIL FROM:<admin@flexihost.example>\r\nRCPT TO:<bill@flexihost.example>\r\nDATA\r\n"
        b"From: admin@flexihost.example\r\nSubject: smuggled\r\n\r\ntransfer everything\r\n.\r\n"
    )
    outer = b"From: olena@customer.example\r\nSubject: outer\r\n\r\nhello" + end + inner
    try:
        raw_session(
            desk.postfix.port,
            b"EHLO customer.example\r\n",
            b"MAIL FROM:<olena@customer.example>\r\n",
            b"RCPT TO:<bill@flexihost.example>\r\n",
            b"DATA\r\n",
            outer,
        )
    except OSError:
        pass  # Postfix hangs up on a bare newline
    assert [mail.sender for mail in desk.sink.settle(0.4) if "admin" in mail.sender] == []
