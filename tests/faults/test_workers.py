"""Whatever happens to a worker costs one degraded mail, answered at once; the same mail never reaches a second one."""

import asyncio
import signal

import pytest

from router.workers import pool as pooling
from tests.faults.desk import RULES, desk, kept, run, said

DEADLY = {
    # what the mail does -> what its Degraded field says
    "segfault": "worker",
    "abort": "worker",
    "exit": "worker",
    "deep": "worker",
    "cpu": "worker",
    "raise SystemExit": "worker",
    "garbage": "worker",
    "hang": "deadline",
    "spin": "deadline",
    "regex": "deadline",
    "stop": "deadline",
    "hog": "deadline",
    "half": "worker",
    "nonsense": "worker",
    "eat": "worker",
}
SURVIVED = {"raise ValueError": "ValueError", "raise RecursionError": "RecursionError"}


@pytest.mark.parametrize("fault", DEADLY)
def test_one_degraded_mail_and_no_more(tmp_path, fault):
    """Answered at the deadline at the latest; the next is decided; sent again it is answered without a worker."""

    async def work():
        async with desk(tmp_path, workers=1, deadline_s=0.7) as one:
            first = await one.send(one.mail(fault))
            assert kept(first), first
            assert said(first, b"Degraded").partition(";")[0] in (DEADLY[fault], "deadline"), said(first, b"Degraded")
            following = await one.send(one.mail())
            assert kept(following) and said(following, b"Tags") == "seen", following
            began = one.pool.counters["workers-started"]
            again = await one.send(one.mail(fault, number=1))
            assert kept(again) and said(again, b"Degraded").startswith("poison"), again
            assert one.pool.counters["workers-started"] == began
            assert max(took for took, _ in one.answered) < 8 + 1  # I5: no reply later than the deadline and a second

    run(work)


@pytest.mark.parametrize("fault", SURVIVED)
def test_what_raises_costs_the_mail_its_decision_and_the_worker_nothing(tmp_path, fault):
    async def work():
        async with desk(tmp_path, workers=1, deadline_s=5.0) as one:
            first = await one.send(one.mail(fault))
            assert kept(first) and said(first, b"Degraded").startswith(f"fault; {SURVIVED[fault]}"), first
            for _ in range(3):
                following = await one.send(one.mail())
                assert kept(following) and said(following, b"Tags") == "seen"
            assert one.pool.counters["workers-started"] == 1

    run(work)


def test_every_kind_of_fault_at_once_between_good_mails(tmp_path):
    """Good mails are decided while workers fall around them; not one mail is refused, lost or mixed up."""

    async def work():
        async with desk(tmp_path, workers=2, deadline_s=0.5, patience_s=6.0, queue=200) as one:
            faults = [*DEADLY, *SURVIVED, "twice", "thread"]

            async def bad():
                for fault in faults:
                    outcome = await one.send(one.mail(fault))
                    assert kept(outcome), (fault, outcome)

            async def good():
                decided = 0
                for _ in range(25):
                    outcome = await one.send(one.mail())
                    assert kept(outcome)
                    decided += said(outcome, b"Tags") == "seen"
                    await asyncio.sleep(0.15)
                return decided

            _, decided = await asyncio.gather(bad(), good())
            assert decided >= 22, one.pool.counters

    run(work)


@pytest.mark.parametrize("fault", ["twice", "twice at once", "once and a bit"])
def test_an_answer_that_nobody_asked_for_never_becomes_that_of_the_next_mail(tmp_path, fault):
    async def work():
        async with desk(tmp_path, workers=1) as one:
            await one.send(one.mail(fault))
            for _ in range(5):
                outcome = await one.send(one.mail())
                assert kept(outcome) and said(outcome, b"Tags") == "seen", outcome

    run(work)


EVIL = (
    r"(a+)+$ (a|aa)+$ (a|a)*b (.*a){20} (a*)*b ([a-z]+)*! (x+x+)+y ^(a?){30}a{30}$ (a{1,30}){1,30}b (\p{L}+\s?)*$ "
    r"(\p{L}+[,.]?\s*)+! (.|\n)*(.|\n)*b ((a+)?)*b .*.*.*.*.*c (ab|a)*c [^!]*[^?]*[^#]*z"
)


def test_regexes_that_never_end_elsewhere_are_done_in_time(tmp_path):
    """A quarter of a MiB of text that each of them would search for years; the mail is decided, not given up."""
    rules = "".join(
        f"  - {{id: evil-{number}, stage: enrich, when: {{text: {{regex: '{regex}'}}}}, then: [{{tag: t{number}}}]}}\n"
        for number, regex in enumerate(EVIL.split())
    )

    async def work():
        async with desk(tmp_path, RULES + rules, deadline_s=3.0) as one:
            for body in (b"a" * 250_000, b"aa " * 80_000, ("слово, " * 18_000).encode()):
                outcome = await one.send(
                    one.mail(body=b"\r\n".join(body[at : at + 900] for at in range(0, len(body), 900)))
                )
                assert kept(outcome) and said(outcome, b"Tags").startswith("seen"), outcome.added_fields
                assert "deadline" not in said(outcome, b"Degraded"), outcome.added_fields

    run(work)


def test_a_nursery_that_hangs_is_replaced(tmp_path, monkeypatch):
    """Stopped it gives no new workers; when the last one is dead there would be none for ever."""
    monkeypatch.setattr(pooling, "_SPAWN_S", 0.5)

    async def work():
        async with desk(tmp_path, workers=1) as one:
            first = one.pool._nursery.process
            first.send_signal(signal.SIGSTOP)
            await one.send(one.mail("segfault"))
            for _ in range(200):
                if one.pool._nursery.process is not first and one.pool.state()["idle"]:
                    break
                await asyncio.sleep(0.1)
            outcome = await one.send(one.mail())
            assert kept(outcome) and said(outcome, b"Tags") == "seen", outcome

    run(work)


def test_a_nursery_that_dies_during_a_reload_does_not_bring_the_old_rules_back(tmp_path):
    async def work():
        async with desk(tmp_path, workers=1) as one:
            pool, rules = one.pool, tmp_path / "rules.yaml"
            begin, released = pool._begin_again, asyncio.Event()

            async def begin_slowly(source):
                fresh = await begin(source)
                await released.wait()
                return fresh

            pool._begin_again = begin_slowly
            pool._nursery.process.kill()
            await asyncio.sleep(1.2)  # the watcher has seen it and starts the old rules again
            rules.write_text(RULES.replace("tag: seen", "tag: second"))
            await pool.load(rules, None, run_tests=False)
            released.set()
            await asyncio.sleep(1.0)
            for _ in range(3):
                assert said(await one.send(one.mail()), b"Tags") == "second"

    run(work)


def test_a_mail_that_hangs_a_worker_is_remembered_though_its_client_has_gone(tmp_path):
    async def work():
        async with desk(tmp_path, workers=1, deadline_s=0.5) as one:
            gone = asyncio.create_task(one.send(one.mail("hang")))
            await asyncio.sleep(0.2)
            gone.cancel()
            await asyncio.sleep(0.6)
            assert said(await one.send(one.mail()), b"Tags") == "seen"
            assert said(await one.send(one.mail("hang", number=1)), b"Degraded").startswith("poison")

    run(work)
