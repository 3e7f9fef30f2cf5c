"""Content-Type and Content-Disposition: a value with parameters (RFC 2045, 2183, 2231), however they were written.

Mail programs leave out semicolons and quotes, put encoded words and raw 8-bit letters into file names, and cut long
names into numbered pieces. A field is read up to 4 KB, in linear time; what makes no sense is skipped, nothing raises.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from router.frozen import dataclass
from router.message import charset
from router.message.headers import decoded, shown

MAX_FIELD_BYTES = 4_096
_MAX_PIECES = 64  # of one parameter in RFC 2231 pieces
_MAX_NAME_CHARACTERS = 255
_MAX_KEPT_BYTES = 80

_VALUE = re.compile(r"\s*([^\s;]*)")
_PARAMETER = re.compile(
    r'[;\s]*(?P<name>[^\s=;"()<>@,:\\/\[\]?]{1,60})\s*=\s*'
    r'(?:"(?P<quoted>(?:[^"\\]++|\\.)*+)"?|(?P<bare>[^;]*))',
    re.DOTALL,
)
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,120}")
_PIECE = re.compile(r"(?P<name>[^*]+)\*(?:(?P<index>\d{1,4})(?P<starred>\*)?)?")
_FOLD = re.compile(rb"\r?\n|\r")


@dataclass(frozen=True, slots=True)
class Content:
    """value: lower case, "text/plain" or "attachment". parameters: lower-case name -> decoded value. repeated: names
    that were given more than once (the first is kept)."""

    value: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()

    @property
    def main(self) -> str:
        return self.value.partition("/")[0]


PLAIN = Content("text/plain")


def media_type(body: bytes) -> Content:
    """A Content-Type field body. A type that is none becomes text/plain (RFC 2045 section 5.2)."""
    if len(body) <= _MAX_KEPT_BYTES and b"oundary" not in body:
        return _kept_media_type(body)
    return _media_type(body)


@lru_cache(maxsize=256)  # most texts declare one of a dozen; what has a boundary comes only once
def _kept_media_type(body: bytes) -> Content:
    return _media_type(body)


def _media_type(body: bytes) -> Content:
    content = _parse(body)
    if _MEDIA_TYPE.fullmatch(content.value):
        return content
    value = "text/html" if content.value in ("html", "text/html,") else "text/plain"
    return Content(value, content.parameters, content.repeated)


def disposition(body: bytes) -> Content:
    """A Content-Disposition field body: `attachment`, `inline`, or what stands there."""
    return _parse(body)


def file_name(content: Content, placed: Content) -> str:
    """The file name that a part declares, without folders, or "". placed: its Content-Disposition."""
    name = placed.parameters.get("filename") or content.parameters.get("name")
    if not name:
        return ""
    return name.replace("\\", "/").rpartition("/")[2].strip()[:_MAX_NAME_CHARACTERS]


def _parse(body: bytes) -> Content:
    if b"\n" in body or b"\r" in body:
        body = _FOLD.sub(b"", body)
    text = body[:MAX_FIELD_BYTES].decode("latin-1")
    match = _VALUE.match(text)
    assert match  # the pattern also matches nothing
    value, position = match[1].lower(), match.end()
    parameters: dict[str, str] = {}
    repeated: set[str] = set()
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if not match:
            semicolon = text.find(";", position + 1)
            if semicolon < 0:
                break
            position = semicolon
            continue
        position = match.end()
        name = match["name"].lower()
        quoted = match["quoted"]
        raw = match["bare"].strip() if quoted is None else quoted
        if quoted is not None and "\\" in quoted:
            raw = _unescaped(quoted)
        if "*" in name and (piece := _PIECE.fullmatch(name)):
            plain = piece["index"] is None or piece["starred"] is not None
            pieces.setdefault(piece["name"], []).append((int(piece["index"] or 0), plain, raw))
        elif name in parameters:
            repeated.add(name)
        else:
            parameters[name] = raw
    for name, found in list(parameters.items()):
        parameters[name] = _shown_value(name, found)
    for name, parts in pieces.items():
        parameters[name] = _joined(parts)  # RFC 2231 wins over the plain form sent beside it for old programs
    return Content(value, parameters, frozenset(repeated))


def _shown_value(name: str, raw: str) -> str:
    if name in ("charset", "boundary"):
        return raw if name == "boundary" else raw.split(None, 1)[0] if raw.strip() else ""
    if raw.isascii() and raw.isprintable() and "=?" not in raw:
        return raw
    return decoded(raw.encode("latin-1"))


def _unescaped(quoted: str) -> str:
    """Without backslashes, except those of a Windows path, which programs send unescaped."""
    if re.match(r"[A-Za-z]:\\[^\\]", quoted):
        return quoted
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


def _joined(pieces: list[tuple[int, bool, str]]) -> str:
    """One value out of RFC 2231 pieces: `name*0*=utf-8'ru'%D0…`, `name*1="…"`."""
    pieces.sort(key=lambda piece: piece[0])
    declared: str | None = None
    data = b""
    for number, (_, encoded, raw) in enumerate(pieces[:_MAX_PIECES]):
        if number == 0 and encoded and raw.count("'") >= 2:
            declared, _, raw = raw.split("'", 2)
        piece = raw.encode("latin-1")
        data += unquote_to_bytes(piece) if encoded else piece
    return shown(charset.decode(data, declared))
