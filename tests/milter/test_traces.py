"""What a real Postfix has said, said again to the session: the same bytes come back, whole or byte by byte.

The traces are recordings (tests/integration/record_traces.py makes them); nothing in them was written by hand.
"""

from dataclasses import dataclass

import pytest

from router.milter.session import Aborted, Closed, EndOfMessage, Session

from .making import NOW
from .trace import FOLDER, Packet, read

TRACES = sorted(FOLDER.glob("*.trace"))
OLENA, BILL, SUPPORT = b"<olena@customer.example>", b"<bill@flexihost.example>", b"<support@flexihost.example>"


@dataclass
class Replayed:
    """What the filter said, and what it saw."""

    written: bytes
    messages: list[EndOfMessage]
    aborted: int
    ended: bool


def replay(packets: list[Packet], pieces: int | None) -> Replayed:
    """The MTA's packets in pieces of so many bytes, all of what comes before an answer in one when None."""
    session = Session(lambda: "X-FlexiHost-", lambda: NOW)
    found = Replayed(b"", [], 0, False)

    def carry_out(events):
        for event in events:
            if isinstance(event, bytes):
                found.written += event
            elif isinstance(event, EndOfMessage):
                found.messages.append(event)
            elif isinstance(event, Aborted):
                found.aborted += 1
            elif isinstance(event, Closed):
                assert event.error is None
                found.ended = True

    at = 0
    while at < len(packets):
        from_mta = packets[at].from_mta
        run = [packets[at]]
        while at + len(run) < len(packets) and packets[at + len(run)].from_mta == from_mta:
            run.append(packets[at + len(run)])
        at += len(run)
        data = b"".join(one.wire for one in run)
        if from_mta:
            step = pieces or len(data)
            for start in range(0, len(data), step):
                carry_out(session.receive(data[start : start + step]))
        elif run[-1].letter in b"a":
            carry_out(session.answer(data, found.messages[-1].serial))
    return found


def said(packets: list[Packet]) -> bytes:
    return b"".join(one.wire for one in packets if not one.from_mta)


def test_there_are_traces():
    assert len(TRACES) == 7


@pytest.mark.parametrize("pieces", [None, 1, 3, 4_096])
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_same_bytes_come_back(path, pieces):
    packets = read(path)
    found = replay(packets, pieces)
    assert found.written == said(packets)
    assert found.aborted == 0


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_however_it_is_cut_the_same_messages_are_seen(path):
    packets = read(path)
    assert replay(packets, 1).messages == replay(packets, None).messages


def messages(name: str) -> list[EndOfMessage]:
    (path,) = [one for one in TRACES if one.stem == name]
    return replay(read(path), None).messages


def test_plain():
    (message,) = messages("01-plain")
    assert message.raw.envelope.sender == OLENA
    assert message.raw.envelope.recipients == (BILL,)
    assert message.raw.envelope.helo == b"customer.example"
    assert message.raw.envelope.queue_id
    assert [name for name, _ in message.raw.fields][:3] == [b"From", b"To", b"Subject"]
    assert "не открывается".encode() in message.raw.body


def test_two_recipients_are_kept_as_they_were_spelled():
    (message,) = messages("02-two-recipients")
    assert message.raw.envelope.recipients == (b"<Bill@FlexiHost.example>", SUPPORT, b"<anna@flexihost.example>")


def test_nothing_is_left_of_what_was_reset():
    (message,) = messages("03-rset")
    assert (message.raw.envelope.sender, message.raw.envelope.recipients) == (OLENA, (BILL,))


def test_two_messages_share_nothing():
    first, second = messages("04-two-messages")
    assert first.raw.strip_counts == {b"x-flexihost-queue": 2}
    assert second.raw.strip_counts == {}
    assert first.raw.envelope.queue_id != second.raw.envelope.queue_id


def test_8_bit_helo():
    (message,) = messages("05-8-bit-helo")
    assert message.raw.envelope.helo == "привет".encode()


def test_of_a_big_mail_the_beginning_is_kept_and_the_rest_not_sent():
    (message,) = messages("06-big-mail-skip")
    assert message.raw.body_cut
    assert len(message.raw.body) == 4 * 65_535
    packets = read(TRACES[5])
    assert sum(len(one.data) for one in packets if one.from_mta and one.letter == ord("B")) < 300_000


def test_a_mail_that_is_given_up_is_no_message():
    assert messages("07-given-up") == []
