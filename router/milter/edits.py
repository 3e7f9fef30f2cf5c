"""From a Decision to the packets that carry it out, all of them in one piece for one write.

    delete every forged field, highest index first | add fields | add recipients | remove recipients | quarantine | end

Adding goes before removing, so that a message that is cut off in between still has somebody who gets it; the whole is
one write, and the MTA's own policy for a filter that dies is `tempfail`, so that half of it is never carried out.
Everything here is plain functions: they run in the worker that decided as well as in the front.
"""

import re
from collections.abc import Callable, Sequence

from router.decision import Decision
from router.frozen import dataclass
from router.message.envelope import RawMessage, address_of, folded
from router.milter import responses
from router.milter.negotiation import Action, Offer
from router.vocabulary import Verdict

__all__ = ["Offer", "Plan", "Sign", "degraded", "plan", "stripped"]

MAX_VALUE_CHARACTERS = 2_000  # of a field that we add; ours have 200 at most, a note may be longer
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
Sign = Callable[[Sequence[tuple[str, str]], str | None], str]
"""The fields that are added, as (name, value), and the queue id -> the value of the field that signs them."""

NO_NOTICES = "NOTIFY=NEVER"  # an internal recipient must never make the MTA write to the customer


@dataclass(frozen=True, slots=True)
class Plan:
    """packets: everything to write, the final answer included. not_offered: edits that the MTA did not offer and that
    were therefore left out: `addheader`, `chgheader`, `addrcpt`, `addrcpt_par`, `delrcpt`, `quarantine`."""

    packets: bytes
    not_offered: tuple[str, ...] = ()


def plan(
    decision: Decision, raw: RawMessage, offer: Offer, prefix: str, *, intent: str = "", sign: Sign | None = None
) -> Plan:
    """The edits of one decision. prefix: of our own fields, with its dash.

    Every field in `raw.strip_counts` goes, whatever the decision says. A redirect is done whole or not at all; when the
    MTA cannot, a `<prefix>Degraded` field tells the desk. intent: address of the acknowledgement service's recipient.
    sign: gives the value of `<prefix>Sig`, which is added below the fields that it signs.
    Raises ValueError for a decision that no rules file can lead to (a name or an address that is none).
    """
    if decision.verdict is Verdict.TEMPFAIL:
        return Plan(responses.TEMPFAIL)
    missing: list[str] = []
    edits = _strip(raw, offer)
    if raw.strip_counts and not offer.allows(Action.CHGHDRS):
        missing.append("chgheader")
    fields = list(decision.headers_add)
    recipients, unable = _recipients(decision, raw, offer)
    if unable:
        missing += unable
        fields = _noted(fields, prefix + "Degraded", f"redirect; {' '.join(unable)} not offered by the MTA")
    if fields and offer.allows(Action.ADDHDRS):
        fields = _lines(fields)
        if sign is not None:
            fields.append((prefix + "Sig", sign(fields, raw.envelope.queue_id)))
        edits.append(responses.add_headers(fields, leading_space=offer.leading_space))
    elif fields:
        missing.append("addheader")
    edits += recipients
    if intent and not unable:  # an acknowledgement would speak of a redirect that did not happen
        # A plain ADDRCPT would do without NOTIFY=NEVER, and a failure of ours would be told to the customer.
        if offer.allows(Action.ADDRCPT_PAR):
            edits.append(responses.add_recipient(intent, NO_NOTICES))
        else:
            missing.append("addrcpt_par")
    if decision.verdict is Verdict.HOLD:
        if offer.allows(Action.QUARANTINE):
            edits.append(responses.quarantine("; ".join(decision.hold or ()) or "held"))
        else:
            missing.append("quarantine")
    edits.append(responses.ACCEPT)
    return Plan(b"".join(edits), tuple(missing))


def stripped(raw: RawMessage, offer: Offer) -> bytes:
    """The answer for mail that is not ours to judge: forged fields of our prefix go, the rest passes untouched."""
    return b"".join([*_strip(raw, offer), responses.ACCEPT])


def degraded(raw: RawMessage, offer: Offer, prefix: str, what: str, why: str) -> bytes:
    """The answer when nothing could be decided: forged fields go, `<prefix>Degraded: what; why` says so, accept.

    Reads nothing of the mail and never raises.
    """
    edits = _strip(raw, offer)
    if offer.allows(Action.ADDHDRS):
        reason = f"{responses.one_line(what, 40)}; {responses.one_line(why, 150)}"
        try:
            edits.append(responses.add_header(prefix + "Degraded", reason, leading_space=offer.leading_space))
        except ValueError:
            pass  # a prefix that makes no field name: the mail matters more than the note
    edits.append(responses.ACCEPT)
    return b"".join(edits)


def _strip(raw: RawMessage, offer: Offer) -> list[bytes]:
    """Delete every field of our prefix. Postfix renumbers after each deletion, so the last one goes first: deleting
    forward leaves forged ones behind (CVE-2022-48521)."""
    if not offer.allows(Action.CHGHDRS):
        return []
    return [
        responses.delete_header(index, name)
        for name, count in raw.strip_counts.items()
        for index in range(count, 0, -1)
    ]


def _lines(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    # A value may quote the mail (a note with its subject); what it holds must not cost the mail its decision.
    cut = [(name, value[:MAX_VALUE_CHARACTERS]) for name, value in fields]
    if "".join([value for _, value in cut]).isprintable():
        return cut
    return [(name, _CONTROLS.sub(" ", value)) for name, value in cut]


def _noted(fields: list[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    """`fields` with one more thing said in the only field called `name`."""
    others = [field for field in fields if field[0].lower() != name.lower()]
    said = [field[1] for field in fields if field[0].lower() == name.lower()]
    return [*others, (name, ", ".join([*said, value]))]


def _recipients(decision: Decision, raw: RawMessage, offer: Offer) -> tuple[list[bytes], list[str]]:
    """(packets, what the MTA would have had to offer): one of the two is empty."""
    if not decision.recipients.add and not decision.recipients.remove:
        return [], []
    arguments = raw.envelope.recipients
    # Postfix delivers twice to a recipient that is added though it is there.
    present = {folded(address_of(argument)) for argument in arguments}
    additions: list[str] = []
    for address in decision.recipients.add:
        if folded(address) not in present:
            present.add(folded(address))
            additions.append(address)
    # The verbatim argument of RCPT, each spelling once: one DELRCPT removes all that are spelled alike.
    wanted = set(decision.recipients.remove)
    removals = list(dict.fromkeys(argument for argument in arguments if address_of(argument) in wanted))
    if not additions and len(removals) == len(set(arguments)):
        removals = []  # a message without recipients would vanish without a trace
    unable = [
        name
        for name, action, needed in (
            ("addrcpt", Action.ADDRCPT, additions),
            ("delrcpt", Action.DELRCPT, removals),
        )
        if needed and not offer.allows(action)
    ]
    if unable:
        return [], unable
    packets = [responses.add_recipient(address) for address in additions]
    return packets + [responses.delete_recipient(name) for argument in removals for name in _names(argument)], []


def _names(argument: bytes) -> list[bytes]:
    """What to call a recipient when removing it: its RCPT argument byte for byte. Of a source route, `<@relay:a@b>`,
    Postfix has kept the address alone and knows it by nothing else (measured on 3.7.11)."""
    bare = argument.strip().removeprefix(b"<").removesuffix(b">")
    if bare.startswith(b"@") and b":" in bare:
        return [argument, b"<" + bare.partition(b":")[2] + b">"]
    return [argument]
