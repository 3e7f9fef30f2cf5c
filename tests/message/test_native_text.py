"""The bytes of a text read the same in Python and in C, however they are encoded."""

import random
import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.mail import messages
from router.message import body, charset, read
from router.message.content import Content
from router.message.eml import raw_message
from router.message.entity import Entity
from router.message.envelope import Envelope
from router.native import marked
from tests.message.text_under_sanitizers import CHARSETS, PIECES, TRANSFERS, agreed_in_c, drawn, seen_in_c
from tests.native.library import needed, said_by
from tests.native.sanitizers import run_checked

CORPUS = Path(__file__).parents[3] / "shared" / "eml"
KINDS = ("text/plain", "text/html")
leaves = st.builds(
    lambda kind, transfer, declared, data: Entity(
        Content(kind, {} if declared is None else {"charset": declared}), encoding=transfer, body=data
    ),
    st.sampled_from(KINDS),
    st.sampled_from(TRANSFERS),
    st.sampled_from(CHARSETS),
    st.one_of(st.binary(max_size=100), st.text(max_size=60).map(lambda one: one.encode("utf-8", "surrogatepass"))),
)


@pytest.fixture(scope="module")
def reader():
    from router.message.native_html import NativeHtml
    from router.message.native_text import NativeText

    return NativeText(needed(), NativeHtml(needed()))


def assert_same(reader, leaf: Entity) -> bool:
    """Whether C read it; what it reads it shows as Python does."""
    found = seen_in_c(reader, leaf)
    assert found is None or found == body._cleaned(leaf), leaf
    return found is not None


def leaves_of(messages) -> list[tuple[Entity, str]]:
    """The texts of messages, each with the text that the message turned out to have."""
    found = []
    whole = body.find

    def find(root):
        one = whole(root)
        found.extend(
            (leaf, one.text) for leaf in body.leaves(root) if body._is_text(leaf) and leaf.content.value in KINDS
        )
        return one

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(body, "find", find)
        for data in messages:
            read.read(raw_message(data, Envelope(b"<>", ()), datetime(2026, 1, 1, tzinfo=UTC)))
    return found


@settings(max_examples=1500, deadline=None)
@given(leaf=leaves)
def test_c_reads_what_python_does(reader, leaf):
    """Any bytes, whatever they claim to be: the same text, hidden and cut alike."""
    assert_same(reader, leaf)


def test_many_texts_are_read_alike(reader):
    """Every transfer encoding and charset, with bytes lost and added: the same, and C reads what is well written."""
    draw = random.Random(11)
    read_in_c: Counter[tuple[str, str | None]] = Counter()
    for _ in range(10_000):
        leaf = drawn(draw)
        if assert_same(reader, leaf):
            read_in_c[leaf.encoding.lower(), leaf.content.parameters.get("charset")] += 1
    for transfer in ("", "8bit", "base64", "quoted-printable"):
        for declared in (None, "utf-8", "windows-1251", "koi8-r", "KOI8-U", "cp866"):
            assert read_in_c[transfer, declared] > 10, (transfer, declared)


@settings(max_examples=500, deadline=None)
@given(leaf=leaves, plain=st.text(max_size=300))
def test_c_compares_what_python_does(reader, leaf, plain):
    """Any two forms: their words agree or not alike."""
    said = agreed_in_c(reader, plain, leaf)
    assert said is None or said == body._agrees_in_python(plain, leaf)


def test_many_forms_are_compared_alike(reader):
    """Few words or many, all or some of them in the other form, in order or not."""
    draw = random.Random(12)
    said: Counter[bool | None] = Counter()
    for _ in range(4_000):
        words = draw.choices(PIECES, k=draw.choice((1, 5, 9, 30, 300)))
        kept = [word for word in words if draw.random() < draw.choice((0.5, 0.8, 1.0))]
        if draw.random() < 0.3:
            draw.shuffle(kept)
        leaf = Entity(Content("text/html"), body=" ".join(kept).encode("utf-8"))
        plain = draw.choice((" ", "\n", "")).join(words)
        found = agreed_in_c(reader, plain, leaf)
        said[found] += 1
        assert found is None or found == body._agrees_in_python(plain, leaf), (plain, kept)
    assert min(said[True], said[False]) > 500


