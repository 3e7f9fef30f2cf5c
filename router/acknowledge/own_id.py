"""Message-IDs of our acknowledgements: `<ack.<32 letters>@domain>`, made from the mail that is answered.

The first half is an HMAC of the idempotency key, so that a second sending would carry the same id; the second half
signs the first, so that a reply to an acknowledgement can be proven to be one without asking the store.
"""

import base64
import hmac
import re

from router.acknowledge.keys import Keys, mac

_FORM = re.compile(r"<ack\.([a-z2-7]{16})([a-z2-7]{16})@[^<>\s@]{1,253}>", re.IGNORECASE)


def make(keys: Keys, once_key: bytes, domain: str) -> str:
    first = _letters(mac(keys.ids, b"of", once_key))
    return f"<ack.{first}{_signature(keys, first)}@{domain}>"


def is_ours(keys: Keys, message_id: str) -> bool:
    """Whether we made this Message-ID, whatever domain it was given."""
    found = _FORM.fullmatch(message_id.strip())
    if not found:
        return False
    first, signature = found[1].lower(), found[2].lower()
    return hmac.compare_digest(_signature(keys, first), signature)


def _signature(keys: Keys, first: str) -> str:
    return _letters(mac(keys.ids, b"signed", first.encode()))


def _letters(data: bytes) -> str:
    return base64.b32encode(data[:10]).decode("ascii").lower()
