"""The one encoder of header field bodies that we add: ASCII, folded, nothing that could begin another field.

Non-ASCII words become encoded words (RFC 2047) in UTF-8, at most 75 characters each, cut between characters. Folds are
LF + space (CR LF would reach the wire as CR CR LF with Postfix). Any run of white space becomes one space.
"""

import base64
import re
from functools import lru_cache

MAX_LINE = 78
LONGEST_TOKEN = 400  # an ASCII word longer than this is encoded too, so that no line comes near 998 bytes
MAX_VALUE = 60_000  # bytes of a whole encoded body: one packet holds 65,535

_FOLD = re.compile(r"\r?\n(?=[ \t])")
_REFUSED = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ONE_LINE = re.compile(r"[!-~]++(?: [!-~]++)*+")  # words of printable ASCII, one space between
_NAME = re.compile(rb"[!-9;-~]{1,100}\Z")
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_OPEN_B, _OPEN_Q, _CLOSE = "=?utf-8?b?", "=?utf-8?q?", "?="
_ENCODED_WORD = 75


@lru_cache(maxsize=256)  # pure, and the fields are the same ones in every mail
def field_name(name: str | bytes) -> bytes:
    """The name of a field that we add. Raises ValueError for one that RFC 5322 does not know."""
    raw = name.encode("utf-8", "replace") if isinstance(name, str) else name
    if not _NAME.match(raw):
        raise ValueError(f"{raw[:120]!r} is no header field name")
    return raw


def field_body(value: str, *, name_bytes: int = 0) -> bytes:
    """`value` as a field body, without the space after the colon. name_bytes: what the name takes of the first line.

    Decoded by RFC 2047 it is `value` with white space runs as one space. Raises ValueError for CR, NUL, other controls,
    an LF that no white space follows, and for what does not fit into one packet.
    """
    if len(value) <= LONGEST_TOKEN and "=?" not in value and _ONE_LINE.fullmatch(value):  # as nearly all of ours are
        room = MAX_LINE - name_bytes - 2
        return (value if len(value) <= room else _folded(value, room)).encode("ascii")
    value = _FOLD.sub("", value)
    refused = _REFUSED.search(value)
    if refused:
        raise ValueError(f"a header field body cannot hold {refused[0]!r}")
    lines: list[str] = []
    line, used = "", name_bytes + 2
    for token in _tokens(value, MAX_LINE - used):
        if line and used + 1 + len(token) > MAX_LINE:
            lines.append(line)
            line, used = "", 0
        if line:
            line, used = f"{line} {token}", used + 1 + len(token)
        else:
            line, used = token, used + len(token) + (1 if lines else 0)
    encoded = "\n ".join([*lines, line]).encode("ascii")
    if len(encoded) > MAX_VALUE:
        raise ValueError(f"a header field body of {len(encoded)} bytes; at most {MAX_VALUE}")
    return encoded


def _folded(value: str, room: int) -> str:
    """Words with one space between them, in lines; room: characters of the first one."""
    lines = []
    while len(value) > room:
        cut = value.rfind(" ", 0, max(room, 0) + 1)
        if cut < 0:
            cut = value.find(" ")
        if cut < 0:
            break
        lines.append(value[:cut])
        value, room = value[cut + 1 :], MAX_LINE - 1
    return "\n ".join([*lines, value])


def _tokens(value: str, first_room: int) -> list[str]:
    """The words of `value`, those that cannot stand as they are encoded together with the spaces between them."""
    tokens: list[str] = []
    run: list[str] = []
    for word in [*value.split(), ""]:
        if word and not (word.isascii() and len(word) <= LONGEST_TOKEN and "=?" not in word):
            run.append(word)
            continue
        if run:
            tokens.extend(_encoded_words(" ".join(run), _ENCODED_WORD if tokens else min(first_room, _ENCODED_WORD)))
            run = []
        if word:
            tokens.append(word)
    return tokens


def _encoded_words(text: str, first_room: int) -> list[str]:
    """Encoded words that decode to `text` when put side by side; the first takes `first_room` characters at most."""
    raw = text.encode("utf-8", "replace")
    use_q = sum(1 if byte in _Q_PLAIN or byte == 0x20 else 3 for byte in raw) <= (len(raw) + 2) // 3 * 4
    overhead = len(_OPEN_B) + len(_CLOSE)
    room = max(first_room, overhead + 16) - overhead
    words: list[str] = []
    pending, cost = b"", 0
    for character in text:
        piece = character.encode("utf-8", "replace")
        more = sum(1 if byte in _Q_PLAIN or byte == 0x20 else 3 for byte in piece)
        full = cost + more > room if use_q else (len(pending) + len(piece) + 2) // 3 * 4 > room
        if full:
            words.append(_word(pending, use_q))
            pending, cost, room = b"", 0, _ENCODED_WORD - overhead
        pending += piece
        cost += more
    words.append(_word(pending, use_q))
    return words


def _word(raw: bytes, use_q: bool) -> str:
    if not use_q:
        return _OPEN_B + base64.b64encode(raw).decode("ascii") + _CLOSE
    quoted = "".join(chr(byte) if byte in _Q_PLAIN else "_" if byte == 0x20 else f"={byte:02X}" for byte in raw)
    return _OPEN_Q + quoted + _CLOSE
