"""What is asked for one mail: our own checks, when nobody trusted has made them, and the lists; all at once."""

import asyncio
import collections
import ipaddress
import unicodedata
from collections.abc import Iterator

from router.identity import arc, checks
from router.identity.authentication_results import Results
from router.identity.authentication_results import find as find_results
from router.identity.chain import Chain, may_be_sealed
from router.identity.contacts import compared
from router.identity.looked_up import LookedUp
from router.identity.lookup import Allowance, Limits, NoResolver, Resolver
from router.identity.remote_lists import RemoteLists, Value
from router.lookups.plan import AUTHOR, DOMAIN, RECIPIENT, TICKET, Plan
from router.message.addresses import addresses_in, ascii_domain
from router.message.envelope import RawMessage, address_of, folded
from router.message.message import Message
from router.threads.reference import numbers_in

MAX_KEYS = 50
"""Of one list for one mail. A mail with more addresses than that in a field gets `unknown` for the rest."""

_HEADER_OF = {"from": "From", "sender": "Sender", "reply_to": "Reply-To", "to": "To", "cc": "Cc"}
_ANY = ("from", "sender", "reply_to", "to", "cc", "envelope_from")


class LookingUp:
    """For mails of one plan, in one event loop. resolver: None, or why there is none."""

    def __init__(self, plan: Plan, resolver: Resolver | NoResolver, limits: Limits | None = None) -> None:
        self.plan = plan
        self.limits = limits or Limits()
        self.lists = RemoteLists(one.of for one in plan.lists)
        self._resolver = resolver
        self._own_networks = [ipaddress.ip_network(one) for one in plan.own_networks]

    def begin(self) -> None:
        self.lists.begin()

    @property
    def counters(self) -> collections.Counter[str]:
        resolver = self._resolver.counters if isinstance(self._resolver, Resolver) else {}
        found = collections.Counter({f"dns-{name}": count for name, count in resolver.items()})
        found.update({f"lists-{name}": count for name, count in self.lists.counters.items()})
        return found

    async def of(self, raw: RawMessage) -> LookedUp:
        """Never later than the deadline, but for what the processor needs."""
        head = checks.head_of(raw)
        keys = {wanted.of.name: self._keys(raw, head, wanted.keys) for wanted in self.plan.lists}
        asked = [(name, key) for name, found in keys.items() for key in found[:MAX_KEYS]]
        (results, why, chain), answers = await asyncio.gather(
            self._proof(raw, head),
            asyncio.gather(*(self.lists.look_up(name, key, self.limits.deadline_s) for name, key in asked)),
        )
        lists: dict[tuple[str, str], Value] = {
            (name, compared(key)): answer for (name, key), answer in zip(asked, answers, strict=True)
        }
        missing = "too many addresses" if len(asked) < sum(map(len, keys.values())) else LookedUp().missing
        return LookedUp(results, why, lists, missing, chain)

    async def _proof(self, raw: RawMessage, head: Message) -> tuple[Results | None, str, Chain | None]:
        """Our own checks, unless the border has made them; the ARC chain, if a trusted sealer may have sealed it."""
        if not self.plan.proof:
            return None, "", None
        checked = find_results(head, self.plan.trusted) is not None
        sealed = may_be_sealed(raw.fields, self.plan.sealers)
        if checked and not sealed:
            return None, "", None
        if isinstance(self._resolver, NoResolver):
            return None, "" if checked else f"not checked: {self._resolver}", None
        allowance: Allowance = self._resolver.for_mail(self.limits)
        results, chain = await asyncio.gather(
            _nothing() if checked else checks.results(raw, allowance, raw.received_at, submitted=self._submitted(raw)),
            arc.check(raw, allowance, self.plan.sealers) if sealed else _nothing(),
        )
        return results, "", chain

    def _submitted(self, raw: RawMessage) -> bool:
        if raw.envelope.authenticated_user:
            return True
        try:
            client = ipaddress.ip_address(raw.envelope.client_address or "")
        except ValueError:
            return False
        if isinstance(client, ipaddress.IPv6Address) and client.ipv4_mapped:
            client = client.ipv4_mapped
        return any(client in network for network in self._own_networks)

    # ------------------------------------------------------------------------------------------------------------- keys

    def _keys(self, raw: RawMessage, head: Message, places: tuple[tuple[str, str], ...]) -> list[str]:
        """What the rules will ask of a list, as they spell it (people_conditions), without repeats."""
        found: dict[str, None] = {}
        for place, part in places:
            for value in self._values(raw, head, place):
                key = value
                if part == DOMAIN:
                    domain = value.rpartition("@")[2]
                    key = ascii_domain(domain) or domain
                if key:
                    found[key] = None
        return list(found)

    def _values(self, raw: RawMessage, head: Message, place: str) -> Iterator[str]:
        if place == TICKET:
            # The one that the thread is found by is among them, unless the store alone knows it.
            yield from numbers_in(unicodedata.normalize("NFKC", head.fields.first("Subject")), self.plan.ticket_tags)
        elif place == RECIPIENT:
            for argument in raw.envelope.recipients:
                yield folded(address_of(argument))
        elif place == "envelope_from":
            yield folded(address_of(raw.envelope.sender), keep_detail=True)
        elif place == "any_address":
            for one in _ANY:
                yield from self._values(raw, head, one)
        else:
            if place in (AUTHOR, "from"):
                author = checks.author_of(raw).address
                if author:
                    yield folded(author, keep_detail=True)
            if place in _HEADER_OF:
                for body in head.fields.all(_HEADER_OF[place]):
                    for address in addresses_in(body):
                        yield folded(address, keep_detail=True)


async def _nothing() -> None:
    return None
