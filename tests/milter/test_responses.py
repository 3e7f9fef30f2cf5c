"""What we say to the MTA, byte for byte, and the check that keeps a bad answer off the wire."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.milter import responses
from router.milter.negotiation import Offer
from router.milter.packets import packet
from router.milter.responses import BadAnswer, check_answer

from .making import POSTFIX

ADD = responses.add_header("X-Desk-Queue", "support", leading_space=True)


@given(
    st.lists(st.tuples(st.text("aX-9", min_size=1, max_size=100), st.text("ab =?ж", max_size=300))),
    st.booleans(),
)
def test_several_fields_are_added_as_one_by_one(fields, leading_space):
    one_by_one = [responses.add_header(name, value, leading_space=leading_space) for name, value in fields]
    assert responses.add_headers(fields, leading_space=leading_space) == b"".join(one_by_one)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (responses.CONTINUE, b"\0\0\0\x01c"),
        (responses.ACCEPT, b"\0\0\0\x01a"),
        (responses.TEMPFAIL, b"\0\0\0\x01t"),
        (responses.SKIP, b"\0\0\0\x01s"),
        (responses.PROGRESS, b"\0\0\0\x01p"),
        (ADD, b"\0\0\0\x17hX-Desk-Queue\0 support\0"),
        (responses.add_header("X-A", "v", leading_space=False), b"\0\0\0\x07hX-A\0v\0"),
        (responses.insert_header(1, "X-A", "v", leading_space=True), b"\0\0\0\x0ci\0\0\0\x01X-A\0 v\0"),
        (responses.change_header(2, "X-A", "v", leading_space=False), b"\0\0\0\x0bm\0\0\0\x02X-A\0v\0"),
        (responses.delete_header(3, b"x-\xff"), b"\0\0\0\x0am\0\0\0\x03x-\xff\0\0"),
        (responses.add_recipient("a@b"), b"\0\0\0\x07+<a@b>\0"),
        (responses.add_recipient("a@b", "NOTIFY=NEVER"), b"\0\0\0\x142<a@b>\0NOTIFY=NEVER\0"),
        (
            responses.add_recipient("рахунки@b"),
            b"\0\0\0\x14+<\xd1\x80\xd0\xb0\xd1\x85\xd1\x83\xd0\xbd\xd0\xba\xd0\xb8@b>\0",
        ),
        (responses.delete_recipient(b"<Bill@X>"), b"\0\0\0\x0a-<Bill@X>\0"),
        (responses.quarantine("held:\r\n лайка"), b"\0\0\0\x0eqheld:  ?????\0"),
        (responses.reply(550, "5.7.1", "100% no"), b"\0\0\0\x14y550 5.7.1 100%% no\0"),
        (responses.reply(451, "4.7.1", "a\nb"), b"\0\0\0\x1ay451-4.7.1 a\r\n451 4.7.1 b\0"),
    ],
)
def test_packets_byte_for_byte(made, expected):
    assert expected == made


@pytest.mark.parametrize("address", ["", "a b@c", "a\nb@c", "<a@b>", "a\0@b", "a@b\r"])
def test_what_is_no_address_is_never_added(address):
    with pytest.raises(ValueError, match="cannot be a recipient"):
        responses.add_recipient(address)


@pytest.mark.parametrize(
    ("code", "enhanced"), [(250, "2.0.0"), (550, "4.7.1"), (600, "6.0.0"), (550, "5.7"), (550, "")]
)
def test_replies_are_refusals_with_a_code_of_their_class(code, enhanced):
    with pytest.raises(ValueError, match="no SMTP reply"):
        responses.reply(code, enhanced, "text")


@pytest.mark.parametrize(
    "packets",
    [
        responses.ACCEPT,
        responses.TEMPFAIL,
        ADD + ADD + responses.CONTINUE,
        responses.PROGRESS + responses.add_recipient("a@b") + responses.delete_recipient(b"<c@d>") + responses.ACCEPT,
        responses.delete_header(1, b"x" * 100_000) + responses.ACCEPT,
    ],
)
def test_a_complete_answer_passes(packets):
    check_answer(packets, POSTFIX)


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        (b"", "without a final packet"),
        (ADD, "without a final packet"),
        (responses.ACCEPT + responses.ACCEPT, "after the final packet"),
        (responses.ACCEPT + b"\0", "after the final packet"),
        (ADD[:-1], "a packet of 23 bytes"),
        (b"\0\0\0\0a" + responses.ACCEPT, "a packet of 0 bytes"),
        (packet(b"4"), "no edit of ours"),
        (packet(b"f"), "no edit of ours"),
        (packet(b"b", b"body") + responses.ACCEPT, "no edit of ours"),
        (responses.SKIP, "no edit of ours"),
    ],
)
def test_anything_else_is_refused(packets, why):
    with pytest.raises(BadAnswer, match=why):
        check_answer(packets, POSTFIX)


def test_an_edit_that_was_not_offered_is_refused():
    with pytest.raises(BadAnswer, match="was not offered"):
        check_answer(ADD + responses.ACCEPT, Offer(6, 0, 0))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_pass_or_are_a_bad_answer(data):
    try:
        check_answer(data, POSTFIX)
    except BadAnswer:
        return
    assert data[-5:-1] == b"\0\0\0\x01" or data.endswith(b"\0") or b"y" in data


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500), st.integers(1, 300))
def test_one_line_is_one_line_of_ascii(text, limit):
    line = responses.one_line(text, limit)
    assert len(line) <= limit
    assert all(32 <= ord(character) < 127 for character in line)
