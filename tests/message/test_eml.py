"""An .eml is split as Postfix's milter client would deliver the mail."""

from dataclasses import replace

import pytest

from router.message.eml import raw_message
from router.message.envelope import MAX_BODY_BYTES, MAX_FIELDS
from tests.message.making import ENVELOPE, NOW, raw


@pytest.mark.parametrize(
    "line, field",
    [
        (b"X-A: v", (b"X-A", b"v")),  # one space is dropped
        (b"X-A:v", (b"X-A", b"v")),
        (b"X-A:   v", (b"X-A", b"  v")),  # only one
        (b"X-A:\tv", (b"X-A", b"\tv")),  # a tab is kept
        (b"X-A : v", (b"X-A", b"v")),  # white space before the colon is no part of the name
        (b"X-A: ", (b"X-A", b"")),
        (b"X-A:", (b"X-A", b"")),
        (b"X-A:\r\n folded", (b"X-A", b"\n folded")),
        (b"X-A: one\r\n\ttwo\r\n three", (b"X-A", b"one\n\ttwo\n three")),
        (b"X-A: one\r\n \r\n two", (b"X-A", b"one\n \n two")),
        (b"X-A: a\0b", (b"X-A", b"a")),  # C strings end at NUL
        (b"X-A: \xff\xfe", (b"X-A", b"\xff\xfe")),
        (b"X-A: a:b", (b"X-A", b"a:b")),
    ],
)
def test_one_field(line, field):
    """What Postfix was measured to send (milter-protocol.md)."""
    assert raw(line + b"\r\nSubject: s\r\n\r\nbody\r\n").fields == (field, (b"Subject", b"s"))


@pytest.mark.parametrize("newline", [b"\r\n", b"\n", b"\r"])
def test_line_ends(newline):
    """CRLF, LF and CR files give the same message, its body with CRLF as on the wire."""
    found = raw(newline.join([b"Subject: s", b"To: a,", b" b", b"", b"one", b"", b"two", b""]))
    assert found.fields == ((b"Subject", b"s"), (b"To", b"a,\n b"))
    assert found.body == b"one\r\n\r\ntwo\r\n"


@pytest.mark.parametrize(
    "start",
    [b"From a@b.example Fri Mar  6 19:40:00 2026\n", b"\n\n", b"\r\n \r\n", b"\xef\xbb\xbf", b">From x\n", b" "],
)
def test_what_stands_before_the_header(start):
    """An mbox line, empty lines and a byte order mark are passed over."""
    found = raw(start + b"Subject: s\n\nbody\n")
    assert (found.fields, found.body) == (((b"Subject", b"s"),), b"body\r\n")


@pytest.mark.parametrize("line", [b"Hello there", b"no header: no", b"Gr\xc3\xbc\xc3\x9fe: x", b": x"])
def test_header_ends_at_a_line_that_is_no_field(line):
    """Postfix makes such a line the first of the body; nothing is lost."""
    found = raw(b"Subject: s\n" + line + b"\n\nbody\n")
    assert found.fields == ((b"Subject", b"s"),)
    assert found.body == line + b"\r\n\r\nbody\r\n"


def test_body_is_capped():
    found = raw(b"Subject: s\n\n" + b"x" * 71 + (b"\n" + b"x" * 71) * 5_000)
    assert len(found.body) == MAX_BODY_BYTES
    assert found.body_cut
    assert not raw(b"Subject: s\n\nshort").body_cut


@pytest.mark.parametrize("more, cut", [(0, False), (1, True)])
def test_the_last_byte_of_the_cap(more, cut):
    found = raw(b"\n\nSubject: s\r\n\r\n" + b"x" * (MAX_BODY_BYTES - 2 + more) + b"\r\n")
    assert (len(found.body), found.body_cut) == (MAX_BODY_BYTES, cut)


def test_cap_counts_bytes_of_the_wire():
    """A body that fits with LF but not with CRLF is cut, as it would be from an MTA."""
    assert raw(b"\n\n" + b"x\n" * (MAX_BODY_BYTES // 2)).body_cut


def test_fields_are_capped_and_forged_ones_counted():
    """Forged fields beyond the cap are counted, so that all of them can be deleted."""
    data = (
        b"X-Desk-Queue: mine\n" * 10 + b"X: y\n" * (MAX_FIELDS + 50) + b"x-desk-queue: again\nX-DESK-Note : n\n\nbody"
    )
    found = raw_message(data, ENVELOPE, NOW, strip_prefix="X-Desk-")
    assert len(found.fields) == MAX_FIELDS
    assert found.fields_cut
    assert found.strip_counts == {b"x-desk-queue": 11, b"x-desk-note": 1}


def test_no_prefix_counts_nothing():
    assert raw(b"X-A: 1\n\n").strip_counts == {}


def test_empty_file():
    found = raw(b"")
    assert (found.fields, found.body, found.body_cut) == ((), b"", False)


def test_source_and_envelope_are_carried():
    found = raw_message(b"A: b\n\n", ENVELOPE, NOW, source="mail/1.eml")
    assert (found.source, found.envelope, found.received_at) == ("mail/1.eml", ENVELOPE, NOW)
    assert replace(found, source="") == raw(b"A: b\n\n")
