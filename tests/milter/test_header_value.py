"""The one encoder of field bodies: whatever the value, one field comes out, and it reads as the value."""

from email.header import decode_header, make_header

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.milter.header_value import field_body, field_name

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[chr(n) for n in (*range(32), 127)]), max_size=400
)


def read_back(encoded):
    return str(make_header(decode_header(encoded.decode("ascii").replace("\n", ""))))


@settings(max_examples=300, deadline=None)
@given(TEXT, st.integers(1, 60))
@example("рахунок №5 · " * 40, 25)
@example("=?utf-8?q?not_encoded_by_us?=", 10)
@example("x" * 3000, 10)
@example("ё" * 3000, 10)
def test_it_reads_back_as_the_value(value, name_bytes):
    assert " ".join(value.split()) == " ".join(read_back(field_body(value, name_bytes=name_bytes)).split())


@settings(max_examples=300, deadline=None)
@given(TEXT, st.integers(1, 60))
@example("a " * 300, 20)
@example("Beleuchtungsmöglichkeiten" * 10, 20)
def test_it_is_one_field_in_short_ascii_lines(value, name_bytes):
    first, *more = field_body(value, name_bytes=name_bytes).decode("ascii").split("\n")
    for line in more:
        assert line.startswith(" ") and line.strip()
    for line in (" " * (name_bytes + 2) + first, *more):
        assert len(line) <= 78 or " " not in line.strip()  # longer only where there is no place to fold
        assert len(line) < 998
        assert all(len(word) <= 75 for word in line.split() if word.startswith("=?utf-8?"))


WORDS = st.lists(st.text("az09=;:,.", min_size=1, max_size=30) | st.text("x", min_size=60, max_size=90), min_size=1)


@settings(max_examples=500, deadline=None)
@given(WORDS.map(" ".join), st.integers(1, 100))
@example("4af1; rules=9f442cfd3a1e3076; model=topic-abuse-vague-urgency-b06f3dd7", 20)
@example("x" * 76 + " y", 20)
def test_a_line_holds_as_many_words_as_fit(value, name_bytes):
    """RFC 5322 section 2.1.1: 78 characters; a longer word stands alone."""
    lines, used = [[]], name_bytes + 2
    for word in value.split(" "):
        more = len(word) + (1 if lines[-1] or len(lines) > 1 else 0)
        if lines[-1] and used + more > 78:
            lines.append([])
            used, more = 0, 1 + len(word)
        lines[-1].append(word)
        used += more
    assert field_body(value, name_bytes=name_bytes).decode() == "\n ".join(map(" ".join, lines))


def test_words_that_need_no_encoding_stay_readable():
    assert field_body("technical; p=0.93; by=model") == b"technical; p=0.93; by=model"
    assert field_body("v1; lang=ru; note: счёт 5") == b"v1; lang=ru; note: =?utf-8?b?0YHRh9GR0YI=?= 5"


def test_hardly_foreign_text_is_quoted_and_foreign_text_is_base64():
    assert field_body("Beleuchtungsmöglichkeiten") == b"=?utf-8?q?Beleuchtungsm=C3=B6glichkeiten?="
    assert field_body("рахунок") == b"=?utf-8?b?0YDQsNGF0YPQvdC+0Lo=?="


@pytest.mark.parametrize("value", ["a\rb", "a\0b", "a\nb", "a\r\nBcc: all@desk.example", "a\n", "\x1b[0m", "a\x7f"])
def test_what_could_begin_another_field_is_refused(value):
    with pytest.raises(ValueError, match="cannot hold"):
        field_body(value)


def test_a_fold_that_is_there_is_made_anew():
    assert field_body("a\r\n b\n\tc") == b"a b c"


def test_what_fits_into_no_packet_is_refused():
    with pytest.raises(ValueError, match="at most 60000"):
        field_body("x " * 40_000)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "имя", "a\n", "a\0", "x" * 101, b"\xff"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(ValueError, match="no header field name"):
        field_name(name)
