"""The door of this room: `read` turns what the MTA delivered into a `Message`. It never raises.

    fields -> subject, MIME values, oddities
    body   -> entity (our own way for plain mail) or parse (flanker, stdlib) or a guess -> body -> quoting -> language

Whatever is mailed, the answer comes within a second or two and 200 MB: everything is capped first and linear after.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from router.message import body as bodies
from router.message import entity as entities
from router.message import language, oddities, parse, quoting
from router.message import text as texts
from router.message.attribution import REPLY_SUBJECT
from router.message.body import Body
from router.message.charset import decode
from router.message.entity import MAX_DEPTH, MAX_PARTS, Headers
from router.message.envelope import MAX_BODY_BYTES, MAX_FIELDS, MAX_FIELDS_BYTES, RawMessage
from router.message.headers import HeaderFields
from router.message.message import Degraded, Message, ReadBy

_MAX_GUESSED_BYTES = 200_000


def read(raw: RawMessage) -> Message:
    """The message as the rest of the house sees it."""
    try:
        return _read(_capped(raw))
    except Exception as problem:  # a fault of ours on hostile mail costs the text of that mail, not the mail
        return _unreadable(raw, type(problem).__name__)


def warm() -> None:
    """Loads what the first mail, or the first unusual one, would wait for. For a process that will fork workers."""
    parse.warm()
    quoting.split("")
    language.detect("")
    bodies.warm()


def _capped(raw: RawMessage) -> RawMessage:
    """The same message within the limits; the milter and `eml` keep them already, others may not."""
    if len(raw.body) > MAX_BODY_BYTES:
        raw = replace(raw, body=raw.body[:MAX_BODY_BYTES], body_cut=True)
    if len(raw.fields) > MAX_FIELDS or sum(map(len, chain.from_iterable(raw.fields))) > MAX_FIELDS_BYTES:
        kept, size = [], 0
        for name, body in raw.fields[:MAX_FIELDS]:
            size += len(name) + len(body)
            if size > MAX_FIELDS_BYTES:
                break
            kept.append((name, body))
        raw = replace(raw, fields=tuple(kept), fields_cut=True)
    return raw


def _read(raw: RawMessage) -> Message:
    fields = HeaderFields(raw.fields)
    content_types = fields.raw("content-type")
    top = entities.mime_headers(
        content_types[0] if content_types else None,
        next(iter(fields.raw("content-disposition")), None),
        next(iter(fields.raw("content-transfer-encoding")), None),
        len(content_types),
    )
    if declared := top.content.parameters.get("charset"):
        fields = fields.with_charset(declared)
    subject = fields.first("subject")
    body, read_by = _body(raw, top, content_types[0] if content_types else b"")
    text = body.text
    known = _is_known(text, body, raw)
    split = quoting.split(text if known else "", subject)
    code, script = language.of_message(split.new_text, split.signature, _own_subject(subject))
    return Message(
        raw=raw,
        fields=fields,
        subject=subject,
        full_text=text if known else "",
        new_text=split.new_text,
        quoted_text=split.quoted_text,
        signature=split.signature,
        language=code,
        script=script,
        media_type=top.content.value,
        parts=tuple(body.parts),
        encrypted=body.encrypted,
        read_by=read_by,
        flags=frozenset(oddities.find(raw, fields, top, split.new_text) | body.flags),
        text_known=known,
        degraded=tuple(_missing(raw, body, read_by, known)),
    )


def _body(raw: RawMessage, top: Headers, content_type: bytes) -> tuple[Body, ReadBy]:
    """Text and parts by the first reader that gets there; the next one's opinion when flanker finds no text at all."""
    tree = entities.of_plain_mail(top, raw.body, cut=raw.body_cut)
    if tree is not None:
        return bodies.find(tree), ReadBy.FAST
    tree = parse.by_flanker(top, content_type, raw.body, cut=raw.body_cut)
    body = bodies.find(tree) if tree is not None else None
    if body is not None and (body.has_text or body.encrypted or not raw.body.strip()):
        return body, ReadBy.FLANKER
    tree = parse.by_stdlib(top, content_type, raw.body, cut=raw.body_cut)
    second = bodies.find(tree) if tree is not None else None
    if second is not None and (second.has_text or body is None):
        return second, ReadBy.STDLIB
    if body is not None:
        return body, ReadBy.FLANKER
    guessed = texts.plain(decode(raw.body[:_MAX_GUESSED_BYTES], top.content.parameters.get("charset")))
    return Body(texts=[guessed.text], flags={"text-cut"} if len(raw.body) > _MAX_GUESSED_BYTES else set()), ReadBy.RAW


def _own_subject(subject: str) -> str:
    """The subject, unless it is that of an older mail: a reply's subject shows the language of whoever wrote first."""
    return "" if REPLY_SUBJECT.match(subject) else subject


def _is_known(text: str, body: Body, raw: RawMessage) -> bool:
    if not text.strip():
        return not (body.encrypted or body.signed_opaque or raw.body_cut)
    sample = text[:4_000]
    return sample.count("\ufffd") * 4 <= len(sample)


def _missing(raw: RawMessage, body: Body, read_by: ReadBy, known: bool) -> Iterator[Degraded]:
    if raw.fields_cut:
        yield Degraded("fields", f"more than {MAX_FIELDS} header fields or {MAX_FIELDS_BYTES} bytes of them")
    if read_by is ReadBy.RAW:
        yield Degraded("body", "its parts could not be told apart")
    if body.cut:
        yield Degraded("body", f"cut inside the text after {MAX_BODY_BYTES} bytes")
    elif raw.body_cut and not body.has_text:
        yield Degraded("body", f"no text in its first {MAX_BODY_BYTES} bytes")
    if "text-cut" in body.flags:
        yield Degraded("body", "the text is longer than what is read of it")
    if "too-many-parts" in body.flags:
        yield Degraded("body", f"more than {MAX_PARTS} parts or {MAX_DEPTH} levels of them")
    if body.encrypted:
        yield Degraded("body", "encrypted")
    elif not known and not raw.body_cut:
        yield Degraded("body", "signed as a whole, the text is inside" if body.signed_opaque else "not decodable")


def _unreadable(raw: RawMessage, why: str) -> Message:
    return Message(
        raw=raw,
        fields=HeaderFields(raw.fields),
        subject="",
        full_text="",
        new_text="",
        quoted_text="",
        read_by=ReadBy.RAW,
        text_known=False,
        degraded=(Degraded("body", f"not readable ({why})"),),
    )
