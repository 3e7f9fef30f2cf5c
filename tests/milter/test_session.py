"""One MTA connection: what a message is made of, what survives it, what is kept and what is only counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.envelope import MAX_BODY_BYTES, MAX_FIELDS, MAX_FIELDS_BYTES
from router.milter import responses
from router.milter.commands import Command
from router.milter.negotiation import Action, Protocol
from router.milter.responses import BadAnswer
from router.milter.session import MAX_ENVELOPE_BYTES, Closed, EndOfMessage, Negotiated, Session
from router.milter.table import State

from .making import NOW, command, only, optneg, session, written

MAIL = command(Command.MAIL, b"<a@customer.example>\0")
RCPT = command(Command.RCPT, b"<bill@desk.example>\0")
EOM = command(Command.BODYEOB)


def field(name, body=b" x"):
    return command(Command.HEADER, name + b"\0" + body + b"\0")


def test_a_connection_begins_with_what_was_agreed_on():
    made = Session(lambda: "", lambda: NOW)
    negotiated, told = made.receive(optneg())
    assert isinstance(negotiated, Negotiated)
    assert told[4:5] == b"O"
    assert negotiated.offer == made.offer


def test_the_clock_is_asked_at_the_end_of_the_message():
    made = session()
    assert only(made.receive(MAIL + EOM)).raw.received_at is NOW


@pytest.mark.parametrize(
    ("between", "helo", "client"),
    [
        (command(Command.ABORT), b"mx", "203.0.113.25"),
        (b"", b"mx", "203.0.113.25"),
        (command(Command.HELO, b"other\0"), b"other", "203.0.113.25"),
        (command(Command.CONNECT, b"u\0U"), b"", None),
        (command(Command.QUIT_NC), b"", None),
    ],
)
def test_what_survives_a_message(between, helo, client):
    """The client and its HELO stay until another comes; of the message nothing does."""
    made = session()
    made.receive(command(Command.CONNECT, b"mx\x004\0\x19203.0.113.25\0") + command(Command.HELO, b"mx\0"))
    made.receive(command(Command.MACRO, b"Mi\x00OLD\0{auth_authen}\0olena\0") + MAIL + RCPT)
    first = only(made.receive(field(b"X-Desk-A") + command(Command.BODY, b"secret") + EOM))
    made.answer(responses.ACCEPT, first.serial)
    raw = only(made.receive(between + command(Command.MAIL, b"<b@c>\0") + EOM)).raw
    envelope = raw.envelope
    assert (envelope.helo, envelope.client_address) == (helo, client)
    assert (envelope.sender, envelope.recipients) == (b"<b@c>", ())
    assert (raw.fields, raw.body, raw.strip_counts) == ((), b"", {})


def test_rset_before_the_end_forgets_everything_of_the_message():
    made = session()
    events = made.receive(
        MAIL + RCPT + field(b"X-Desk-A") + command(Command.BODY, b"x" * 300_000) + command(Command.ABORT)
    )
    assert not [event for event in events if isinstance(event, EndOfMessage)]
    raw = only(made.receive(MAIL + EOM)).raw
    assert (raw.fields, raw.body, raw.body_cut, raw.strip_counts) == ((), b"", False, {})


@pytest.mark.parametrize("one", [Command.ABORT, Command.HELO, Command.CONNECT, Command.QUIT_NC, Command.MAIL])
def test_each_of_these_ends_the_message_before_it(one):
    """Also for an MTA that sends no MAIL at the beginning of the next."""
    made = session()
    made.receive(MAIL + RCPT + command(one, b"<>\0") + (RCPT if one is Command.MAIL else b""))
    envelope = only(made.receive(EOM)).raw.envelope
    assert (envelope.sender, len(envelope.recipients)) == (b"<>", 1 if one is Command.MAIL else 0)


def test_macros_of_a_later_stage_come_first_and_a_new_message_forgets_them():
    made = session()
    made.receive(command(Command.MACRO, b"Ci\0C\0{x}\0connect\0") + command(Command.CONNECT, b"u\0U"))
    made.receive(command(Command.MACRO, b"Mi\0M\0") + MAIL + command(Command.MACRO, b"Ei\0E\0"))
    assert (made.macro(b"i"), made.macro(b"{i}"), made.macro(b"x")) == (b"E", b"E", b"connect")
    made.receive(command(Command.MACRO, b"Mq\0M\0") + MAIL)
    assert made.macro(b"i") == b"C"
    made.receive(command(Command.QUIT_NC))
    assert made.macro(b"i") is None


def test_a_macro_packet_too_large_or_unreadable_is_passed_over():
    made = session()
    for data in (b"", b"M", b"Mi", b"M" + b"x" * 70_000, b"?i\0x\0", b"M\xff\0\xfe\0i\0"):
        assert made.receive(command(Command.MACRO, data)) == []
    assert made.state is State.READY


def test_the_client_address_comes_from_a_macro_when_there_was_no_connect():
    made = session()
    made.receive(command(Command.MACRO, b"M{client_addr}\0IPv6:2001:db8::1\0{client_name}\0mx\0"))
    envelope = only(made.receive(MAIL + EOM)).raw.envelope
    assert (envelope.client_address, envelope.client_name) == ("2001:db8::1", b"mx")


def test_an_end_of_message_may_carry_the_last_of_the_body():
    made = session()
    made.receive(MAIL + command(Command.BODY, b"one "))
    assert only(made.receive(command(Command.BODYEOB, b"two"))).raw.body == b"one two"


# ---------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("size", [0, 1, 65_535, MAX_BODY_BYTES - 1, MAX_BODY_BYTES, MAX_BODY_BYTES + 1, 3_600_000])
def test_the_beginning_of_the_body_is_kept_and_skip_is_said_once_nothing_more_would_be(size):
    made = session()
    made.receive(MAIL)
    chunks = [b"x" * min(65_535, size - at) for at in range(0, size, 65_535)]
    answers = [written(made.receive(command(Command.BODY, chunk))) for chunk in chunks]
    raw = only(made.receive(EOM)).raw
    full = [sum(map(len, chunks[: number + 1])) >= MAX_BODY_BYTES for number in range(len(chunks))]
    assert (len(raw.body), raw.body_cut) == (min(size, MAX_BODY_BYTES), any(full))
    assert answers == [responses.SKIP if one else responses.CONTINUE for one in full]


def test_who_sends_in_postfix_chunks_is_stopped_after_the_fourth():
    made = session()
    made.receive(MAIL)
    answers = [written(made.receive(command(Command.BODY, b"x" * 65_535))) for _ in range(4)]
    assert answers == [responses.CONTINUE] * 3 + [responses.SKIP]


def test_without_skip_the_body_is_not_answered_and_still_cut():
    made = session(protocol=Protocol.ALL & ~Protocol.SKIP)
    made.receive(MAIL)
    for _ in range(60):
        assert made.receive(command(Command.BODY, b"x" * 65_535)) == []
    raw = only(made.receive(EOM)).raw
    assert (len(raw.body), raw.body_cut) == (MAX_BODY_BYTES, True)


def test_two_thousand_header_fields():
    """The first thousand are kept; the forged ones among the rest are counted all the same, and none is skipped."""
    made = session()
    made.receive(MAIL)
    for number in range(2_000):
        name = b"X-DESK-Queue" if number % 100 == 99 else b"X-%d" % number
        assert made.receive(field(name)) == []
    raw = only(made.receive(EOM)).raw
    assert (len(raw.fields), raw.fields_cut, raw.strip_counts) == (MAX_FIELDS, True, {b"x-desk-queue": 20})


def test_header_fields_are_kept_up_to_a_size_and_from_there_on_none():
    made = session()
    made.receive(MAIL + field(b"A", b"x" * 200_000) + field(b"B", b"x" * 100_000) + field(b"C", b"small"))
    raw = only(made.receive(EOM)).raw
    assert [name for name, _ in raw.fields] == [b"A"]
    assert raw.fields_cut
    assert sum(len(name) + len(body) for name, body in raw.fields) <= MAX_FIELDS_BYTES


def test_the_prefix_is_asked_when_the_message_begins():
    """A reload in the middle of a message changes nothing of it; the next message sees the new prefix."""
    prefix = ["X-Old-"]
    made = Session(lambda: prefix[0], lambda: NOW)
    made.receive(optneg() + MAIL)
    prefix[0] = "X-New-"
    forged = field(b"X-Old-A") + field(b"X-New-A")
    first = only(made.receive(forged + EOM))
    made.answer(responses.ACCEPT, first.serial)
    second = only(made.receive(MAIL + forged + EOM))
    assert [(one.prefix, one.raw.strip_counts) for one in (first, second)] == [
        ("X-Old-", {b"x-old-a": 1}),
        ("X-New-", {b"x-new-a": 1}),
    ]


def test_fields_of_a_helpdesk_are_counted_too_and_behind_the_cap():
    """But for those by which it knows mail of its own."""
    made = Session(lambda: "X-Desk-", lambda: NOW, also_stripped=lambda: ("X-OTRS-", "X-RT-"))
    made.receive(optneg() + MAIL + field(b"X") * MAX_FIELDS)
    forged = field(b"x-otrs-Queue") * 2 + field(b"X-RT-Command") + field(b"X-Desk-A")
    kept = field(b"X-OTRS-Loop") + field(b"X-RT-Loop-Prevention") + field(b"X-Zammad-Ignore")
    raw = only(made.receive(forged + kept + EOM)).raw
    assert raw.strip_counts == {b"x-otrs-queue": 2, b"x-rt-command": 1, b"x-desk-a": 1}


def test_no_prefix_strips_nothing():
    made = session(prefix="")
    assert only(made.receive(MAIL + field(b"Subject") + EOM)).raw.strip_counts == {}


@pytest.mark.parametrize(
    ("arrives", "was"), [(b"v", b" v"), (b" v", b"  v"), (b"\tv", b"\tv"), (b"\n v", b"\n v"), (b"", b" ")]
)
def test_the_space_that_the_mta_ate_is_put_back(arrives, was):
    """Without HDR_LEADSPC `X: v` arrives as `v` but a tab stays; bodies look the same whatever was agreed on."""
    made = session(protocol=Protocol.ALL & ~Protocol.HDR_LEADSPC)
    assert only(made.receive(MAIL + field(b"X", arrives) + EOM)).raw.fields == ((b"X", was),)
    made = session()
    assert only(made.receive(MAIL + field(b"X", was) + EOM)).raw.fields == ((b"X", was),)


@pytest.mark.parametrize(
    "packets",
    [
        MAIL + b"".join(command(Command.RCPT, b"<%d@desk.example>\0" % number) for number in range(60_000)),
        MAIL + b"".join(field(b"X-Desk-" + b"%d" % number * 1000) for number in range(3_000)),
        command(Command.MAIL, b"<" + b"x" * (MAX_ENVELOPE_BYTES - 10) + b">\0"),
    ],
    ids=["recipients", "forged names", "sender"],
)
def test_one_connection_cannot_hold_more_than_its_share(packets):
    made = session()
    (closed,) = [event for event in made.receive(packets) if isinstance(event, Closed)]
    assert "an envelope of more than" in closed.error


# ---------------------------------------------------------------------- answering


def waiting():
    made = session()
    return made, only(made.receive(MAIL + RCPT + EOM))


def test_an_answer_is_written_once():
    made, end = waiting()
    assert made.answer(responses.ACCEPT, end.serial) == [responses.ACCEPT]
    assert made.answer(responses.ACCEPT, end.serial) == []


def test_an_answer_to_an_earlier_message_is_dropped():
    made, first = waiting()
    made.receive(command(Command.ABORT))
    second = only(made.receive(MAIL + EOM))
    assert made.answer(responses.TEMPFAIL, first.serial) == []
    assert made.answer(responses.ACCEPT, second.serial) == [responses.ACCEPT]


def test_nothing_is_written_when_nothing_waits():
    made = session()
    assert made.answer(responses.ACCEPT, 0) == []
    made.receive(MAIL)
    assert made.answer(responses.ACCEPT, 0) == []


@pytest.mark.parametrize("packets", [b"", b"\0\0\0\x01", responses.ACCEPT * 2, responses.SKIP, b"GET / HTTP"])
def test_a_bad_answer_is_refused_and_the_message_still_waits(packets):
    made, end = waiting()
    with pytest.raises(BadAnswer):
        made.answer(packets, end.serial)
    assert made.answer(responses.ACCEPT, end.serial) == [responses.ACCEPT]


def test_an_edit_that_this_mta_did_not_offer_is_refused():
    made = session(actions=Action.ADDHDRS)
    end = only(made.receive(MAIL + EOM))
    with pytest.raises(BadAnswer):
        made.answer(responses.add_recipient("a@b") + responses.ACCEPT, end.serial)


def test_garbage_behind_a_message_does_not_cost_its_answer():
    made = session()
    end = only(made.receive(MAIL + EOM + b"\0\0\0\0"))
    written_then_closed = made.answer(responses.ACCEPT, end.serial)
    assert written_then_closed[0] == responses.ACCEPT
    assert isinstance(written_then_closed[1], Closed)


def test_after_the_end_nothing_is_heard():
    made = session()
    assert made.receive(command(Command.QUIT) + MAIL) == [Closed()]
    assert made.receive(MAIL) == []


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.tuples(st.sampled_from(list(Command)), st.binary(max_size=40)).map(lambda one: command(*one)),
            st.just(optneg()),
        ),
        max_size=25,
    ),
    st.booleans(),
)
def test_any_bytes_lead_to_events_or_an_end(pieces, negotiated):
    """Never an exception, and after a Closed nothing more."""
    made = session() if negotiated else Session(lambda: "X-Desk-", lambda: NOW)
    closed = False
    for piece in pieces:
        events = made.receive(piece)
        assert not (closed and events)
        for event in events:
            assert not closed
            closed = isinstance(event, Closed)
            if isinstance(event, EndOfMessage):
                assert event.raw.envelope.sender is not None
