"""What the front knows of a generation: whose mail is ours, which fields to strip, what is to be told about it."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from router.frozen import dataclass
from router.message.envelope import RawMessage, address_of, folded


@dataclass(frozen=True, slots=True)
class Loaded:
    """One generation. model_refused: why there is no model, or why it is not the promoted one. warnings: of the lint,
    as `check --format json` writes them."""

    prefix: str
    addresses: Mapping[str, str]
    rules: str
    model: str | None
    model_refused: str
    name: str = ""
    warnings: Sequence[Mapping[str, Any]] = ()
    no_answers: str = ""
    """Why no acknowledgement is asked for, or ""."""
    no_signature: str = ""
    """Why our header fields are not signed, or ""."""
    look_ups: Mapping[str, Any] = field(default_factory=dict)
    """The plan of look-ups, as plain values."""
    no_threads: str = ""
    """Why nothing is known of what left from here, or ""."""
    no_native: str = ""
    """Why words and language are judged without the library in C, which costs more and changes nothing, or ""."""
    also_stripped: Sequence[str] = ()
    """What fields of a helpdesk begin with that nobody outside may set."""
    path: str = ""
    """Of the file that was loaded: the rules', or a kept copy."""
    shadow: Mapping[str, Any] | None = None
    """What `settings.shadow` names: rules, model, and the line and column where it stands."""
    retention_s: float | None = None
    """How long the rules want the journal to keep a mail; None: they do not say."""

    def in_scope(self, raw: RawMessage) -> bool:
        return any(folded(address_of(one)) in self.addresses for one in raw.envelope.recipients)

    def may_teach(self, raw: RawMessage) -> bool:
        """It may be mail of the desk itself: handed in by one of ours, with one of its addresses in From. The worker
        looks closer."""
        envelope = raw.envelope
        if self.no_threads or not (envelope.authenticated_user or self._is_own(envelope.client_address)):
            return False
        froms = [body.lower() for name, body in raw.fields if name.strip().lower() == b"from"]
        return any(address.encode() in body for body in froms for address in self.addresses)

    def _is_own(self, client: str | None) -> bool:
        networks = self.look_ups.get("own_networks", ())
        if not client or not networks:
            return False
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in ipaddress.ip_network(one) for one in networks)
