"""The local part of an intent: `v1.<nonce>.<expiry>.<mac>`, 59 octets, letters of one case and digits.

    nonce    100 random bits, base 32
    expiry   seconds since 1970, hexadecimal
    mac      130 bits of HMAC-SHA-256 over nonce, expiry, envelope sender, Message-ID and the body of `<prefix>Reply`

It says that the filter itself asked for just this answer to just this mail, not long ago. A copy of it is worth
nothing: the store knows what has been answered (`throttle`). A local part holds 64 octets (RFC 5321 4.5.3.1.1), and
some MTAs fold its letters.
"""

import base64
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from router.acknowledge.keys import Keys, mac
from router.frozen import dataclass
from router.message.envelope import address_of, folded

LIFETIME = timedelta(hours=12)
SLACK = timedelta(minutes=10)  # of two clocks; a token that is valid for longer than its lifetime was not made now
MAX_OCTETS = 64

_NONCE_CHARACTERS = 20
_MAC_CHARACTERS = 26


@dataclass(frozen=True, slots=True)
class Asked:
    """What a token stands for. sender: the MAIL FROM argument or the bare address. message_id: with its brackets, or
    "". reply: the body of the `<prefix>Reply` field."""

    sender: bytes
    message_id: str
    reply: str

    def signed_parts(self) -> tuple[bytes, ...]:
        # Compared as MTAs may spell it again: the domain in other letters, a quoted local part.
        sender = folded(address_of(self.sender), keep_detail=True)
        return (
            sender.encode("utf-8", "replace"),
            self.message_id.strip().encode("utf-8", "replace"),
            " ".join(self.reply.split()).encode("utf-8", "replace"),
        )


def make(keys: Keys, asked: Asked, now: datetime, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A token for this wish, valid from `now` (aware) for LIFETIME."""
    nonce = _base32(random(13))[:_NONCE_CHARACTERS]
    expiry = f"{int((now + LIFETIME).timestamp()):x}"
    return f"v1.{nonce}.{expiry}.{_mac(keys, nonce, expiry, asked)}"


def refusal(keys: Keys, token: str, asked: Asked, now: datetime) -> str:
    """Why the token is not worth an answer (gate G17), or ""."""
    parts = token.lower().split(".")
    if len(token) > MAX_OCTETS or len(parts) != 4 or parts[0] != "v1" or not all(part.isalnum() for part in parts):
        return "no token"
    _, nonce, expiry, claimed = parts
    if not hmac.compare_digest(_mac(keys, nonce, expiry, asked).encode(), claimed.encode("utf-8", "replace")):
        return "forged, or the mail was changed"
    ends = int(expiry, 16)  # a number: the mac says that we wrote it
    if now.timestamp() >= ends:
        return "expired"
    if ends - now.timestamp() > (LIFETIME + SLACK).total_seconds():
        return "from the future"
    return ""


def _mac(keys: Keys, nonce: str, expiry: str, asked: Asked) -> str:
    parts = (nonce.encode("utf-8", "replace"), expiry.encode("utf-8", "replace"), *asked.signed_parts())
    return _base32(mac(keys.token, *parts))[:_MAC_CHARACTERS]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()
