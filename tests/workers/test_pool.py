"""The pool: every mail gets an answer, whatever becomes of the workers."""

import asyncio
import contextlib
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.milter.edits import Offer
from router.workers.pool import Limits, Pool, Refused

RULES = """\
version: 1
languages: [en]
settings: {timezone: UTC, header_prefix: X-Desk-}
calendars: {always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}}
queues:
  help: {address: help@desk.example, calendar: always, name: {en: help}}
  moderation: {address: people@desk.example, calendar: always, name: {en: people}}
rules:
  - id: everything
    stage: enrich
    when: {always: true}
    then: [{tag: TAG}]
"""
OFFER = Offer(6, 0x1FF, 0xFFFFF)  # all but the leading space, so that values read plainly
NOW = datetime(2026, 3, 6, 17, 40, tzinfo=UTC)


def mail(number: int, to: str = "help@desk.example"):
    data = f"From: a@b.example\nMessage-ID: <{number}@b.example>\nX-Desk-Tags: forged\n\nhello {number}\n".encode()
    return raw_message(data, Envelope(b"<a@b.example>", (f"<{to}>".encode(),)), NOW, strip_prefix="X-Desk-")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES.replace("TAG", "first"))
    return path


@asynccontextmanager
async def running(rules: Path, **limits):
    """A pool with its events in `pool.events`."""
    events = []
    pool = Pool(
        replace(Limits(workers=2, deadline_s=2.0, patience_s=1.0), **limits),
        lambda _raw, event: events.append(event),
        lambda *_, **__: None,
    )
    pool.events = events
    await pool.load(rules, None)
    try:
        yield pool
    finally:
        await pool.close()


def pids(pool: Pool) -> list[int]:
    """The workers' pids, from their pidfds."""
    found = []
    for worker in pool._workers:
        info = Path(f"/proc/self/fdinfo/{worker._pidfd}").read_text()
        found.append(int(next(line.split()[1] for line in info.splitlines() if line.startswith("Pid:"))))
    return found


def run(work) -> None:
    asyncio.run(asyncio.wait_for(work(), 60))


def test_a_mail_of_ours_is_decided_and_a_mail_of_others_only_stripped(rules):
    async def work():
        async with running(rules) as pool:
            ours = await pool.decide(mail(1), OFFER)
            others = await pool.decide(mail(2, "somebody@else.example"), OFFER)
        assert b"X-Desk-Tags\0first" in ours
        assert others == b"\0\0\0\x12m\0\0\0\x01x-desk-tags\0\0" + b"\0\0\0\x01a"
        assert pool.counters["decided"] == 1 and pool.counters["out-of-scope"] == 1

    run(work)


def test_many_mails_at_once_each_get_their_own_answer(rules):
    async def work():
        async with running(rules, queue=200, patience_s=20.0) as pool:
            answers = await asyncio.gather(*(pool.decide(mail(number), OFFER) for number in range(100)))
        assert all(b"X-Desk-Tags\0first" in one for one in answers)
        assert len({event["decision"] for event in pool.events}) == 100

    run(work)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_with_a_mail_in_hand_costs_that_mail_its_decision(rules, number):
    async def work():
        async with running(rules, workers=1) as pool:
            (pid,) = pids(pool)
            os.kill(pid, signal.SIGSTOP)
            asking = asyncio.create_task(pool.decide(mail(1), OFFER))
            await asyncio.sleep(0.2)
            os.kill(pid, number)
            with contextlib.suppress(ProcessLookupError):  # killed and reaped already
                os.kill(pid, signal.SIGCONT)
            answer = await asking
            assert b"X-Desk-Degraded\0worker" in answer and b"first" not in answer
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(2), OFFER)
            assert b"X-Desk-Degraded\0poison" in await pool.decide(mail(1), OFFER)

    run(work)


def test_an_idle_worker_that_dies_costs_nothing(rules):
    async def work():
        async with running(rules) as pool:
            for pid in pids(pool):
                os.kill(pid, signal.SIGKILL)
            for number in range(10):
                await asyncio.sleep(0.05)
                await pool.decide(mail(number), OFFER)
            assert pool.counters["decided"] >= 9

    run(work)


