"""What the acknowledgement service knows of the site: made from rules.yaml by `router.answering`."""

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta

from router.facts import Site
from router.frozen import dataclass
from router.message.addresses import ascii_domain

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `per`."""

    count: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """once_per: a snippet to one sender. The rates count acknowledgements."""

    once_per: timedelta = timedelta(days=7)
    per_sender: Rate = Rate(2, timedelta(days=1))
    per_domain: Rate = Rate(50, timedelta(hours=1))
    total: Rate = Rate(200, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class QueueText:
    """A queue as customers see it. titles: language -> name. zone: of its calendar. answers: `auto_reply` allows it."""

    address: str
    titles: Mapping[str, str]
    zone: str
    answers: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """languages: in the order of the file. subject, opening, closing: language -> template. snippets: name -> language
    -> template, in the order in which they are said. asks: checklist item (`site_access.url`) -> language -> what is
    asked for. from_address and from_name: None and "" for those
    of the queue that will answer. rules: the sha256 of the rules file, for the log."""

    site: Site
    languages: tuple[str, ...]
    queues: Mapping[str, QueueText]
    subject: Mapping[str, str]
    opening: Mapping[str, str]
    closing: Mapping[str, str]
    snippets: Mapping[str, Mapping[str, str]]
    asks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    from_address: str | None = None
    from_name: str = ""
    limits: Limits = Limits()
    precedence_bulk: bool = True
    rules: str = ""

    @property
    def own_domains(self) -> frozenset[str]:
        """Domains that our answers come from."""
        addresses = [queue.address for queue in self.queues.values()]
        if self.from_address:
            addresses.append(self.from_address)
        domains = [address.rpartition("@")[2] for address in addresses]
        return frozenset(ascii_domain(domain) or domain.casefold() for domain in domains)

    def address_of(self, queue: str) -> str:
        """Where an answer of that queue comes from."""
        return self.from_address or self.queues[queue].address

    @property
    def loop_field(self) -> str:
        return self.site.header_prefix + "Loop"

    @property
    def reply_field(self) -> str:
        return self.site.header_prefix + "Reply"


def placeholders_in(template: str) -> tuple[str, ...]:
    """The names in braces, in order."""
    return tuple(match[1] for match in _PLACEHOLDER.finditer(template))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders replaced once: what a value brings is never expanded again, and there is no
    attribute access or format specification (`str.format` has both). An unknown name stays as it stands."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
