"""Run by test_native_search.py, in a process that has the address sanitizer: LIBRARY COUNT."""

import ctypes
import random
import sys

from router.rules.expressions import ExpressionBook
from router.rules.native_search import NativeSearch
from router.rules.phrases import PhraseBook, parse_phrase
from router.rules.text import Text

WORDS = ["сайт", "сайты", "не", "а", "об’єкт", "ошибка", "500", "no", "щё", "ss", "login:", "http://", "😀", "@"]
BETWEEN = [" ", " ", ". ", ", ", "\n\n", "-", "'", "…", "№", "ß", "\u00ad", "½", "\0", "", "\ufeff"]
ODD = ["\u0301", "漢", "\ud800", "ﷺ", "\U0010ffff"]
PARTS = ["сайт*", "не", "а", "а*", "об'єкт", "ошибка 500", "..", "no", "щ*", "ss", "漢"]
LONG = ["ошибка " * 30, "а .. а* .. а .. а* ..", "а* .. а* .. а* .. а* .. а* .."]
SOURCES = ["login", "https?://", "@", "сайт|не", "😀", "(?:a|b|c){3}x", "漢", "500", "50", "5"]
HOSTILE = ["сайт ", "а ", "а", "не сайт ", "'-", "ß", "№ ", "сайт. ", "сайт" + " " * 50, "ошибка ", "\u00ad", "½"]


def main() -> None:
    library, count = ctypes.CDLL(sys.argv[1]), int(sys.argv[2])
    draw = random.Random(7)
    for number in range(count):
        if number % 50 == 0:
            sources = [
                " ".join([*draw.choices(PARTS, k=draw.choice((0, 1, 2, 5))), "сайт"])
                for _ in range(draw.choice((0, 1, 40)))
            ] + [f"{draw.choice(LONG)} сайт"]
            books = PhraseBook(map(parse_phrase, sources)), ExpressionBook(draw.sample(SOURCES, draw.randrange(8)))
            search = NativeSearch(library, *books)
        drawn = draw.choices(WORDS, k=draw.choice((0, 1, 5, 30)))
        original = "".join(one + draw.choice(BETWEEN) for one in drawn)
        if number % 50 == 0:
            original = "а " * 40 + "сайт"  # each of so many words fits from several others
        if number % 20 == 1:
            original += draw.choice(ODD)
        if number % 250 == 1:
            original = f"{draw.choice(HOSTILE) * draw.choice((100, 5_000, 20_000))} сайт"
        text, other = Text(original), Text(original)
        if not search.reads(text):
            continue
        found = search.find(text)
        hits = books[0].find(other)
        if found != (hits, books[1].possible(other.normalised)) or search.possible(text) != found[1]:
            sys.exit(f"{original[:500]!r}: {found} instead of {hits}")
        for place in hits.values():
            if text.words_span(*place) != other.words_span(*place):
                sys.exit(f"{original[:500]!r}: {place} is not at {text.words_span(*place)}")
    print(f"{count} texts")


if __name__ == "__main__":
    main()
