"""What a text has is the same found in Python and in C, whatever somebody writes."""

import gc
import itertools
import json
import re
import sys
import threading
import unicodedata
import weakref
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import native
from router.rules import native_search, text
from router.rules.compile import compile_rules
from router.rules.expressions import ExpressionBook
from router.rules.load import load
from router.rules.native_search import NativeSearch, alphabet_of
from router.rules.phrases import CHECK_EVERY, OutOfTime, PhraseBook, parse_phrase
from router.rules.text import Text, normalise
from tests.native.library import needed, said_by
from tests.native.sanitizers import run_checked
from tests.rules.test_engine_phrases import PHRASES, TEXTS, slow_match

ROOT = Path(__file__).parents[2]
BETWEEN = [
    *(" ", " ", " ", ", ", ". ", "! ", ".) ", "?» ", "\n", "\n\n", "\n \n", "-", "--", "'", " - ", "…", "_", ".", ""),
]  # fmt: skip
PIECES = ["не", "сайт", "сайты", "открыт", "Ошибка", "500", "5001", "ЩЁ", "об’єкт", "а", "a", "№", "№5", "ß", "½", "ﬁn"]
PIECES += [
    "\u00ad", "са\u00adйт", "\ufeff", "\u200b.", "\u0301", "е\u0301", "й", "漢字", "ﷺ", "😀", "\0", "Σς",
    "ᄒ\u1161",
]  # fmt: skip
PIECES += [
    "http://a.ua/x", "login:", "x@y", "\u00a0", "\u2028", "10$", "ij", "ľĿ", "ﬀ", "ſ", "K", "ŉ", "İ", "ΐ",
    "سلام",
]  # fmt: skip
PARTS = [
    "не", "сайт*", "сайт", "откр*", "ошибка 500", "об'єкт", "а", "а*", "no 5", "ss*", "1 2", "fin", "щ*", "σσ",
    "a.ua", "漢字",
]  # fmt: skip
SOURCES = [
    "login[:=]", "https?://", "[0-9]+", "@", "сайт|не", "no [0-9]", "😀", "漢", r"a\.", "от*к", "500", "50",
    "ss",
]  # fmt: skip
written = st.one_of(
    TEXTS,
    st.text(max_size=100),
    st.text(st.characters(max_codepoint=0x2100), max_size=100),
    st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(BETWEEN)), max_size=40).map(
        lambda pairs: "".join(one + between for one, between in pairs)
    ),
)
phrases = PHRASES | st.lists(
    st.lists(st.sampled_from([*PARTS, ".."]), min_size=1, max_size=5).map(lambda parts: " ".join([*parts, "а"])),
    max_size=12,
)


def searches(sources: list[str], expressions: list[str]) -> tuple[PhraseBook, ExpressionBook, NativeSearch]:
    books = PhraseBook(map(parse_phrase, sources)), ExpressionBook(expressions)
    return *books, NativeSearch(needed(), *books)


def assert_same(book: PhraseBook, expressions: ExpressionBook, search: NativeSearch, original: str) -> bool:
    """Whether C read the text; what it reads it finds as Python does, in the same order and at the same places."""
    seen, other = Text(original), Text(original)
    if not search.reads(seen):
        assert search.find(seen) == (book.find(other), None)
        assert search.possible(seen) == expressions.possible(other.normalised)
        return False
    found, possible = search.find(seen), search.possible(Text(original))
    hits = book.find(other)
    assert list(found[0].items()) == list(hits.items()), original
    assert found[1] == possible == expressions.possible(other.normalised), original
    assert seen.word_count == len(other.words), original
    for place in hits.values():
        assert seen.words_span(*place) == other.words_span(*place), original
    return True


@pytest.fixture(scope="module")
def shipped():
    data = (ROOT / "rules.yaml").read_bytes()
    ruleset = compile_rules(load(data, "rules.yaml", base=ROOT), data)
    return ruleset.phrases, ruleset.expressions, NativeSearch(needed(), ruleset.phrases, ruleset.expressions)


@settings(max_examples=1500, deadline=None)
@given(phrases, st.lists(st.sampled_from(SOURCES), max_size=5), written)
def test_c_finds_what_python_does(sources, expressions, original):
    """Any text: the same phrases and places, expressions, number of words and pieces of the original."""
    assert_same(*searches(sources, expressions), original)


@settings(max_examples=600, deadline=None)
@given(PHRASES, TEXTS)
def test_c_finds_what_the_slow_matcher_finds(sources, original):
    """Straight from the definition, as the book in Python."""
    book, _, search = searches(sources, [])
    assert search.reads(Text(original))
    wanted = {number for number, one in enumerate(book.phrases) if slow_match(one, Text(original))}
    assert set(search.find(Text(original))[0]) == wanted


def test_sentences_end_where_they_do_in_python():
    """Whatever up to four signs stand between two words."""
    book, expressions, search = searches(["one .. two"], [])
    for size in range(5):
        for signs in itertools.product(" .!)»'-\n\t,", repeat=size):
            assert assert_same(book, expressions, search, f"one {''.join(signs)} two")


