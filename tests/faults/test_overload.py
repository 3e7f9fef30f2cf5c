"""More mail than the workers can decide: mail is delivered undecided instead of waiting, and then all is as before."""

import asyncio
import time
from collections import Counter

from tests.faults.desk import desk, kept, run, said

CAPACITY = 20  # mails a second: two workers that take a tenth of a second each
SECONDS = 5


def test_three_times_what_can_be_decided(tmp_path):
    """Each mail is answered within patience and deadline; what can be decided is; five seconds later nothing waits."""

    async def work():
        async with desk(tmp_path, workers=2, queue=64, patience_s=1.5, deadline_s=3.0) as one:
            sending = []
            for _ in range(CAPACITY * 3 * SECONDS):
                sending.append(asyncio.create_task(one.send(one.mail("slow 0.1"))))
                await asyncio.sleep(1 / (CAPACITY * 3))
            over = time.monotonic()
            outcomes = await asyncio.gather(*sending)
            assert all(kept(outcome) for outcome in outcomes)
            found = Counter(said(outcome, b"Degraded").partition(";")[0] or "decided" for outcome in outcomes)
            found["decided"] += found.pop("auth", 0)
            assert set(found) == {"decided", "overload"}, found
            # The workers were kept busy all the time, not drowned.
            assert found["decided"] > CAPACITY * SECONDS * 0.6, found
            assert found["overload"] > CAPACITY * SECONDS, found
            assert max(took for took, _ in one.answered) < 1.5 + 3.0
            while one.pool.state()["mails_waiting"] or one.pool.state()["idle"] < 2:
                assert time.monotonic() - over < 5
                await asyncio.sleep(0.05)
            after = [await one.send(one.mail()) for _ in range(10)]
            assert all(said(outcome, b"Tags") == "seen" for outcome in after)

    run(work)


def test_mail_that_waits_for_a_worker_and_is_given_up_costs_nothing(tmp_path):
    """A client that vanishes while its mail waits leaves no work behind that others would wait for."""

    async def work():
        async with desk(tmp_path, workers=1, queue=64, patience_s=5.0, deadline_s=3.0) as one:
            busy = asyncio.create_task(one.send(one.mail("slow 1")))
            await asyncio.sleep(0.2)
            waiting = [asyncio.create_task(one.send(one.mail("slow 1"))) for _ in range(8)]
            await asyncio.sleep(0.2)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await busy
            began = time.monotonic()
            outcome = await one.send(one.mail())
            assert said(outcome, b"Tags") == "seen"
            assert time.monotonic() - began < 4, one.pool.counters

    run(work)
