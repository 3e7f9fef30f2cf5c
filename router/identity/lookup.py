"""The only door to the DNS: one resolver for every check, and one allowance of queries and time for every mail.

An answer is one of three. ANSWER: there are records. ABSENT: somebody who knows says that there are none. TEMPERROR: we
do not know (time-out, SERVFAIL, REFUSED, no resolver, allowance spent). Nothing here raises, and nobody above may take
a TEMPERROR for an ABSENT: silence of a DNS server is no bad signature.

- Answers are kept as long as their TTL says and never above MAX_TTL_S, negative ones at most NEGATIVE_TTL_S, failures
  for FAILURE_TTL_S; at most `Limits.cached` of them, the oldest go first.
- The same question asked twice at once is sent once.
- Ten time-outs within 30 s with no answer among them open the circuit: for 30 s nothing is asked, then one question
  tries. An answer in between closes the count, since a resolver that answers others is alive: a few mails of somebody
  whose own name servers are silent must not blind the desk to everybody else.

Use a validating resolver on the same host: what it says is believed.
"""

import asyncio
import collections
import ipaddress
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from router.frozen import dataclass

MAX_TTL_S = 3_600.0
NEGATIVE_TTL_S = 300.0
FAILURE_TTL_S = 5.0
FAIR_S = 0.5  # a question that had less time than this says nothing about the resolver

_SERVER = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<four>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,63}")


class Status(StrEnum):
    ANSWER = "answer"
    ABSENT = "absent"
    TEMPERROR = "temperror"


