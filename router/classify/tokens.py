"""Text to tokens. A token is a skeleton (`schet`) or a class of things that carry no meaning of their own.

Classes start with a character that no skeleton holds: `=url`, `=mail`, `=host`, `=money`, `=date`, `=http` (a number 400-599),
`=1` … `=6` (numbers by their length), `=!` (two or more exclamation marks), `=?`. The empty token ends a sentence.

The text is cut at white space; each chunk gives its tokens once and is then remembered by `TokenCache`-like dicts of
the caller, so that a filter pays for a word when it sees it for the first time.
"""

import re

from router.classify.normalise import clean, join_spaced, skeleton

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
    r"[^\W\d_][^\W_]*(?:['’ʼ`*@$.\-][^\W_]+)*[^\W_]|[^\W\d_]"  # a word, with what people put inside words
    r"|\d+(?:[.,:/\-]\d+)*|[$€₴₽£]|!!+|\?\?+|[.!?;…]"
)
_DATE = re.compile(r"\d{1,4}[./\-]\d{1,2}(?:[./\-]\d{2,4})?$|\d{1,2}:\d{2}(?::\d{2})?$")
_CURRENCY = frozenset("$€₴₽£")
_SENTENCE_END = frozenset(".!?;…")
_WORD_PARTS = re.compile(r"[.\-]")
_ONE_LETTER = re.compile(r"[^\W\d_]\W*$")


def tokens_of(chunk: str) -> tuple[str, ...]:
    """The tokens of one chunk of `clean` text without white space in it. May be empty."""
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
        elif first in _SENTENCE_END:
            found.append(END)
        elif piece.startswith(("!!", "??")):
            found.append("=" + first)
        else:
            found.extend(_words(piece))
    if found.count("=!") or found.count("=?"):
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
    """The lines of a text, each cut into chunks at white space; cleaned, spaced letters joined."""
    if len(text) > TEXT_LIMIT:
        head = TEXT_LIMIT * 2 // 3
        text = text[:head] + "\n" + text[len(text) - (TEXT_LIMIT - head) :]
    text = clean(text)
    lines = [line.split() for line in text.split("\n")]
    singles = 0
    for line in lines:
        for chunk in line:
            if len(chunk) == 1:
                singles += 1
    if singles >= 4:
        joined = join_spaced(text)
        if len(joined) != len(text):
            lines = [line.split() for line in joined.split("\n")]
    return lines
