"""What each line of a text may be: it spares the regular expressions of quoting and signature all plain lines.

A byte for each line, with bits. BLANK and QUOTE are exact and stand alone, but for RULED; without another bit a line is
surely none of that kind, with it the regular expressions are to be asked. In C where that is built (native_lines).
"""

import re
from collections.abc import Sequence
from ctypes import CDLL
from typing import TYPE_CHECKING

from router import native

if TYPE_CHECKING:
    from router.message.native_lines import NativeLines

BLANK, QUOTE, ATTRIBUTION, RULED, FIELD, SIGN_OFF, LEGAL, POSTSCRIPT = (1 << bit for bit in range(8))
"""White space only. Begins with ">". An attribution may begin here. A ruler, words between rulers, a line above a
forwarded message or "reply above this line". A field of a quoted mail's header. A sign-off, a phone's line or a dash; a
legal notice; a postscript."""
FIELD_CHARACTERS = 40  # so far from the beginning of a line stands the colon of a field
_ALWAYS_ASKED = RULED | SIGN_OFF | LEGAL | POSTSCRIPT


def having(bits: int) -> re.Pattern[bytes]:
    """A pattern for lines that may be one of these kinds."""
    return re.compile(b"[%b]" % re.escape(bytes(kind for kind in range(256) if kind & bits)))


WORDS = re.compile(b"[^%c]" % BLANK)
"""A pattern for a line that is not blank."""


def kinds(text: str, lines: Sequence[str]) -> bytes:
    """Of each line of a text, what it may be. lines: the same text, cut at line ends."""
    reader = _IN_C.reader()
    return reader.kinds(text, len(lines)) if reader else _kinds(lines)


def _in_c(library: CDLL) -> "NativeLines":
    from router.message.native_lines import NativeLines  # it learns the words of the rooms that ask here

    return NativeLines(library)


_IN_C = native.ForEachThread(_in_c)


def _kinds(lines: Sequence[str]) -> bytes:
    """`kinds` in Python, which leaves more to the regular expressions."""
    found = bytearray(len(lines))
    for index, line in enumerate(lines):
        line = line.strip()
        if not line:
            found[index] = BLANK
        elif line[0] == ">":
            found[index] = QUOTE | RULED
        else:
            found[index] = _ALWAYS_ASKED | (FIELD if ":" in line[:FIELD_CHARACTERS] else 0)
            if line.endswith((":", ":*", ">")):
                for above in range(max(index - 2, 0), index + 1):
                    found[above] |= 0 if found[above] & (BLANK | QUOTE) else ATTRIBUTION
    return bytes(found)
