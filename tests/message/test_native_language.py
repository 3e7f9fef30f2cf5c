"""The language is the same told in Python and in C, of whatever somebody writes."""

import json
import random
import re
import sys
from ctypes import c_char_p, c_int, c_uint32, c_void_p, create_string_buffer
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router import native
from router.message import language
from router.native import LETTER_BYTES, function, letters
from tests.native.library import needed, said_by
from tests.native.sanitizers import run_checked

ROOT = Path(__file__).parents[2]
PIECES = [
    *random.Random(3).sample([*language._CYRILLIC], 300),
    *random.Random(4).sample([*language._LATIN], 300),
    *("п р и в е т", "h e l l o", "з’явився", "зʼявилася", "з`явився", "з'явився", "don’t", "c’est", "ещё"),
    *("объект", "ъъ"),
    *("сайт", "cайт", "прoцює", "пpивiт", "paypaІ", "їжа", "Ïжа", "ﬁle", "ǅungla", "ªº", "²x", "Ⅷ", "ΑΣ", "İzmir"),
    *("ſit", "ERROR", "warnıng"),
    *("«акт»", '"not found"', "„Seite“", "“page”", "`ls -l`", "«", '"', "„", "`", "\n", "\r\n", "\x85", "\u3000"),
    *("Error: disk full", "[12:00] start", "550 5.1.1", "at foo.bar(", 'File "x"', "x failed:", "timeout", "e_x "),
    *("1.5", "\u2028", "№", "ſqlstate", "ERR_X", "E_", "err_", "errno", "exceptıon", "WARN", "sqlstatement", "450 4.2"),
    *("5.5", "12-1", "12345:1", "1/x", "$a", "at a", "at (", "caused by x", "notice]", "a notice ", "notices"),
    *("«" + "щ " * 200 + "»", "«" + "щ " * 201 + "»", "„a b c“", "“", "”", "“a «b” c»", '"a\nb"', "`a`b`c`"),
    *("a.example", "x@a.example", "/var/log", "so.\nand", "done.", "end).\t", "...", "?!", "(а) b", "漢字", "שלום"),
    *("Ελλάδα", "😀", "€"),
]  # fmt: skip
texts = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(max_codepoint=0x530), max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join),
    st.lists(st.sampled_from([*PIECES, "\n", "\n", " ", ". "]), max_size=60).map("".join),
)


@pytest.fixture(scope="module")
def reader():
    from router.message.native_language import NativeLanguage

    return NativeLanguage(needed())


def assert_same(reader, text: str) -> bool:
    """Whether C read it; what it reads it tells as Python does."""
    text = text[: language.MAX_CHARACTERS]
    found = reader.detect(text)
    assert found is None or found == language._detect(text), text
    return found is not None


@settings(max_examples=1500, deadline=None)
@example(text="le\nsite\nne\nmarche\npas\nerror: disk")
@given(text=texts)
def test_c_tells_what_python_does(reader, text):
    """Any text: the same language and script."""
    assert_same(reader, text)


LOGS = [
    *("error", "ERROR:", "errors", "Warning]", "warn", "warned", "notice", "notices", "fatal", "FATAL ", "exception"),
    *("exceptıon", "failed", "denied", "refused", "timeout", "timeouts", "errno", "errnos", "err_", "ERR_X", "xerr_x"),
    *("e_", "E_x", "sqlstate", "ſqlstate", "sqlstates", "at ", "at x.y$z(", "at (", "at x y(", "file ", 'fıle "'),
    *('File "', "Traceback", "caused by", "CAUSED  BY", "550 ", "550-", "550", "450 4.2", "550 5.x", "650 "),
    *("x550 5.1", "1-1", "12345-1", "1234:5", "1/x", "1.1.1", "1.", "[", "<", "({", "$", "#", "№", "\0", "x", "слово"),
    *("_", " ", " ", " ", "\t", "\xa0", ".", ":", "(", '"', "é"),
]  # fmt: skip
MARKS = ["«", "»", "“", "”", "„", '"', "`", "a", " ", "x" * 199, "x" * 200, "x" * 201]


