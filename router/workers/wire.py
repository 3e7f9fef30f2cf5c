"""What goes between the front and its workers: frames with their lengths before them.

A request is marshalled plain values (the worker trusts the front); an answer is a JSON event and raw milter packets
(the front does not trust a worker that has just parsed somebody's mail: nothing it sends is ever unpickled).
"""

import marshal
import struct
from datetime import UTC, datetime
from typing import Any

import orjson

from router.frozen import dataclass
from router.identity.looked_up import LookedUp, from_plain
from router.message.envelope import Envelope, RawMessage
from router.milter.edits import Offer

_LENGTH = struct.Struct(">I")
REQUEST = struct.Struct(">II")
"""What a request begins with: the lengths of its head and of the mail's body."""
LARGE_BODY_BYTES = 32_768
"""From here on a second system call costs less than a copy."""
MAX_ANSWER_BYTES = 1 << 24
"""Every forged field is named in the answer that deletes it. The front takes no mail in which that is more: it stops at
some 10 MB of them (`server.Limits.deletion_bytes`, with Postfix's 100 KB for a field)."""
LESSON = "lesson"


@dataclass(frozen=True, slots=True)
class Answer:
    """packets: everything to write to the MTA, the final answer included. event: what the journal and the log keep.
    lesson: what the mail teaches the thread store (`threads.learning.Lesson.plain`)."""

    packets: bytes
    event: dict[str, Any]
    lesson: dict[str, Any] | None = None


def request_frame(raw: RawMessage, offer: Offer, looked_up: LookedUp | None = None) -> tuple[bytes, ...]:
    """What to write, in pieces: a large body stays as it is. looked_up: what was asked outside for this mail."""
    envelope = raw.envelope
    head = marshal.dumps(
        (
            (
                envelope.sender,
                envelope.recipients,
                envelope.helo,
                envelope.client_address,
                envelope.client_name,
                envelope.queue_id,
                envelope.authenticated_user,
                envelope.size_bytes,
            ),
            raw.fields,
            raw.received_at.timestamp(),
            raw.body_cut,
            raw.fields_cut,
            dict(raw.strip_counts),
            raw.source,
            (offer.version, offer.actions, offer.protocol),
            None if looked_up is None else looked_up.plain(),
        )
    )
    head = REQUEST.pack(len(head), len(raw.body)) + head
    return (head, raw.body) if len(raw.body) >= LARGE_BODY_BYTES else (head + raw.body,)


def request_from(head: bytes, body: bytes) -> tuple[RawMessage, Offer, LookedUp | None]:
    """head: what follows the two lengths of a request."""
    (envelope, fields, received_at, body_cut, fields_cut, strip_counts, source, offer, looked_up) = marshal.loads(head)
    raw = RawMessage(
        Envelope(*envelope),
        fields,
        body,
        datetime.fromtimestamp(received_at, UTC),
        body_cut,
        fields_cut,
        strip_counts,
        source,
    )
    return raw, Offer(*offer), None if looked_up is None else from_plain(looked_up)


def answer_frame(answer: Answer) -> bytes:
    told = answer.event if answer.lesson is None else {**answer.event, LESSON: answer.lesson}
    event = orjson.dumps(told)
    return _LENGTH.pack(4 + len(event) + len(answer.packets)) + _LENGTH.pack(len(event)) + event + answer.packets


class BadAnswer(Exception):
    """A worker sent something that is no answer; it is killed."""


def answer_from(payload: bytes) -> Answer:
    try:
        (size,) = _LENGTH.unpack_from(payload)
        event = orjson.loads(payload[4 : 4 + size])
    except (struct.error, ValueError) as error:
        raise BadAnswer(str(error)) from None
    if not isinstance(event, dict) or len(payload) < 4 + size:
        raise BadAnswer("no event in the answer")
    lesson = event.pop(LESSON, None)
    return Answer(payload[4 + size :], event, lesson if isinstance(lesson, dict) else None)


class Frames:
    """Cuts a byte stream into frames. Raises `BadAnswer` when a frame claims to be larger than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit

    @property
    def begun(self) -> bool:
        """There is more than whole frames."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        if not self._buffer and len(data) >= 4 and 4 + _LENGTH.unpack_from(data)[0] == len(data) <= self._limit:
            return [data[4:]]  # one frame and nothing else, as nearly every answer of a worker
        self._buffer += data
        frames = []
        while len(self._buffer) >= 4:
            (size,) = _LENGTH.unpack_from(self._buffer)
            if size > self._limit:
                raise BadAnswer(f"a frame of {size} bytes")
            if len(self._buffer) < 4 + size:
                break
            frames.append(bytes(self._buffer[4 : 4 + size]))
            del self._buffer[: 4 + size]
        return frames
