"""CPU of who wrote the mail: `python -m bench.identity`.

From a border's Authentication-Results: what the front spends to see that nobody need be asked, and what a worker spends
to believe it (issue 6: at most 0.1 ms in all). From our own checks: what the look-up process spends when the answers of
the DNS are at hand.
"""

import asyncio
import time
from collections.abc import Callable

from router.facts import Site
from router.generation import by_results
from router.identity import checks
from router.identity.authentication_results import settled
from router.identity.lookup import ABSENT, Answer, Resolver, Status
from router.message.envelope import RawMessage
from tests.identity.signing import AT, HEAD, ed25519_key, mail, record, rsa_key, signature, signed

TRUSTED = ("mx.desk.example",)
RESULTS = (
    "Authentication-Results: mx.desk.example;\n\tdkim=pass (2048-bit key; secure) header.d=customer.example"
    " header.i=@customer.example header.s=s1;\n\tdmarc=pass (policy=none) header.from=customer.example;\n"
    "\tspf=pass smtp.mailfrom=olena@customer.example\n"
)


def cpu_ms(work: Callable[[], object], count: int) -> float:
    work()
    began = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - began) / count * 1_000


def main() -> None:
    site = Site("X-Desk-", {"support@desk.example": "support"}, trusted_authserv=frozenset(TRUSTED))
    trusted = mail(RESULTS + HEAD)

    def believe() -> object:
        message = checks.head_of(trusted)  # the worker has read the mail anyway; this is a part of its cost
        return by_results(message, checks.find_author(message, site.own_domains), site)

    front, worker = cpu_ms(lambda: settled(trusted.fields, TRUSTED), 5_000), cpu_ms(believe, 5_000)
    print(f"trusted results: front {front:.3f} ms, worker {worker:.3f} ms, together {front + worker:.3f} ms")
    for name, key in (("RSA 2048", rsa_key()), ("Ed25519", ed25519_key())):
        for size in (1, 256):
            raw = mail(text="A line of the mail, as people write them.\n" * (size * 25))
            print(f"own checks, {name}, {size:3} KiB: {own(signed(raw, signature(raw, key)), record(key)):.2f} ms")
    print(f"own checks, no signature: {own(mail(), ''):.2f} ms")
    print()


def own(raw: RawMessage, key: str) -> float:
    records = {
        ("customer.example", "TXT"): b"v=spf1 include:a.example include:b.example mx ip4:192.0.2.10 -all",
        ("a.example", "TXT"): b"v=spf1 ip4:198.51.100.0/24 ~all",
        ("b.example", "TXT"): b"v=spf1 ip4:203.0.113.0/24 ~all",
        ("s1._domainkey.customer.example", "TXT"): key.encode(),
        ("_dmarc.customer.example", "TXT"): b"v=DMARC1; p=reject",
    }

    async def wire(name: str, kind: str, lifetime_s: float) -> tuple[Answer, float]:
        found = records.get((name, kind))
        return (Answer(Status.ANSWER, (found,)) if found else ABSENT), 3_600.0

    with asyncio.Runner() as runner:
        resolver = Resolver(wire)

        async def many(count: int) -> None:
            for _ in range(count):
                await checks.results(raw, resolver.for_mail(), AT)

        runner.run(many(5))
        began = time.process_time()
        runner.run(many(100))
        return (time.process_time() - began) * 10


if __name__ == "__main__":
    main()
