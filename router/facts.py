"""Everything we know about one mail. The attribute names are the condition names of rules.yaml.

A fact is found when the first rule asks for it, once. What comes from outside (clock, DNS, lists, tickets, model)
enters as `Services`, a frozen record of functions, so that a test hands in dictionaries and `--at` works everywhere.
What the site is (its queues, prefix, networks, ticket tags) enters as `Site`, made from rules.yaml.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar

from router.frozen import dataclass
from router.identity.authentication import Authentication
from router.identity.author import Author
from router.identity.author import find as find_author
from router.logic import Unknown
from router.message.envelope import Envelope, address_of, folded
from router.message.message import Message
from router.signals.automatic import Automatism
from router.signals.automatic import find as find_automatism
from router.signals.bounce import Bounce
from router.signals.bounce import find as find_bounce
from router.threads import new_question
from router.threads.thread import Thread
from router.vocabulary import NewQuestion, ThreadState

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
Scores: TypeAlias = Mapping[str, Mapping[str, float]]
"""classifier -> label -> probability, 0..1."""


Found = TypeVar("Found")


class FoundOnce(Generic[Found]):
    """A fact that is found when it is first asked for: functools.cached_property without the lock that it takes before
    Python 3.12, which costs as much as most facts."""

    def __init__(self, find: Callable[[Any], Found]) -> None:
        self._find = find
        self.__doc__ = find.__doc__

    def __get__(self, facts: object, owner: type[object] | None = None) -> Found:
        value = facts.__dict__[self._find.__name__] = self._find(facts)
        return value


@dataclass(frozen=True, slots=True)
class Site:
    """What rules.yaml says about the site itself.

    queue_addresses: folded address (queue address or alias) -> queue name, in the order of the file. ticket_tags: tag
    patterns such as `[desk #{number}]`, present ones first, then former ones. panel_key: the field name and the
    secret with which the control panel signs its mail. own_domains: of the queue addresses, lower case A-labels.
    helpdesk_prefixes: of the fields that `settings.adapters` add.
    """

    header_prefix: str
    queue_addresses: Mapping[str, str]
    own_networks: tuple[Network, ...] = ()
    trusted_authserv: frozenset[str] = frozenset()
    ticket_tags: tuple[str, ...] = ()
    panel_networks: tuple[Network, ...] = ()
    panel_key: tuple[str, bytes] | None = None
    spam: tuple[str, float] | None = None
    own_domains: frozenset[str] = frozenset()
    helpdesk_prefixes: tuple[str, ...] = ()

    @property
    def stripped(self) -> tuple[str, ...]:
        """What fields begin with that nobody outside may set."""
        return (self.header_prefix, *self.helpdesk_prefixes)

    def queue_of(self, address: str) -> str | None:
        """The queue that an address belongs to; `+detail` and letter case do not matter."""
        return self.queue_addresses.get(folded(address))

    def in_scope(self, recipients: tuple[bytes, ...]) -> bool:
        """A mail is ours to judge when at least one recipient is a queue (amendment 1)."""
        return any(self.queue_of(address_of(one)) for one in recipients)


@dataclass(frozen=True, slots=True)
class Services:
    """The outside world, as functions.

    now: the one clock value of this mail, aware. authenticate: the author's proof. look_up(list, key): the value on
    file ("" when the list has no values), None when the key is not in it, `Unknown` when the list cannot be used.
    scores: of every classifier, or `Unknown` without a model. thread: which ticket. asks_anew: how likely a reply in it
    asks something else, by the model, and what that makes it; None without one. model: its id, for the record.
    thresholds: classifier -> the model's tuned (accept, reject, margin); a number in rules.yaml stands above them.
    """

    now: datetime
    authenticate: Callable[[Message, Author, Site], Authentication]
    look_up: Callable[[str, str], "str | Unknown | None"]
    scores: Callable[[Message], "Scores | Unknown"]
    thread: Callable[[Message, Author, Authentication, Automatism, Site], "Thread | Unknown"]
    asks_anew: Callable[[Message, Thread], "tuple[float, NewQuestion] | None"] = lambda _message, _thread: None
    model: str | None = None
    thresholds: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT: verbatim argument, bare address, its queue or None."""

    argument: bytes
    address: str
    queue: str | None


