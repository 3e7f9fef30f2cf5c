"""The bytes of an .eml, split as Postfix's milter client would deliver them, so that a file and a live mail read alike.

Postfix 3.7 (observed, and held against a real one by a test): the header ends at the first line that is no header line;
a field's name may have white space before the colon; one leading space of the body is dropped, a tab is kept; folds
arrive as LF + white space; a NUL ends the field; of a field longer than 60,000 bytes the lines that fit are kept. The
body arrives with CRLF line ends. What differs on purpose: an MTA also drops Return-Path and Bcc, which tell us the
envelope of a stored mail, and completes addresses.
"""

import re
from datetime import datetime

from router.message.envelope import (
    LOOP_FIELDS,
    MAX_BODY_BYTES,
    MAX_FIELDS,
    MAX_FIELDS_BYTES,
    Envelope,
    RawMessage,
)

MAX_FIELD_BYTES = 60_000  # of name, colon and body together, as Postfix hands it to a milter

_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")
_LONE_LF = re.compile(rb"(?<!\r)\n")
_BOM = b"\xef\xbb\xbf"


def raw_message(
    data: bytes,
    envelope: Envelope,
    received_at: datetime,
    *,
    source: str = "",
    strip_prefix: str | tuple[str, ...] = "",
) -> RawMessage:
    """One message out of a file.

    data: the file; lines end in CRLF, LF or CR; an mbox "From " line and empty lines before the header are skipped.
    strip_prefix: fields whose name begins with it, or with one of several (any letter case), are counted in
    `strip_counts`. Never raises.
    """
    data = _from_first_field(data)
    fields: list[tuple[bytes, bytes]] = []
    strip_counts: dict[bytes, int] = {}
    given = (strip_prefix,) if isinstance(strip_prefix, str) else strip_prefix
    prefixes = tuple(one.lower().encode() for one in given if one)
    kept_bytes = 0
    fields_cut = False
    position = 0
    while position < len(data):
        name, lines, following = _field_at(data, position)
        if not name:
            position = following
            break
        position = following
        body = _body(name, lines)
        folded = name.lower()
        if folded.startswith(prefixes) and folded not in LOOP_FIELDS:
            strip_counts[folded] = strip_counts.get(folded, 0) + 1
        kept_bytes += len(name) + len(body)
        if fields_cut or len(fields) >= MAX_FIELDS or kept_bytes > MAX_FIELDS_BYTES:
            fields_cut = True
        else:
            fields.append((name, body))
    # one CRLF for one LF adds at most one byte a line: what is needed for the cap is surely in this slice
    body = _LONE_LF.sub(b"\r\n", data[position : position + MAX_BODY_BYTES + 1])
    body_cut = len(body) > MAX_BODY_BYTES
    if not body_cut and body and not body.endswith(b"\n"):
        body += b"\r\n"
    return RawMessage(
        envelope=envelope,
        fields=tuple(fields),
        body=body[:MAX_BODY_BYTES],
        received_at=received_at,
        body_cut=body_cut,
        fields_cut=fields_cut,
        strip_counts=strip_counts,
        source=source,
    )


def all_fields(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Every (name, body) of a file, however many: what a filter has added stands at the end. Never raises."""
    data = _from_first_field(data)
    fields: list[tuple[bytes, bytes]] = []
    name, lines, position = _field_at(data, 0)
    while name:
        fields.append((name, _body(name, lines)))
        name, lines, position = _field_at(data, position)
    return tuple(fields)


def taken_apart(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The header fields of a file as they stand, (name, all its lines), and what comes behind the header, with the
    empty line: what is put together again is the same file, but for a "From " line of mbox. Never raises."""
    data = _from_first_field(data)
    fields: list[tuple[bytes, bytes]] = []
    position = 0
    while position < len(data):
        name, _, following = _field_at(data, position)
        if not name:
            break
        fields.append((name, data[position:following]))
        position = following
    return fields, data[position:]


def _from_first_field(data: bytes) -> bytes:
    data = data.removeprefix(_BOM)
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    data = data.lstrip()
    return data.partition(b"\n")[2] if data.startswith((b"From ", b">From ")) else data


def _body(name: bytes, lines: list[bytes]) -> bytes:
    return _kept(lines, MAX_FIELD_BYTES - len(name) - 1).removeprefix(b" ").partition(b"\0")[0]


def _field_at(data: bytes, start: int) -> tuple[bytes, list[bytes], int]:
    """The field that begins at `start`: its name, the lines of its body, and where the next one begins.

    No name: the header ended; the third value is where the body begins (behind an empty line, if there is one)."""
    end = _line_end(data, start)
    line = data[start:end].removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        return b"", [], end
    before_colon, colon, rest = line.partition(b":")
    name = before_colon.rstrip(b" \t")
    if not colon or not _NAME.fullmatch(name):
        return b"", [], start
    lines = [rest]
    size = len(rest)
    while end < len(data) and data[end] in b" \t":
        start, end = end, _line_end(data, end)
        size += end - start
        if size <= 2 * MAX_FIELD_BYTES:  # more than will be kept; the rest of a field of any length is only passed over
            lines.append(data[start:end].removesuffix(b"\n").removesuffix(b"\r"))
    return name, lines, end


def _kept(lines: list[bytes], room: int) -> bytes:
    """The lines that fit, whole; of the first one as much as fits."""
    kept = [lines[0][:room]]
    size = len(kept[0])
    for line in lines[1:]:
        size += 1 + len(line)
        if size > room:
            break
        kept.append(line)
    return b"\n".join(kept)


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end + 1
