"""What C says of a line holds: no regular expression matches a line that C calls plain, whatever somebody writes."""

import itertools
import json
import re
import sys
from pathlib import Path
from re import _constants as codes
from re import _parser as parser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import native
from router.message import attribution, lines, quoting, signature
from router.message.lines import ATTRIBUTION, BLANK, FIELD, LEGAL, POSTSCRIPT, QUOTE, RULED, SIGN_OFF
from tests.native.library import needed, said_by
from tests.native.sanitizers import run_checked

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
ALL_LETTERS = "".join(map(chr, range(sys.maxunicode + 1)))
FORMS = (
    (attribution.FORWARD_OPENING, RULED),
    (attribution.REPLY_ABOVE, RULED),
    (signature._SIGN_OFF, SIGN_OFF),
    (signature._SENT_FROM, SIGN_OFF),
    (signature._LEGAL, LEGAL),
    (signature._POSTSCRIPT, POSTSCRIPT),
)
"""Patterns that are asked only of lines of a kind."""


def said(tree) -> list[str]:
    """Texts that a parsed pattern matches: every alternative, every option with and without, the shortest repeats."""
    found = [""]
    for code, value in tree:
        found = ["".join(pair) for pair in itertools.product(found, _said_once(code, value))]
        assert len(found) < 300_000, "the test would take too long: say less in one pattern"
    return found


def _said_once(code, value) -> list[str]:
    if code is codes.LITERAL:
        return [chr(value)]
    if code is codes.BRANCH:
        return [one for branch in value[1] for one in said(branch)]
    if code is codes.SUBPATTERN:
        return said(value[-1])
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        least, most, repeated = value
        of = said(repeated) if most < 3 else said(repeated)[:1]
        return [*([""] if not least else []), *(one * max(least, 1) for one in of)]
    if code is codes.IN:
        return [_one_of(value)] if value[0][0] is not codes.LITERAL else [chr(one) for _, one in value[:2]]
    if code is codes.ANY:
        return [" "]
    assert code in (codes.AT, codes.ASSERT, codes.ASSERT_NOT), code
    return [""]


def _one_of(items) -> str:
    if items[0][0] is codes.CATEGORY:
        return {codes.CATEGORY_SPACE: " ", codes.CATEGORY_WORD: "x", codes.CATEGORY_DIGIT: "1"}[items[0][1]]
    assert items[0][0] is codes.NEGATE
    return "x"


EXAMPLES = [
    (pattern, kind, one) for pattern, kind in FORMS for one in said(parser.parse(pattern.pattern, pattern.flags))
]
WORDS = sorted({one.strip() for _, _, one in EXAMPLES})[::7]
DISGUISES = {
    "s": "ſ", "k": "\u212a", "i": "İı", "ß": "ẞ",
    "в": "ᲀ", "д": "ᲁ", "о": "ᲂ", "с": "ᲃ", "т": "ᲄᲅ", "å": "\u212b",
}  # fmt: skip
"""Letters that are these when case is ignored, though no capital of theirs."""
PIECES = [
    *("From", "Дата:", "Тема :", "*Від:*", "> Кому: x", "Reply-To:", "a" * 41 + ":", "subject:x", "İtem:", "12:30"),
    *("-----Original Message-----", "---------- Forwarded message ---------", "** Пересылаемое сообщение **:"),
    *("| == fwd", ":"),
    *("________", "_" * 32, "-" * 20, "-" * 19, "----", "--", "-- ", "—", "–", "*", "=", "~~", "-=-", "--:", "#"),
    *(">", "> a", ">> b", "<", "<a@b.example>", "> GET / HTTP/1.1", "< HTTP/1.1 200", "* TLS", "x >", "x:*"),
    *("wrote:", "пишет:", "02.03.2026 10:15", "On Mon, Feb 2, 2026 at 4:58 AM Desk <a@b.example> wrote:", "Вы писали:"),
    *("Здравствуйте, Иван!", "confidential", "конфиденц", "предназначено", "confidentiel", "iPhone", "Outlook"),
    *(" ", "  ", "\t", "\xa0", "\u2003", "\u2028", "\x85", "\x1c", "\r", "\u3000", "\0", "\ud800", "😀"),
    *("漢字", "😀" * 60, "android"),
    *("word", "слово", "ещё одно слово и ещё одно слово, чтобы строка стала длинной", "Что?", "нет,"),
]  # fmt: skip


pieces = st.one_of(st.sampled_from(WORDS), st.sampled_from(PIECES), st.sampled_from([*attribution.ROLE_OF]))


