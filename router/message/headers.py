"""Header fields: raw bytes beside the decoded text, looked up by name in any letter case.

Decoding is ours: the stdlib's `policy.default` takes minutes on a hostile field and lets a line break in an encoded
word through (reliability.md, finding 5), flanker refuses what is broken. Here every field costs linear time, and what
comes out is one line without control characters.
"""

import re
from binascii import a2b_base64
from collections.abc import Iterator, KeysView

from router.message import charset
from router.message.transfer import base64_decoded, quoted_printable_decoded

MAX_DECODED_BYTES = 65_536  # a field may be longer (References of a long list thread); nobody reads more of it as text

_WORD_START = re.compile(rb"=\?([\x21-\x3e\x40-\x7e]{1,60})\?([bBqQ])\?")
_B_TEXT = rb"[bB]\?(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"
_Q_TEXT = rb"[qQ]\?(?:[\x21-\x3c\x3e\x40-\x7e]|=[0-9A-Fa-f]{2})++"
_PLAIN_WORD = rb"=\?[uU][tT][fF]-8\?(?:%b|%b)\?=" % (_B_TEXT, _Q_TEXT)
_PLAIN_WORDS = re.compile(
    rb"([\x20-\x3c\x3e-\x7e]*+)(%(word)b(?:[ \t]+%(word)b)*+)([\x20-\x3c\x3e-\x7e]*+)" % {b"word": _PLAIN_WORD}
)
_TEXT_OF_WORD = re.compile(rb"\?([bBqQ])\?([^?]+)\?=")
_FOLD = re.compile(rb"\r?\n|\r")
_SPACE = re.compile(rb"[ \t]")
_SPACE_ONLY = re.compile(rb"[ \t\r\n]*")
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_BLANKS = re.compile("[\t\r\n\v\f\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+ *")


class HeaderFields:
    """The fields of one message, in order. Decoding happens when asked and never raises.

    charset: what the body declares; the best guess for raw 8-bit letters in a field that are not UTF-8.
    """

    __slots__ = ("_by_name", "_charset", "_fields", "_texts", "repeated")

    def __init__(self, fields: tuple[tuple[bytes, bytes], ...], charset: str | None = None) -> None:
        self._fields = fields
        self._charset = charset
        self._by_name: dict[str, tuple[bytes, ...]] = {}
        self._texts: dict[bytes, str] = {}  # one field is asked for by several rooms
        repeated: set[str] = set()
        for raw_name, body in fields:
            name = raw_name.decode("latin-1").strip().lower()
            others = self._by_name.get(name)
            if others is None:
                self._by_name[name] = (body,)
            else:
                self._by_name[name] = (*others, body)
                repeated.add(name)
        self.repeated = frozenset(repeated)
        """Names of which there are several fields, lower case."""

    def with_charset(self, charset: str) -> "HeaderFields":
        """The same fields, read with a better guess."""
        other = HeaderFields((), charset)
        other._fields, other._by_name, other.repeated = self._fields, self._by_name, self.repeated
        return other

    @property
    def names(self) -> KeysView[str]:
        """The names that are there, lower case: to ask for many at once."""
        return self._by_name.keys()

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def raw(self, name: str) -> tuple[bytes, ...]:
        """Every body of the fields called `name`, as received."""
        return self._by_name.get(name.lower(), ())

    def all(self, name: str) -> tuple[str, ...]:
        """Every body of the fields called `name`, unfolded and decoded (RFC 2047, broken encoded words, raw 8-bit)."""
        bodies = self._by_name.get(name.lower())
        return tuple([self._text(body) for body in bodies]) if bodies else ()

    def first(self, name: str) -> str:
        """The first of them, or ""."""
        bodies = self._by_name.get(name.lower())
        return self._text(bodies[0]) if bodies else ""

    def _text(self, body: bytes) -> str:
        known = self._texts.get(body)
        if known is None:
            known = self._texts[body] = decoded(body, self._charset)
        return known


