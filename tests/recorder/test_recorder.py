"""The recorder: records reach the stores; full, down or frozen it costs records, which are counted, and never waits."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from router import journal
from router.journal import History, Wanted
from router.pseudonyms import open_key
from router.recorder.client import RecorderClient, Settings
from router.recorder.process import Recorder
from router.recorder.wire import item, items_frame, items_from, told_frame, told_from
from router.threads import store as threads
from router.threads.store import ThreadReader

NOW = datetime(2026, 3, 6, 17, 40, tzinfo=UTC)
EVENT = {"decision": "d", "queue": "help", "fired": ["r"], "tags": []}
LESSON = {"at_ms": 1, "message_id": "00" * 12, "ticket": "7", "participants": ["11" * 12], "words": ""}


@asynccontextmanager
async def running(state: Path, **more):
    said = []
    open_key(state)
    client = RecorderClient(Settings(state, **more), lambda event, **values: said.append((event, values)))
    client.said = said
    await client.start()
    try:
        yield client
    finally:
        await client.close()


def put(client, number: int, **event) -> None:
    # the process has the clock of the machine, and keeps nothing that is too old by it
    client.record(int(time.time() * 1000), f"Q{number}", "a@b.example", ["help@desk.example"], EVENT | event)


async def until(condition, timeout_s: float = 20.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)


def written(state: Path) -> list[str]:
    history = History.open(state / journal.NAME, open_key(state))
    try:
        return [one.queue_id for one in history.each(Wanted())]
    finally:
        history.close()


def run(work) -> None:
    asyncio.run(asyncio.wait_for(work(), 60))


def test_what_is_recorded_and_learned_is_in_the_stores_at_the_latest_after_closing(tmp_path):
    async def work():
        async with running(tmp_path) as client:
            put(client, 1)
            await until(lambda: client.counters["recorded"] == 1)
            put(client, 2)
            client.learn(LESSON)
        assert client.counters["recorded"] == 3 and client.waiting == 0

    run(work)
    assert written(tmp_path) == ["Q1", "Q2"]
    assert ThreadReader(tmp_path / threads.NAME, open_key(tmp_path)).ticket("7") is not None


def test_a_killed_recorder_is_started_again_and_what_it_had_is_counted(tmp_path):
    async def work():
        async with running(tmp_path) as client:
            os.kill(client.pid, signal.SIGSTOP)
            put(client, 1)
            await until(lambda: client._unconfirmed == 1)
            os.kill(client.pid, signal.SIGKILL)
            await until(lambda: client.counters["recorder-died"] == 1)
            put(client, 2)
            await until(lambda: client.counters["recorded"] == 1)
        assert client.counters["records-lost"] == 1
        assert ("recorder-died", {"status": -9}) in client.said

    run(work)
    assert written(tmp_path) == ["Q2"]


def test_a_frozen_recorder_holds_nobody_up_and_the_queue_has_an_end(tmp_path):
    async def work():
        async with running(tmp_path, queue=50) as client:
            os.kill(client.pid, signal.SIGSTOP)
            for number in range(80):
                put(client, number)
            assert client.waiting == 50
            assert client.counters["records-lost"] == 30
            os.kill(client.pid, signal.SIGCONT)
            await until(lambda: client.counters["recorded"] == 50)
            put(client, 99)
            await until(lambda: client.counters["recorded"] == 51)

    run(work)


def test_a_recorder_that_stays_frozen_is_killed_and_another_goes_on(tmp_path):
    async def work():
        async with running(tmp_path, queue=5, frozen_s=0.2) as client:
            os.kill(client.pid, signal.SIGSTOP)
            for number in range(6):
                put(client, number)
            await asyncio.sleep(1.0)
            put(client, 6)
            await until(lambda: client.counters["recorder-died"] == 1)
            put(client, 7)
            await until(lambda: client.counters["recorded"] == 1)
        assert "recorder-frozen" in [event for event, _ in client.said]

    run(work)
    assert written(tmp_path) == ["Q7"]


def test_without_a_state_directory_nothing_is_recorded_and_nothing_runs():
    async def work():
        client = RecorderClient(Settings(), lambda *_, **__: None)
        await client.start()
        put(client, 1)
        client.learn(LESSON)
        assert client.pid is None and client.waiting == 0 and not client.counters
        await client.close()

    run(work)


def test_a_record_that_is_no_plain_value_costs_itself_alone(tmp_path):
    async def work():
        async with running(tmp_path) as client:
            put(client, 1, strange=object())
            put(client, 2)
        assert client.counters["records-lost"] == 1

    run(work)
    assert written(tmp_path) == ["Q2"]


@pytest.fixture
def recorder(tmp_path):
    open_key(tmp_path)
    ticks = [0.0]
    recorder = Recorder(tmp_path, lambda: NOW, lambda: ticks[0])
    recorder.ticks = ticks
    yield recorder
    recorder.close()


def mails(*numbers: int, at=NOW):
    return [("mail", int(at.timestamp() * 1000), f"Q{n}", "a@b.example", ["x@y.example"], EVENT) for n in numbers]


def test_the_retention_of_the_front_is_kept_when_nothing_comes(recorder, tmp_path):
    recorder.take([("keep", 3_600.0), *mails(1, at=NOW - timedelta(hours=2)), *mails(2)])
    assert written(tmp_path) == ["Q1", "Q2"]
    recorder.tidy()
    assert written(tmp_path) == ["Q2"]


def test_a_store_that_cannot_be_opened_is_said_and_opened_later(recorder, tmp_path):
    threads.ThreadWriter.open(tmp_path / journal.NAME, open_key(tmp_path), NOW).close()  # another room's file
    recorder.take([*mails(1), ("learn", LESSON)])
    told = told_from(recorder.told()[4:])
    assert told[:2] == (1, 1) and told[2][0][0] == "no-records"
    (tmp_path / journal.NAME).unlink()
    recorder.take(mails(2))
    assert told_from(recorder.told()[4:])[:2] == (0, 1), "not tried again at once"
    recorder.ticks[0] += 60
    recorder.take(mails(3))
    assert told_from(recorder.told()[4:])[:2] == (1, 0)


def test_a_damaged_store_is_set_aside_and_said(recorder, tmp_path):
    (tmp_path / journal.NAME).write_bytes(b"garbage" * 999)
    recorder.take(mails(1))
    written_, failed, said = told_from(recorder.told()[4:])
    assert (written_, failed) == (1, 0) and said[0][0] == "store-damaged"


def test_a_bad_lesson_does_not_cost_the_others(recorder):
    recorder.take([("learn", {"at_ms": "x"}), ("learn", LESSON), ("something new",)])
    assert told_from(recorder.told()[4:])[:2] == (1, 1)


def test_without_its_key_it_records_nothing_and_says_why(recorder, tmp_path):
    (tmp_path / "pseudonyms.key").unlink()
    recorder.take(mails(1))
    assert told_from(recorder.told()[4:])[2][0][0] == "no-records"


def test_frames_arrive_as_they_were_sent():
    items = [("mail", 1, None, "", [], {"a": None}), ("keep", 3.5)]
    assert items_from(items_frame([item(*one) for one in items])[4:]) == items
    assert told_from(told_frame(3, 1, [("x", {"y": 1})])[4:]) == (3, 1, [("x", {"y": 1})])
    for bad in (b"{}", b"[]", b"x", b'{"written": 1, "failed": 1, "said": [1]}'):
        with pytest.raises(ValueError):
            told_from(bad)
