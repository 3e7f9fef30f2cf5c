"""The SMTP envelope and the message as the milter delivers it: bytes, before anybody has looked inside.

Everything is kept verbatim: DELRCPT must repeat the exact RCPT argument (milter-protocol.md, fact 6), and header fields
arrive as raw 8-bit bytes with folds as LF + white space. Reading them is `message.read`'s business.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from functools import lru_cache

from router.frozen import dataclass
from router.message.addresses import ascii_domain

MAX_BODY_BYTES = 4 * 65_535
"""256 KiB, in the chunks that Postfix and Sendmail send; what lies behind a cut is unknown. docs/operate.md has the one
table of limits (amendment 9).
"""
MAX_FIELDS = 1_000
MAX_FIELDS_BYTES = 262_144

LOOP_FIELDS = frozenset({b"x-otrs-loop", b"x-rt-loop-prevention"})
"""Fields by which a helpdesk knows mail of its own: they are never deleted, or two of them would answer each other. All
that a forged one can do is to keep its own mail from being answered."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to whom, as SMTP said it.

    sender: the MAIL FROM argument verbatim, with its brackets: `b"<olena@customer.example>"`; `b"<>"` is the null
    sender. recipients: the RCPT TO arguments verbatim, in order. client_address: an IP address without prefix, or None
    (unix socket, unknown). authenticated_user: `{auth_authen}`. size_bytes: SIZE= of MAIL FROM, a claim, or None.
    """

    sender: bytes
    recipients: tuple[bytes, ...]
    helo: bytes = b""
    client_address: str | None = None
    client_name: bytes = b""
    queue_id: str | None = None
    authenticated_user: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One mail as the front collected it.

    fields: (name, body) in the order of the message, body as received (leading space or not, folds as LF + WSP), at
    most MAX_FIELDS. body: the first MAX_BODY_BYTES, CRLF or LF lines. body_cut: there is more that was not kept.
    strip_counts: how many fields of each name (lower case) exist that must be deleted (our own prefix, those of
    the helpdesks in `settings.adapters`), counted beyond the cap too, so that no forged one survives (amendment 10).
    """

    envelope: Envelope
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    received_at: datetime
    body_cut: bool = False
    fields_cut: bool = False
    strip_counts: Mapping[bytes, int] = field(default_factory=dict)
    source: str = ""


def address_of(argument: bytes) -> str:
    """The bare address of a MAIL or RCPT argument: brackets and a source route removed, text as UTF-8 or Latin-1.

    `b"<@relay.example:Bill@Company.example>"` gives `Bill@Company.example`; `b"<>"` gives "".
    """
    bare = argument.strip()
    if bare.startswith(b"<") and bare.endswith(b">"):
        bare = bare[1:-1]
    if bare.startswith(b"@") and b":" in bare:
        bare = bare.split(b":", 1)[1]
    try:
        return bare.decode("utf-8")
    except UnicodeDecodeError:
        return bare.decode("latin-1")


@lru_cache(maxsize=4_096)  # pure, and the same few addresses are compared a dozen times a mail
def folded(address: str, *, keep_detail: bool = False) -> str:
    """The form in which addresses are compared: case folded, quotes round a plain local part and `+detail` removed, a
    domain in letters as its A-labels."""
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return address.strip().casefold()
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = local[1:-1].replace("\\", "")
    if not keep_detail:
        local = local.split("+", 1)[0] or local
    if not domain.isascii():
        domain = ascii_domain(domain) or domain
    return f"{local}@{domain.rstrip('.')}".casefold()
