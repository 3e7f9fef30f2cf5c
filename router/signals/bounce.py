"""Mail that came back: which recipient, what was done, and what the other side said.

Three places are read. A message/delivery-status part (RFC 3464; RFC 6533 for its international form): of a mail that is
a bounce, of a multipart/report (RFC 6522), attached, and inside an enclosed message. A mail of a mailer daemon without
such a part, enclosed or itself. And what a person copied into a text: replies of SMTP servers (RFC 5321 section 4.2,
with the statuses of RFC 3463) and the lines of a report. Whatever is mailed: parts, bytes, depth, recipients and
lengths are capped first, and what makes no sense is passed over.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from router.frozen import dataclass
from router.message.addresses import addresses_in
from router.message.attribution import REPLY_SUBJECT
from router.message.charset import decode
from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.message.message import Message, Part
from router.message.read import read
from router.signals import automatic
from router.signals.automatic import Automatism
from router.signals.smtp_replies import ADDRESS, one_line, replies_in
from router.vocabulary import Automatic, BounceForm

MAX_DELIVERIES = 20
"""Different (recipient, status) that are kept of one mail."""
MAX_PARTS = 10  # that are looked into, of all levels together
MAX_DEPTH = 3
MAX_FIELD = 300  # characters of a value
_MAX_LINES = 4_000  # of one report
_MAX_TEXT = 65_536  # characters of a text that are looked at
_AFTER = 300  # characters behind a daemon's words in which the recipient stands

NOT_UNDELIVERED = frozenset({"delivered", "relayed", "expanded"})
"""RFC 3464 section 2.3.3: the actions that tell of no failure."""
REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_MESSAGES = frozenset({"message/rfc822", "message/global"})
_ACTIONS = frozenset({"failed", "delayed", *NOT_UNDELIVERED})

_NOBODY = Envelope(sender=b"<nobody@invalid>", recipients=())
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_HINT = re.compile(
    rb"delivery-status|final-recipient|mailer-daemon|mail delivery|undeliver|returned mail|failure notice"
    rb"|x-failed-recipients|multipart/report|(?<![0-9])[45][0-5]\d[ -]|[45]\.\d\.\d",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[> \t]{0,40}([A-Za-z][A-Za-z-]{2,40})[ \t]{0,8}:(.*)")
_TYPED = re.compile(r"\s{0,8}[A-Za-z0-9-]{1,40}\s{0,8};")
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_DAEMON_SAYS = re.compile(
    r"(?:was|could|can|is)(?:n['’]t| ?not)(?: be| been)? delivered|following address|following recipient"
    r"|delivery to|permanent fatal errors|не (?:может быть|было|удалось|були?|може бути|вдалося) доставл",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one recipient (RFC 3464 section 2.3).

    recipient: the address of Final-Recipient, else of Original-Recipient, or "". status: `5.1.1`, or ""; `5.0.0` when a
    server gave a reply code alone. action: failed | delayed | delivered | relayed | expanded, or "". diagnostic: the
    server's own words, one line, or "". remote_mta: who said them, or "".
    """

    recipient: str = ""
    status: str = ""
    action: str = ""
    diagnostic: str = ""
    remote_mta: str = ""

    @property
    def undelivered(self) -> bool:
        return self.action not in NOT_UNDELIVERED

    def __str__(self) -> str:
        """`failed 5.1.1 a@b.example: 550 5.1.1 user unknown`."""
        head = " ".join(one for one in (self.action, self.status, self.recipient) if one)
        return f"{head}: {self.diagnostic}" if self.diagnostic else head


@dataclass(frozen=True, slots=True)
class Bounce:
    """form: the mail is the bounce, has it attached, or shows its words. deliveries: at most MAX_DELIVERIES, in the
    order of the mail; none when there is a report that could not be read. more: there were more."""

    form: BounceForm
    deliveries: tuple[Delivery, ...] = ()
    more: bool = False


def find(message: Message, automatism: Automatism) -> Bounce | None:
    """The bounce that a mail is or holds, or None. A report that tells of success alone is none."""
    itself = Automatic.BOUNCE in automatism
    looking = _Looking()
    if itself or message.parts:
        looking.into(message, 0, daemon=itself)
        if looking.seen:
            return looking.bounce(BounceForm.ITSELF if itself else BounceForm.ATTACHED)
    if not itself:
        # What a reply quotes was said before, perhaps by us; what a forward quotes is what it is about.
        text = message.new_text if REPLY_SUBJECT.match(message.subject) else message.full_text
        looking.add(_copied(text[:_MAX_TEXT]))
    return looking.bounce(BounceForm.PASTED) if looking.deliveries else None