def test_mails_are_read_in_c(shipped):
    """Of the mails there are, under the rules that are shipped: the same, and hardly one is left to Python."""
    read = []
    for path in sorted((ROOT / "models" / "data").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines()[::5]:
            mail = json.loads(line)
            read += [assert_same(*shipped, mail.get(key) or "") for key in ("subject", "body")]
    for path in sorted(ROOT.glob("docs/samples/*.eml")):
        read.append(assert_same(*shipped, path.read_text("utf-8", "replace")))
    assert len(read) > 5_000
    assert sum(read) > 0.99 * len(read)


def test_half_a_pair_is_left_to_python(shipped):
    """No text that was decoded has one; C does not read it."""
    assert not shipped[2].reads(Text("сайт \ud800"))


@lru_cache(maxsize=1)
def known_letters() -> dict[str, str]:
    """Those that C reads, and what they become in Python."""
    every = [chr(number) for page in native_search.PAGES for number in range(page << 8, (page + 1) << 8)]
    kind = alphabet_of(needed()).kind
    return {one: normalise(one) for one in every if kind(one) & native_search.KNOWN}


def test_every_letter_is_what_python_says():
    """What a letter becomes, and all that C asks of it, of every code point there is."""
    kind_of = alphabet_of(needed()).kind
    known = known_letters()
    assert len(known) > 4_000
    assert set(map(chr, range(0x300))) - set(known) == set("¨¯¸İȺȾ˘˙˚˛˜˝"), "what holds a mark, or leaves the pages"
    for number in range(sys.maxunicode + 1):
        one, kind = chr(number), kind_of(chr(number))
        if one not in known:
            assert kind == 0, hex(number)
            continue
        form = known[one]
        assert bool(kind & native_search.REMOVED) == (form == ""), hex(number)
        assert bool(kind & native_search.EXPANDS) == (len(form) > 1), hex(number)
        if len(form) != 1:
            continue
        assert kind & (native_search.KNOWN - 1) == ord(form), hex(number)
        assert bool(kind & native_search.WORD) == form.isalnum() == bool(re.match(r"[^\W_]", form)), hex(number)
        assert bool(kind & native_search.SPACE) == form.isspace() == bool(re.match(r"\s", form)), hex(number)
        assert bool(kind & native_search.JOINER) == (form in "'-"), hex(number)
        assert bool(kind & native_search.END) == bool(text._SENTENCE_END.search(f"{form} ")), hex(number)
        assert bool(kind & native_search.CLOSING) == (text._SENTENCE_END.match(f".{form} ") is not None and not (
            kind & (native_search.SPACE | native_search.END))), hex(number)  # fmt: skip


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(st.sampled_from([number for page in native_search.PAGES for number in range(page << 8, page + 1 << 8)]))
)
def test_letters_that_c_reads_do_not_melt(numbers):
    """Whatever stands beside it, each becomes what it becomes alone."""
    known = known_letters()
    drawn = "".join(filter(known.__contains__, map(chr, numbers)))
    assert normalise(drawn) == "".join(known[one] for one in drawn)
    assert not any(unicodedata.category(one).startswith("M") for one in normalise(drawn))


@pytest.mark.parametrize(
    "original", ["сайт " * 20_000, "не " * 30_000, "сайт не " * 15_000, "а" * 100_000, "'-" * 50_000]
)
def test_the_clock_is_looked_at_after_so_many_places(original):
    """As often as Python does; and what is found after it went on is the same."""
    book, expressions, search = searches(["сайт* не .. открыва*", "не .. сайт* .. лежит", "сайт* не работа*"], [])
    looks = [0, 0]

    def clock(which: int) -> bool:
        looks[which] += 1
        return False

    found = search.find(Text(original), lambda: clock(0))
    assert found[0] == book.find(Text(original), lambda: clock(1))
    assert looks[0] == looks[1] <= 3 * len(original) / CHECK_EVERY
    assert_same(book, expressions, search, original + " лежит. Сайт не открывается")


def test_a_search_that_runs_out_of_time_says_so():
    """And the next one is not troubled by it."""
    book, expressions, search = searches(["сайт* .. лежит"], [])
    with pytest.raises(OutOfTime):
        search.find(Text("лежит. " + "сайт. лежит. " * 3_000), lambda: True)
    assert assert_same(book, expressions, search, "сайт увы лежит")


def test_threads_do_not_disturb_each_other(shipped):
    """Several texts searched at a time, by one book, are what they are one by one."""
    originals = [f"сайт не открывается {number} " * 40 for number in range(400)]
    alone = [shipped[2].find(Text(one)) for one in originals]
    found: dict[int, object] = {}

    def work(start: int) -> None:
        for number in range(start, len(originals), 4):
            found[number] = shipped[2].find(Text(originals[number]))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(len(originals))] == alone


def test_a_book_that_is_not_needed_any_more_is_given_back():
    """A reload makes a new one each time."""
    _, _, search = searches(["сайт"], ["login"])
    search.find(Text("сайт"))
    kept = [weakref.ref(one) for one in (search._book, *search._idle)]
    del search
    gc.collect()
    assert len(kept) == 2
    assert [one() for one in kept] == [None, None]


def test_under_the_sanitizers(tmp_path):
    """No text reads or writes where it should not."""
    run_checked(Path(__file__).with_name("search_under_sanitizers.py"), tmp_path, 4_000)


def test_without_the_library_all_goes_on():
    """MAILROUTER_NATIVE=0 finds the same in Python."""
    code = (
        "from router.rules.native_search import search_of; from router.rules.text import Text\n"
        "from router.rules.phrases import PhraseBook, parse_phrase\n"
        "from router.rules.expressions import ExpressionBook\n"
        "search = search_of(PhraseBook([parse_phrase('сайт* .. лежит')]), ExpressionBook(['login', 'pas+']))\n"
        "text = Text('Наш сайт увы лежит, login')\n"
        "print(type(search).__name__, search.find(text)[0], *search.possible(text))"
    )
    for switch, name in (("0", "Search"), ("1", "NativeSearch" if native.built().exists() else "Search")):
        assert " ".join(said_by(code, switch)) == f"{name} {{0: (1, 3)}} 0"
