"""The door to the DNS: ten ways to fail, and what of it reaches the checks."""

import asyncio
import contextlib

import pytest

from router.identity.lookup import ABSENT, Answer, Limits, NoResolver, Resolver, Status, server, temperror, wire
from tests.identity.dns_server import MODES, DnsServer

ZONE = {
    ("a.example", "TXT"): ['"v=spf1 -all"'],
    ("a.example", "MX"): ["10 Mail.a.example.", "5 b.example."],
    ("mail.a.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("mail.a.example", "AAAA"): ["2001:db8::1"],
    ("alias.example", "CNAME"): ["a.example"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["Mail.A.example."],
    ("empty.example", "A"): ["192.0.2.1"],
}
FOUND = Answer(Status.ANSWER, (b"v=spf1 -all",))


def ask(dns: DnsServer, *questions: tuple[str, str], limits: Limits | None = None) -> list[Answer]:
    async def run():
        limits_ = limits or Limits(deadline_s=2.5, try_s=0.4)
        allowance = Resolver(wire([("127.0.0.1", dns.port)], limits_.try_s), limits_).for_mail()
        return [await allowance(*question) for question in questions]

    return asyncio.run(run())


@pytest.fixture(scope="module")
def good():
    with DnsServer(ZONE) as dns:
        yield dns


@pytest.mark.parametrize(
    ("name", "kind", "records"),
    [
        ("a.example", "TXT", (b"v=spf1 -all",)),
        ("A.Example.", "TXT", (b"v=spf1 -all",)),
        ("alias.example", "TXT", (b"v=spf1 -all",)),
        ("a.example", "MX", ((5, "b.example"), (10, "mail.a.example"))),
        ("mail.a.example", "A", ("192.0.2.1", "192.0.2.2")),
        ("mail.a.example", "AAAA", ("2001:db8::1",)),
        ("1.2.0.192.in-addr.arpa", "PTR", ("mail.a.example",)),
    ],
)
def test_records_are_plain_values(good, name, kind, records):
    (answer,) = ask(good, (name, kind))
    assert (answer.status, tuple(sorted(answer.records))) == (Status.ANSWER, tuple(sorted(records)))


@pytest.mark.parametrize("name", ["", ".", "a..example", "x" * 64 + ".example", "a. b.example", "почта.укр", "a" * 254])
def test_what_is_no_name_is_absent_and_never_asked(good, name):
    before = len(good.asked)
    assert ask(good, (name, "TXT")) == [ABSENT]
    assert len(good.asked) == before


def test_absent_is_both_no_such_name_and_no_such_record(good):
    assert ask(good, ("none.example", "TXT"), ("empty.example", "TXT")) == [ABSENT, ABSENT]


EXPECTED = {
    "silent": temperror("timed out"),
    "slow": FOUND,
    "servfail": temperror("SERVFAIL"),
    "refused": temperror("REFUSED"),
    "nxdomain": ABSENT,
    "truncated": FOUND,
    "garbage": FOUND,
    "flapping": FOUND,
}


@pytest.mark.parametrize("mode", MODES)
def test_ten_faults(mode):
    """Silence and refusals are temperror, never absent; cut, slow, flapping and forged answers end in the true one."""
    with DnsServer(ZONE, mode=mode) as dns:
        (answer,) = ask(dns, ("a.example", "TXT"), limits=Limits(deadline_s=1.2, try_s=0.4))
        if mode == "huge":
            assert answer.status is Status.ANSWER and len(answer.records) == 201 and dns.by_tcp
        elif mode == "cname-loop":
            assert answer.status is Status.TEMPERROR
        else:
            assert answer == EXPECTED[mode]
        assert mode != "truncated" or dns.by_tcp == 1


def test_nobody_listens():
    with DnsServer() as dns:
        port = dns.port

    async def run():
        resolver = Resolver(wire([("127.0.0.1", port)], 0.2), Limits(deadline_s=0.6))
        return await resolver.for_mail()("a.example", "TXT")

    assert asyncio.run(run()).status is Status.TEMPERROR


# ----------------------------------------------------------------------------------- with a clock and a wire of our own


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Line:
    """Answers what it is told, counts what is sent; `silent`: takes the whole lifetime and gives nothing."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sent: list[str] = []
        self.silent: set[str] | bool = False
        self.answer, self.ttl_s = FOUND, 60.0

    async def __call__(self, name: str, kind: str, lifetime_s: float) -> tuple[Answer, float]:
        self.sent.append(name)
        await asyncio.sleep(0)
        if self.silent is True or (self.silent and name in self.silent):
            self.clock.now += lifetime_s
            raise TimeoutError
        return self.answer, self.ttl_s


@contextlib.contextmanager
def asking(**limits):
    clock = Clock()
    line = Line(clock)
    with asyncio.Runner() as runner:
        resolver = Resolver(line, Limits(**limits), clock)

        def one(name: str, kind: str = "TXT") -> Answer:
            async def run():
                return await resolver.for_mail()(name, kind)

            return runner.run(run())

        yield clock, line, resolver, one


@pytest.mark.parametrize(
    ("answer", "ttl_s", "kept_s"),
    [(FOUND, 60, 60), (FOUND, 1e9, 3_600), (ABSENT, 60, 60), (ABSENT, 1e9, 300), (temperror("x"), 900, 5)],
)
def test_answers_are_kept_as_long_as_they_hold(answer, ttl_s, kept_s):
    with asking() as (clock, line, _, one):
        line.answer, line.ttl_s = answer, ttl_s
        assert one("a.example") == one("A.example.") == answer and len(line.sent) == 1
        clock.now += kept_s - 0.1
        assert one("a.example") == answer and len(line.sent) == 1
        clock.now += 0.2
        assert one("a.example") == answer and len(line.sent) == 2


def test_a_ttl_of_nought_is_not_kept():
    with asking() as (_, line, _, one):
        line.ttl_s = 0
        one("a.example"), one("a.example")
        assert len(line.sent) == 2


def test_no_more_answers_are_kept_than_told():
    with asking(cached=10) as (_, line, resolver, one):
        for number in range(50):
            one(f"{number}.example")
        assert len(resolver._kept) == 10
        one("49.example"), one("0.example")
        assert len(line.sent) == 51


def test_the_same_question_at_once_is_sent_once():
    async def run():
        clock = Clock()
        line = Line(clock)
        resolver = Resolver(line, clock=clock)
        answers = await asyncio.gather(*(resolver.for_mail()("a.example", "TXT") for _ in range(20)))
        return answers, line.sent

    answers, sent = asyncio.run(run())
    assert answers == [FOUND] * 20 and sent == ["a.example"]


def test_a_mail_asks_at_most_twenty_times():
    """The twenty-first is temperror without a question; asking again for the same is free."""

    async def run():
        clock = Clock()
        line = Line(clock)
        allowance = Resolver(line, clock=clock).for_mail()
        answers = [await allowance(f"{number}.example", "TXT") for number in range(25)]
        again = await allowance("0.example", "TXT")
        return answers, again, line.sent

    answers, again, sent = asyncio.run(run())
    assert answers == [FOUND] * 20 + [temperror("too many queries for one mail")] * 5
    assert again == FOUND and len(sent) == 20


def test_a_share_is_a_part_of_the_twenty():
    async def run():
        clock = Clock()
        allowance = Resolver(Line(clock), clock=clock).for_mail()
        one = allowance.share(2)
        first = [(await one(f"{number}.example", "TXT")).status for number in range(3)]
        return first, (await allowance("2.example", "TXT")).status, (await one("2.example", "TXT")).status

    answer, failed = Status.ANSWER, Status.TEMPERROR
    assert asyncio.run(run()) == ([answer, answer, failed], answer, answer)


def test_a_mail_waits_no_longer_than_its_deadline_however_much_it_asks():
    async def run():
        clock = Clock()
        line = Line(clock)
        line.silent = True
        allowance = Resolver(line, clock=clock).for_mail()
        answers = [await allowance(f"{number}.example", "TXT") for number in range(20)]
        return clock.now - 1_000.0, answers, line.sent

    waited, answers, sent = asyncio.run(run())
    assert waited == 2.5 and len(sent) == 1
    assert {one.status for one in answers} == {Status.TEMPERROR}


def test_ten_time_outs_open_the_circuit_and_one_answer_closes_it():
    with asking(deadline_s=1.0) as (clock, line, resolver, one):
        line.silent = True
        for number in range(10):
            one(f"{number}.example")
        assert resolver.circuit_open and len(line.sent) == 10
        assert one("x.example") == temperror("the resolver does not answer") and len(line.sent) == 10
        clock.now += 30
        assert one("x.example") == temperror("timed out") and len(line.sent) == 11  # the one that tries
        assert one("y.example") == temperror("the resolver does not answer")
        clock.now += 30
        line.silent = False
        assert one("x.example") == FOUND and one("y.example") == FOUND and not resolver.circuit_open
        assert resolver.counters["circuit-opened"] == 1


def test_time_outs_far_apart_or_with_answers_between_open_nothing():
    """Somebody whose name servers are silent must not blind us to everybody else."""
    with asking(deadline_s=1.0) as (clock, line, resolver, one):
        line.silent = True
        for number in range(20):
            one(f"{number}.example")
            clock.now += 4
        assert not resolver.circuit_open
        line.silent = {f"silent{number}.example" for number in range(100)}
        for number in range(40):
            one(f"silent{number}.example")
            if number % 5 == 0:
                one(f"good{number}.example")
        assert not resolver.circuit_open


def test_questions_that_had_no_time_say_nothing_about_the_resolver():
    with asking(deadline_s=0.2) as (_, line, resolver, one):
        line.silent = True
        for number in range(30):
            one(f"{number}.example")
        assert not resolver.circuit_open


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5300", ("127.0.0.1", 5300)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5300", ("::1", 5300)),
    ],
)
def test_addresses_of_resolvers(text, expected):
    assert server(text) == expected


@pytest.mark.parametrize("text", ["", "localhost", "127.0.0.1:0", "127.0.0.1:99999", "300.0.0.1", "[::1", "a:b"])
def test_what_is_no_address_of_a_resolver_is_said(text):
    with pytest.raises(ValueError, match=r"no address of a resolver; write 127\.0\.0\.1"):
        server(text)


def test_a_host_without_a_resolver_says_so(monkeypatch):
    import dns.resolver

    def nothing(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", nothing)
    with pytest.raises(NoResolver, match="--resolver"):
        wire()
