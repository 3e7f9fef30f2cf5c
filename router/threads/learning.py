"""What one mail teaches the thread store, as pseudonyms: nothing of its words or addresses leaves the worker in clear.

Two kinds teach: mail of the desk itself that was submitted (its Message-ID, ticket, recipients and words), and a proven
reply inside a ticket (that the ticket is alive, who takes part now, and what is spoken about).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from router.frozen import dataclass
from router.message.addresses import addresses_in
from router.message.envelope import address_of
from router.message.message import Message
from router.message.stems import stems
from router.pseudonyms import ADDRESS_BYTES, WORD_BYTES, Pseudonyms
from router.threads import reference

MAX_PARTICIPANTS = 200


class BadLesson(ValueError):
    """Plain values that are no lesson."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """at_ms: when the mail was received, since 1970. message_id: of a mail that left, b"" of one that came. ticket: its
    number. participants: who wrote or got it. words: pseudonyms, one after the other."""

    at_ms: int
    message_id: bytes
    ticket: str | None
    participants: tuple[bytes, ...]
    words: bytes

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "at_ms": self.at_ms,
            "message_id": self.message_id.hex(),
            "ticket": self.ticket,
            "participants": [one.hex() for one in self.participants],
            "words": self.words.hex(),
        }


def from_plain(values: Mapping[str, Any]) -> Lesson:
    """Raises BadLesson."""
    try:
        ticket = values["ticket"]
        lesson = Lesson(
            int(values["at_ms"]),
            bytes.fromhex(values["message_id"]),
            None if ticket is None else str(ticket),
            tuple(bytes.fromhex(one) for one in values["participants"]),
            bytes.fromhex(values["words"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadLesson(f"{type(error).__name__}: {error}") from None
    if (
        any(len(one) != ADDRESS_BYTES for one in lesson.participants)
        or len(lesson.message_id) not in (0, ADDRESS_BYTES)
        or len(lesson.words) % WORD_BYTES
    ):
        raise BadLesson("a pseudonym of another length")
    return lesson


def of_departing(
    message: Message, tags: tuple[str, ...], is_ours: Callable[[str], bool], pseudonyms: Pseudonyms
) -> Lesson | None:
    """What a mail of the desk teaches; None when it has no Message-ID that could be answered. is_ours: an address of a
    queue; those take part in every ticket and in none."""
    claims = reference.read(message, tags)
    if not message.message_id:
        return None
    named = [address_of(one) for one in message.raw.envelope.recipients]
    for name in ("To", "Cc"):
        for body in message.fields.all(name):
            named += addresses_in(body)
    others = dict.fromkeys(pseudonyms.participant(one) for one in named if one and not is_ours(one))
    return Lesson(
        _at_ms(message),
        pseudonyms.message_id(message.message_id),
        claims.numbers[0] if claims.numbers else None,
        tuple(others)[:MAX_PARTICIPANTS],
        # quotes count: what the desk answers to is what the ticket is about
        _packed(stems(claims.subject, message.full_text), pseudonyms),
    )


def of_follow_up(message: Message, ticket: str, author: str | None, pseudonyms: Pseudonyms) -> Lesson:
    """What a mail that belongs to a ticket teaches. author: when he is proven, so that he takes part from now on."""
    return Lesson(
        _at_ms(message),
        b"",
        ticket,
        (pseudonyms.participant(author),) if author else (),
        _packed(stems(message.new_text), pseudonyms),
    )


def _packed(found: Iterable[str], pseudonyms: Pseudonyms) -> bytes:
    return b"".join(pseudonyms.word(one) for one in found)


def _at_ms(message: Message) -> int:
    return int(message.raw.received_at.timestamp() * 1000)
