"""What a rules file can need from outside, as plain values: they go from the nursery to the front to the process."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from router.frozen import dataclass
from router.identity.remote_lists import RemoteList
from router.message.addresses import ascii_domain
from router.rules import schema
from router.rules import schema_conditions as c
from router.rules.ruleset import Ruleset
from router.rules.walk import conditions_of

AUTHOR, RECIPIENT, TICKET = "author", "recipient", "ticket"
ADDRESS, DOMAIN = "address", "domain"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A list, and what of a mail it is asked for: (place, part). place: `author`, `recipient`, `ticket`, or a name of
    `AddressField`. part: `address` or `domain`; of a ticket its number, whatever part says."""

    of: RemoteList
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """proof: somebody asks whether the author is proven. trusted: authserv-ids whose results make our own checks
    needless. own_networks: clients that are ours. sealers: domains whose ARC seals are believed."""

    proof: bool = False
    trusted: tuple[str, ...] = ()
    own_networks: tuple[str, ...] = ()
    ticket_tags: tuple[str, ...] = ()
    lists: tuple[Wanted, ...] = ()
    sealers: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Keys:
    found: dict[str, dict[tuple[str, str], None]] = field(default_factory=dict)

    def add(self, name: str | None, place: str, part: str = ADDRESS) -> None:
        if name is not None:
            self.found.setdefault(str(name), {})[place, part] = None


def plan_of(ruleset: Ruleset, base: Path) -> Plan:
    """base: the folder that file names in the rules start from."""
    file = ruleset.file
    keys = _Keys()
    if file.accounts is not None:
        keys.add(file.accounts.contacts, AUTHOR)
    keys.add(file.tickets.closed, TICKET)
    for one in conditions_of(file):
        if isinstance(one, c.SenderIn):
            keys.add(one.list_name, AUTHOR)
        elif isinstance(one, c.Recipient):
            keys.add(one.in_list, RECIPIENT)
        elif isinstance(one, c.AddressTest) and one.part in (c.AddressPart.IN, c.AddressPart.DOMAIN_IN):
            keys.add(str(one.values[0]), str(one.where), DOMAIN if one.part is c.AddressPart.DOMAIN_IN else ADDRESS)
    remote = _remote(file.lists, base)
    return Plan(
        proof=_needs_proof(file),
        trusted=tuple(sorted(ruleset.site.trusted_authserv)),
        own_networks=tuple(str(network) for network in ruleset.site.own_networks),
        ticket_tags=ruleset.site.ticket_tags,
        lists=tuple(Wanted(one, tuple(keys.found[one.name])) for one in remote if one.name in keys.found),
        sealers=tuple(sorted({ascii_domain(one) or str(one) for one in file.settings.trusted_sealers})),
    )


def from_plain(values: Mapping[str, Any]) -> Plan:
    lists = tuple(
        Wanted(RemoteList(**one["of"]), tuple((str(place), str(part)) for place, part in one["keys"]))
        for one in values["lists"]
    )
    return Plan(
        bool(values["proof"]),
        tuple(values["trusted"]),
        tuple(values["own_networks"]),
        tuple(values["ticket_tags"]),
        lists,
        tuple(values["sealers"]),
    )


def _needs_proof(file: schema.RulesFile) -> bool:
    """`auth` in a condition, answers (gate G7), or tickets in the Subject, which count with proof only (row S+P+A)."""
    return (
        file.settings.reply is not None
        or bool(file.tickets.tags)
        or any(isinstance(one, c.Auth) for one in conditions_of(file))
    )


def _remote(lists: Mapping[str, schema.ListSource], base: Path) -> Iterator[RemoteList]:
    for one in lists.values():
        if isinstance(one, schema.SqlList):
            path = str(base / one.dsn_file)
            yield RemoteList(
                str(one.name), "sql", str(one.sql), _seconds(one.timeout), path, max_age_s=_age(one.max_age)
            )
        elif isinstance(one, schema.UrlList):
            yield RemoteList(
                str(one.name),
                "url",
                str(one.url),
                _seconds(one.timeout),
                key=str(one.key),
                value=None if one.value is None else str(one.value),
                max_age_s=_age(one.max_age),
            )
        elif isinstance(one, schema.LookupList):
            yield RemoteList(
                str(one.name), "lookup", str(one.entry_point), _seconds(one.timeout), max_age_s=_age(one.max_age)
            )


def _seconds(span: timedelta) -> float:
    return span.total_seconds()


def _age(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