Record: TypeAlias = "bytes | str | tuple[int, str]"
"""TXT: bytes, its strings joined. A, AAAA: the address as text. PTR: a name. MX: preference and name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """records: of the kind that was asked for, aliases followed; names in lower case without the final dot. why: of a
    temperror, in words."""

    status: Status
    records: tuple[Record, ...] = ()
    why: str = ""

    def texts(self) -> tuple[bytes, ...]:
        return tuple(one for one in self.records if isinstance(one, bytes))


ABSENT = Answer(Status.ABSENT)


def temperror(why: str) -> Answer:
    return Answer(Status.TEMPERROR, why=why)


Ask: TypeAlias = Callable[[str, str], Awaitable[Answer]]
"""`await ask("example.com", "TXT")`; kinds are TXT, A, AAAA, MX and PTR."""


class Wire(Protocol):
    """What sends one question: gives the answer and for how many seconds it holds. Raises TimeoutError."""

    async def __call__(self, name: str, kind: str, lifetime_s: float) -> tuple[Answer, float]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """deadline_s, queries: for one mail. cached: answers kept. timeouts, window_s, pause_s: of the circuit breaker.
    try_s: for one packet, after which it is sent again."""

    deadline_s: float = 2.5
    queries: int = 20
    cached: int = 10_000
    timeouts: int = 10
    window_s: float = 30.0
    pause_s: float = 30.0
    try_s: float = 0.8


@dataclass(slots=True)
class _Kept:
    answer: Answer
    until: float


class Resolver:
    """Asks, remembers, gives up in time. One for all mails of a process; belongs to one event loop.

    counters: queries (sent), cached, coalesced, answers, absent, temperrors, timeouts, circuit-opened, circuit-refused,
    over-limit.
    """

    def __init__(
        self,
        wire: Wire,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.counters: collections.Counter[str] = collections.Counter()
        self._wire = wire
        self._clock = clock
        self._kept: collections.OrderedDict[tuple[str, str], _Kept] = collections.OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Future[Answer]] = {}
        self._timeouts: collections.deque[float] = collections.deque(maxlen=self.limits.timeouts)
        self._open_until = 0.0
        self._trying = False

    @property
    def circuit_open(self) -> bool:
        return self._clock() < self._open_until

    def for_mail(self, limits: Limits | None = None) -> "Allowance":
        """A new mail begins: its deadline runs from now."""
        limits = limits or self.limits
        return Allowance(self, self._clock() + limits.deadline_s, limits.queries, self._clock)

    async def ask(self, name: str, kind: str, deadline: float) -> Answer:
        """deadline: on the clock of this resolver. Never raises for anything that a DNS server does."""
        name = name.rstrip(".").lower()
        if not _is_name(name):
            return ABSENT
        key = (name, kind)
        kept = self._kept.get(key)
        if kept is not None:
            if self._clock() < kept.until:
                self.counters["cached"] += 1
                return kept.answer
            del self._kept[key]
        remaining = deadline - self._clock()
        if remaining <= 0:
            return temperror("out of time")
        asking = self._asking.get(key)
        if asking is not None:
            # Shielded: this mail's deadline must not end a question that another one waits for.
            self.counters["coalesced"] += 1
            try:
                return await asyncio.wait_for(asyncio.shield(asking), remaining)
            except TimeoutError:
                return temperror("timed out")
        if not self._may_ask():
            self.counters["circuit-refused"] += 1
            return temperror("the resolver does not answer")
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        answer = temperror("given up")
        try:
            answer = await self._send(name, kind, remaining)
            return answer
        finally:
            del self._asking[key]
            asking.set_result(answer)

    async def _send(self, name: str, kind: str, remaining: float) -> Answer:
        self.counters["queries"] += 1
        try:
            answer, ttl_s = await asyncio.wait_for(self._wire(name, kind, remaining), remaining + 0.1)
        except TimeoutError:
            self.counters["timeouts"] += 1
            self._timed_out(fair=remaining >= FAIR_S)
            return temperror("timed out")
        finally:
            self._trying = False
        self._timeouts.clear()
        self._open_until = 0.0
        self.counters["temperrors" if answer.status is Status.TEMPERROR else _COUNTED[answer.status]] += 1
        self._keep((name, kind), answer, ttl_s)
        return answer

    def _keep(self, key: tuple[str, str], answer: Answer, ttl_s: float) -> None:
        most = {Status.ANSWER: MAX_TTL_S, Status.ABSENT: NEGATIVE_TTL_S, Status.TEMPERROR: FAILURE_TTL_S}
        ttl_s = min(ttl_s, most[answer.status])
        if ttl_s > 0:
            self._kept[key] = _Kept(answer, self._clock() + ttl_s)
            while len(self._kept) > self.limits.cached:
                self._kept.popitem(last=False)

    def _may_ask(self) -> bool:
        if not self._open_until:
            return True
        if self.circuit_open or self._trying:
            return False
        self._trying = True  # one question finds out whether the resolver is back
        return True

    def _timed_out(self, *, fair: bool) -> None:
        now = self._clock()
        if self._open_until:  # the one that tried
            self._open_until = now + self.limits.pause_s
            return
        if not fair:
            return
        self._timeouts.append(now)
        if len(self._timeouts) == self.limits.timeouts and now - self._timeouts[0] <= self.limits.window_s:
            self.counters["circuit-opened"] += 1
            self._open_until = now + self.limits.pause_s
            self._timeouts.clear()


_COUNTED = {Status.ANSWER: "answers", Status.ABSENT: "absent"}


class Allowance:
    """What one mail may ask: call it as an `Ask`. Asking again for the same is free."""

    def __init__(self, resolver: Resolver, deadline: float, queries: int, clock: Callable[[], float]) -> None:
        self.asked: dict[tuple[str, str], Answer] = {}
        self._resolver = resolver
        self._deadline = deadline
        self._left = queries
        self._clock = clock

    @property
    def remaining_s(self) -> float:
        return self._deadline - self._clock()

    async def __call__(self, name: str, kind: str) -> Answer:
        key = (name.rstrip(".").lower(), kind)
        known = self.asked.get(key)
        if known is not None:
            return known
        if self._left <= 0:
            self._resolver.counters["over-limit"] += 1
            return temperror("too many queries for one mail")
        self._left -= 1
        answer = await self._resolver.ask(name, kind, self._deadline)
        self.asked[key] = answer
        return answer

    def share(self, queries: int) -> Ask:
        """For one check, at most so many: a bomb in the envelope's domain leaves the signatures their queries."""
        left = queries

        async def ask(name: str, kind: str) -> Answer:
            nonlocal left
            if (name.rstrip(".").lower(), kind) not in self.asked:
                if left <= 0:
                    self._resolver.counters["over-limit"] += 1
                    return temperror("too many queries for one check")
                left -= 1
            return await self(name, kind)

        return ask