def decoded(body: bytes, declared: str | None = None) -> str:
    """A field body as text for people: unfolded, encoded words decoded, one line, no control or invisible characters.

    declared: the charset of raw 8-bit letters, if something says which; see `charset.decode`.
    """
    body = body[:MAX_DECODED_BYTES]
    if b"\n" in body or b"\r" in body:
        body = _FOLD.sub(b"", body)
    if b"=?" not in body:
        return shown(charset.decode(body, declared))
    text = _plain_words(body, declared)
    return shown(_with_words(body, declared) if text is None else text)


def shown(text: str) -> str:
    """One line: white space of other kinds becomes a space, control, bidirectional and invisible characters go."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _UNSEEN.sub("", _BLANKS.sub(" ", text)).strip()


def _plain_words(body: bytes, declared: str | None) -> str | None:
    """The text of a field in the form that nearly every mail program writes: whole encoded words in UTF-8, ASCII
    before and behind them. None: it has another, or something is wrong with it."""
    found = _PLAIN_WORDS.fullmatch(body)
    if found is None:
        return None
    try:
        text = b"".join(
            [
                a2b_base64(word) if how in b"bB" else quoted_printable_decoded(word.replace(b"_", b"=20"))
                for how, word in _TEXT_OF_WORD.findall(found[2])
            ]
        ).decode("utf-8")
    except ValueError:
        return None
    before, behind = found[1], found[3]
    if before:
        text = charset.decode(before, declared) + text
    return text + charset.decode(behind, declared) if behind else text


def _with_words(body: bytes, declared: str | None) -> str:
    """Encoded words and what stands between them.

    Neighbours of one charset are joined as bytes before the charset is decoded, because mail programs cut a character
    in two between words, though RFC 2047 forbids it.
    """
    out: list[str] = []
    run: list[tuple[str, bytes]] = []  # (encoding, encoded text) of neighbouring words of one charset
    run_charset = b""
    position = 0
    last_end = body.rfind(b"?=")  # known once, so that a flood of beginnings does not search to the end each time
    while match := _WORD_START.search(body, position):
        between = body[position : match.start()]
        apart = position == 0 or not _SPACE_ONLY.fullmatch(between)
        name = match[1].partition(b"*")[0].lower()  # RFC 2231 adds a language: utf-8*ru
        if run and (apart or name != run_charset):
            out.append(_run_text(run, run_charset))
            run = []
        if apart:
            out.append(charset.decode(between, declared))
        text, position = _word_text(body, match.end(), last_end)
        run_charset = name
        run.append((match[2].decode("ascii").lower(), text))
    if run:
        out.append(_run_text(run, run_charset))
    out.append(charset.decode(body[position:], declared))
    return "".join(out)


def _word_text(body: bytes, start: int, last_end: int) -> tuple[bytes, int]:
    """The encoded text that begins at `start`, and where reading goes on.

    A word without its end (a length limit cut it, the next word begins) ends at the next word, at white space, or with
    the field.
    """
    end = body.find(b"?=", start) if start <= last_end else -1
    following = body.find(b"=?", start, end if end >= 0 else len(body))
    if following >= 0:
        return body[start:following].rstrip(b"? \t"), following
    if end >= 0:
        return body[start:end], end + 2
    stop = _SPACE.search(body, start)
    return (body[start : stop.start()], stop.start()) if stop else (body[start:].rstrip(b"?"), len(body))


def _run_text(run: list[tuple[str, bytes]], name: bytes) -> str:
    if len(run) > 1 and all(encoding == "b" for encoding, _ in run) and any(len(text) % 4 for _, text in run[:-1]):
        run = [("b", b"".join(text for _, text in run))]  # one base64 text, cut between words at a wrong place
    data = b"".join(_word_bytes(encoding, text) for encoding, text in run)
    return charset.decode(data, name.decode("ascii"))


def _word_bytes(encoding: str, text: bytes) -> bytes:
    if encoding == "b":
        return base64_decoded(text)
    return quoted_printable_decoded(text.replace(b"_", b"=20"))
