"""Run by test_native_language.py, in a process that has the address sanitizer: LIBRARY COUNT."""

import ctypes
import random
import sys

from router.message import language, oddities
from router.message.native_language import NativeLanguage

LETTERS = [*"абвгджзиклмнопрстъъыёіїєґўђ", *"abceiopxysjïäßščțñ¿", *" .,!?;:)\n\t\r", *"012459@-«»„“”\"`'’ʼ…_/"]
LETTERS += ["\0", "\u3000", "\u2028", "\u0301", "\ud800", "😀", "Σ", "İ", "ſ", "漢", "error: ", "e_x", "4.5", "[x] "]
WORDS = [*language._CYRILLIC, *language._LATIN, "щ" * 300, "550 5.1", "warning", "denied", "at x("]


def main() -> None:
    library, count = ctypes.CDLL(sys.argv[1]), int(sys.argv[2])
    reader, counts = NativeLanguage(library), oddities.natively(library)
    draw = random.Random(5)
    for number in range(count):
        drawn = WORDS if number % 3 == 0 else LETTERS
        text = ("", " ")[drawn is WORDS].join(draw.choices(drawn, k=draw.choice((0, 1, 5, 30, 200))))
        if number % 100 == 0:
            text *= 200
        if number % 500 == 1:
            text = draw.choice(("a ", "а ", "a'", "x.\n", "а-б ", "ab\n", "\n", "b а. ")) * 6_000
        text = text[: language.MAX_CHARACTERS]
        found = reader.detect(text)
        if found is not None and found != language._detect(text):
            sys.exit(f"{text!r}: {found} instead of {language._detect(text)}")
        if counts.mixed(text) != oddities.mixed(text):
            sys.exit(f"{text!r}: {counts.mixed(text)} places of mixed script")
        body = text.encode("utf-8", "replace")
        if counts.line_ends(body) != oddities.line_ends(body):
            sys.exit(f"{body!r}: line ends {counts.line_ends(body)}")
    print(f"{count} texts")


if __name__ == "__main__":
    main()
