"""Phrases: words in a row, endings, gaps; the fast book against a slow matcher that follows the definition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rules.phrases import MAX_BETWEEN, OutOfTime, Phrase, PhraseBook, parse_phrase
from router.rules.text import Text

SITE = "сайт* не .. открыва*"


def has(phrase: str, text: str) -> bool:
    return bool(PhraseBook([parse_phrase(phrase)]).find(Text(text)))


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        (SITE, "Наш САЙТ не открывается"),
        (SITE, "сайты не очень быстро у всех открываются"),
        (SITE, "сайт не один два три четыре пять открывается"),
        ("a .. longest .. b", "a 1 2 3 4 5 longest 1 2 3 4 5 b"),
        ("ошибка 500", "Ошибка: 500"),
        ("ошибка 500", "ошибка\n500"),
        ("can't .. log", "I can’t even log in"),
        ("ещё вопрос", "Еще вопрос"),
        ("веб-почт*", "в веб-почте"),
        ("номер no 5", "номер №5 номер № 5"),
        ("сайт* .. лежит", "сайт customer.com.ua опять лежит"),
        ("the bat", "The Bat!"),
    ],
)
def test_a_phrase_is_found(phrase, text):
    assert has(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        (SITE, "сайт открывается"),
        (SITE, "мегасайт не открывается"),  # whole words from their beginning
        ("бат", "работа"),
        ("сайт* не .. открыва*", "сайт не один два три четыре пять шесть открывается"),
        ("a .. longest .. b", "a 1 2 3 4 5 6 longest b"),
        ("сайт* .. лежит", "Сайт не змінювали. Лежить усе лежит"),
        ("сайт* .. лежит", "про сайт\n\nвсё лежит"),
        ("почт*", "веб-почта"),
        ("ошибка 500", "ошибка 5001"),
        ("can't log", "cant log"),
    ],
)
def test_a_phrase_is_not_found(phrase, text):
    assert not has(phrase, text)


def test_the_place_of_a_phrase_is_told_in_words_of_the_text():
    text = Text("Добрый день! Сайт, увы, не всегда открывается быстро.")
    ((first, last),) = PhraseBook([parse_phrase("сайт* .. открыва*")]).find(text).values()
    assert text.original[slice(*text.words_span(first, last))] == "Сайт, увы, не всегда открывается"


def test_a_phrase_without_a_word_is_refused():
    with pytest.raises(ValueError, match="no word"):
        parse_phrase("..")


def test_no_phrases_find_nothing():
    assert PhraseBook([]).find(Text("anything")) == {}


def slow_match(phrase: Phrase, text: Text) -> bool:
    """Straight from the definition, every way tried."""

    def fits(index: int, at: int) -> bool:
        word = text.words[at]
        return word.startswith(phrase.words[index]) if phrase.open[index] else word == phrase.words[index]

    def goes_on(index: int, at: int) -> bool:
        if not fits(index, at):
            return False
        if index + 1 == len(phrase.words):
            return True
        for following in range(at + 1, len(text.words)):
            between = range(at, following)
            if phrase.gap[index + 1]:
                if following - at - 1 > MAX_BETWEEN or any(text.ends_after(word) for word in between):
                    return False
            elif following > at + 1:
                return False
            if goes_on(index + 1, following):
                return True
        return False

    return any(goes_on(0, at) for at in range(len(text.words)))


WORDS = ("не", "сайт", "сайты", "сайтик", "открыт", "открывается", "ok", "no", "a")
TEXTS = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from((" ", ", ", ". ", "\n", "\n\n", "-")))).map(
    lambda pairs: "".join(word + between for word, between in pairs)
)
PARTS = st.sampled_from(("не", "сайт*", "сайт", "откр*", "открыт", "ok", "a"))
PHRASES = st.lists(
    st.lists(PARTS, min_size=1, max_size=4).flatmap(
        lambda parts: st.lists(st.booleans(), min_size=len(parts) - 1, max_size=len(parts) - 1).map(
            lambda gaps: (
                parts[0] + "".join((" .. " if gap else " ") + part for gap, part in zip(gaps, parts[1:], strict=True))
            )
        )
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=600, deadline=None)
@given(PHRASES, TEXTS)
def test_the_book_finds_what_the_slow_matcher_finds(sources, original):
    phrases = [parse_phrase(source) for source in sources]
    text = Text(original)
    found = PhraseBook(phrases).find(text)
    assert {number for number, phrase in enumerate(phrases) if slow_match(phrase, text)} == set(found)
    for number, (first, last) in found.items():
        inside = Text(" ".join(text.words[first : last + 1]))
        assert slow_match(phrases[number], inside), "the place that is told holds the phrase"


@pytest.mark.parametrize("text", ["сайт " * 20_000, "не " * 30_000, "сайт не " * 15_000, "а" * 100_000, "'-" * 50_000])
def test_hostile_texts_take_a_bounded_number_of_looks(text):
    """Each anchor is looked at with a bounded number of neighbours, so ten times the text is ten times the work."""
    looks = 0

    def clock() -> bool:
        nonlocal looks
        looks += 1
        return False

    phrases = [parse_phrase(source) for source in (SITE, "не .. сайт* .. лежит", "сайт* не работа*")]
    PhraseBook(phrases).find(Text(text), clock)
    assert looks * 512 <= len(phrases) * len(text)


def test_a_search_that_runs_out_of_time_says_so():
    book = PhraseBook([parse_phrase("сайт* .. лежит")])
    with pytest.raises(OutOfTime):
        book.find(Text("лежит. " + "сайт. лежит. " * 3_000), lambda: True)