@settings(max_examples=3000, deadline=None)
@given(line=st.lists(st.sampled_from(LOGS), max_size=5).map("".join))
def test_a_line_of_a_log_is_the_same_line(reader, line):
    found = function(needed(), "language_is_log", c_int, (c_void_p, c_char_p, c_uint32))
    assert found(reader._at, letters(line), len(line)) == (language._LOG_LINE.match(line) is not None)


@settings(max_examples=3000, deadline=None)
@given(line=st.lists(st.sampled_from(MARKS), max_size=12).map("".join))
def test_a_quote_is_the_same_quote(line):
    found = function(needed(), "language_without_quotes", c_uint32, (c_char_p, c_uint32, c_char_p))
    room = create_string_buffer(len(line) * LETTER_BYTES)
    size = found(letters(line), len(line), room)
    assert room.raw[: size * LETTER_BYTES] == letters(language._QUOTED.sub(" ", line))


def test_mails_are_read_in_c(reader):
    """Of the mails there are, subject and body: the same, and hardly one is left to Python."""
    read = []
    for path in sorted((ROOT / "models" / "data").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines()[::5]:
            mail = json.loads(line)
            read += [assert_same(reader, mail.get(key) or "") for key in ("subject", "body")]
    for path in sorted(ROOT.glob("docs/samples/*.eml")):
        read.append(assert_same(reader, path.read_text("utf-8", "replace")))
    assert len(read) > 5_000
    assert sum(read) > 0.97 * len(read)


def test_every_letter_is_what_python_says(reader):
    """Each code point below 0x530, of general punctuation and of the signs; all others are Python's."""
    from router.message.native_language import FLAGS, LETTERS, PUNCTUATION, SIGNS, flags_of

    unread = 1 << (len(FLAGS) - 1)
    signs = {number for first, last in SIGNS for number in range(first, last + 1)}
    for number in range(sys.maxunicode + 1):
        if number < LETTERS or number in PUNCTUATION:
            assert reader.kind(chr(number)) == flags_of(chr(number)), hex(number)
        elif number in signs:
            one = chr(number)
            assert (reader.kind(one), one.lower(), one.split()) == (0, one, [one]), hex(number)
            assert not re.match(r"[\w\s]", one) and one not in language._EDGES and not language._MACHINE & {one}
            assert not language._WORD.search(one) and not re.search("[a-z]", one, re.IGNORECASE), hex(number)
        else:
            assert reader.kind(chr(number)) == unread, hex(number)


def test_letters_are_what_the_patterns_say():
    """What C asks of str methods is what the regular expressions of language.py find."""
    from router.message.native_language import LETTERS, PUNCTUATION, flags_of

    for number in [*range(LETTERS), *PUNCTUATION]:
        one, flags = chr(number), flags_of(chr(number))
        assert bool(flags & 1) == bool(re.match(r"\s", one)) == (not one.split()), hex(number)
        assert bool(flags & 4) == bool(language._WORD.match(one)), hex(number)
        assert bool(flags & 256) == (len(language._SEGMENT_END.split(f"x{one} ")) == 2), hex(number)
        assert bool(flags & 512) == bool(re.match(r"\w", one)), hex(number)


def test_under_the_sanitizers(tmp_path):
    """No text reads or writes where it should not."""
    run_checked(Path(__file__).with_name("language_under_sanitizers.py"), tmp_path, 6_000)


def test_without_the_library_all_goes_on():
    """MAILROUTER_NATIVE=0 tells the same in Python, and importing alone makes no tables in C."""
    code = (
        "import sys; from router.message import language\n"
        "assert 'router.message.native_language' not in sys.modules\n"
        "print(*language.detect('Сайт не працює'), 'router.message.native_language' in sys.modules)"
    )
    for switch, is_native in (("0", False), ("1", native.built().exists())):
        assert said_by(code, switch) == ["uk", "cyrillic", str(is_native)]
