"""One thing to say about a mail server's settings."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from router.frozen import dataclass


class Level(StrEnum):
    """unsafe: mail can be lost, forged or doubled. missing: something of ours does not work. advice: better so."""

    UNSAFE = "unsafe"
    MISSING = "missing"
    ADVICE = "advice"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Finding:
    """setting: what was looked at. why: in words. line: what to write where, "" for nothing to mend."""

    level: Level
    setting: str
    why: str
    line: str = ""


class NoAnswer(Exception):
    """A table or a file cannot be asked; the words say why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it lies there. kind: `socket`, `folder`, `file`. mode: its permission bits. group: its name."""

    kind: str
    mode: int
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class Outside:
    """What the checks need beside the settings. query(table, key): the value in a table of the mail server, or None;
    raises NoAnswer. look(path): None when nothing is there; raises NoAnswer."""

    query: Callable[[str, str], str | None]
    look: Callable[[str], Seen | None]


@dataclass(frozen=True, slots=True)
class Desk:
    """What rules.yaml says. spec: where the filter listens, as `serve --listen`, or None: the usual places. prefix: of
    our header fields. authserv: ids that are believed. intent_domain: of acknowledgements, or None. address: of the
    first queue. helpdesk_prefixes: of the fields that settings.adapters add."""

    prefix: str
    authserv: tuple[str, ...] = ()
    intent_domain: str | None = None
    address: str = ""
    spec: str | None = None
    helpdesk_prefixes: tuple[str, ...] = ()


Settings = Mapping[str, str]


def worst(findings: tuple[Finding, ...]) -> Level:
    """The worst level of them."""
    order = list(Level)
    return min((one.level for one in findings), key=order.index, default=Level.FINE)
