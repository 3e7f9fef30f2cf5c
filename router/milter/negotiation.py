"""What MTA and filter agree on when a connection begins: a version, the edits we may ask for, the events we get.

We ask for every "I will not answer this" bit but two. BODY is answered because SKIP is an answer, and it spares us all
but the first 320 KB of a 25 MB mail; for a mail of one chunk that costs 0.07 ms. An MTA that knows no SKIP is not
answered. DATA is answered over TCP: with nothing to send back the kernel delays its acknowledgement, Nagle holds the
MTA's next write for it, and every mail takes 40 ms longer (measured through Postfix 3.7, with BODY answered too). A
unix socket has no such pause.
"""

import struct
from functools import lru_cache

from router.frozen import dataclass
from router.milter.packets import FramingError, packet

VERSION = 6
OLDEST_VERSION = 2


class Action:
    """Edits an MTA can offer (SMFIF)."""

    ADDHDRS = 0x01
    CHGBODY = 0x02
    ADDRCPT = 0x04
    DELRCPT = 0x08
    CHGHDRS = 0x10
    QUARANTINE = 0x20
    CHGFROM = 0x40
    ADDRCPT_PAR = 0x80
    SETSYMLIST = 0x100
    ALL = 0x1FF


class Protocol:
    """Events that are not sent (NO), not answered (NR), and features (SMFIP)."""

    NOCONNECT = 0x01
    NOHELO = 0x02
    NOMAIL = 0x04
    NORCPT = 0x08
    NOBODY = 0x10
    NOHDRS = 0x20
    NOEOH = 0x40
    NR_HDR = 0x80
    NOUNKNOWN = 0x100
    NODATA = 0x200
    SKIP = 0x400
    RCPT_REJ = 0x800
    NR_CONN = 0x1000
    NR_HELO = 0x2000
    NR_MAIL = 0x4000
    NR_RCPT = 0x8000
    NR_DATA = 0x10000
    NR_UNKN = 0x20000
    NR_EOH = 0x40000
    NR_BODY = 0x80000
    HDR_LEADSPC = 0x100000
    ALL = 0x1FFFFF  # without the MDS bits, which only libmilter and Sendmail speak of among themselves


WANTED_ACTIONS = (
    Action.ADDHDRS
    | Action.CHGHDRS
    | Action.ADDRCPT
    | Action.DELRCPT
    | Action.ADDRCPT_PAR
    | Action.QUARANTINE
    | Action.SETSYMLIST
)

WANTED_PROTOCOL = (
    Protocol.NOUNKNOWN
    | Protocol.NR_UNKN
    | Protocol.NR_CONN
    | Protocol.NR_HELO
    | Protocol.NR_MAIL
    | Protocol.NR_RCPT
    | Protocol.NR_HDR
    | Protocol.NR_EOH
    | Protocol.SKIP
    | Protocol.HDR_LEADSPC
)

WANTED_MACROS: tuple[tuple[int, bytes], ...] = (
    # A list replaces the MTA's own for that stage, so what its defaults give and we need is named again. An empty list
    # means "your defaults" to Postfix: the shortest list is one name.
    (0, b"j _ v {daemon_name} {client_addr} {client_name}"),  # CONNECT
    (2, b"i {auth_authen} {auth_type} {mail_addr}"),  # MAIL; Sendmail knows the queue id here, Postfix not yet
    (3, b"i"),  # RCPT; {rcpt_addr} is of no use: Postfix has lower-cased it
    (4, b"i"),  # DATA
    (5, b"i {auth_authen}"),  # end of message, and Postfix's body chunks
    (6, b"i"),  # end of header, and Postfix's header fields
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one connection has agreed on. actions, protocol: bits of `Action` and `Protocol`, offered and wanted."""

    version: int
    actions: int
    protocol: int

    def allows(self, action: int) -> bool:
        return bool(self.actions & action)

    @property
    def lacking(self) -> tuple[str, ...]:
        """Names of the edits that we may want and this MTA does not carry out."""
        names = ("ADDHDRS", "CHGHDRS", "ADDRCPT", "DELRCPT", "ADDRCPT_PAR", "QUARANTINE")
        return tuple(name for name in names if not self.allows(getattr(Action, name)))

    @property
    def leading_space(self) -> bool:
        """The space after a field's colon is ours to write."""
        return bool(self.protocol & Protocol.HDR_LEADSPC)


def agreed(version: int, actions: int, protocol: int, *, local: bool = False) -> Offer:
    """What we answer to an MTA that offers this: never a bit that it did not offer, never a version above its own.

    local: the connection is a unix socket. Raises FramingError for version 1. libmilter takes 0 for "what version 1
    could do"; from version 2 on it means none.
    """
    if version < OLDEST_VERSION:
        raise FramingError(f"milter version {version}; {OLDEST_VERSION} is the oldest that can be spoken")
    wanted = WANTED_PROTOCOL
    if not protocol & Protocol.SKIP:
        wanted |= Protocol.NR_BODY
    if local:
        wanted |= Protocol.NR_DATA
    return Offer(min(version, VERSION), actions & WANTED_ACTIONS, protocol & wanted)


@lru_cache(maxsize=64)  # an MTA offers the same at every connection
def answer(offer: Offer) -> bytes:
    """The packet that says so, with the macros we ask for where the MTA lets us."""
    data = struct.pack(">III", offer.version, offer.actions, offer.protocol)
    if offer.allows(Action.SETSYMLIST):
        data += b"".join(stage.to_bytes(4, "big") + names + b"\0" for stage, names in WANTED_MACROS)
    return packet(b"O", data)