class _Looking:
    """What was found so far, and how many parts may still be looked into."""

    def __init__(self) -> None:
        self.seen = False
        self.more = False
        self.deliveries: dict[tuple[str, str], Delivery] = {}
        self._parts_left = MAX_PARTS

    def bounce(self, form: BounceForm) -> Bounce | None:
        told = tuple(self.deliveries.values())
        if told and not any(one.undelivered for one in told):
            return None
        return Bounce(form, told, self.more)

    def add(self, deliveries: Iterable[Delivery]) -> None:
        for one in deliveries:
            key = (one.recipient.casefold(), one.status)
            if key in self.deliveries or (one.status.endswith(".0.0") and self._knows(key[0])):
                continue
            if len(self.deliveries) >= MAX_DELIVERIES:
                self.more = True
                return
            self.deliveries[key] = one

    def _knows(self, recipient: str) -> bool:
        return any(known == recipient for known, _ in self.deliveries)

    def into(self, message: Message, depth: int, *, daemon: bool) -> None:
        """The reports of a message; those of its enclosed messages; a daemon's own words when there is no report."""
        for part in message.parts:
            if part.media_type in REPORTS:
                self.seen = True
                self.add(report(decode(part.content)))
        if self.seen:
            return
        for part in message.parts:
            if self._parts_left and part.content and _HINT.search(part.content):
                self._parts_left -= 1
                self._into_part(part, depth)
        if daemon and not self.seen:
            self.add(_of_daemon(message))
            self.seen = bool(self.deliveries)

    def _into_part(self, part: Part, depth: int) -> None:
        if part.media_type in _MESSAGES or part.name.lower().endswith(".eml"):
            if depth < MAX_DEPTH:
                inner = read(raw_message(part.content, _NOBODY, _LONG_AGO))
                self.into(inner, depth + 1, daemon=_is_of_daemon(inner))
            return
        if part.media_type == "text/plain" or part.name.lower().endswith(".txt"):
            self.add(_copied(decode(part.content)[:_MAX_TEXT]))
            self.seen = self.seen or bool(self.deliveries)


def report(text: str) -> Iterator[Delivery]:
    """The recipients of a delivery report: groups of fields with an empty line between (RFC 3464 section 2.1). The
    group of the whole message (section 2.2) has no recipient and is passed over; so is a group without any sense."""
    group: dict[str, str] = {}
    name = ""
    for line in text.splitlines()[:_MAX_LINES]:
        if not line.strip("> \t"):
            yield from _delivery(group)
            group, name = {}, ""
        elif line[:1] in " \t" and name:
            group[name] = f"{group[name]} {line.strip()}"[: 2 * MAX_FIELD]
        elif match := _FIELD.match(line):
            name = match[1].lower()
            if name == "final-recipient" and name in group:  # the empty line between two was lost
                yield from _delivery(group)
                group = {}
            group.setdefault(name, match[2].strip()[: 2 * MAX_FIELD])
    yield from _delivery(group)


def _delivery(group: dict[str, str]) -> Iterator[Delivery]:
    """RFC 3464 sections 2.3.1 to 2.3.6: `Final-Recipient: rfc822; a@b`, `Status: 5.1.1 (text)`, `Diagnostic-Code: smtp;
    550 …`. The `rfc822;` that some leave out is not missed."""
    address = next(
        (group[one] for one in ("final-recipient", "original-recipient", "x-actual-recipient") if one in group), ""
    )
    status = _STATUS.search(_COMMENT.sub("", group.get("status", "")))
    action = _COMMENT.sub("", group.get("action", "")).strip().lower()
    if not address and not (status and "action" in group):
        return
    yield Delivery(
        _address(address),
        status[0] if status else "",
        action if action in _ACTIONS else "",
        _value(group.get("diagnostic-code", "")),
        _COMMENT.sub("", _value(group.get("remote-mta", ""))).strip(),
    )


def _value(field: str) -> str:
    """What stands behind the type: `smtp; 550 no` gives `550 no`."""
    typed = _TYPED.match(field)
    value = field[typed.end() :] if typed else field
    return one_line(value)[:MAX_FIELD]


def _address(field: str) -> str:
    """RFC 3464 section 2.3.2; `\\x{…}` is RFC 6533 section 3."""
    value = _ESCAPED.sub(_letter, _value(field)).strip().strip("<>")
    found = ADDRESS.search(value)
    return found[0] if found else value if value and " " not in value else ""


def _letter(escaped: re.Match[str]) -> str:
    number = int(escaped[1], 16)
    letter = chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""
    return letter if letter.isprintable() else ""


def _copied(text: str) -> Iterable[Delivery]:
    """What somebody copied out of a bounce: its report, else the replies of servers."""
    if "inal-" in text and "ecipient:" in text:
        told = [one for one in report(text) if one.recipient and (one.status or one.action)]
        if told:
            return told
    return [Delivery(one.recipient, one.status, "", one.words, one.remote_mta) for one in replies_in(text)]


def _is_of_daemon(message: Message) -> bool:
    """Whether an enclosed message comes from a mail server. Its envelope is lost, but for a Return-Path."""
    author = next(iter(addresses_in(message.fields.first("From"))), None)
    sender = "" if message.fields.first("Return-Path").strip() == "<>" else "nobody@invalid"
    return Automatic.BOUNCE in automatic.find(message, sender, author, lambda address: None)


def _of_daemon(message: Message) -> Iterator[Delivery]:
    """A bounce in words, as Exim, qmail and others send it: X-Failed-Recipients, replies, or the address behind what
    the daemon says."""
    text = message.full_text[:_MAX_TEXT]
    told = list(_copied(text))
    named = {one.recipient.casefold() for one in told}
    yield from told
    for address in addresses_in(message.fields.first("X-Failed-Recipients"))[:MAX_DELIVERIES]:
        if address.casefold() not in named:
            yield Delivery(address)
    if told or "X-Failed-Recipients" in message.fields:
        return
    says = _DAEMON_SAYS.search(text)
    behind = ADDRESS.search(text, max(0, says.start() - 80), says.end() + _AFTER) if says else None
    if behind:
        yield Delivery(behind[0])
