"""What in a message and its envelope forbids an automatic answer: rows to be read against rules-language.md 4.1.

Two rooms judge them and neither trusts the other: the rules when they decide, the acknowledgement service when the MTA
has accepted the mail. What needs more than the message (proof of the sender, the store, the token) is theirs.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace

from router.frozen import dataclass
from router.message.addresses import addresses_in, ascii_domain
from router.message.message import Message
from router.message.subject import without_prefixes
from router.signals import automatic
from router.vocabulary import Automatic

MAX_ADDRESSEES = 10
MAX_HOPS = 25  # Received fields; half of Postfix's hopcount_limit
MAX_REPLY_PREFIXES = 2

ADDRESSEE_FIELDS = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
LOOP_FIELDS = ("X-Loop", "X-Autoreply", "X-Autorespond", "Feedback-ID", "X-Feedback-ID")
SPAM_FIELDS = ("X-Spam-Flag", "X-Spam-Status", "X-Virus-Infected", "X-Virus-Found", "X-Amavis-Alert")
SINGLE_FIELDS = ("From", "Subject", "Date", "Message-ID", "To", "Sender", "In-Reply-To", "References")
_LOOP_NAMES = frozenset(name.lower() for name in LOOP_FIELDS)
_SPAM_NAMES = frozenset(name.lower() for name in SPAM_FIELDS)

_ACKNOWLEDGEMENT_ID = re.compile(r"<ack\.[^<>\s@]{1,120}@([^<>\s@]{1,253})>", re.IGNORECASE)
_BRACKETED_TAG = re.compile(r"\[[^\[\]]{0,80}\]")
_TICKET_NUMBER = re.compile(r"\[[^\[\]]{0,60}#\s{0,3}(\d{2,12})[^\[\]]{0,20}\]")
_CALENDAR_METHOD = re.compile(r"\bmethod\s*=", re.IGNORECASE)
_YES = re.compile(r"\s*(?:yes|true|infected)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[0-9]{1,6}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mail that somebody would like to answer.

    sender: the bare envelope sender, "" for the null sender. author: the one mailbox of From:, or None. queue_of: the
    queue an address belongs to. own_domains: of our queues and of the answers' From, lower case A-labels. loop_field:
    the field that our answers carry. spam: a field whose number is spam when it is over the limit. automatism: what
    `automatic.find` says of this mail, None when it was not asked yet.
    """

    message: Message
    sender: str
    author: str | None
    queue_of: Callable[[str], str | None]
    own_domains: frozenset[str] = frozenset()
    loop_field: str = ""
    spam: tuple[str, float] | None = None
    automatism: automatic.Automatism | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row: no answer when `find` gives evidence (a text for the log); "" lets the mail through.

    only: names of header fields, lower case, without any of which it finds nothing; None: it looks at more than these.
    """

    gate: str
    when: str
    source: str
    find: Callable[[Candidate], str]
    only: frozenset[str] | None = None


def judge(candidate: Candidate, rows: "tuple[Refusal, ...] | None" = None) -> Mapping[str, str]:
    """Every gate that forbids an answer, with its evidence, in the order of the rows. Empty: nothing forbids it."""
    if candidate.automatism is None:
        automatism = automatic.find(candidate.message, candidate.sender, candidate.author, candidate.queue_of)
        candidate = replace(candidate, automatism=automatism)
    found: dict[str, str] = {}
    names = candidate.message.fields.names
    for row in ROWS if rows is None else rows:
        if row.only is not None and row.only.isdisjoint(names):
            continue
        if row.gate not in found:
            evidence = row.find(candidate)
            if evidence:
                found[row.gate] = evidence
    return found


def acknowledged_id(field: str, own_domains: frozenset[str]) -> str:
    """The first Message-ID in a field body that has the form of an acknowledgement of ours, or "". Any such id forbids
    an answer; whether it is really ours takes the key, and proves more than is needed here."""
    for match in _ACKNOWLEDGEMENT_ID.finditer(field[-16_384:]):
        if (ascii_domain(match[1]) or match[1].lower()) in own_domains:
            return match[0]
    return ""


def _null_sender(candidate: Candidate) -> str:
    if candidate.sender in ("", "<>", "#@[]"):  # #@[] is the double bounce of qmail
        return "null envelope sender"
    for body in candidate.message.fields.all("Return-Path"):
        if body.strip() in ("<>", ""):
            return "Return-Path: <>"
    return ""


def _auto_submitted(candidate: Candidate) -> str:
    # All fields are asked, as Pigeonhole does: a robot's field is not undone by a second one that says `no`.
    for body in candidate.message.fields.all("Auto-Submitted"):
        if automatic.value_of(body) != "no":
            return f"Auto-Submitted: {body[:80]}"
    return ""


def _list(candidate: Candidate) -> str:
    return automatic.list_field(candidate.message.fields)


def _precedence(candidate: Candidate) -> str:
    for body in candidate.message.fields.all("Precedence"):
        if automatic.value_of(body) in automatic.BULK_PRECEDENCE | automatic.AUTO_REPLY_PRECEDENCE:
            return f"Precedence: {body[:80]}"
    return ""


def _suppressed(candidate: Candidate) -> str:
    return automatic.suppression(candidate.message)


def _nobody_reads(candidate: Candidate) -> str:
    if Automatic.NO_REPLY_ADDRESS not in (candidate.automatism or {}) and "=" not in (candidate.author or ""):
        return ""  # the same was asked already, of all but an author whose address has another in it
    for what, address in (("envelope sender", candidate.sender), ("From", candidate.author or "")):
        if address and (
            automatic.nobody_reads(address)
            or ((inner := automatic.unwrapped(address)) != address and automatic.nobody_reads(inner))
        ):
            return f"{what}: {address}"
    return ""


def _not_addressed(candidate: Candidate) -> str:
    for name in ADDRESSEE_FIELDS:
        for body in candidate.message.fields.all(name):
            for address in addresses_in(body):
                if candidate.queue_of(address) is not None:
                    return ""
    return "none of our addresses in " + ", ".join(ADDRESSEE_FIELDS)


def _report(candidate: Candidate) -> str:
    message = candidate.message
    if message.media_type in automatic.REPORT_TYPES:  # of the top level only: a customer may attach the bounce
        return f"Content-Type: {message.media_type}"
    return "X-Failed-Recipients" if "X-Failed-Recipients" in message.fields else ""


def _own(candidate: Candidate) -> str:
    found = candidate.automatism or {}
    if Automatic.OWN in found:
        return found[Automatic.OWN]
    if candidate.loop_field and candidate.loop_field in candidate.message.fields:
        return candidate.loop_field
    own = acknowledged_id(candidate.message.message_id, candidate.own_domains)
    return f"Message-ID: {own}" if own else ""


def _spam(candidate: Candidate) -> str:
    fields = candidate.message.fields
    for name in () if _SPAM_NAMES.isdisjoint(fields.names) else SPAM_FIELDS:
        for body in fields.all(name):
            if name == "X-Amavis-Alert" or _YES.match(body):
                return f"{name}: {body[:40]}"
    if candidate.spam:
        name, limit = candidate.spam
        for body in fields.all(name):
            number = _NUMBER.search(body[:200])
            if number and float(number[0]) > limit:
                return f"{name}: {number[0]} is over {limit:g}"
    return ""


def _malformed(candidate: Candidate) -> str:
    message = candidate.message
    if not message.text_known and not message.encrypted:
        return "the text could not be read"
    repeated = message.fields.repeated
    for name in SINGLE_FIELDS if repeated else ():
        if name.lower() in repeated:
            return f"{len(message.fields.raw(name))} {name} fields"
    return ""


def _answers_ours(candidate: Candidate) -> str:
    for name in ("In-Reply-To", "References"):
        for body in candidate.message.fields.all(name):
            own = acknowledged_id(body, candidate.own_domains)
            if own:
                return f"{name}: {own}"
    return ""


def _robot(candidate: Candidate) -> str:
    message = candidate.message
    fields = message.fields
    for name in () if _LOOP_NAMES.isdisjoint(fields.names) else LOOP_FIELDS:
        if name in fields and automatic.value_of(fields.first(name)) not in ("no", "false"):
            return name
    found = candidate.automatism or {}
    evidence = found.get(Automatic.AUTO_REPLY, "")  # fields and subjects of responders that know no RFC 3834
    if evidence and not evidence.startswith(("Auto-Submitted:", "Precedence:")):
        return evidence
    for body in fields.all("Content-Type"):
        if message.media_type == "text/calendar" or ("calendar" in body.lower() and _CALENDAR_METHOD.search(body)):
            return "text/calendar"
    for part in message.parts:
        if part.media_type == "text/calendar":
            return "text/calendar part"
    addressed = (*fields.all("To"), *fields.all("Cc"))
    if ", ".join(addressed).count("@") > MAX_ADDRESSEES:
        addressees = {address for body in addressed for address in addresses_in(body)}
        if len(addressees) > MAX_ADDRESSEES:
            return f"{len(addressees)} addressees"
    hops = len(fields.raw("Received"))
    return f"{hops} Received fields" if hops > MAX_HOPS else ""


def _echo(candidate: Candidate) -> str:
    subject = candidate.message.subject[:2_000]
    if "[" in subject:
        numbers = {number.lstrip("0") for number in _TICKET_NUMBER.findall(subject)}
        if len(numbers) > 1:
            return f"{len(numbers)} ticket numbers in the Subject"
        subject = _BRACKETED_TAG.sub(" ", subject)
    bare = unicodedata.normalize("NFKC", subject)
    if bare.count(":") <= MAX_REPLY_PREFIXES:  # each has one
        return ""
    prefixes = without_prefixes(bare)[1].count("reply")
    return f"{prefixes} reply prefixes in the Subject" if prefixes > MAX_REPLY_PREFIXES else ""


ROWS = (
    Refusal("G1", "the envelope sender is empty", "RFC 3834 2: MUST NOT", _null_sender),
    Refusal(
        "G2",
        "Auto-Submitted is there and not `no`",
        "RFC 3834 2, RFC 5230 4.6: SHOULD NOT",
        _auto_submitted,
        frozenset({"auto-submitted"}),
    ),
    Refusal(
        "G3",
        "it has a field of a mailing list",
        "RFC 5230 4.6: SHOULD NOT; RFC 3834: MAY",
        _list,
        frozenset(name.lower() for name in automatic.LIST_FIELDS),
    ),
    Refusal(
        "G4", "Precedence is bulk, junk, list or auto_reply", "RFC 3834 2: MAY", _precedence, frozenset({"precedence"})
    ),
    Refusal(
        "G5",
        "X-Auto-Response-Suppress has All, OOF or AutoReply",
        "MS-OXCMAIL 2.2.3.2.6",
        _suppressed,
        frozenset({"x-auto-response-suppress"}),
    ),
    Refusal("G6", "nobody reads the sender's mailbox", "RFC 5230 4.6: MUST have such a list", _nobody_reads),
    Refusal("G8", "none of our addresses is an addressee", "RFC 5230 4.5: MUST NOT", _not_addressed),
    Refusal("G9", "it is a bounce or a report, by its top level", "common practice", _report),
    Refusal("G10", "it is our own", "loops", _own),
    Refusal("G13", "spam, virus or malformed", "RFC 3834 2", _spam),
    Refusal("G13", "spam, virus or malformed", "RFC 3834 2", _malformed),
    Refusal(
        "G16", "it answers an acknowledgement of ours", "loops", _answers_ours, frozenset({"in-reply-to", "references"})
    ),
    Refusal("G18", "other signs of a robot or a crowd", "loops; RFC 5545 for calendars", _robot),
    Refusal("G19", "three reply prefixes or two ticket numbers", "two helpdesks that answer each other", _echo),
)
"""Every row; G13 has two. G7, G11, G12, G14, G15 and G17 need more than the message."""
