"""A suggestion is the word that was meant, or none."""

import pytest

from router.rules.grammar import FILE
from router.rules.grammar_conditions import TESTS
from router.rules.grammar_rules import ACTIONS, RULE
from router.rules.grammar_texts import OPERATORS
from router.rules.suggestions import OPPOSITES, SAME_MEANING, opposite, suggest
from router.vocabulary import AccountState, AuthState, Automatic, NewQuestion, Priority, Stage, ThreadState

ENUMS = [
    [str(one) for one in kind]
    for kind in (AccountState, AuthState, Automatic, NewQuestion, Priority, Stage, ThreadState)
]
TABLES = [list(TESTS), list(OPERATORS), list(ACTIONS), list(RULE.keys), list(FILE), *ENUMS, ["true", "false"]]


@pytest.mark.parametrize(
    ("written", "meant", "known"),
    [
        ("enrch", "enrich", list(map(str, Stage))),
        ("Technical", "technical", ["technical", "billing"]),
        ("follow-up", "follow_up", list(map(str, ThreadState))),
        ("no reply", "no_reply", list(ACTIONS)),
        ("and", "all", list(TESTS)),
        ("or", "any", list(TESTS)),
        ("forward", "redirect", list(ACTIONS)),
        ("critical", "urgent", list(map(str, Priority))),
        ("yes", "true", ["true", "false"]),
        ("off", "false", ["true", "false"]),
        ("off", "off", ["enforce", "shadow", "off"]),
        ("unlikly", "unlikely", list(map(str, NewQuestion))),
        ("author_in", "sender_in", list(TESTS)),
    ],
)
def test_what_was_meant(written, meant, known):
    """Slips, other spellings, and words of other programs."""
    assert suggest(written, known) == meant


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("reject", list(ACTIONS)),
        ("delete", list(ACTIONS)),
        ("drop", list(ACTIONS)),
        ("discard", list(ACTIONS)),
        ("accept", list(ACTIONS)),
        ("known", ["unknown"]),
        ("named", ["unnamed"]),
        ("proven", list(map(str, ThreadState))),
        ("likly", ["unlikely"]),
        ("closed", ["open"]),
        ("not_automatic", ["automatic"]),
        ("not_tags", ["tags"]),
        ("starts_with", ["ends_with"]),
        ("before_open", ["after_close"]),
        ("disable", ["enable"]),
        ("deny", list(TESTS)),
        ("x" * 5000, list(TESTS)),
        ("", list(TESTS)),
    ],
)
def test_no_bad_suggestion(written, known):
    """What is only alike to the eye is not suggested."""
    assert suggest(written, known) is None


@pytest.mark.parametrize("pair", OPPOSITES)
def test_opposites_are_never_suggested_for_each_other(pair):
    """The list holds in both directions."""
    assert suggest(pair[0], [pair[1]]) is None
    assert suggest(pair[1], [pair[0]]) is None


def test_every_word_of_the_language_gets_itself_for_a_slip():
    """One letter doubled, dropped or swapped in a word of the language: that word is suggested, or none."""
    for table in TABLES:
        for word in table:
            if len(word) < 5:
                continue
            for at in range(1, len(word) - 1):
                for slip in (
                    word[:at] + word[at] + word[at:],
                    word[:at] + word[at + 1 :],
                    word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                ):
                    if slip not in table:
                        assert suggest(slip, table) in (word, None), (slip, word)


def test_same_meanings_are_words_of_the_language():
    """Nothing is suggested that does not exist."""
    words = {word for table in TABLES for word in table} | {
        "timezone",
        "shadow",
        "enforce",
        "off",
        "open",
        "close",
        "id",
    }
    assert set(SAME_MEANING.values()) <= words


def test_opposite_knows_negations():
    """A word and its negation are opposites."""
    assert opposite("known", "unknown") and opposite("not_tags", "tags") and opposite("tags", "not_tags")
    assert not opposite("unlikly", "unlikely") and not opposite("tag", "tags")
