"""A held mail, made ready to go on to the queue that it was meant for (amendment 6).

A person has looked at it, in the mailbox of the queue that held mail goes to. It is sent on by a port of the mail
server that no filter listens on and that only this host reaches, so that no rule holds it again; nothing in the mail
itself opens that way, since whatever stands in a mail can be written by anybody.

What is changed: the copy's own trace of delivery (Return-Path, Delivered-To, X-Original-To) goes, `<prefix>Hold` goes,
so that the helpdesk does not take it for held, with it `<prefix>Sig`, which would not hold any more; fields of a
helpdesk that name the queue name the new one; Resent-* fields (RFC 5322 section 3.6.6) on top say who sent it on, and
when. The body stays as it is, byte for byte but for its line ends.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import format_datetime

from router.errors import BadInput, closest
from router.frozen import dataclass
from router.header_signature import NAME as SIGNATURE
from router.header_signature import Signer, queue_id_of
from router.message.addresses import addresses_in
from router.message.eml import taken_apart
from router.message.envelope import address_of
from router.message.headers import HeaderFields
from router.rules import schema
from router.rules.ruleset import Ruleset

MAX_BYTES = 128 << 20

_OF_DELIVERY = frozenset({b"return-path", b"delivered-to", b"x-original-to"})
_OF_HELPDESKS = (b"x-otrs-queue", b"x-zammad-ticket-group")
_RT_QUEUE = re.compile(rb"\s*Queue:\s*\S", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[^\s<>\x00-\x1f\x7f]{1,250}@[^\s<>\x00-\x1f\x7f]{1,250})?")
_LONE_LF = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Released:
    """queue, recipient: where it goes. sender: MAIL FROM, "" for none. data: the message, CRLF lines. held: why it was,
    as its field says, or "". removed: names of fields that were taken out. notes: what a person should know."""

    queue: str
    recipient: str
    sender: str
    data: bytes
    held: str = ""
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def eight_bit(self) -> bool:
        return not self.data.isascii()


def prepare(
    data: bytes,
    ruleset: Ruleset,
    now: datetime,
    random: Callable[[int], str],
    *,
    to: str | None = None,
    signer: Signer | None = None,
    mta: str | None = None,
) -> Released:
    """Make a held mail ready. now: aware. random: that many random bytes, hexadecimal. to: a queue, instead of the one
    the mail was meant for; then it need not say that it was held. signer: the signature of the fields must hold.
    mta: the name of the filter's mail server in Received. Raises BadInput, with what to do."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"more than {MAX_BYTES >> 20} MiB are no mail")
    parts, rest = taken_apart(data)
    fields = HeaderFields(tuple((name, _body(lines)) for name, lines in parts))
    if not parts:
        raise BadInput("there is no header field in it; is it a mail?")
    prefix = ruleset.prefix
    held = fields.all(prefix + "Hold")
    if to is None and not held:
        raise BadInput(
            f"it was not held: it has no {prefix}Hold; `mailrouter undo` is for redirected mail, "
            "and --to QUEUE sends it anyway"
        )
    notes = []
    if signer is not None and to is None:
        notes.append(_verified(fields, prefix, signer, mta))
    queue = _queue(fields.all(prefix + "Queue"), ruleset, to)
    sender, note = _sender(fields)
    if note:
        notes.append(note)
    recipient = str(ruleset.queues[queue].address)
    by = _held_at(ruleset) or recipient
    kept, removed = _kept(parts, ruleset, queue)
    resent = (
        ("Resent-Message-ID", f"<release.{random(12)}@{by.rpartition('@')[2]}>"),
        ("Resent-To", f"<{recipient}>"),
        ("Resent-From", f"<{by}>"),
        ("Resent-Date", format_datetime(now)),
    )
    head = b"".join(f"{name}: {value}\r\n".encode() for name, value in reversed(resent))
    message = _LONE_LF.sub(b"\r\n", head + b"".join(kept) + rest)
    return Released(queue, recipient, sender, message, "; ".join(held), removed, tuple(notes))


def _body(lines: bytes) -> bytes:
    return lines.partition(b":")[2].rstrip(b"\r\n").replace(b"\r\n", b"\n")


def _verified(fields: HeaderFields, prefix: str, signer: Signer, mta: str | None) -> str:
    verdict = signer.verify(fields, prefix, queue_id_of(fields, mta))
    if verdict.problems:
        raise BadInput(
            f"its fields are not those that the filter has written ({'; '.join(verdict.problems)}); "
            "--mta names the filter's mail server, --to QUEUE sends it on whatever they say"
        )
    return "the signature of the filter's fields holds"


def _queue(named: Sequence[str], ruleset: Ruleset, to: str | None) -> str:
    if to is not None:
        if to in ruleset.queues:
            return to
        of_address = ruleset.site.queue_of(to)
        if of_address is not None:
            return of_address
        near = closest(to, ruleset.queues)
        raise BadInput(f'there is no queue "{to}"' + (f'; did you mean "{near}"?' if near else ""))
    if len(named) != 1:
        raise BadInput(f"{ruleset.prefix}Queue stands {len(named)} times in it; name the queue with --to")
    queue = named[0].partition(";")[0].strip()
    if queue not in ruleset.queues:
        raise BadInput(f'it was meant for the queue "{queue}", which these rules do not have; name one with --to')
    return queue


def _sender(fields: HeaderFields) -> tuple[str, str]:
    """MAIL FROM, and what is to be said of it. A field can hold anything: what is no bare address is none."""
    path = fields.all("Return-Path")
    if path:
        address = address_of(path[0].strip().encode("utf-8", "replace"))
        return (
            (address, "") if _ADDRESS.fullmatch(address) else ("", "Return-Path is no address: sent without a sender")
        )
    authors = addresses_in(fields.first("From"))
    if len(authors) == 1:
        return authors[0], "there is no Return-Path: the envelope sender is the author's address"
    return "", "there is neither a Return-Path nor one author: sent without a sender"


def _held_at(ruleset: Ruleset) -> str | None:
    hold = str(ruleset.settings.hold)
    return None if hold == schema.QUARANTINE or hold not in ruleset.queues else str(ruleset.queues[hold].address)


def _kept(parts: list[tuple[bytes, bytes]], ruleset: Ruleset, queue: str) -> tuple[list[bytes], tuple[str, ...]]:
    """The lines of the fields that stay, and the names of those that go."""
    gone = _OF_DELIVERY | {(ruleset.prefix + one).lower().encode() for one in ("Hold", SIGNATURE)}
    called = str(ruleset.queues[queue].helpdesk or queue).encode()
    kept: list[bytes] = []
    removed: dict[str, None] = {}
    for name, lines in parts:
        low = name.lower()
        if low in gone:
            removed[name.decode("latin-1")] = None
        elif low in _OF_HELPDESKS and ruleset.settings.adapters:
            kept.append(name + b": " + called + b"\r\n")
        elif low == b"x-rt-command" and ruleset.settings.adapters and _RT_QUEUE.match(lines.partition(b":")[2]):
            kept.append(name + b": Queue: " + called + b"\r\n")
        else:
            kept.append(lines)
    return kept, tuple(removed)
