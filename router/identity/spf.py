"""SPF (RFC 7208) of the envelope sender: pyspf judges, our resolver asks.

pyspf asks in the middle of its work and knows no asyncio. So it is run on the answers that are there; where it asks for
one that is not, it is stopped, the answer fetched, and it is run again from the start. It is a pure function of the
record and the answers, a run takes some 0.1 ms, and no thread waits for anybody.

Its limits are RFC 7208's: ten mechanisms that ask, ten MX names, two void look-ups. The explanation (`exp=`) is not
fetched: nobody reads what a stranger writes there.
"""

import ipaddress
from typing import Any

import spf

from router.identity.authentication_results import Result
from router.identity.lookup import Answer, Ask, Status
from router.message.addresses import ascii_domain
from router.message.envelope import Envelope, address_of

QUERIES = 15  # of the twenty of one mail; the rest is for three keys and two DMARC records
MAX_RECORD_BYTES = 8_192
MAX_MACROS = 50  # of one record; 800 of them cost 0.2 s at every run
MAX_SENDER = 512
_RUNS = 2 * QUERIES


async def check(envelope: Envelope, ask: Ask) -> Result | None:
    """The result for the domain of MAIL FROM. None for the null sender and a domain that is none: it is about nobody.

    A client without an address (a unix socket, `sendmail`) gives `none`: there is nothing to compare.
    """
    sender = address_of(envelope.sender)
    local, _, domain = sender.rpartition("@")
    plain = ascii_domain(domain) if local else None
    if plain is None or "." not in plain or len(sender) > MAX_SENDER:
        return None
    if envelope.client_address is None:
        return Result("spf", "none", plain, "the client has no address")
    address = _plain_address(envelope.client_address)
    if address is None:
        return Result("spf", "none", plain, "the client's address cannot be read")
    helo = ascii_domain(envelope.helo.decode("latin-1")) or "unknown"
    known: dict[tuple[str, str], Answer] = {}
    for _ in range(_RUNS):
        try:
            word, why = _judged(address, f"{local}@{plain}", helo, known)
        except _NotKnown as missing:
            known[missing.name, missing.kind] = await ask(missing.name, missing.kind)
            continue
        return Result("spf", word, plain, why)
    return Result("spf", "temperror", plain, "it asks for more and more")


def _plain_address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _judged(address: str, sender: str, helo: str, known: dict[tuple[str, str], Answer]) -> tuple[str, str]:
    query = _Query(address, sender, helo, known)
    try:
        word, _, _ = query.check()
    except _NotKnown:
        raise
    except Exception as error:  # pyspf on records that somebody wrote to break it; not to be read is `permerror`
        return "permerror", f"the record cannot be read ({type(error).__name__})"
    if word in ("permerror", "temperror"):
        return word, query.problem
    return word, ""


class _NotKnown(Exception):
    """pyspf needs this answer; not of its own families, so that it lets it through."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        super().__init__(name)


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    """pyspf's query without its own network."""

    def __init__(self, address: str, sender: str, helo: str, known: dict[tuple[str, str], Answer]) -> None:
        super().__init__(address, sender, helo)
        self.known = known
        self.prob = ""

    @property
    def problem(self) -> str:
        return str(self.prob)[:200]

    def dns(self, name: str, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:
        """Instead of pyspf's own, which asks by itself: the same contract, from what is known."""
        name = str(name).rstrip(".").lower()
        answer = self.known.get((name, qtype))
        if answer is None:
            raise _NotKnown(name, qtype)
        if answer.status is Status.TEMPERROR:
            raise spf.TempError(f"DNS: {answer.why}")
        if qtype == "TXT":
            found: list[Any] = [[one] for one in answer.texts() if _may_matter(one)]
        else:
            found = list(answer.records)
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        return found

    def get_explanation(self, spec: str) -> None:
        return None


def _may_matter(record: bytes) -> bool:
    if record[:6].lower() == b"v=spf1":
        if len(record) > MAX_RECORD_BYTES:
            raise spf.PermError(f"a record of {len(record)} bytes")
        if record.count(b"%{") > MAX_MACROS:
            raise spf.PermError(f"a record with {record.count(b'%{')} macros")
    return True
