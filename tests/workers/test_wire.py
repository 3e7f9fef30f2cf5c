"""Frames between front and workers: what is sent arrives, and nothing a worker sends can harm the front."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.envelope import Envelope, RawMessage
from router.milter.edits import Offer
from router.workers.wire import (
    LARGE_BODY_BYTES,
    MAX_ANSWER_BYTES,
    Answer,
    BadAnswer,
    Frames,
    answer_frame,
    answer_from,
    request_frame,
    request_from,
)
from tests.fuzz.targets import request_parts

RAW = RawMessage(
    Envelope(b"<\xffx@y>", (b"<bill@z>", b"<BILL+1@z>"), b"\x80", "192.0.2.1", b"mx", "4C1", "anna", 1000),
    ((b"Subject", b"\xf0\xcf\n\t2"), (b"X", b"")),
    b"\x00\r\n.",
    datetime(2026, 3, 6, 17, 40, tzinfo=UTC),
    True,
    True,
    {b"x-flexihost-queue": 3},
    "source",
)


def test_a_request_arrives_as_it_was_sent():
    for body in (b"", RAW.body, b"x" * (LARGE_BODY_BYTES - 1), b"x" * LARGE_BODY_BYTES):
        raw = replace(RAW, body=body)
        assert request_from(*request_parts(request_frame(raw, Offer(6, 1, 2))))[:2] == (raw, Offer(6, 1, 2))


def test_a_large_body_is_not_copied():
    raw = replace(RAW, body=b"x" * LARGE_BODY_BYTES)
    assert request_frame(raw, Offer(6, 1, 2))[-1] is raw.body


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
@settings(deadline=None)
def test_answers_arrive_however_the_stream_is_cut(packets, size):
    sent = [Answer(one, {"decision": str(number)}) for number, one in enumerate(packets)]
    stream = b"".join(answer_frame(one) for one in sent)
    frames = Frames(MAX_ANSWER_BYTES)
    got = [frame for at in range(0, len(stream), size) for frame in frames.feed(stream[at : at + size])]
    assert [answer_from(one) for one in got] == sent


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 60)), max_size=6))
@settings(deadline=None)
def test_a_frame_that_comes_whole_is_the_same_as_one_in_pieces(sent):
    """Whole, with a piece of the next one, behind one that has begun: every order of them."""
    frames, stream, got, begun = Frames(1_000), b"", [], b""
    for payload, behind in sent:
        stream += len(payload).to_bytes(4, "big") + payload
        now = begun + stream
        cut = max(len(now) - behind, 0)
        got += frames.feed(now[:cut])
        begun, stream = now[cut:], b""
        assert not (frames.begun and not behind)
    got += frames.feed(begun)
    assert (got, frames.begun) == ([payload for payload, _ in sent], False)


def test_what_looks_like_a_frame_within_one_is_none():
    frames, within = Frames(1_000), (3).to_bytes(4, "big") + b"abc"
    assert frames.feed(len(within).to_bytes(4, "big")) == []
    assert frames.feed(within) == [within] and not frames.begun


def test_a_frame_that_comes_whole_may_not_be_too_large_either():
    with pytest.raises(BadAnswer):
        Frames(8).feed((9).to_bytes(4, "big") + b"x" * 9)
    assert Frames(8).feed((8).to_bytes(4, "big") + b"x" * 8) == [b"x" * 8]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_an_answer_or_a_bad_answer(data):
    try:
        assert isinstance(answer_from(data).event, dict)
    except BadAnswer:
        pass


def test_a_frame_that_claims_gigabytes_is_refused_before_it_is_kept():
    with pytest.raises(BadAnswer):
        Frames(MAX_ANSWER_BYTES).feed(b"\x7f\xff\xff\xff")
