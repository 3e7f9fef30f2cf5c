"""HTML reads the same in Python and in C, whatever somebody sends."""

import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.mail import messages
from router.message import body, read
from router.message import text as texts
from router.message.eml import raw_message
from router.message.envelope import Envelope
from tests.message.html_under_sanitizers import ATTRIBUTES, FLOODS, NAMES, SHEETS, SIGNS, WORDS, drawn, mutated
from tests.native.library import needed, said_by
from tests.native.sanitizers import run_checked

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "eml"
TAGS = st.builds(
    lambda opening, name, attributes, closing: f"{opening}{name} {' '.join(attributes)}{closing}",
    st.sampled_from(["<", "<", "</"]),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(ATTRIBUTES), max_size=3),
    st.sampled_from([">", ">", ">", "/>", ""]),
)
sources = st.one_of(
    st.text(max_size=100),
    st.text(SIGNS, max_size=100),
    st.lists(st.one_of(TAGS, st.sampled_from(WORDS), st.sampled_from(SHEETS).map("<style>{}</style>".format))).map(
        "".join
    ),
    st.builds(lambda seed: drawn(random.Random(seed), 60), st.integers(0, 2**32)),
)


@pytest.fixture(scope="module")
def reader():
    from router.message.native_html import NativeHtml

    return NativeHtml(needed())


def assert_same(reader, source: str) -> bool:
    """Whether C read it; what it reads it shows as Python does."""
    source = source[: texts.MAX_CHARACTERS]
    found = reader.seen(source)
    assert found is None or found == texts._from_html(source), source
    return found is not None


def html_of(messages, monkeypatch) -> list[str]:
    """The HTML sources of messages, as they are read."""
    found = []
    whole = texts.from_html
    monkeypatch.setattr(body._IN_C, "reader", lambda: None)
    monkeypatch.setattr(body.texts, "from_html", lambda source: found.append(source) or whole(source))
    for data in messages:
        read.read(raw_message(data, Envelope(b"<>", ()), datetime(2026, 1, 1, tzinfo=UTC)))
    return found


@settings(max_examples=1500, deadline=None)
@given(source=sources)
def test_c_shows_what_python_does(reader, source):
    """Any source: the same text, hidden where it hides something, cut where it is."""
    assert_same(reader, source)


def test_many_sources_are_shown_alike(reader):
    """Nested and unclosed tags, quotes, comments, entities, styles: the same, and C reads most."""
    draw = random.Random(11)
    read_in_c = 0
    for _ in range(4_000):
        source = drawn(draw, draw.choice((5, 30)))
        read_in_c += assert_same(reader, source if draw.random() < 0.5 else mutated(draw, source))
    assert read_in_c > 2_000


def test_html_mails_are_read_in_c(reader, monkeypatch):
    """Of the benchmark's mails: every HTML, also with letters changed in it."""
    draw = random.Random(12)
    found = html_of((data for _, _, data in messages(400)), monkeypatch)
    assert len(found) > 40
    for source in found:
        assert assert_same(reader, source)
        assert_same(reader, mutated(draw, source))


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/eml is not there")
def test_real_html_is_read_in_c(reader, monkeypatch):
    """Mail of many programs: the same, hardly one is left to Python, and with letters changed it is the same, too."""
    draw = random.Random(13)
    found = html_of((path.read_bytes() for path in CORPUS.rglob("*") if path.is_file()), monkeypatch)
    assert len(found) > 200
    assert sum(assert_same(reader, source) for source in found) > 0.97 * len(found)
    for source in found:
        if len(source) < 50_000:
            assert_same(reader, mutated(draw, source))


@pytest.mark.parametrize("flood", FLOODS)
def test_floods_are_read_in_time(reader, flood):
    """262,144 letters of one thing: the same as Python, and far below what a mail may take."""
    source = (flood * texts.MAX_CHARACTERS)[: texts.MAX_CHARACTERS]
    begun = time.process_time()
    assert_same(reader, source)
    assert time.process_time() - begun < 3


def test_names_without_end_are_left_to_python(reader):
    """More names than C has room for, and what stands behind is read as ever."""
    assert not assert_same(reader, "".join(f"<x{number}>y" for number in range(5_000)))
    assert assert_same(reader, "".join(f"<x{number % 200}>y" for number in range(5_000)))
    assert assert_same(reader, "<p>one</x1><div>two")


def test_every_letter_is_what_python_says(reader):
    """White space, letters of no case, and which letters need a second look: as Python's patterns have it."""
    import ctypes
    import re

    from router.native import function, marked

    letter = function(needed(), "html_letter", ctypes.c_uint32, (ctypes.c_uint32,))
    small = {one: re.compile(one, re.IGNORECASE) for one in "abcdefghijklmnopqrstuvwxyz-"}
    plain = marked(f"[{texts.ORDINARY}]")
    for number in range(sys.maxunicode + 1):
        one, said = chr(number), letter(number)
        assert bool(said >> 31) == one.isspace() == bool(re.match(r"\s", one)), hex(number)
        if number < 0x10000:
            assert bool(plain[number >> 3] >> (number & 7) & 1) == (not texts._ODD.match(one)), hex(number)
        else:
            assert texts._ODD.match(one)
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    for one, pattern in small.items():
        found = {found.start() for found in pattern.finditer(everything)}
        assert found == {number for number in range(0x3000) if letter(number) & 0x1FFFFF == ord(one)}


def test_under_the_sanitizers(tmp_path):
    """No source reads or writes where it should not."""
    run_checked(Path(__file__).with_name("html_under_sanitizers.py"), tmp_path, 6_000)


def test_without_the_library_all_goes_on():
    """MAILROUTER_NATIVE=0 shows the same in Python."""
    code = "from router.message import text; print(text.from_html('<p>a<td>b').text, text.native_html() is not None)"
    for switch, is_native in (("0", False), ("1", True)):
        needed()
        assert said_by(code, switch) == ["a", "b", str(is_native)]
