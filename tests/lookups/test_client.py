"""The front and the look-up process: whatever happens to it costs an unknown, never a mail, never much time."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import pytest

from router.identity.authentication_results import Result
from router.lookups.client import LookUps, Settings
from router.lookups.plan import Plan
from tests.identity.dns_server import DnsServer
from tests.identity.signing import HEAD, mail

PROOF = Plan(proof=True, trusted=("mx.desk.example",))


@pytest.fixture
def dns():
    with DnsServer() as server:
        server.txt("customer.example", "v=spf1 ip4:192.0.2.10 -all")
        yield server


@asynccontextmanager
async def look_ups(server: DnsServer, plan: Plan = PROOF, **more):
    events = []
    one = LookUps(Settings(resolvers=(server.address,), **more), lambda event, **values: events.append(event))
    one.use(plan)
    try:
        yield one, events
    finally:
        await one.close()


async def there(one: LookUps) -> None:
    """The process has started."""
    while not one._heard:
        await asyncio.sleep(0.01)


def test_a_mail_is_asked_for(dns):
    async def run():
        async with look_ups(dns) as (one, _):
            return await one.for_mail(mail()), one.counters

    found, counters = asyncio.run(run())
    assert found.results[0] == Result("spf", "pass", "customer.example")
    assert counters["lookups-asked"] == counters["lookups-answered"] == 1 and counters["dns-queries"] >= 2


RESULTS = "Authentication-Results: mx.desk.example; spf=pass smtp.mailfrom=customer.example\n"
HOPS = [
    ("nothing trusted", "", True),
    ("trusted", RESULTS, False),
    ("forged", RESULTS.replace("desk", "evil"), True),
    ("forged below", HEAD + "\n" + RESULTS, True),
    ("odd, but ours", RESULTS.replace("spf=", "spf (x (y)) ="), True),
]


@pytest.mark.parametrize(("head", "hop"), [row[1:] for row in HOPS], ids=[row[0] for row in HOPS])
def test_trusted_results_need_no_process(dns, head, hop):
    """No hop, no question; the odd forms are read over there."""

    async def run():
        async with look_ups(dns) as (one, _):
            return await one.for_mail(mail(head + HEAD)), one.counters["lookups-asked"]

    found, asked = asyncio.run(run())
    assert (found is not None, asked) == (hop, int(hop))


def test_rules_that_ask_for_nothing_start_no_process(dns):
    async def run():
        async with look_ups(dns, Plan()) as (one, _):
            return await one.for_mail(mail()), one.pid, one.counters["lookups-started"]

    assert asyncio.run(run()) == (None, None, 0)


def test_without_the_dns_nothing_is_started_and_the_reason_told(dns):
    async def run():
        async with look_ups(dns, dns=False) as (one, _):
            return await one.for_mail(mail()), one.counters["lookups-started"]

    found, started = asyncio.run(run())
    assert found.results is None and "switched off" in found.why and started == 0 and dns.asked == []


def test_many_mails_at_once_share_one_question(dns):
    async def run():
        async with look_ups(dns) as (one, _):
            return await asyncio.gather(*(one.for_mail(mail()) for _ in range(50)))

    found = asyncio.run(run())
    assert {one.results[0].word for one in found} == {"pass"}
    assert len(dns.asked) <= 3


def test_a_process_that_dies_takes_only_the_mails_that_wait_for_it(dns):
    async def run():
        async with look_ups(dns) as (one, events):
            await one.for_mail(mail())
            pid = one.pid
            os.kill(pid, signal.SIGSTOP)
            waiting = [asyncio.create_task(one.for_mail(mail())) for _ in range(3)]
            await asyncio.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
            lost = await asyncio.gather(*waiting)
            again = await one.for_mail(mail())
            return lost, again, one.pid != pid, events

    lost, again, another, events = asyncio.run(run())
    assert [one.why for one in lost] == ["not checked: the look-up process died"] * 3
    assert again.results[0].word == "pass" and another and events == ["lookups-died"]


def test_a_frozen_process_costs_the_deadline_and_is_replaced(dns):
    async def run():
        async with look_ups(dns, deadline_s=1.0, lates=2) as (one, events):
            await there(one)
            await one.for_mail(mail())
            os.kill(one.pid, signal.SIGSTOP)
            late = [await one.for_mail(mail()) for _ in range(2)]
            while "lookups-died" not in events:
                await asyncio.sleep(0.01)
            await there(one)
            return late, await one.for_mail(mail()), events

    late, again, events = asyncio.run(run())
    assert [one.why for one in late] == ["not checked: timed out"] * 2
    assert again.results[0].word == "pass" and "lookups-frozen" in events and "lookups-died" in events


def test_more_mails_than_may_wait_are_unknown_at_once(dns):
    dns.mode = "silent"

    async def run():
        async with look_ups(dns, waiting=5) as (one, _):
            tasks = [asyncio.create_task(one.for_mail(mail())) for _ in range(8)]
            done, waiting = await asyncio.wait(tasks, timeout=0.2)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return [task.result().why for task in done]

    assert asyncio.run(run()) == ["not checked: too many look-ups at once"] * 3


def test_silence_of_the_dns_ends_within_the_deadline(dns):
    dns.mode = "silent"

    async def run():
        async with look_ups(dns) as (one, _):
            await there(one)
            return await one.for_mail(mail())

    found = asyncio.run(run())
    assert {one.word for one in found.results} <= {"temperror", "none"} and found.results[0].word == "temperror"


def test_a_new_plan_holds_for_new_mails(dns):
    async def run():
        async with look_ups(dns, Plan()) as (one, _):
            before = await one.for_mail(mail())
            one.use(PROOF)
            after = await one.for_mail(mail())
            one.use(Plan(proof=True, own_networks=("192.0.2.0/24",)))
            submitted = await one.for_mail(mail())
            return before, after, submitted, one.counters["lookups-started"]

    before, after, submitted, started = asyncio.run(run())
    assert before is None and after.results[0].method == "spf" and started == 1
    assert {one.method for one in submitted.results} == {"dkim"}  # from our own network: SPF says nothing


def test_nonsense_of_the_process_ends_it_not_us(dns):
    async def run():
        async with look_ups(dns) as (one, events):
            await one.for_mail(mail())
            one.data_received(b"\x00\x00\x00\x02[]")
            await asyncio.sleep(0.05)
            return await one.for_mail(mail()), events

    found, events = asyncio.run(run())
    assert found.results[0].word == "pass" and events[0] == "lookups-nonsense"