def test_a_frozen_worker_is_killed_at_the_deadline(rules):
    async def work():
        async with running(rules, workers=1, deadline_s=0.5) as pool:
            (pid,) = pids(pool)
            os.kill(pid, signal.SIGSTOP)
            assert b"X-Desk-Degraded\0deadline" in await pool.decide(mail(1), OFFER)
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(2), OFFER)
            assert pids(pool) != [pid]

    run(work)


def test_overload_is_shed_and_passes(rules):
    async def work():
        async with running(rules, workers=1, queue=5, patience_s=0.5, deadline_s=3.0) as pool:
            (pid,) = pids(pool)
            os.kill(pid, signal.SIGSTOP)
            asking = [asyncio.create_task(pool.decide(mail(number), OFFER)) for number in range(20)]
            await asyncio.sleep(1.0)
            os.kill(pid, signal.SIGCONT)
            answers = await asyncio.gather(*asking)
            assert sum(b"Degraded\0overload" in one for one in answers) == 19
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(99), OFFER)

    run(work)


def test_whoever_leaves_the_queue_holds_nobody_up(rules):
    """Cancelled while it waits for a worker, and in the hands of one; what comes behind is decided."""

    async def work():
        async with running(rules, workers=1, patience_s=20.0, deadline_s=20.0) as pool:
            (pid,) = pids(pool)
            os.kill(pid, signal.SIGSTOP)
            asking = [asyncio.create_task(pool.decide(mail(number), OFFER)) for number in range(4)]
            await asyncio.sleep(0.1)
            assert pool.state()["mails_waiting"] == 3
            asking[0].cancel()
            asking[2].cancel()
            await asyncio.gather(asking[0], asking[2], return_exceptions=True)
            assert pool.state()["mails_waiting"] == 2
            os.kill(pid, signal.SIGCONT)
            answers = await asyncio.gather(asking[1], asking[3])
            assert all(b"X-Desk-Tags\0first" in one for one in answers)
            assert (pool.counters["decided"], len(pool.events), pids(pool)) == (2, 2, [pid])

    run(work)


def test_a_mail_that_cannot_be_handed_over_is_nobody_elses_fault(rules):
    """Alone, and as the next in the queue when another mail is answered."""

    async def work():
        async with running(rules, workers=1, queue=5, patience_s=20.0) as pool:
            odd = replace(mail(1), source=object())
            with pytest.raises(ValueError, match="unmarshallable"):
                await pool.decide(odd, OFFER)
            (pid,) = pids(pool)
            os.kill(pid, signal.SIGSTOP)
            asking = [asyncio.create_task(pool.decide(one, OFFER)) for one in (mail(2), odd, mail(3))]
            await asyncio.sleep(0.2)
            os.kill(pid, signal.SIGCONT)
            first, between, last = await asyncio.gather(*asking, return_exceptions=True)
            assert b"X-Desk-Tags\0first" in first and b"X-Desk-Tags\0first" in last
            assert isinstance(between, ValueError)
            assert pids(pool) == [pid]

    run(work)


def test_a_judge_who_leaves_the_queue_loses_no_worker(rules):
    async def work():
        async with running(rules, workers=1, patience_s=20.0, deadline_s=20.0) as pool:
            (pid,) = pids(pool)
            os.kill(pid, signal.SIGSTOP)
            asking = [asyncio.create_task(pool.judge(mail(number), OFFER)) for number in range(3)]
            await asyncio.sleep(0.1)
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            assert pool.state()["mails_waiting"] == 0
            os.kill(pid, signal.SIGCONT)
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(9), OFFER)
            assert pids(pool) == [pid]

    run(work)


