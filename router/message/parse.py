"""The door to flanker's MIME scanner (addresses.py is the one to its address parser), and the stdlib behind it.

flanker is asked for one thing it does well: where the parts of a message begin and end. It gets Latin-1 text, one
character a byte, so that its offsets are ours; header values, transfer encodings and charsets are read by our own code.
Before it stands a count of everything that makes it slow (its boundaries are a list, its parameters are copied), and
every exception of it means "ask the next one": nothing that is mailed to us may end as an error.

flanker 0.9.11 is pinned because `_container` and the offsets in it are private; a test asserts that they are there.
"""

import email
import email.message
import email.policy
import logging
import re
from dataclasses import replace
from typing import Any

from router.message.content import MAX_FIELD_BYTES
from router.message.entity import MAX_DEPTH, MAX_PARTS, Entity, Headers, leaf, mime_headers, part_headers

_CONTENT_TYPE = re.compile(rb"^content-type:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_QUOTABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}")
_CONTAINER = re.compile(rb"multipart/|message/", re.IGNORECASE)
_MAX_CONTAINERS = 60
_MAX_BLOCKS = 200
_MAX_DELIMITER_LINES = 4_000
_MAX_TESTS = 600_000  # lines times open boundaries: what the stdlib parser compares


def warm() -> None:
    """Imports flanker (0.2 s) ahead of the first mail that needs it: for a process that will fork workers."""
    _scanner()


def by_flanker(top: Headers, content_type: bytes, body: bytes, *, cut: bool) -> Entity | None:
    """The tree as flanker sees it, or None when it cannot or should not. content_type: the field body as received."""
    boundary = top.content.parameters.get("boundary", "")
    if boundary and _QUOTABLE.fullmatch(boundary):  # as we read it: flanker stops at signs that should be quoted
        field = f'{top.content.value}; boundary="{boundary}"'.encode("ascii")
    else:
        field = content_type.strip().replace(b"\r\n", b"\n")
    if not _harmless(field, body):
        return None
    data = b"Content-Type: " + field + b"\r\n\r\n" + body
    try:
        root = _scanner().scan(data.decode("latin-1"))
        if root is None:
            return None
        return _Walk(data, len(data) - len(body), cut).entity(root, top)
    except Exception:  # flanker raises what it likes on hostile mail: ValueError, TypeError, RecursionError were seen
        return None


def by_stdlib(top: Headers, content_type: bytes, body: bytes, *, cut: bool) -> Entity | None:
    """The tree as `email` sees it (policy compat32: the others take minutes on hostile fields), or None."""
    containers = len(_CONTAINER.findall(body)) + 1
    if (
        len(content_type) > MAX_FIELD_BYTES
        or containers * body.count(b"\n") > _MAX_TESTS
        or containers > _MAX_CONTAINERS
    ):
        return None
    data = b"Content-Type: " + content_type.strip() + b"\n\n" + body
    try:
        message = email.message_from_bytes(data, policy=email.policy.compat32)
        root = _StdlibWalk().entity(message, top)
        return _with_cut_end(root) if cut else root
    except Exception:  # the stdlib's parser was seen to raise on hostile mail too; the guess comes next
        return None


def _scanner() -> Any:
    """flanker's scanner, imported when first needed; its address parser prints 28 lines at import otherwise."""
    logging.getLogger("flanker.addresslib._parser.parser").setLevel(logging.CRITICAL)
    from flanker.mime.message import scanner

    return scanner


def _harmless(content_type: bytes, body: bytes) -> bool:
    if len(content_type) > MAX_FIELD_BYTES:
        return False
    if body.count(b"\n--") > _MAX_DELIMITER_LINES:
        return False
    containers = 0
    for field in _CONTENT_TYPE.findall(body):
        if len(field) > MAX_FIELD_BYTES:
            return False
        containers += _CONTAINER.search(field) is not None
    return containers <= _MAX_CONTAINERS


class _Walk:
    """Over flanker's tree, with our limits."""

    def __init__(self, data: bytes, body_start: int, cut: bool) -> None:
        self.data = data
        self.body_start = body_start
        self.cut = cut
        self.parts = 0

    def entity(self, part: Any, top: Headers | None, depth: int = 0) -> Entity:
        self.parts += 1
        container = part._container
        start, end = container.start, container.end + 1
        if top is not None:
            headers, start = top, self.body_start
        else:
            headers, start = part_headers(self.data, start, end)
        kind = headers.content.main
        children = part.parts if kind == "multipart" and part.content_type.is_multipart() else ()
        if not children:
            cut = self.cut and end >= len(self.data)
            return leaf(headers, self.data[start:end] if end > start else b"", cut=cut)
        if depth >= MAX_DEPTH:
            return Entity(headers.content, headers.placed, headers.encoding, too_much=True)
        entities = []
        too_much = False
        for child in children:
            if self.parts >= MAX_PARTS:
                too_much = True
                break
            entities.append(self.entity(child, None, depth + 1))
        return Entity(headers.content, headers.placed, headers.encoding, children=tuple(entities), too_much=too_much)


class _StdlibWalk:
    """Over the stdlib's tree, with the same limits."""

    def __init__(self) -> None:
        self.parts = 0

    def entity(self, message: Any, top: Headers | None, depth: int = 0) -> Entity:
        self.parts += 1
        headers = top or mime_headers(
            _field(message, "content-type"),
            _field(message, "content-disposition"),
            _field(message, "content-transfer-encoding"),
            len(message.get_all("content-type", [])),
        )
        payload = message._payload  # get_payload() would decode by whatever charset the mail names
        if headers.content.main != "multipart" or not isinstance(payload, list):
            if isinstance(payload, list):  # message/rfc822, message/delivery-status: taken apart already
                return leaf(headers, _header_blocks(payload), cut=True)
            return leaf(headers, str(payload or "").encode("ascii", "surrogateescape"))
        if depth >= MAX_DEPTH:
            return Entity(headers.content, headers.placed, headers.encoding, too_much=True)
        entities = []
        for child in payload:
            if self.parts >= MAX_PARTS:
                break
            entities.append(self.entity(child, None, depth + 1))
        return Entity(
            headers.content,
            headers.placed,
            headers.encoding,
            children=tuple(entities),
            too_much=len(entities) < len(payload),
        )


def _field(message: Any, name: str) -> bytes | None:
    for field, body in message._headers:  # raw, undecoded: the public accessors wrap 8-bit bodies in Header objects
        if field.lower() == name:
            return str(body).encode("ascii", "surrogateescape")
    return None


def _header_blocks(messages: list[Any]) -> bytes:
    """The fields of messages that the stdlib has taken apart: all that a delivery report holds, and of an enclosed
    message its header. How long it was is not known any more."""
    blocks = []
    for one in messages[:_MAX_BLOCKS]:
        lines = [f"{name}: {body}\n" for name, body in one._headers]
        blocks.append("".join(lines).encode("ascii", "surrogateescape"))
    return b"\n".join(blocks)


def _with_cut_end(entity: Entity) -> Entity:
    """The same tree, its last leaf marked as cut."""
    if not entity.children:
        return replace(entity, cut=True)
    return replace(entity, children=(*entity.children[:-1], _with_cut_end(entity.children[-1])))
