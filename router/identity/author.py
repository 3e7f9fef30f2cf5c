"""Who wrote the mail: the From: field, one mailbox or nobody.

Two readers that know nothing of each other must agree: the strict grammar of identity/mailbox.py and flanker. Where
they do not, or the grammar refuses, the author is `ambiguous`, which is never an identity (reliability.md, D13 and row
36). A plain `Name <local@domain>` or `local@domain`, most of all mail, is taken without asking flanker, which costs
0.1 ms; a property test holds the three ways equal.
"""

import re
import unicodedata
from collections.abc import Iterable

from router.frozen import dataclass
from router.identity.lookalike import mixes_scripts, resembles
from router.identity.mailbox import NotOneMailbox, parse
from router.message.addresses import MAX_FIELD_BYTES, Mailbox, addresses_in, mailboxes
from router.message.envelope import folded
from router.message.headers import decoded
from router.message.message import Message

SINGLETONS = ("Subject", "Date", "Message-ID", "To", "Cc", "Sender", "Reply-To", "In-Reply-To", "References")
"""Fields that RFC 5322 3.6 allows once, beside From. A second Subject is how a signed mail is replayed (row 40)."""

_SINGLETONS = frozenset(name.lower() for name in SINGLETONS)

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
# Nothing is ever tried in a second way (`++`): what one piece takes, the next could not begin with.
_ATOM = rb"[A-Za-z0-9.!#$%&'*+\-/=?^_`{|}~]++"
_LOCAL = rb"[A-Za-z0-9_+\-]++(?:\.[A-Za-z0-9_+\-]++)*+"
_LABEL = rb"(?!..--|[A-Za-z0-9-]{64})[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+"
_PLAIN = re.compile(
    rb"[ \t]*+(?:(?P<name>(?:%(atom)s|%(quoted)s)(?:[ \t]++(?:%(atom)s|%(quoted)s))*+)[ \t]*+(?=<))?(?P<open><)?"
    rb"(?P<local>%(local)s)@(?P<domain>(?:%(label)s\.)++(?=[A-Za-z])%(label)s)(?(open)>)[ \t]*+"
    % {b"atom": _ATOM, b"quoted": rb'"[A-Za-z0-9 ._\-]+"', b"local": _LOCAL, b"label": _LABEL}
)
# 8-bit letters of an unknown charset stand in a name as letters, so that none of them reads as a control character.
_SOME_LETTER = {byte: 0x3400 + byte for byte in range(0x80, 0x100)}
_THAT_BYTE = {letter: byte for byte, letter in _SOME_LETTER.items()}
_ADDRESS_SHOWN = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")


@dataclass(frozen=True, slots=True)
class Author:
    """address: the one mailbox of From:, folded domain, or None when there is not exactly one that two independent
    parsers agree on. name: its display name. ambiguous: why it is nobody ("two From fields"), or "". flags: oddities
    ("name-shows-address", "mixed-script-domain", "reply-to-differs", "look-alike-domain", "duplicate-subject"). plain:
    From: is of the plainest form, in which nothing else can be taken for an address."""

    address: str | None
    name: str = ""
    ambiguous: str = ""
    flags: frozenset[str] = frozenset()
    plain: bool = False

    @property
    def domain(self) -> str:
        """The domain of `address` in lower case A-labels, or ""."""
        return self.address.rpartition("@")[2] if self.address else ""


def find(message: Message, own_domains: Iterable[str] = ()) -> Author:
    """The author. own_domains: A-labels; an author's domain that may be mistaken for one of them is flagged."""
    flags = _duplicates(message)
    try:
        body = _one_body(message)
        box = plain_mailbox(body)
        plain = box is not None and b"=?" not in body
        box = box or agreed_mailbox(body)
    except NotOneMailbox as refusal:
        return Author(None, ambiguous=str(refusal), flags=flags)
    address = box.address
    flags |= _oddities(message, box, address, own_domains)
    return Author(address, box.name, "", flags, plain)


def plain_mailbox(body: bytes) -> Mailbox | None:
    """The mailbox of a field body in the plainest form there is; None: ask the long way."""
    match = _PLAIN.fullmatch(body)
    if not match or len(match["local"]) > 64 or len(match["domain"]) > 253:
        return None
    name = b" ".join((match["name"] or b"").replace(b'"', b"").split())
    return Mailbox(match["local"].decode("ascii"), match["domain"].decode("ascii").lower(), _decoded_name(name))


def agreed_mailbox(body: bytes) -> Mailbox:
    """The mailbox that the strict grammar and flanker both read. Raises NotOneMailbox with the reason."""
    try:
        text, utf8 = body.decode("utf-8"), True
    except UnicodeDecodeError:
        text, utf8 = body.decode("latin-1").translate(_SOME_LETTER), False
    box = parse(text)
    if not (utf8 or box.address.isascii()):
        raise NotOneMailbox("8-bit letters in the address that are not UTF-8")
    others = mailboxes(text)
    if len(others) != 1 or (others[0].local, others[0].domain) != (box.local, box.domain):
        raise NotOneMailbox("two parsers disagree about it")
    name = box.name.encode() if utf8 else box.name.translate(_THAT_BYTE).encode("latin-1")
    return Mailbox(box.local, box.domain, _decoded_name(name))


def _decoded_name(raw: bytes) -> str:
    return raw.decode("ascii") if b"=?" not in raw and raw.isascii() else decoded(raw)


def _one_body(message: Message) -> bytes:
    bodies = message.fields.raw("From")
    if len(bodies) != 1:
        raise NotOneMailbox("two From fields" if len(bodies) == 2 else f"{len(bodies) or 'no'} From fields")
    if message.raw.fields_cut:
        raise NotOneMailbox("too many header fields; another From may be among those that were not kept")
    if len(bodies[0]) > MAX_FIELD_BYTES:
        raise NotOneMailbox(f"a From field of more than {MAX_FIELD_BYTES} bytes")
    return _FOLD.sub(b"", bodies[0]) if b"\n" in bodies[0] else bodies[0]


def _duplicates(message: Message) -> frozenset[str]:
    repeated = message.fields.repeated
    return frozenset([f"duplicate-{name}" for name in repeated & _SINGLETONS]) if repeated else frozenset()


def _oddities(message: Message, box: Mailbox, address: str, own_domains: Iterable[str]) -> frozenset[str]:
    found = set()
    mine = folded(address, keep_detail=True)
    if box.name and ("@" in box.name or "\uff20" in box.name):  # a fullwidth @ reads the same
        shown = _ADDRESS_SHOWN.findall(unicodedata.normalize("NFKC", box.name))
        if any(folded(one, keep_detail=True) != mine for one in shown):
            found.add("name-shows-address")
    if "xn--" in box.domain and mixes_scripts(box.domain):
        found.add("mixed-script-domain")
    if "Reply-To" in message.fields:
        replies = {
            folded(one, keep_detail=True) for body in message.fields.all("Reply-To") for one in addresses_in(body)
        }
        if replies and replies != {mine}:
            found.add("reply-to-differs")
    if resembles(box.domain, own_domains):
        found.add("look-alike-domain")
    return frozenset(found)
