"""The MIME tree of one message, and our own way to it for plain mail.

Most mail is one text, or a well-formed multipart of a few parts. For these `of_plain_mail` finds the tree itself and
says None to anything with the least oddity; `parse.py` then asks flanker. A property test holds both ways equal.
"""

import re
from functools import lru_cache
from itertools import pairwise

from router.frozen import dataclass
from router.message.content import PLAIN, Content, disposition, media_type

MAX_DEPTH = 20
MAX_PARTS = 200
NO_PLACE = Content("")

_EASY_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}")
_EASY_MULTIPARTS = frozenset({"multipart/mixed", "multipart/alternative", "multipart/related"})
_MAX_EASY_PARTS = 20
_MAX_EASY_DEPTH = 3
_MAX_DASHES = 16
_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")
_MAX_PART_FIELD_LINES = 1_000
_MAX_KEPT_BYTES = 160


@dataclass(frozen=True, slots=True)
class Entity:
    """One MIME entity: a leaf with its body still encoded, or a multipart with its children.

    content, placed: Content-Type and Content-Disposition. encoding: Content-Transfer-Encoding as it stands. cut: the
    end of the body was not kept. too_much: children were left out because of MAX_DEPTH or MAX_PARTS.
    """

    content: Content
    placed: Content = NO_PLACE
    encoding: str = ""
    body: bytes = b""
    children: tuple["Entity", ...] = ()
    cut: bool = False
    too_much: bool = False

    @property
    def is_multipart(self) -> bool:
        return self.content.value.startswith("multipart/")


@dataclass(frozen=True, slots=True)
class Headers:
    """The MIME fields of one entity; fields that are doubled count by their first."""

    content: Content = PLAIN
    placed: Content = NO_PLACE
    encoding: str = ""
    content_types: int = 0


def part_headers(data: bytes, start: int, end: int) -> tuple[Headers, int]:
    """The header of the part that begins at `start`, and where its body begins. A line that is no field begins the
    body, as it does for every mail program and for flanker."""
    stop = data.find(b"\r\n\r\n", start, min(end, start + _MAX_KEPT_BYTES))
    if stop < 0:
        return _part_headers(data, start, end)
    headers, size = _kept_part_headers(data[start : stop + 4])
    return headers, start + size


@lru_cache(maxsize=256)  # texts of parts have one of a dozen; those of files, with their names, are mostly longer
def _kept_part_headers(data: bytes) -> tuple[Headers, int]:
    return _part_headers(data, 0, len(data))


def _part_headers(data: bytes, start: int, end: int) -> tuple[Headers, int]:
    found: dict[bytes, bytes] = {}
    content_types = 0
    position = start
    name = b""
    for _ in range(_MAX_PART_FIELD_LINES):
        if position >= end:
            break
        newline = data.find(b"\n", position, end)
        following = end if newline < 0 else newline + 1
        line = data[position:following].rstrip(b"\r\n")
        if not line:
            position = following
            break
        if line[:1] in (b" ", b"\t"):
            if name in found:
                found[name] += b"\n" + line
        else:
            before, colon, body = line.partition(b":")
            if not colon or not _NAME.fullmatch(before):
                if not line.startswith(b"From "):
                    break
                name = b""
            else:
                name = before.lower()
                if name == b"content-type":
                    content_types += 1
                if name in found or not name.startswith(b"content-"):
                    name = b""
                else:
                    found[name] = body
        position = following
    return mime_headers(
        found.get(b"content-type"),
        found.get(b"content-disposition"),
        found.get(b"content-transfer-encoding"),
        content_types,
    ), position


def mime_headers(content: bytes | None, placed: bytes | None, encoding: bytes | None, content_types: int) -> Headers:
    """The values of the fields that matter, from their bodies (None: not there)."""
    return Headers(
        PLAIN if content is None else media_type(content),
        NO_PLACE if placed is None else disposition(placed),
        "" if encoding is None else encoding.decode("latin-1").strip(),
        content_types,
    )


def leaf(headers: Headers, body: bytes, *, cut: bool = False) -> Entity:
    """An entity without children. A multipart in which no part could be found is shown as text, so it is text."""
    content = PLAIN if headers.content.value.startswith("multipart/") else headers.content
    return Entity(content, headers.placed, headers.encoding, body, cut=cut)


