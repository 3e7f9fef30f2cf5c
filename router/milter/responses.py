"""What we say to the MTA: answers and edits as packets.

Edits are legal only between the end of a message and its final answer. Every function returns one packet.
"""

import re
import struct
from collections.abc import Iterable
from functools import lru_cache

from router.milter.header_value import field_body, field_name
from router.milter.negotiation import Action, Offer
from router.milter.packets import MAX_PACKET_BYTES, packet

CONTINUE = packet(b"c")
ACCEPT = packet(b"a")
TEMPFAIL = packet(b"t")
REJECT = packet(b"r")
DISCARD = packet(b"d")
SKIP = packet(b"s")
PROGRESS = packet(b"p")

FINAL = frozenset(b"cartdy")
"""Letters that end a message. `4` (shutdown) is not among them: Postfix says 250 to it and loses the mail."""

NEEDS: dict[int, int] = {
    ord("h"): Action.ADDHDRS,
    ord("i"): Action.ADDHDRS,
    ord("m"): Action.CHGHDRS,
    ord("+"): Action.ADDRCPT,
    ord("2"): Action.ADDRCPT_PAR,
    ord("-"): Action.DELRCPT,
    ord("q"): Action.QUARANTINE,
    ord("p"): ~0,
}
"""Letter of an edit -> what the MTA must have offered (any one bit for progress)."""

_NOT_IN_ADDRESS = re.compile(r"[\x00-\x20<>\x7f]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_ENHANCED = re.compile(r"[45]\.\d{1,3}\.\d{1,3}\Z")


class BadAnswer(ValueError):
    """Bytes that are no complete answer to an end of message; written, they would cost the whole connection."""


_begins = struct.Struct(">IB").unpack_from  # a packet: its length, its letter


@lru_cache(maxsize=64)  # an MTA offers the same at every connection
def _offered(actions: int) -> frozenset[int]:
    """Letters of the packets before the final one that an MTA takes which has offered these edits."""
    return frozenset(letter for letter, needed in NEEDS.items() if actions & needed or letter == ord("p"))


def check_answer(packets: bytes, offer: Offer) -> None:
    """Raises BadAnswer unless `packets` are edits that this MTA offered, then one final answer, and nothing more."""
    position, size = 0, len(packets)
    offered = _offered(offer.actions)
    while True:
        if size - position < 5:
            raise BadAnswer(f"an answer of {size} bytes without a final packet")
        length, letter = _begins(packets, position)
        end = position + 4 + length
        if length == 0 or end > size:
            raise BadAnswer(f"a packet of {length} bytes in an answer of {size}")
        if letter in offered:
            position = end
            continue
        if letter in FINAL:
            break
        if letter not in NEEDS:
            raise BadAnswer(f"{chr(letter)!r} is no edit of ours")
        raise BadAnswer(f"edit {chr(letter)!r} was not offered by the MTA")
    if end != size:
        raise BadAnswer(f"{size - end} bytes after the final packet")


def add_header(name: str | bytes, value: str, *, leading_space: bool) -> bytes:
    """A field below all others. leading_space: whether the space after the colon is ours to write (HDR_LEADSPC)."""
    return packet(b"h", _field(name, value, leading_space))


def add_headers(fields: Iterable[tuple[str, str]], *, leading_space: bool) -> bytes:
    """Fields below all others, in their order: the packets of `add_header` in one piece."""
    colon = b"\0 " if leading_space else b"\0"
    packets = []
    for name, value in fields:
        raw = field_name(name)
        data = b"h%b%b%b\0" % (raw, colon, field_body(value, name_bytes=len(raw)))
        packets.append(len(data).to_bytes(4, "big") + data)  # never too long: 100 bytes of name, MAX_VALUE of body
    return b"".join(packets)


def insert_header(index: int, name: str | bytes, value: str, *, leading_space: bool) -> bytes:
    """A field at a place: 0 is above the MTA's own Received, 1 below it. Sendmail is reliable at 0 only."""
    return packet(b"i", index.to_bytes(4, "big") + _field(name, value, leading_space))


def change_header(index: int, name: str | bytes, value: str, *, leading_space: bool) -> bytes:
    """The field `name` number `index`, counted from 1 among those of its name as received. Beyond the last: added."""
    return packet(b"m", index.to_bytes(4, "big") + _field(name, value, leading_space))


def delete_header(index: int, name: bytes) -> bytes:
    """Remove one field. Postfix shifts the rest at once: work from the highest index down.

    name: as the MTA sent it, whatever it holds and however long it is: Postfix reads it back.
    """
    return packet(b"m", index.to_bytes(4, "big") + name + b"\0\0", MAX_PACKET_BYTES + 8)


def add_recipient(address: str, arguments: str = "") -> bytes:
    """One more recipient, by its bare address. arguments: ESMTP ones (`NOTIFY=NEVER`); they need ADDRCPT_PAR."""
    if not address or _NOT_IN_ADDRESS.search(address):
        raise ValueError(f"{address!r} cannot be a recipient")
    if _CONTROLS.search(arguments):
        raise ValueError(f"{arguments!r} cannot be ESMTP arguments")
    recipient = b"<" + address.encode("utf-8") + b">\0"
    return packet(b"2", recipient + arguments.encode("ascii") + b"\0") if arguments else packet(b"+", recipient)


def delete_recipient(argument: bytes) -> bytes:
    """Remove a recipient. argument: that of RCPT, byte for byte; Postfix passes over any other spelling silently."""
    return packet(b"-", argument + b"\0")


def quarantine(reason: str) -> bytes:
    """Hold the message in the MTA's queue. Not final. reason: one line; Postfix before 3.10 shows it nowhere."""
    return packet(b"q", one_line(reason, 200).encode("ascii") + b"\0")


def reply(code: int, enhanced: str, text: str) -> bytes:
    """An SMTP reply of our own: 4xx or 5xx, an enhanced code of the same class, 32 lines of 900 characters at most."""
    if not 400 <= code <= 599 or not _ENHANCED.match(enhanced) or enhanced[0] != str(code)[0]:
        raise ValueError(f"{code} {enhanced} is no SMTP reply")
    # Sendmail uses the text as a format; Postfix undoes the doubling.
    lines = [one_line(line, 900).replace("%", "%%") for line in text.split("\n")][:32]
    last = len(lines) - 1
    shown = "\r\n".join(f"{code}{' ' if at == last else '-'}{enhanced} {line}" for at, line in enumerate(lines))
    return packet(b"y", shown.encode("ascii") + b"\0")


def one_line(text: str, limit: int) -> str:
    """`text` as one line of at most `limit` printable ASCII characters; anything else becomes `?` or a space."""
    return _CONTROLS.sub(" ", text[: limit * 2]).encode("ascii", "replace").decode("ascii").strip()[:limit]


def _field(name: str | bytes, value: str, leading_space: bool) -> bytes:
    raw = field_name(name)
    return raw + (b"\0 " if leading_space else b"\0") + field_body(value, name_bytes=len(raw)) + b"\0"