@st.composite
def disguised(draw):
    """A line of pieces, in any case, with letters that are others when case is ignored."""
    line = draw(st.sampled_from(["", " ", ""])).join(draw(st.lists(pieces, min_size=1, max_size=4)))
    how = draw(st.sampled_from([str, str, str.upper, str.lower, str.title, str.swapcase]))
    line = how(line)
    if draw(st.booleans()):
        chance = draw(st.randoms(use_true_random=False))
        line = "".join(
            chance.choice(DISGUISES[one.lower()]) if one.lower() in DISGUISES and chance.random() < 0.3 else one
            for one in line
        )
    return line.replace("\n", " ")


any_lines = st.one_of(disguised(), st.sampled_from(PIECES), st.sampled_from(["", "> quoted"]), st.text(max_size=40))
texts = st.lists(any_lines, max_size=20).map("\n".join)


@pytest.fixture(scope="module")
def reader():
    from router.message.native_lines import NativeLines

    return NativeLines(needed())


def kinds(reader, text: str) -> bytes:
    return reader.kinds(text, text.count("\n") + 1)


def surely(line: str) -> int:
    """The kinds that a line is of, as the regular expressions tell them one by one; those of one line alone."""
    if not line.strip():
        return BLANK
    found = QUOTE if line.lstrip().startswith(">") else 0
    ruled = attribution.RULED.fullmatch(line), quoting._UNDERSCORES.fullmatch(line), attribution.begins_forward(line)
    if any(ruled):
        found |= RULED
    if found:
        return found
    if attribution.REPLY_ABOVE.match(line):
        found |= RULED
    field = attribution.FIELD.match(line)
    if field and field[1].strip().lower() in attribution.ROLE_OF and ":" in line[: lines.FIELD_CHARACTERS]:
        found |= FIELD
    if line.strip() in ("--", "—", "–") or signature._SIGN_OFF.fullmatch(line) or signature._is_sent_from(line):
        found |= SIGN_OFF
    found |= LEGAL if signature._LEGAL.match(line) else 0
    return found | (POSTSCRIPT if signature._POSTSCRIPT.match(line) else 0)


def every(_: str, cut: list[str]) -> bytes:
    """Kinds that leave every line but the blank and the quoted ones to the regular expressions."""
    return bytes(surely(line) & (BLANK | QUOTE) or 0xFF & ~(BLANK | QUOTE) for line in cut)


