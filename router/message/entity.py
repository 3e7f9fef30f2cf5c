"""The MIME tree of one message, and our own way to it for plain mail.

Most mail is one text, or multipart/alternative of two. For these `of_plain_mail` finds the tree itself and says None to
anything with the least oddity; `parse.py` then asks flanker. A property test holds both ways equal.
"""

import re
from dataclasses import dataclass

from router.message.content import PLAIN, Content, disposition, media_type

MAX_DEPTH = 20
MAX_PARTS = 200
NO_PLACE = Content("")

_EASY_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}")
_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")
_MAX_PART_FIELD_LINES = 1_000


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
        return self.content.main == "multipart"


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
    content = PLAIN if headers.content.main == "multipart" else headers.content
    return Entity(content, headers.placed, headers.encoding, body, cut=cut)


def of_plain_mail(top: Headers, body: bytes, *, cut: bool) -> Entity | None:
    """The tree of plain mail, or None when this is not quite that.

    top: the fields of the message. cut: `body` is not all of it.
    """
    if top.content_types > 1 or "boundary" in top.content.repeated:
        return None
    main = top.content.main
    if main not in ("multipart", "message") and top.content.value != "text/rfc822-headers":
        if "boundary" in top.content.parameters:
            return None
        return leaf(top, body, cut=cut)
    if top.content.value != "multipart/alternative":
        return None
    boundary = top.content.parameters.get("boundary", "")
    if not _EASY_BOUNDARY.fullmatch(boundary):
        return None
    delimiter = b"--" + boundary.encode("ascii")
    if body.count(delimiter[2:]) != 3:  # also in no other place
        return None
    first = 0 if body.startswith(delimiter) else body.find(b"\n" + delimiter) + 1
    second = body.find(b"\n" + delimiter, first) + 1
    last = body.find(b"\n" + delimiter + b"--", second) + 1
    if not (second > first and last > second) or (first == 0 and not body.startswith(delimiter)):
        return None
    children = []
    for start, stop in ((first, second), (second, last)):
        start += len(delimiter)
        line_end = b"\r\n" if body.startswith(b"\r\n", start) else b"\n" if body.startswith(b"\n", start) else b""
        if not line_end:
            return None
        start += len(line_end)
        stop -= 2 if body.endswith(b"\r\n", start, stop) else 1
        headers, body_start = part_headers(body, start, max(start, stop))
        if headers.content_types != 1 or headers.content.value not in ("text/plain", "text/html"):
            return None
        if "boundary" in headers.content.parameters or headers.content.repeated:
            return None
        children.append(leaf(headers, body[body_start : max(body_start, stop)]))
    ending = body[last + len(delimiter) + 2 :]
    if ending and not ending.startswith((b"\r\n", b"\n")):
        return None
    return Entity(top.content, top.placed, top.encoding, children=tuple(children))
