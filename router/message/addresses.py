"""Addresses in header fields: flanker's strict reading of a list, a lenient one, and domains in one spelling.

The strict reading is one of two that must agree before anybody is believed to be the author (identity/author.py); it
refuses what other parsers guess at (`trusted <other>`, two `@`). The lenient reading only collects what a person would
take for addresses, to see who takes part in a thread or whether a queue is addressed; no right hangs on it.
"""

import logging
import re
from typing import Any

import idna

from router.frozen import dataclass

MAX_FIELD_BYTES = 8_192  # a From: or Reply-To: of more is nobody's; flanker's parser is slow on long hostile input
MAX_LIST_BYTES = 65_536
MAX_ADDRESSES = 200

_LDH_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# A bound, so that a flood of escaped quotes costs linear time.
_QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.){0,256}+"(?!@)|\([^()]*\)')
_ADDRESS = re.compile(r"""[^\s<>()\[\],;:"\\@]{1,64}@[^\s<>()\[\],;:"\\@]{1,253}""")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """local: the local part as written. domain: lower case, A-labels. name: the display name, decoded, or ""."""

    local: str
    domain: str
    name: str = ""

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"


def ascii_domain(domain: str) -> str | None:
    """The one spelling in which domains are compared: lower case, A-labels, no final dot. None: it is no domain name.

    `Почта.РФ` and `xn--80a1acny.xn--p1ai` give the same. Letters, digits and hyphens only (CVE-2020-12272).
    """
    plain = domain.rstrip(".").lower() if domain.endswith(".") and not domain.endswith("..") else domain.lower()
    if not plain.isascii():
        try:
            plain = idna.encode(plain, uts46=True, std3_rules=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return plain if len(plain) <= 253 and _LDH_DOMAIN.fullmatch(plain) else None


def mailboxes(body: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an unfolded field body as flanker's strict list parser reads it, in order.

    Empty when flanker refuses any of it, finds a URL or an address that no domain name ends, or the body is longer
    than MAX_FIELD_BYTES. Display names are flanker's.
    """
    if len(body.encode("utf-8", "replace")) > MAX_FIELD_BYTES:
        return ()
    found = []
    try:
        parsed, refused = _flanker().parse_list(body, as_tuple=True)
        if refused:
            return ()
        for one in parsed:
            domain = ascii_domain(one.ace_hostname)
            if domain is None:
                return ()
            found.append(Mailbox(one.mailbox, domain, one.display_name))
    except Exception:
        # flanker and its idna calls raise AttributeError (URLs), UnicodeError, IDNAError and others on hostile input.
        return ()
    return tuple(found)


def warm() -> None:
    """Imports flanker's address parser ahead of the first mail that needs it: for a process that will fork workers."""
    _flanker().parse("warm@up.example")


def _flanker() -> Any:
    """Imported when first needed: 0.2 s that most commands never spend. Its parser prints its grammar's oddities at
    import, and a warning for each hostile character afterwards."""
    for name in ("parser", "lexer"):
        logging.getLogger(f"flanker.addresslib._parser.{name}").setLevel(logging.CRITICAL)
    from flanker.addresslib import address

    return address


def addresses_in(body: str) -> tuple[str, ...]:
    """Everything in a field body (decoded or not) that looks like an address, folded domain, in order, without repeats.

    Lenient and linear: at most MAX_LIST_BYTES characters and MAX_ADDRESSES addresses; quoted names and comments are
    passed over.
    """
    found: dict[str, None] = {}
    body = body[:MAX_LIST_BYTES]
    if '"' in body or "(" in body:
        body = _QUOTED_OR_COMMENT.sub(" ", body)
    for match in _ADDRESS.finditer(body):
        local, _, domain = match[0].partition("@")
        plain = ascii_domain(domain)
        if plain:
            found[f"{local}@{plain}"] = None
            if len(found) == MAX_ADDRESSES:
                break
    return tuple(found)
