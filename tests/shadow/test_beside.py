"""The shadow's bounds, by a pool that fails as it is told."""

import asyncio
from pathlib import Path

import pytest

from router.errors import Location
from router.message.envelope import Envelope, RawMessage
from router.milter.edits import Offer
from router.shadow import beside
from router.shadow.beside import FAILURES, WAITING, Shadow, Wanted
from router.workers.loaded import Loaded
from router.workers.pool import Refused, Undecided
from tests.workers.test_pool import NOW

REAL = {"decision": "d", "queue": "help", "fired": [], "tags": []}
OFFER = Offer(6, 0x1FF, 0)
IN_USE = Loaded("X-", {}, "real", None, "")
WANTED = Wanted(Path("draft.yaml"), None, "draft.yaml", Location("rules.yaml", 4, 13), {})
RAW = RawMessage(Envelope(b"<a@b>", (b"<c@d>",), queue_id="Q1"), (), b"", NOW)


class FakePool:
    """Stands for the processes. says: what `judge` does: an event, an exception, or None for never."""

    loaded = Loaded("X-", {}, "draft", None, "")
    says: object = None
    refuses = ""

    def __init__(self, *_: object) -> None:
        self.closed = False
        self.asked = 0

    async def load(self, *_: object, **__: object) -> Loaded:
        if self.refuses:
            raise Refused(self.refuses)
        return self.loaded

    async def judge(self, *_: object) -> dict:
        self.asked += 1
        if self.says is None:
            await asyncio.Event().wait()
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def close(self, *, at_once: bool) -> None:
        self.closed = True


@pytest.fixture
def pool(monkeypatch):
    class Own(FakePool):
        pass

    monkeypatch.setattr(beside, "Pool", Own)
    return Own


def run(scenario, **options):
    kept, logged = [], []

    async def all_of_it():
        shadow = Shadow(lambda event, **_: logged.append(event), kept.append, **options)
        await shadow.use(WANTED, IN_USE)
        await scenario(shadow)
        await shadow.close()
        return shadow

    return asyncio.run(all_of_it()), kept, logged


async def turn(shadow, mails=1):
    for _ in range(mails):
        shadow.seen(RAW, OFFER, None, REAL)
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_waits_is_bounded_and_the_rest_is_skipped_and_counted(pool):
    async def scenario(shadow):
        await turn(shadow, WAITING + 5)
        assert shadow.counters == {"skipped": 5}

    shadow, kept, _ = run(scenario)
    assert kept == [] and shadow.state == "off"


def test_the_next_record_tells_how_many_were_skipped_before_it(pool):
    async def scenario(shadow):
        busy.append(True)
        await turn(shadow, 3)
        busy.clear()
        await turn(shadow, 2)

    busy = []
    pool.says = {**REAL, "queue": "other"}
    _, kept, logged = run(scenario, busy=lambda: bool(busy))
    assert [(one.skipped, one.queue_id, one.difference["changes"]) for one in kept] == [
        (3, "Q1", {"queue": ["help", "other"]}),
        (0, "Q1", {"queue": ["help", "other"]}),
    ]
    assert kept[0].sides == "real none | draft none" and logged == ["shadow-loaded", "shadow-differs", "shadow-differs"]


def test_it_is_stopped_after_so_many_failures_in_a_row_and_not_before(pool):
    async def scenario(shadow):
        pool.says = Undecided("not decided within 1 s")
        await turn(shadow, FAILURES - 1)
        pool.says = REAL
        await turn(shadow)
        assert shadow.state == "deciding"
        pool.says = {"degraded": ["fault"], "fault": "KeyError at rules.py:1"}
        await turn(shadow, FAILURES)
        assert shadow.state == "stopped" and "KeyError" in shadow.why
        await turn(shadow, 3)
        assert shadow.counters == {"same": 1, "failed": 2 * FAILURES - 1}
        await shadow.use(WANTED, IN_USE)
        assert shadow.state == "deciding"

    _, kept, logged = run(scenario)
    assert "shadow-stopped" in logged and len(kept) == 2 * FAILURES


def test_a_mail_without_a_decision_is_none_of_its_business(pool):
    async def scenario(shadow):
        shadow.seen(RAW, OFFER, None, {"degraded": ["overload"]})
        assert not shadow.counters

    run(scenario)


def test_a_refused_one_tells_where_it_is_named(pool):
    pool.refuses = "draft.yaml:3:1: error E213: no"

    async def scenario(shadow):
        assert shadow.status()["state"] == "refused"
        assert shadow.status()["why"] == "rules.yaml:4:13: settings.shadow: draft.yaml:3:1: error E213: no"
        await turn(shadow)
        assert not shadow.counters

    run(scenario)


def test_ending_the_filter_does_not_wait_for_a_shadow_that_loads(monkeypatch):
    class Never(FakePool):
        async def load(self, *_: object, **__: object) -> Loaded:
            await asyncio.Event().wait()
            raise AssertionError

    async def all_of_it():
        shadow = Shadow(lambda *_, **__: None)
        task = asyncio.get_running_loop().create_task(shadow.use(WANTED, IN_USE))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await shadow.close()
        return shadow.state, task.cancelled()

    monkeypatch.setattr(beside, "Pool", Never)
    assert asyncio.run(all_of_it()) == ("off", True)


def test_what_is_in_use_already_is_not_decided_twice(pool):
    pool.loaded = IN_USE

    async def scenario(shadow):
        assert shadow.state == "idle"
        await turn(shadow)
        assert not shadow.counters

    run(scenario)