def assert_holds(reader, text: str) -> None:
    """What is said of the lines of a text is no less than what they are; blank and quoted lines are told exactly."""
    cut = text.split("\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quoting, "kinds_of", every)
        cutter = quoting._Cutter(text, cut, "")
    for found in (reader.kinds(text, len(cut)), lines._kinds(cut)):
        for index, (kind, line) in enumerate(zip(found, cut, strict=True)):
            sure = surely(line)
            assert kind & sure == sure, line
            assert kind & (BLANK | QUOTE) == sure & (BLANK | QUOTE), line
            assert kind == BLANK or not kind & BLANK, line
            assert not kind & QUOTE or not kind & ~(QUOTE | RULED), line
            if not kind & (BLANK | QUOTE | ATTRIBUTION):
                assert not cutter._attribution(index), cut[index : index + 3]


def split_by_all(text: str, subject: str = "") -> quoting.Split:
    """Every line looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quoting, "kinds_of", every)
        return quoting.split(text, subject)


def split_in_python(text: str, subject: str = "") -> quoting.Split:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quoting, "kinds_of", lambda _, cut: lines._kinds(cut))
        return quoting.split(text, subject)


@pytest.mark.parametrize(
    "pattern, kind", FORMS, ids=["forward", "above", "sign-off", "sent from", "legal", "postscript"]
)
def test_every_form_is_known(reader, pattern, kind):
    """Each alternative of each pattern, small and in capitals: a new form belongs into the beginnings, too."""
    examples = [one for form, _, one in EXAMPLES if form is pattern]
    matching = [one for one in examples if pattern.match(one)]
    assert len(matching) > 0.4 * len(examples)
    for how in (str, str.upper, str.title, lambda one: f" \t\xa0{one}"):
        text = "\n".join(how(one) for one in examples)
        missed = [one for one, found in zip(examples, kinds(reader, text), strict=True) if not found & kind]
        assert not missed


def test_letters_are_equal_as_regular_expressions_say(reader):
    """Each that is a letter of a word when case is ignored has the class of that; all white space has its own."""
    from router.message.native_lines import _words

    for letter in sorted({one for _, _, word in _words() for one in word if not one.isspace()}):
        number = reader.letter_class(letter)
        assert number > 1, letter
        for one in re.findall(re.escape(letter), ALL_LETTERS, re.IGNORECASE):
            assert reader.letter_class(one) == number, (letter, one)
    for one in ALL_LETTERS:
        assert (reader.letter_class(one) == 1) == one.isspace(), hex(ord(one))


def test_every_name_of_a_field_is_known(reader):
    for name, dress in itertools.product(attribution.ROLE_OF, ("{}: x", "*{}:* x", "> {} : x"[2:], "  {}:")):
        for how in (str, str.upper, str.title):
            line = dress.format(how(name))
            assert attribution.FIELD.match(line) and kinds(reader, line)[0] & FIELD, line


@pytest.mark.parametrize(
    "text, kind",
    [
        ("_" * 8, RULED), ("-" * 20, RULED), ("-----Original Message-----:", RULED), ("> -- a text --", RULED),
        ("--", SIGN_OFF), ("—", SIGN_OFF), (" " * 34 + "From: x", FIELD), ("_*From*_ :", FIELD),
        ("On Monday\nat noon\nSome One wrote:", ATTRIBUTION), ("On Monday Some One wrote:*", ATTRIBUTION),
        ("02.03.2026 10:15\n<a@b.example>\n\n> a", ATTRIBUTION),
        ("02.03.2026\n10:15\n<a@b.example>\n> a", ATTRIBUTION),
    ],
)  # fmt: skip
def test_the_first_line_is_one(reader, text, kind):
    """The forms that lie at a limit of what C looks at."""
    assert kinds(reader, text)[0] & kind


@pytest.mark.parametrize(
    "text",
    [
        "слово", "word: another", "-------", "--\tword", "***", "From the beginning: x", " " * 36 + "From: x",
        "Name <a@b.example>", "слово\n\nword:", "a\nb\nc\nd:", "Please come", "2 > 1 >\nb\n> c", "p", "Спас",
        "best", "the word", "— word",
    ],
)  # fmt: skip
def test_the_first_line_is_plain(reader, text):
    """What would be dear to ask about, and is seen to be nothing."""
    assert kinds(reader, text)[0] == 0


@settings(max_examples=1500, deadline=None)
@given(text=texts)
def test_what_c_calls_plain_is_plain(reader, text):
    """Any text: no expression matches a line without the bit of its kind."""
    assert_holds(reader, text)


@settings(max_examples=1500, deadline=None)
@given(text=texts, subject=st.sampled_from(["", "Re: x", "Fwd: x"]))
def test_both_cut_the_same(text, subject):
    """Any text is split as when every line is looked at."""
    needed()
    assert quoting.split(text, subject) == split_by_all(text, subject) == split_in_python(text, subject)


def test_mails_are_cut_the_same(reader):
    """All mails there are; and of their lines hardly one is left to the regular expressions that cut."""
    asked = words = 0
    found = []
    for path in sorted((ROOT / "models" / "data").glob("*.jsonl")):
        found += [json.loads(line).get("body") or "" for line in path.read_text("utf-8").splitlines()[::3]]
    found += [json.loads(line)["text"] for line in (DATA / "replies.jsonl").read_text("utf-8").splitlines()]
    found += (DATA / "quotes.txt").read_text("utf-8").split("\n%%% ")
    found += [path.read_text("utf-8", "replace") for path in sorted(ROOT.glob("docs/samples/*.eml"))]
    for text in found:
        assert quoting.split(text) == split_by_all(text) == split_in_python(text), text
        assert_holds(reader, text)
        of = kinds(reader, text)
        words += sum(not kind & (BLANK | QUOTE) for kind in of)
        asked += sum(not kind & (BLANK | QUOTE) and kind & (ATTRIBUTION | RULED | FIELD) != 0 for kind in of)
    assert len(found) > 3_000
    assert asked < 0.1 * words


@pytest.mark.parametrize(
    "piece", ["\n", ">\n", ":\n", "a:", "над ", "above this lin", "<\n>", "-- \n", "a >\n", " ", "—", "漢"]
)
def test_a_long_text_takes_no_longer_than_its_length(reader, piece):
    """256 K letters of anything, and a text of as many lines."""
    text = piece * (256_000 // len(piece))
    assert len(kinds(reader, text)) == text.count("\n") + 1
    assert kinds(reader, "") == bytes([BLANK])


def test_under_the_sanitizers(tmp_path):
    """No text reads or writes where it should not."""
    run_checked(Path(__file__).with_name("lines_under_sanitizers.py"), tmp_path, 6_000)


def test_without_the_library_all_goes_on():
    """MAILROUTER_NATIVE=0 cuts the same in Python."""
    code = (
        "import sys; from router.message import quoting\n"
        "assert 'router.message.native_lines' not in sys.modules\n"
        "print(*quoting.split('a\\n--\\nb').new_text, 'router.message.native_lines' in sys.modules)"
    )
    for switch, is_native in (("0", False), ("1", native.built().exists())):
        assert said_by(code, switch) == ["a", str(is_native)]
