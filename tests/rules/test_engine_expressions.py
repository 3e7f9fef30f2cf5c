"""Expressions run only where a literal they need stands, and never miss a text for that."""

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rules.expressions import ExpressionBook, required


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        (r"contract\s{0,3}(?P<contract>[0-9]{4,8})", {"contract"}),
        (r"(?:логин|логін|login)[:=-]?\s?(?P<login>[a-z]+)", {"логин", "логін", "login"}),
        (r"(?P<url>https?://[^\s]{3,200}|www\.[a-z]+)", {"http://", "https://", "www."}),
        (r"(?P<mailbox>[a-z]{1,64}@[a-z.]{3,100})", {"@"}),
        (r"a+b{2}c*", {"bb"}),
        (r"[ab]x", {"ax", "bx"}),
        (r"\[desk #(?P<n>[0-9]+)\]", {"[desk #"}),
        (r"(?:^|[^\p{L}])akt", {"akt"}),
    ],
)
def test_what_an_expression_needs_is_read_from_it(source, needed):
    assert required(source) == needed


@pytest.mark.parametrize("source", ["[a-z]+", "(?i)abc", "a?", "a|", "(?:abc)?", r"\x61", "", "a{2", "(a", "[a"])
def test_where_nothing_can_be_told_the_expression_always_runs(source):
    assert required(source) is None


ATOMS = st.sampled_from(["a", "b", "ab", "c", r"\.", "[ab]", "[a-c]", "[^a]", ".", r"\s", "x"])
REPEATS = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,3}", "+?", "??"])
SEQUENCES = st.lists(st.tuples(ATOMS, REPEATS), min_size=1, max_size=4).map(
    lambda parts: "".join(f"(?:{atom}){repeat}" if repeat else atom for atom, repeat in parts)
)
SOURCES = st.lists(SEQUENCES, min_size=1, max_size=3).map(
    lambda branches: "(?:" + "|".join(branches) + ")" + ("" if len(branches) < 3 else "x")
)


@settings(max_examples=800, deadline=None)
@given(SOURCES, st.text(alphabet="abcx. ", max_size=12))
def test_a_text_without_the_literals_is_never_one_that_would_have_matched(source, text):
    needed = required(source)
    if re2.search(source, text) and needed is not None:
        assert any(literal in text for literal in needed)


@settings(max_examples=800, deadline=None)
@given(SOURCES, st.text(alphabet="abcxж€😀. ", max_size=12), st.integers(0, 1))
def test_groups_stand_where_the_wrapper_finds_them(source, text, group):
    whole = f"({source})?" if group else source
    expected = [one.span(group) for one in re2.compile(whole).finditer(text)]
    assert list(ExpressionBook([whole]).spans(0, group, text)) == [one for one in expected if one[0] >= 0]


def test_the_book_names_those_that_are_worth_trying():
    book = ExpressionBook([r"login\s[a-z]+", r"contract\s[0-9]+", r"[0-9]{5}"])
    assert book.possible("my login petro") == {0, 2}
    assert book.possible("nothing") == {2}