def _is_name(name: str) -> bool:
    """Something that can stand in a question: what macros and signatures make of a sender's text need not."""
    return 0 < len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split("."))


# ------------------------------------------------------------------------------------------------------- dnspython


class NoResolver(Exception):
    """There is no resolver to ask; the words say why."""


def wire(servers: Sequence[tuple[str, int]] = (), try_s: float = 0.8) -> Wire:
    """Asks these servers (address, port), or those of /etc/resolv.conf. Raises NoResolver when there are none.

    UDP with a fresh port for every question, TCP when an answer is cut; packets that are no answer to the question are
    passed over (dnspython 2.6 and newer: CVE-2023-29483).
    """
    import dns.asyncresolver  # here: 40 ms that a worker and most commands never spend
    import dns.exception
    import dns.name
    import dns.nameserver
    import dns.resolver

    try:
        asking = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        raise NoResolver("/etc/resolv.conf names no resolver; name one with --resolver") from None
    if servers:
        asking.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in servers]
    asking.timeout = try_s
    asking.search = []
    asking.use_edns(0, 0, 1232)  # RFC 9715: not fragmented on the way
    asking.cache = None

    async def send(name: str, kind: str, lifetime_s: float) -> tuple[Answer, float]:
        try:
            question = dns.name.from_text(name.replace("\\", "\\\\").replace('"', '\\"'))
            found = await asking.resolve(question, kind, lifetime=lifetime_s, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as nothing:
            return ABSENT, _negative_ttl(nothing)
        except dns.exception.Timeout:
            raise TimeoutError from None
        except dns.resolver.NoNameservers as failure:
            return temperror(_said(failure)), FAILURE_TTL_S
        except (dns.exception.DNSException, OSError, UnicodeError, ValueError) as failure:
            # A name that is none, a network that is not there, an answer that cannot be read.
            return temperror(type(failure).__name__), FAILURE_TTL_S
        ttl_s = float(found.chaining_result.minimum_ttl)
        if found.rrset is None:
            return ABSENT, ttl_s
        records = tuple(_record(one, kind) for one in found.rrset)
        return Answer(Status.ANSWER, records), ttl_s

    return send


def _record(one: Any, kind: str) -> Record:
    if kind == "TXT":
        return b"".join(one.strings)
    if kind == "MX":
        return int(one.preference), one.exchange.to_text(omit_final_dot=True).lower()
    if kind == "PTR":
        return str(one.target.to_text(omit_final_dot=True)).lower()
    return str(one.address)


def _negative_ttl(nothing: Any) -> float:
    """From the SOA that came along (RFC 2308), as dnspython finds it."""
    for response in nothing.responses().values():
        try:
            return float(response.resolve_chaining().minimum_ttl)
        except Exception:  # whatever a hostile answer makes of it; it was read once already, so hardly ever
            return FAILURE_TTL_S
    return FAILURE_TTL_S


def _said(failure: Any) -> str:
    """SERVFAIL, REFUSED … of all servers, from dnspython's list of errors."""
    errors = [error[3] for error in failure.kwargs.get("errors", ())]
    words = [error if isinstance(error, str) else type(error).__name__ for error in errors]
    return ", ".join(dict.fromkeys(words))[:100] or "no server answered"


def server(text: str) -> tuple[str, int]:
    """`127.0.0.1`, `127.0.0.1:5300`, `[::1]:53` or `::1` as (address, port). Raises ValueError with words."""
    match = _SERVER.fullmatch(text)
    address, port = (match["six"] or match["four"], int(match["port"] or 53)) if match else (text, 53)
    try:
        if not 0 < port < 65_536:
            raise ValueError
        return str(ipaddress.ip_address(address)), port
    except ValueError:
        raise ValueError(f'"{text}" is no address of a resolver; write 127.0.0.1 or [::1]:5300') from None
