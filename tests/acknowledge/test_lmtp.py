"""LMTP with the MTA and SMTP to it, over real sockets on loopback."""

import asyncio
import random
import socket
import threading

import pytest

from router.acknowledge.compose import Composed
from router.acknowledge.lmtp import Delivery, LmtpServer
from router.acknowledge.outgoing import Outcome, Relay


def served(script, answers=("250 2.0.0 ok",), *, limit=65_536):
    """What the server answers to the bytes of `script`, and what it took."""
    taken: list[Delivery] = []

    async def deliver(delivery):
        taken.append(delivery)
        return answers[(len(taken) - 1) % len(answers)]

    async def talk():
        server = LmtpServer(deliver, "ack.desk.example")
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=limit)
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(script)
        await writer.drain()
        writer.write_eof()
        said = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        listening.close()
        await listening.wait_closed()
        return said

    return asyncio.run(talk()), taken


HELLO = b"LHLO mx\r\nMAIL FROM:<a@b.example> BODY=8BITMIME\r\n"


def test_a_delivery_as_postfix_makes_it():
    said, taken = served(
        HELLO
        + b"RCPT TO:<v1.x@ack.example> NOTIFY=NEVER ORCPT=rfc822;x\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"
    )
    assert [line[:3] for line in said.split(b"\r\n")] == [
        b"220", b"250", b"250", b"250", b"250", b"250", b"250", b"250", b"354", b"250", b"221", b"",
    ]  # fmt: skip
    assert taken == [Delivery(b"<a@b.example>", b"<v1.x@ack.example>", b"Subject: x\r\n\r\n.dot\r\n", 20)]


def test_every_recipient_has_an_answer_of_its_own():
    said, taken = served(
        HELLO + b"RCPT TO:<x@a>\r\nRCPT TO:<y@a>\r\nDATA\r\n\r\n.\r\nQUIT\r\n", ("250 2.0.0 one", "451 4.3.0 two")
    )
    assert said.split(b"\r\n")[-4:-1] == [b"250 2.0.0 one", b"451 4.3.0 two", b"221 2.0.0 bye"]
    assert [one.recipient for one in taken] == [b"<x@a>", b"<y@a>"]


def test_the_beginning_of_a_large_mail_is_kept_and_the_rest_counted():
    line = b"x" * 98 + b"\r\n"
    said, taken = served(HELLO + b"RCPT TO:<x@a>\r\nDATA\r\n" + line * 60_000 + b".\r\nQUIT\r\n")
    assert said.endswith(b"250 2.0.0 ok\r\n221 2.0.0 bye\r\n")
    assert taken[0].size_bytes == 6_000_000
    assert len(taken[0].data) == 1 << 20


def test_a_line_without_an_end_is_no_reason_to_refuse():
    said, taken = served(HELLO + b"RCPT TO:<x@a>\r\nDATA\r\n" + b"x" * 500_000 + b"\r\n.\r\nQUIT\r\n", limit=4096)
    assert said.endswith(b"250 2.0.0 ok\r\n221 2.0.0 bye\r\n")
    assert taken[0].size_bytes == 500_002


