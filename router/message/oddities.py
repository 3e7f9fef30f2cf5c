"""What is strange about a message: forms that two programs read in two ways, words that are not what they look like."""

import re
from collections.abc import Callable
from ctypes import CDLL, c_char_p, c_uint32
from functools import lru_cache

from router import native
from router.frozen import dataclass
from router.message.entity import Headers
from router.message.envelope import RawMessage
from router.message.headers import HeaderFields

_LINES_BYTES = 8_192  # of the body, whose line ends are looked at; those of an attachment cost 0.3 ms
_LETTERS = 4_000  # of the text, whose scripts are looked at
_SOME = 2  # places of mixed script that part numbers explain
# RFC 5322: once
_SINGLE_FIELDS = frozenset({"from", "subject", "content-type", "sender", "reply-to", "to", "date", "message-id"})
_MIXED = re.compile("[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]")

CRLF, BARE_CR, BARE_LF = 1, 2, 4
"""Ends of lines, as bits."""


def find(raw: RawMessage, fields: HeaderFields, top: Headers, text: str) -> set[str]:
    """The flags of a message. text: what its author wrote."""
    count = _counts()
    flags = {f"duplicate-{name}" for name in fields.repeated & _SINGLE_FIELDS}
    if "boundary" in top.content.repeated:
        flags.add("two-boundaries")
    if b"\0" in raw.body:
        flags.add("nul")
    ends = count.line_ends(raw.body[:_LINES_BYTES].removesuffix(b"\r"))
    if ends & BARE_CR:
        flags.add("bare-cr")
    if ends & CRLF and ends & BARE_LF:
        flags.add("bare-lf")
    if not text.isascii() and count.mixed(text[:_LETTERS]) > _SOME:
        flags.add("mixed-script")
    return flags


def line_ends(body: bytes) -> int:
    """The kinds of line ends that are there."""
    both, cr, lf = body.count(b"\r\n"), body.count(b"\r"), body.count(b"\n")
    return CRLF * (both > 0) | BARE_CR * (cr > both) | BARE_LF * (lf > both)


def mixed(text: str) -> int:
    """How often a letter of one script stands beside one of the other, each letter in one pair only: `пaроль` with an
    English `a` once."""
    return len(_MIXED.findall(text))


@dataclass(frozen=True, slots=True)
class Counts:
    """Both of the above, here or in C."""

    line_ends: Callable[[bytes], int]
    mixed: Callable[[str], int]


def natively(library: CDLL) -> Counts:
    """In C: native/oddities.c, a third of the time."""
    of_body, of_text = (
        native.function(library, f"oddities_{name}", c_uint32, (c_char_p, c_uint32)) for name in ("line_ends", "mixed")
    )

    def ends(body: bytes) -> int:
        found: int = of_body(body, len(body))
        return found

    def mixed(text: str) -> int:
        letters = native.letters(text)
        found: int = of_text(letters, len(letters) // native.LETTER_BYTES)
        return found

    return Counts(ends, mixed)


@lru_cache(maxsize=1)
def _counts() -> Counts:
    library = native.library()
    return Counts(line_ends, mixed) if library is None else natively(library)
