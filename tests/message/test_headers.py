"""Header fields as text: RFC 2047 as it is written in the wild, on one line, in linear time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.headers import MAX_DECODED_BYTES, HeaderFields, decoded


@pytest.mark.parametrize(
    "body, text",
    [
        (b"plain", "plain"),
        (b"=?utf-8?B?0J/RgNC40LLQtdGC?=", "Привет"),
        (b"=?UTF-8?Q?=D0=9F=D1=80=D0=B8=D0=B2=D0=B5=D1=82?=", "Привет"),
        (b"Re: =?koi8-r?Q?=F0=D2=C9=D7=C5=D4?= [desk #12]", "Re: Привет [desk #12]"),
        (b"=?windows-1251?B?z/Do4uXy?=", "Привет"),
        (b"=?cp1251*ru?B?z/Do4uXy?=", "Привет"),
        (b"=?utf-8?Q?a_b?= =?utf-8?Q?_c?=", "a b c"),  # white space between words is not there
        (b"=?utf-8?Q?a?=\n =?utf-8?Q?b?=", "ab"),
        (b"=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"),
        (b"=?utf-8?B?0J/R?= =?utf-8?B?gNC4?=", "При"),  # a character cut in two between words
        (b"=?utf-8?Q?=D0?= =?utf-8?B?nw==?=", "П"),  # even between two encodings
        (b"=?utf-8?B?0J/RgNC?= =?utf-8?B?40LLQtdGC?=", "Привет"),  # base64 cut at a wrong place
        (b"=?utf-8?B?0J/RgNC40LLQtdGC", "Привет"),  # cut off: no end
        (b"=?utf-8?B?0J/RgNC40LLQtdG", "Приве\ufffd"),
        (b"=?utf-8?B?0J/R =?utf-8?B?gNC4?= x", "При x"),  # the end of the first word is missing
        (b"=?utf-8?Q?Two words?=", "Two words"),  # spaces inside are wrong and common
        (b"=?utf-8?Q?Why=3F_Why?_now?=", "Why? Why? now"),
        (b'"=?utf-8?B?0J/RgNC4?=" <a@b.example>', '"При" <a@b.example>'),
        (b"=?us-ascii?Q?=D0=9F?=", "П"),  # mislabelled UTF-8
        (b"=?iso-8859-1?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),  # mislabelled windows-1251
        (b"=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"),
        (b"=?x-unknown?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),
        (b"=?gb2312?B?xOO6ww==?=", "你好"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?Q??=", ""),
        (b"=? no word", "=? no word"),
        ("Привет".encode(), "Привет"),  # raw 8-bit
        ("Не работает сайт".encode("cp1251"), "Не работает сайт"),
        ("Не работает сайт".encode("koi8-r"), "Не работает сайт"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"one\n two\r\n\tthree", "one two three"),
        (b" surrounded  ", "surrounded"),
    ],
)
def test_decoded(body, text):
    assert decoded(body) == text


@pytest.mark.parametrize(
    "body",
    [
        b"=?utf-8?q?ok=0D=0ABcc:_all=40x.example?=",
        b"=?utf-8?q?ok=0A=0A?=",
        b"ok\x00\x01\x7f",
        "ok\u202egnp\u2028x\u200b\ufeff\x85".encode(),
        b"a\rb\nc\r\n d",
    ],
)
def test_nothing_can_break_the_line(body):
    """What is decoded may be written into a header again: no line break, no control, no direction override."""
    text = decoded(body)
    assert text.isprintable(), text


def test_the_body_tells_the_charset_of_raw_letters():
    """A short Subject in koi8-u is not enough to guess from; the charset of the text helps."""
    fields = HeaderFields(((b"Subject", "Акт".encode("koi8-u")),), charset="koi8-u")
    assert fields.first("Subject") == "Акт"


def test_lookup():
    """Names in any letter case, bodies in order, nothing for what is not there."""
    fields = HeaderFields(((b"Received", b"one"), (b"Subject", b"=?utf-8?Q?s?="), (b"RECEIVED", b"two")))
    assert fields.all("received") == ("one", "two")
    assert fields.raw("SUBJECT") == (b"=?utf-8?Q?s?=",)
    assert fields.first("subject") == "s"
    assert "Received" in fields
    assert "Date" not in fields
    assert (fields.first("Date"), fields.raw("Date"), fields.all("Date")) == ("", (), ())
    assert len(fields) == 3


def test_long_fields_are_cut():
    assert len(decoded(b"x" * 1_000_000)) == MAX_DECODED_BYTES


PIECES = st.sampled_from(
    [
        b"=?utf-8?B?",
        b"=?koi8-r?q?",
        b"?=",
        b"=?",
        b"?",
        b"=D0",
        b"=",
        b"0J/R",
        b"gA==",
        b" ",
        b"\n ",
        b"\xd0\x9f",
        b"\xff",
        b"x",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=20))
def test_anything_decodes_to_one_printable_line(pieces):
    assert decoded(b"".join(pieces)).isprintable()
