"""However a word is written, it is the same word."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.classify import features
from router.classify.normalise import clean, skeleton
from router.classify.tokens import tokens_of, tokens_of_other


def tokens(text: str) -> list[str]:
    return [token for token in features.tokens("", text) if token]


@pytest.mark.parametrize(
    "written",
    ["счёт", "СЧЁТ", "cчeт", "сче\u200bт", "с\u00adчет", "schet", "с.ч.ё.т", "сче\u0301т", "сс-счеет", "с ч е т"],
)  # fmt: skip
def test_ways_to_write_a_word(written: str) -> None:
    """Capitals, look-alikes, zero-width characters, translit, spaced letters, stress marks, doubled letters, digits."""
    assert tokens(written) == ["schet"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("сервіс", "сервис"),
        ("домен", "domen"),
        ("пошта", "poshta"),
        ("shch", "щ"),
        ("Khlib", "хліб"),
        ("ｉｎｖｏｉｃｅ", "invoice"),
    ],
)
def test_languages_and_alphabets_meet(one: str, other: str) -> None:
    """Ukrainian, Russian and transliterated spellings of one word have one skeleton."""
    assert skeleton(clean(one)) == skeleton(clean(other))


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        ("https://shop.example/a?b=1.", ("=url", "")),
        ("anna@shop.example,", ("=mail",)),
        ("shop.example", ("=host",)),
        ("502", ("=http",)),
        ("1200", ("=4",)),
        ("12.11.2025", ("=date",)),
        ("1450₴", ("=4", "=money")),
        ("stop!!!", ("stop", "=!", "")),
        ("«да»", ("=q", "da", "=q")),
        ("сервер.почему", ("server", "pochemu")),
        ("ь", ()),
        ("", ()),
    ],
)
def test_tokens_of_a_chunk(chunk: str, expected: tuple[str, ...]) -> None:
    """What has no meaning of its own becomes its class."""
    assert tokens_of(chunk) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
@example("Ꭰ")
@example("ꭰ")
def test_skeletons_are_settled(text: str) -> None:
    """No text raises, and tokens never hold white space or unfolded case (Cherokee folds to its capitals)."""
    for token in tokens(text):
        assert token == token.casefold() and not any(letter.isspace() for letter in token)


@settings(max_examples=300, deadline=None)
@given(word=st.from_regex(r"([а-яёіїєґА-ЯЁІЇЄҐ]+|[a-zA-Z]+)[,:).!?;…]?", fullmatch=True))
def test_plain_words_go_a_shorter_way_to_the_same_end(word: str) -> None:
    """A plain word with a mark behind it gives what the way for any chunk gives."""
    assert tokens_of(word) == tokens_of_other(word)