def test_each_mail_has_the_whole_deadline_and_the_whole_patience(rules):
    """One timer rings for many: it was set for a mail before, and is not this one's end."""

    async def work():
        async with running(rules, workers=1, deadline_s=1.0, patience_s=0.4) as pool:
            (pid,) = pids(pool)
            await pool.decide(mail(1), OFFER)
            await asyncio.sleep(0.6)
            os.kill(pid, signal.SIGSTOP)
            before = asyncio.get_running_loop().time()

            async def timed(number, later):
                await asyncio.sleep(later)
                began = asyncio.get_running_loop().time()
                return await pool.decide(mail(number), OFFER), asyncio.get_running_loop().time() - began

            in_hand, first, second = await asyncio.gather(timed(2, 0), timed(3, 0.05), timed(4, 0.25))
            assert b"Degraded\0deadline" in in_hand[0] and in_hand[1] > 0.99
            for answer, seconds in (first, second):
                assert b"Degraded\0overload" in answer and 0.39 < seconds < 0.9
            assert asyncio.get_running_loop().time() - before < 5
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(5), OFFER)

    run(work)


def test_a_record_that_cannot_be_made_loses_no_worker(rules):
    async def work():
        async with running(rules, workers=1) as pool:
            (pid,) = pids(pool)

            def full(raw, event):
                raise OSError("No space left on device")

            record, pool._record = pool._record, full
            for number in range(3):
                with pytest.raises(OSError, match="No space"):
                    await pool.decide(mail(number), OFFER)
            pool._record = record
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(9), OFFER)
            assert pids(pool) == [pid]

    run(work)


def test_workers_are_replaced_after_their_number_of_mails(rules):
    async def work():
        async with running(rules, workers=1, recycle_after=3) as pool:
            for number in range(10):
                assert b"X-Desk-Tags\0first" in await pool.decide(mail(number), OFFER)
            assert pool.counters["workers-started"] >= 3

    run(work)


def test_a_reload_decides_by_the_new_rules_and_a_bad_one_changes_nothing(rules):
    async def work():
        async with running(rules) as pool:
            rules.write_text(RULES.replace("TAG", "second"))
            await pool.load(rules, None)
            assert b"X-Desk-Tags\0second" in await pool.decide(mail(1), OFFER)
            rules.write_text(RULES.replace("always: true", "alwys: true"))
            with pytest.raises(Refused, match="always"):
                await pool.load(rules, None)
            assert b"X-Desk-Tags\0second" in await pool.decide(mail(2), OFFER)

    run(work)


def test_mails_under_way_keep_the_generation_they_began_with(rules):
    async def work():
        async with running(rules, workers=1, deadline_s=20.0) as pool:
            (pid,) = pids(pool)
            os.kill(pid, signal.SIGSTOP)
            asking = asyncio.create_task(pool.decide(mail(1), OFFER))
            await asyncio.sleep(0.1)
            rules.write_text(RULES.replace("TAG", "second"))
            await pool.load(rules, None)
            assert b"X-Desk-Tags\0second" in await pool.decide(mail(2), OFFER)
            os.kill(pid, signal.SIGCONT)
            assert b"X-Desk-Tags\0first" in await asking

    run(work)


def test_a_dead_nursery_is_replaced(rules):
    async def work():
        async with running(rules) as pool:
            first = pool._nursery
            first.process.kill()
            for _ in range(200):
                if pool._nursery is not first:
                    break
                await asyncio.sleep(0.1)
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(1), OFFER)
            for pid in pids(pool):
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.5)
            assert b"X-Desk-Tags\0first" in await pool.decide(mail(2), OFFER)

    run(work)


def test_a_worker_holds_no_descriptor_but_its_own(rules):
    async def work():
        async with running(rules, workers=2) as pool:
            await pool.decide(mail(1), OFFER)
            for pid in pids(pool):
                sockets = [one for one in Path(f"/proc/{pid}/fd").iterdir() if "socket:" in os.readlink(one)]
                assert len([one for one in sockets if int(one.name) > 2]) == 1

    run(work)


def test_nothing_is_left_running_after_close(rules):
    left = []

    async def work():
        async with running(rules) as pool:
            left.extend([*pids(pool), pool._nursery.process.pid])

    run(work)
    assert not [pid for pid in left if Path(f"/proc/{pid}").exists() and "Z" not in _state(pid)]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
