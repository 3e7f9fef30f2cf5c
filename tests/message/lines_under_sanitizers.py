"""Run by test_native_lines.py, in a process that has the address sanitizer: LIBRARY COUNT."""

import ctypes
import random
import sys

from router.message import attribution, signature
from router.message.native_lines import NativeLines

LETTERS = [*"абвгpз abcs:><-_*=~—–|#.,\t\r\n\n", "\0", "\u3000", "\u2028", "\ud800", "😀", "ſ", "漢", "\u212a"]
WORDS = [
    *signature.SIGN_OFF_BEGINNINGS,
    *signature.LEGAL_BEGINNINGS,
    *attribution.FORWARD_BEGINNINGS,
    "\n",
    "\n",
    "> a",
]
WORDS += [*attribution.ROLE_OF, *attribution.ABOVE_THIS_LINE, "x:\n", "b >\n", "--", "_" * 32, ":*", "above this lin"]


def main() -> None:
    reader, count = NativeLines(ctypes.CDLL(sys.argv[1])), int(sys.argv[2])
    draw = random.Random(5)
    for number in range(count):
        drawn = WORDS if number % 3 == 0 else LETTERS
        text = draw.choice(("", " ")).join(draw.choices(drawn, k=draw.choice((0, 1, 5, 30, 200))))
        if number % 100 == 0:
            text *= 200
        if number % 500 == 1:
            text = draw.choice(("a:\n", "\n", "> a\n", "b >\n", ":", "а ", "— ", "*", "from", "p")) * 60_000
        whole = reader.kinds(text, text.count("\n") + 1)
        last = reader.kinds(text.rpartition("\n")[2], 1)
        if len(whole) != text.count("\n") + 1 or last[0] & ~whole[-1]:
            sys.exit(f"{text!r}: {whole!r}, {last!r}")
    print(f"{count} texts")


if __name__ == "__main__":
    main()
