"""Mails for tests, from a few written lines."""

from datetime import UTC, datetime

from router.message.envelope import Envelope, RawMessage
from router.message.headers import HeaderFields
from router.message.message import Message, Part

AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def letter(
    head: str | bytes = "",
    text: str = "",
    *,
    sender: str = "<olena@customer.example>",
    media_type: str = "text/plain",
    parts: tuple[Part, ...] = (),
    subject: str | None = None,
    quoted: str = "",
) -> Message:
    """A message with the header lines `head` (folds as in the wire format; a line ends with LF) and the new text."""
    raw_head = head if isinstance(head, bytes) else head.encode()
    fields: list[tuple[bytes, bytes]] = []
    for line in raw_head.split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            name, body = fields.pop()
            fields.append((name, body + b"\n" + line))
        elif line:
            name, _, body = line.partition(b":")
            fields.append((name, body))
    header = HeaderFields(tuple(fields))
    return Message(
        raw=RawMessage(Envelope(sender.encode(), (b"<support@desk.example>",)), tuple(fields), text.encode(), AT),
        fields=header,
        subject=header.first("Subject") if subject is None else subject,
        full_text=text + quoted,
        new_text=text,
        quoted_text=quoted,
        media_type=media_type,
        parts=parts,
    )
