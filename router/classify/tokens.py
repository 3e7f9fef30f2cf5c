"""Text to tokens. A token is a skeleton (`schet`) or a class of things that carry no meaning of their own.

Classes start with a character that no skeleton holds: `=url`, `=mail`, `=host`, `=money`, `=date`, `=http` (a number
400-599), `=1` … `=6` (numbers by their length), `=!` and `=?` (two or more such marks), `=q` (a quotation mark). The
empty token ends a sentence.

The text is cut at white space; what a chunk gives depends on nothing but the chunk, so that a filter can remember it
and pays for a word when it sees it for the first time.
"""

import re
from collections.abc import Sequence

from router.classify.normalise import SINGLE_LETTERS, clean, plain_skeleton, skeleton

END = ""
"""Ends a sentence or line."""

TEXT_LIMIT = 24_000
"""Characters of a text that are looked at: its first two thirds and last third. More adds cost and no knowledge."""

_URL = re.compile(r"(?:https?://|ftp://|www\.)")
_MAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\W\d_]{2,}|<email>")
_HOST = re.compile(
    r"(?:[\w-]+\.)+(?:example|com|net|org|info|biz|ua|ru|рф|укр|eu|io|uk|de|pl|kz|by|online|shop|site|local)\b|/(?:[\w.\-]+/)+[\w.\-]*"
)
_PIECE = re.compile(
    r"[^\W\d_](?:[^\W_]|['’ʼ`*@$.\-](?=[^\W_]))*"  # a word, with what people put inside words
    r"|\d+(?:[.,:/\-]\d+)*|[$€₴₽£]|!!+|\?\?+|[.!?;…]|[«»“”„\"]"
)
_DATE = re.compile(r"\d{1,4}[./\-]\d{1,2}(?:[./\-]\d{2,4})?$|\d{1,2}:\d{2}(?::\d{2})?$")
_CURRENCY = frozenset("$€₴₽£")
_QUOTES = frozenset('«»“”„"')
_SENTENCE_END = frozenset(".!?;…")
_WORD_PARTS = re.compile(r"[.\-]")
_PLAIN_LINE = re.compile(r"^(?:([а-яёіїєґА-ЯЁІЇЄҐ]+|[a-zA-Z]+)([,:)]|[.!?;])?$|.*$)", re.MULTILINE)
_NOT_PLAIN = ("", False)


def tokens_of(chunk: str) -> tuple[str, ...]:
    """The tokens of one chunk, a text without white space in it. May be empty."""
    word, ends = plain_word(chunk)
    if word:
        whole = plain_skeleton(word)
        return ((whole,) if whole else ()) + ((END,) if ends else ())
    return tokens_of_other(chunk)


def plain_word(chunk: str) -> tuple[str, bool]:
    """Of a chunk that is one word, perhaps with a mark behind it: the word in lower case, and whether the mark ends a
    sentence. ("", False) for every other chunk. Most chunks are such, and cost a third of the others.
    """
    return plain_words([chunk])[0]


def plain_words(chunks: Sequence[str]) -> list[tuple[str, bool]]:
    """`plain_word` of each, in one go."""
    if not chunks:
        return []
    found = _PLAIN_LINE.findall("\n".join(chunks))
    return [
        (word.lower(), mark in _SENTENCE_END) if word and not (mark == "." and word.lower() == "www") else _NOT_PLAIN
        for word, mark in found
    ]


def tokens_of_other(chunk: str) -> tuple[str, ...]:
    """The tokens of a chunk that is no plain word."""
    chunk = clean(chunk)
    if not chunk:
        return ()
    if _URL.match(chunk):
        return ("=url", END) if chunk[-1] in _SENTENCE_END else ("=url",)
    found: list[str] = []
    if "@" in chunk and _MAIL.search(chunk):
        chunk = _MAIL.sub(" ", chunk)
        found.append("=mail")
    if ("." in chunk or "/" in chunk) and _HOST.search(chunk):
        chunk = _HOST.sub(" ", chunk)
        found.append("=host")
    for piece in _PIECE.findall(chunk):
        first = piece[0]
        if first.isdigit():
            found.append(_number(piece))
        elif first in _CURRENCY:
            found.append("=money")
        elif piece.startswith(("!!", "??")):
            found.append("=" + first)
        elif first in _SENTENCE_END:
            found.append(END)
        elif first in _QUOTES:
            found.append("=q")
        else:
            found.extend(_words(piece))
    if "=!" in found or "=?" in found:
        found.append(END)
    return tuple(found)


def _number(piece: str) -> str:
    if _DATE.match(piece):
        return "=date"
    if len(piece) == 3 and piece[0] in "45" and piece.isdigit():
        return "=http"
    return f"={min(sum(map(str.isdigit, piece)), 6)}"


def _words(piece: str) -> list[str]:
    # "web-mail" and "д.е.б.и.л" are one word, "сервер.почему" is two
    parts = _WORD_PARTS.split(piece)
    if len(parts) > 1 and all(len(part) > 2 for part in parts):
        return [one for one in map(skeleton, parts) if one]
    whole = skeleton(piece)
    return [whole] if whole else []


def chunks_of(text: str) -> list[list[str]]:
    """The lines of a text, each cut into chunks at white space; not yet cleaned."""
    return [line.split() for line in shortened(text).split("\n")]


def shortened(text: str) -> str:
    """What is looked at of a text, TEXT_LIMIT characters and a line end at most."""
    if len(text) <= TEXT_LIMIT:
        return text
    head = TEXT_LIMIT * 2 // 3
    return text[:head] + "\n" + text[len(text) - (TEXT_LIMIT - head) :]


def has_spaced_letters(tokens: Sequence[str]) -> bool:
    """Four single letters in a row: somebody may have s p a c e d a word."""
    run = 0
    for token in tokens:
        run = run + 1 if token in SINGLE_LETTERS else 0
        if run == SPACED_LETTERS:
            return True
    return False


SPACED_LETTERS = 4
