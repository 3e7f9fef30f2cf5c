"""Texts as rules see them: one form for what people type, words, sentence ends, and the way back to the original."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.rules.text import Text, normalise, words

FAST = settings(max_examples=300, deadline=None)
ODD = st.text(
    alphabet=st.sampled_from("abЁё й\u0306éе\u0301№…’`´'-\u00ad\u200b\ufeffｆｕ１２\u00a0ﬁßΣς한ᄒ\u1161\u11ab½\n.,")
)
ANY = st.text(max_size=40) | ODD


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("ЁЛКА ёлка", "елка елка"),
        ("об’єкт об`єкт обʼєкт об´єкт", "об'єкт об'єкт об'єкт об'єкт"),
        ("сай\u200bт са\u00adйт", "сайт сайт"),
        ("№\u00a05", "no 5"),
        ("ｌｏｇｉｎ １２", "login 12"),
        ("Straße", "strasse"),
        ("и\u0306 й", "й й"),
    ],
)
def test_what_people_type_alike_is_seen_alike(typed, seen):
    assert normalise(typed) == seen


@FAST
@given(ANY)
@example("\u1fe2 \u0390x")
def test_normalising_twice_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFKC", once)


@FAST
@given(ANY)
def test_every_place_leads_back_to_what_made_it(text):
    """Any stretch of whole normalised pieces comes from an original that normalises to it."""
    seen = Text(text)
    starts, _ = seen._map
    for start, end in pairwise(starts):
        assert normalise(seen.original_of(start, end)) == seen.normalised[start:end]
    whole = seen.original_of(0, len(seen.normalised)) if seen.normalised else ""
    assert normalise(whole) == seen.normalised


def test_values_come_back_as_they_were_typed():
    text = Text("Договір № 104455, Login: Petro01")
    start = text.normalised.index("petro01")
    assert text.original_of(start, start + 7) == "Petro01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("веб-почта, об'єкт!", ["веб-почта", "об'єкт"]),
        ("a - b -- c", ["a", "b", "c"]),
        ("customer.com.ua", ["customer", "com", "ua"]),
        ("snake_case", ["snake", "case"]),
        ("'quoted' -x- y's", ["quoted", "x", "y's"]),
        ("for re\u0301sume\u0301 50%", ["for", "résumé", "50"]),
        ("сло\u0301во", ["сло\u0301во"]),  # a mark that melts with nothing belongs to its word
        ("\r\n \u2028", []),
    ],
)
def test_a_word_is_letters_marks_and_digits_with_joiners_inside(text, expected):
    assert words(text) == expected


def is_of_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def slow_words(text: str) -> list[str]:
    found, word = [], ""
    for at, char in enumerate(text):
        joins = char in "'-" and 0 < at < len(text) - 1 and is_of_word(text[at - 1]) and is_of_word(text[at + 1])
        if is_of_word(char) or joins:
            word += char
        else:
            found.append(word)
            word = ""
    return [one for one in [*found, word] if one]


@FAST
@given(st.text(alphabet="ab'-_ .\r\n\u2028\u0301*№€", max_size=30) | st.text(max_size=30), st.sampled_from([1, 40]))
def test_the_fast_way_to_words_is_the_slow_way(text, times):
    """Short and long texts go different ways; both give what the definition gives, each word at its place."""
    seen = Text(text * times)
    assert seen.words == slow_words(seen.normalised)
    assert [
        seen.normalised[at : at + len(word)] for at, word in zip(seen.starts, seen.words, strict=True)
    ] == seen.words


@FAST
@given(st.text(alphabet="ab. ", max_size=60), st.sampled_from([1, 400]))
def test_a_place_in_the_joined_words_names_its_word(text, times):
    seen = Text(text * times)
    at = 0
    for number, word in enumerate(seen.words[:50]):
        assert seen.word_at(at) == number
        at += len(word) + 1


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("one. two", [True]),
        ("one? two", [True]),
        ('one!" two', [True]),
        ("one: two; three", [True, True]),
        ("one, two - three", [False, False]),
        ("one\ntwo", [False]),
        ("one\n\ntwo", [True]),
        ("one \n \t\n two", [True]),
        ("customer.com.ua at 15:30", [False] * 5),
        ("https://customer.ua now", [False, False, False]),
    ],
)
def test_sentences_end_at_signs_before_white_space_and_at_empty_lines(text, ends):
    seen = Text(text)
    assert [seen.ends_after(word) for word in range(len(seen.words) - 1)] == ends


def test_only_so_much_of_a_text_is_looked_at():
    assert Text("abcdef", cap=3).words == ["abc"]


def test_lines_are_counted_only_where_there_are_several():
    assert Text("one two").line_of(4) == 0
    assert Text("one\ntwo").line_of(4) == 2