@dataclass(frozen=True)
class Facts:
    """One mail and its context. Every cached property is found once, when asked for."""

    message: Message
    services: Services
    site: Site
    cache: dict[str, object] = field(default_factory=dict, repr=False, compare=False)
    """Facts that depend on definitions in rules.yaml (extracts, patterns), kept by the rules room."""

    @FoundOnce
    def recipients(self) -> tuple[Recipient, ...]:
        found = []
        for argument in self.message.raw.envelope.recipients:
            address = address_of(argument)
            found.append(Recipient(argument, address, self.site.queue_of(address)))
        return tuple(found)

    @FoundOnce
    def sender(self) -> str:
        """The bare envelope sender; "" is the null sender."""
        return address_of(self.message.raw.envelope.sender)

    @FoundOnce
    def author(self) -> Author:
        return find_author(self.message, self.site.own_domains)

    @FoundOnce
    def auth(self) -> Authentication:
        return self.services.authenticate(self.message, self.author, self.site)

    @FoundOnce
    def automatic(self) -> Automatism:
        return find_automatism(self.message, self.sender, self.author.address, self.site.queue_of)

    @FoundOnce
    def bounce(self) -> Bounce | None:
        """The bounce that this mail is, has attached or quotes."""
        return find_bounce(self.message, self.automatic)

    @FoundOnce
    def thread(self) -> "Thread | Unknown":
        found = self.services.thread(self.message, self.author, self.auth, self.automatic, self.site)
        if isinstance(found, Unknown) or found.state is not ThreadState.FOLLOW_UP or found.acknowledgement:
            return found
        if new_question.belongs_by_form(self.message):
            return found
        judged = self.services.asks_anew(self.message, found)
        return found if judged is None else replace(found, asks_anew=judged[0], new_question=judged[1])

    @FoundOnce
    def scores(self) -> "Scores | Unknown":
        return self.services.scores(self.message)

    @FoundOnce
    def submitted(self) -> bool:
        """The MTA authenticated the client, or the client is one of ours (amendment 1)."""
        return submitted(self.message.raw.envelope, self.site)

    @FoundOnce
    def panel(self) -> bool:
        """The mail came from the control panel's form: by its client address or its signed field (amendment 7)."""
        if _within(self.message.raw.envelope.client_address, self.site.panel_networks):
            return True
        if self.site.panel_key is None:
            return False
        name, secret = self.site.panel_key
        claims = self.message.fields.all(name)
        return len(claims) == 1 and hmac.compare_digest(
            claims[0].strip().encode("utf-8", "replace"), panel_signature(self.message, self.author, secret).encode()
        )


def submitted(envelope: Envelope, site: Site) -> bool:
    """Whether a mail was handed in by one of ours: an authenticated client, or one of our own networks."""
    return bool(envelope.authenticated_user) or _within(envelope.client_address, site.own_networks)


def panel_signature(message: Message, author: Author, secret: bytes) -> str:
    """`v1=<hex>`: HMAC-SHA-256 over Message-ID, author and the body's bytes, each ended by a NUL.

    The form signs what it sends; a body that was cut on the way to us can therefore never be proven this way.
    """
    signed = b"\0".join((message.message_id.encode(), (author.address or "").encode(), message.raw.body))
    return "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()


def _within(address: str | None, networks: tuple[Network, ...]) -> bool:
    if not address or not networks:
        return False
    client = _client(address)
    if client is None:
        return False
    version = client.version
    return any(client in network for network in networks if network.version == version)


@lru_cache(maxsize=1_024)  # pure, some ten functions of Python, and few clients bring most mails
def _client(address: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = client.ipv4_mapped if isinstance(client, ipaddress.IPv6Address) else None
    return mapped or client