def test_the_benchmarks_mails_are_read_in_c(reader):
    """Every text of them, and what is said of two forms is the same."""
    found = leaves_of(data for _, _, data in messages(400))
    assert len(found) > 400
    assert all(assert_same(reader, leaf) for leaf, _ in found)
    assert all(agreed_in_c(reader, text, leaf) == body._agrees_in_python(text, leaf) for leaf, text in found)


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/eml is not there")
def test_real_texts_are_read_in_c(reader):
    """Mail of many programs: the same, most of it without Python."""
    found = leaves_of(path.read_bytes() for path in CORPUS.rglob("*") if path.is_file())
    assert len(found) > 2_000
    assert sum(assert_same(reader, leaf) for leaf, _ in found) > 0.85 * len(found)
    for leaf, text in found:
        said = agreed_in_c(reader, text, leaf)
        assert said is None or said == body._agrees_in_python(text, leaf)


def test_what_does_not_read_well_is_left_to_python(reader):
    """A declared charset is believed when the first 1,000 letters read well, whatever comes later."""
    for text, is_read in (("о" * 1_000 + "щ" * 2_000, True), ("щ" * 1_000 + "о" * 2_000, False), ("щ" * 5 + "x", True)):
        leaf = Entity(Content("text/plain", {"charset": "windows-1251"}), body=text.encode("cp1251"))
        assert assert_same(reader, leaf) is is_read


def test_what_is_cut_is_left_to_python(reader):
    """As many bytes as a part may have are read, one more is not: it is told that there was more."""
    for size, is_read in ((body.MAX_PART_BYTES, True), (body.MAX_PART_BYTES + 1, False)):
        assert assert_same(reader, Entity(Content("text/plain"), body=b"x" * size)) is is_read


def test_floods_are_compared_in_time(reader):
    """The longest words that C looks for, in the longest source, nearly there at every letter."""
    source = Entity(Content("text/html"), body=b"a" * body.MAX_PART_BYTES)
    plain = " ".join("a" * 15 + "b" + "a" * 16 for _ in range(100))
    begun = time.process_time()
    assert agreed_in_c(reader, plain, source) is False
    assert time.process_time() - begun < 2


def test_letters_of_words_are_what_python_says():
    """A bit for each code point that body._WORD has; pictures have none."""
    bits = marked(body.LETTER)
    for number in range(0x10000):
        assert bool(bits[number >> 3] >> (number & 7) & 1) == bool(re.match(body.LETTER, chr(number))), hex(number)
    assert not re.search(body.LETTER, "".join(map(chr, range(0x1F300, 0x1FB00))))


def test_charsets_are_told_in_full():
    """Each Cyrillic charset has one letter for each byte, of 16 bits."""
    for codec in charset.CYRILLIC:
        letters = bytes(range(128, 256)).decode(codec, "replace")
        assert len(letters) == 128
        assert max(letters) < "\U00010000"


def test_under_the_sanitizers(tmp_path):
    """No bytes read or write where they should not."""
    run_checked(Path(__file__).with_name("text_under_sanitizers.py"), tmp_path, 6_000)


def test_workers_are_born_with_it():
    """What is warmed before the fork is there behind it: no worker teaches C again."""
    needed()
    code = (
        "import os; from router.message import body, read\n"
        "read.warm(); warmed = body._IN_C.reader()\n"
        "if not os.fork(): os._exit(body._IN_C.reader() is not warmed or warmed is None)\n"
        "print(os.wait()[1])"
    )
    assert said_by(code, "1") == ["0"]


def test_without_the_library_all_goes_on():
    """MAILROUTER_NATIVE=0 reads the same in Python."""
    needed()
    code = (
        "from router.message import body; from router.message.entity import Entity, PLAIN\n"
        "print(body.find(Entity(PLAIN, body='слово'.encode())).text, body._IN_C.reader() is not None)"
    )
    for switch, is_native in (("0", False), ("1", True)):
        assert said_by(code, switch) == ["слово", str(is_native)]