@pytest.mark.parametrize("ending", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r"])
def test_only_the_true_end_ends_a_message(ending):
    """No second message can be smuggled in."""
    smuggled = ending + b"MAIL FROM:<evil@x>\r\nRCPT TO:<y@a>\r\nDATA\r\nSubject: evil\r\n"
    _, taken = served(HELLO + b"RCPT TO:<x@a>\r\nDATA\r\nSubject: x" + smuggled + b"\r\n.\r\nQUIT\r\n")
    assert [one.recipient for one in taken] == [b"<x@a>"]


@pytest.mark.parametrize(
    "script",
    [
        b"EHLO x\r\n", b"HELO x\r\n", b"XYZZY\r\n", b"DATA\r\n", b"RCPT TO:<x@a>\r\n", b"\r\n",
        b"MAIL\r\nRCPT\r\nDATA\r\n.\r\n",
        b"MAIL FROM:<\xff\xfe@x> SMTPUTF8\r\nRCPT TO:<\"a b\"@x>\r\nDATA\r\n.\r\n",
        b"LHLO\r\nAUTH x\r\nSTARTTLS\r\nVRFY a\r\n",
        b"MAIL FROM:<a@b> SIZE=999999999999\r\n", b"NOOP\r\nRSET\r\nHELP\r\n",
    ],
)  # fmt: skip
def test_no_answer_is_a_5xx(script):
    said, _ = served(script + b"QUIT\r\n")
    assert not [line for line in said.split(b"\r\n") if line.startswith(b"5")]


def test_noise_is_answered_or_hung_up_on_never_with_a_5xx():
    noise = random.Random(7)
    words = [
        b"MAIL FROM:<a@b>",
        b"RCPT TO:<c@d>",
        b"DATA",
        b".",
        b"RSET",
        b"\x00\xff",
        b"LHLO x",
        b"x" * 300,
        b"QUIT",
        b"",
    ]
    for _ in range(60):
        script = b"".join(noise.choice(words) + noise.choice([b"\r\n", b"\n", b"\r\n"]) for _ in range(20))
        said, _ = served(script)
        assert not [line for line in said.split(b"\r\n") if line.startswith(b"5")]


def test_a_fault_of_ours_is_a_4xx():
    said, _ = served(HELLO + b"RCPT TO:<x@a>\r\nDATA\r\n\r\n.\r\nQUIT\r\n", ("550 5.0.0 wrong",))
    assert b"\r\n451 4.3.0 550 5.0.0 wrong\r\n" in said


# ------------------------------------------------------------------------------------------------------ outgoing SMTP
MESSAGE = Composed("olena@customer.example", b"Subject: x\r\n\r\n.\r\nhello\r\n", "<ack.x@desk.example>", ("a",))


class Smtp:
    """One SMTP session with the given answers; None hangs up instead. `lines` is what was said to it."""

    def __init__(self, *answers):
        self.answers = answers
        self.lines: list[bytes] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        connection, _ = self.listening.accept()
        with connection, connection.makefile("rwb") as stream:
            in_data = False
            for answer in self.answers:
                if answer is None:
                    return
                stream.write(answer.replace("\n", "\r\n").encode() + b"\r\n")
                stream.flush()
                in_data = answer.startswith("354")
                while line := stream.readline():
                    self.lines.append(line)
                    if not in_data or line == b".\r\n":
                        break

    def close(self):
        self.thread.join(10)
        self.listening.close()


EHLO = "250-mx\n250-DSN\n250 8BITMIME"


@pytest.mark.parametrize(
    ("answers", "outcome", "asked"),
    [
        (("220 mx", EHLO, "250 ok", "250 ok", "354 go", "250 queued", "221 bye"), Outcome.SENT, True),
        (("421 busy",), Outcome.LATER, False),
        (("220 mx", "451 no", "221 bye"), Outcome.LATER, False),
        (("220 mx", EHLO, "451 later", "221 bye"), Outcome.LATER, False),
        (("220 mx", EHLO, "250 ok", "450 greylisted", "221 bye"), Outcome.LATER, False),
        (("220 mx", EHLO, "250 ok", "550 no such user", "221 bye"), Outcome.REFUSED, False),
        (("220 mx", EHLO, "250 ok", None), Outcome.LATER, False),
        (("220 mx", EHLO, "250 ok", "250 ok", "451 no room", "221 bye"), Outcome.LATER, True),
        (("220 mx", EHLO, "250 ok", "250 ok", "554 no", "221 bye"), Outcome.REFUSED, True),
        (("220 mx", EHLO, "250 ok", "250 ok", "354 go", "451 disk full", "221 bye"), Outcome.LATER, True),
        (("220 mx", EHLO, "250 ok", "250 ok", "354 go", "550 spam", "221 bye"), Outcome.REFUSED, True),
        (("220 mx", EHLO, "250 ok", "250 ok", "354 go", None), Outcome.UNKNOWN, True),
        (("220 mx", EHLO, "250 ok", "250 ok", None), Outcome.UNKNOWN, True),
        ((None,), Outcome.LATER, False),
    ],
)
def test_an_exact_account_of_what_became_of_it(answers, outcome, asked):
    mta = Smtp(*answers)
    calls = []
    found, _ = Relay("127.0.0.1", mta.port, timeout_s=5).send(MESSAGE, lambda: calls.append(1) or True)
    mta.close()
    assert found is outcome
    assert bool(calls) is asked


def test_null_sender_one_recipient_no_notices_and_a_stuffed_dot():
    mta = Smtp("220 mx", EHLO, "250 ok", "250 ok", "354 go", "250 queued", "221 bye")
    Relay("127.0.0.1", mta.port, timeout_s=5).send(MESSAGE, lambda: True)
    mta.close()
    assert mta.lines == [
        b"ehlo localhost\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<olena@customer.example> NOTIFY=NEVER\r\n", b"data\r\n",
        b"Subject: x\r\n", b"\r\n", b"..\r\n", b"hello\r\n", b".\r\n", b"QUIT\r\n",
    ]  # fmt: skip


def test_an_mta_without_dsn_is_not_asked_for_it():
    mta = Smtp("220 mx", "250 mx", "250 ok", "250 ok", "354 go", "250 queued", "221 bye")
    Relay("127.0.0.1", mta.port, timeout_s=5).send(MESSAGE, lambda: True)
    mta.close()
    assert b"RCPT TO:<olena@customer.example>\r\n" in mta.lines


def test_what_the_store_forbids_is_not_sent():
    mta = Smtp("220 mx", EHLO, "250 ok", "250 ok", "221 bye")
    assert Relay("127.0.0.1", mta.port, timeout_s=5).send(MESSAGE, lambda: False)[0] is Outcome.WITHDRAWN
    mta.close()
    assert b"data\r\n" not in mta.lines


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert Relay("127.0.0.1", port, timeout_s=2).send(MESSAGE, lambda: True)[0] is Outcome.LATER