def of_plain_mail(top: Headers, body: bytes, *, cut: bool) -> Entity | None:
    """The tree of plain mail, or None when this is not quite that.

    top: the fields of the message. cut: `body` is not all of it.
    """
    if top.content_types > 1 or "boundary" in top.content.repeated:
        return None
    if not _has_parts(top.content):
        if "boundary" in top.content.parameters:
            return None
        return leaf(top, body, cut=cut)
    return _plain_multipart(top, body, body, cut)


def _plain_multipart(top: Headers, body: bytes, whole: bytes, cut: bool, depth: int = 1) -> Entity | None:
    """The multipart with its parts, or None. Its boundary stands before every part, behind the last (unless that is
    cut), and nowhere else in the whole message; every part says once what it is."""
    if top.content.value not in _EASY_MULTIPARTS or depth > _MAX_EASY_DEPTH:
        return None
    boundary = top.content.parameters.get("boundary", "")
    if not _EASY_BOUNDARY.fullmatch(boundary):
        return None
    delimiter = b"--" + boundary.encode("ascii")
    places = _places(body, delimiter)
    if not 1 <= len(places) <= _MAX_EASY_PARTS + 1 or not all(_begins_line(body, one) for one in places):
        return None
    if whole is not body and len(_places(whole, delimiter)) != len(places):
        return None
    end = places[-1] + len(delimiter)
    closed = body.startswith(b"--", end)
    if closed and body[end + 2 :] and not body.startswith((b"\r\n", b"\n"), end + 2):
        return None
    if not closed and not cut:
        return None
    children = []
    for start, stop in pairwise(places):
        children.append(_plain_part(body, start + len(delimiter), stop, whole, False, depth))
    if not closed:
        children.append(_plain_part(body, end, len(body), whole, True, depth))
    known = tuple([child for child in children if child is not None])
    if not known or len(known) < len(children):
        return None
    if top.content.value == "multipart/alternative" and not all(_is_a_form(child) for child in known):
        return None
    return Entity(top.content, top.placed, top.encoding, children=known)


def _places(body: bytes, delimiter: bytes) -> list[int]:
    """Where the delimiter stands, at most some more than we take. An encoded file has no dash in it, and to look for
    dashes is many times faster than to look for a word; a text has many, and each costs more than many bytes."""
    places: list[int] = []
    at, looked = body.find(b"-"), 0
    while at >= 0 and len(places) <= _MAX_EASY_PARTS + 1:
        looked += 1
        if body.startswith(delimiter, at):
            places.append(at)
            at += len(delimiter)
            looked = 0
        else:
            at += 1
        at = body.find(b"-" if looked < _MAX_DASHES else delimiter, at)
    return places


def _begins_line(body: bytes, at: int) -> bool:
    return at == 0 or body[at - 1] == 0x0A


def _plain_part(body: bytes, start: int, stop: int, whole: bytes, cut: bool, depth: int) -> Entity | None:
    """The part between a delimiter, which ends at `start`, and the line of the next, which begins at `stop`. cut: it
    is not all there, and no delimiter follows."""
    line_end = b"\r\n" if body.startswith(b"\r\n", start) else b"\n" if body.startswith(b"\n", start) else b""
    if not line_end:
        return None
    start += len(line_end)
    if not cut:
        stop = max(start, stop - (2 if body.endswith(b"\r\n", start, stop) else 1))
    headers, body_start = part_headers(body, start, stop)
    content = headers.content
    if headers.content_types != 1 or content.repeated or (cut and body_start == stop):
        return None  # also when the cut may go through its header
    inside = body[body_start : max(body_start, stop)]
    if content.value.startswith("multipart/"):
        return _plain_multipart(headers, inside, whole, cut, depth + 1)
    if _has_parts(content) or "boundary" in content.parameters:
        return None
    return leaf(headers, inside, cut=cut)


def _has_parts(content: Content) -> bool:
    """Whether flanker takes what is of this type apart."""
    return content.value.startswith(("multipart/", "message/")) or content.value == "text/rfc822-headers"


def _is_a_form(entity: Entity) -> bool:
    """What programs put side by side in a multipart/alternative."""
    return entity.content.value in ("text/plain", "text/html", "multipart/related", "multipart/mixed")
