"""The running filter under what a server meets: reloads under load, restarts, idle crowds, no descriptors left."""

import asyncio
import hashlib
import itertools
import os
import signal
import socket
import statistics
import threading
import time

import pytest

from router.milter.simulator import FilterFailed, Mta, Outcome, Transaction, exchange
from tests.faults.desk import said
from tests.faults.serving import RULES, FewDescriptors, HeldSocket, cpu_s, stopped
from tests.integration.filter import RunningFilter, eventually

_numbers = itertools.count(1)
RELOADS = 30


def mail() -> Transaction:
    number = next(_numbers)
    text = f"From: a@b.example\r\nMessage-ID: <{number}@b.example>\r\nX-Desk-Tags: forged\r\n\r\nhello {number}\r\n"
    return Transaction(b"<a@b.example>", (b"<help@desk.example>",), text.encode())


class Load:
    """Senders in a thread of their own, each one mail after the other until `stop`. spec: where. per_session: mails on
    one connection."""

    def __init__(self, spec: str, senders: int = 4, per_session: int = 1, pause_s: float = 0.0) -> None:
        self.spec, self.senders, self.per_session, self.pause_s = spec, senders, per_session, pause_s
        self.outcomes: list[Outcome] = []
        self.failures: list[str] = []
        self.took_s: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._thread.start()

    async def _all(self) -> None:
        await asyncio.gather(*(self._sender() for _ in range(self.senders)))

    async def _sender(self) -> None:
        while not self._stop.is_set():
            try:
                async with await Mta.connect(self.spec) as mta:
                    for _ in range(self.per_session):
                        began = time.monotonic()
                        self.outcomes.append(await mta.exchange(mail()))
                        self.took_s.append(time.monotonic() - began)
            except FilterFailed as failed:
                self.failures.append(str(failed))  # Postfix would say 451, and the sender come again
                await asyncio.sleep(0.05)
            await asyncio.sleep(self.pause_s)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


BROKEN = ("alwys: true", "always: [", "always: true}, stage: enrich, x: {", "text: {words: []}")


def test_no_mail_sees_two_generations_and_none_is_refused(folder):
    """Reloads under load, half of them of broken files: the tag of each mail is that of the rules it names."""
    rules = folder / "rules.yaml"
    tag_of: dict[str, str] = {}

    def install(text: str, tag: str) -> None:
        tag_of[hashlib.sha256(text.encode()).hexdigest()[:16]] = tag
        rules.with_suffix(".new").write_text(text)
        rules.with_suffix(".new").rename(rules)

    install(RULES.replace("TAG", "g0"), "g0")
    running = RunningFilter("--no-tests", "--no-journal", rules=rules, at=None)
    load = Load(running.spec, senders=2, per_session=3, pause_s=0.05)
    try:
        for number in range(1, RELOADS + 1):
            text = RULES.replace("TAG", f"g{number}")
            if number % 2:
                install(text, f"g{number}")
                running.reload()
                running.wait_for("loaded", 1 + (number + 1) // 2)
            else:
                install(text.replace("always: true", BROKEN[number // 2 % len(BROKEN)]), "broken")
                running.reload()
                running.wait_for("reload-refused", number // 2)
    finally:
        load.stop()
        running.stop()
    assert load.failures == []
    seen = set()
    for outcome in load.outcomes:
        assert outcome.delivered and outcome.reply == "accept"
        assert "worker" not in said(outcome, b"Degraded") and "overload" not in said(outcome, b"Degraded")
        generation = said(outcome, b"Decision").partition("rules=")[2][:16]
        assert tag_of[generation] == said(outcome, b"Tags"), outcome.added_fields
        seen.add(generation)
    assert len(seen) > RELOADS // 3, "hardly any mail was decided between the reloads"


@pytest.mark.parametrize(("number", "times"), [(signal.SIGTERM, 3), (signal.SIGKILL, 3)])
def test_a_restart_with_a_held_socket_costs_at_most_the_messages_in_flight(folder, number, times):
    held, senders = HeldSocket(), 6
    process = held.start(folder / "rules.yaml", folder)
    load = Load(held.spec, senders, pause_s=0.02)
    try:
        for _ in range(times):
            before = len(load.outcomes)
            eventually(lambda: len(load.outcomes) > before + 20, 60)  # noqa: B023  # called at once
            stopped(process, number)
            process = held.start(folder / "rules.yaml", folder)
        before = len(load.outcomes)
        eventually(lambda: len(load.outcomes) > before + 20, 60)
    finally:
        load.stop()
        status = stopped(process)
        held.close()
    assert status == 0
    assert all(outcome.delivered for outcome in load.outcomes)
    if number == signal.SIGTERM:
        assert load.failures == []  # what is open is served to its end, what comes waits for the next process
    assert len(load.failures) <= senders * times, load.failures


def test_a_thousand_idle_sessions_cost_nothing(folder):
    """And mail beside them is decided as if they were not there."""
    running = RunningFilter("--no-tests", "--no-journal", rules=folder / "rules.yaml", at=None)

    async def crowd():
        idle = [await Mta.connect(running.spec) for _ in range(1_000)]
        try:
            await asyncio.sleep(0.5)
            before = cpu_s(running.process.pid)
            await asyncio.sleep(3)
            used = cpu_s(running.process.pid) - before
            took = []
            for _ in range(60):  # 20 mails a second
                began = time.monotonic()
                outcome = await exchange(running.spec, mail())
                took.append(time.monotonic() - began)
                assert said(outcome, b"Tags") == "TAG", outcome.added_fields
                await asyncio.sleep(max(0.0, 0.05 - took[-1]))
            # The idle ones still work.
            assert all([(await one.exchange(mail())).delivered for one in idle[::100]])
            return used, took
        finally:
            await asyncio.gather(*(one.quit() for one in idle))

    try:
        used, took = asyncio.run(crowd())
    finally:
        assert running.stop() == 0
    print(f"{used:.2f} s of CPU in 3 s; mail beside: median {statistics.median(took):.3f} s, longest {max(took):.3f} s")
    assert used <= 0.15, used


def test_without_descriptors_it_neither_spins_nor_dies(folder):
    """More connections than files that may be open: the rest is closed at once, and workers can still be replaced."""
    running = FewDescriptors(100, folder / "rules.yaml")
    assert running.wait_for("few-descriptors")["connections"] == 50
    port = int(running.postfix_spec.rpartition(":")[2])
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
    try:
        running.wait_for("too-many-connections")
        for pid in running.worker_pids():
            os.kill(pid, signal.SIGKILL)
        before = cpu_s(running.process.pid)
        time.sleep(2)
        used = cpu_s(running.process.pid) - before
        assert used < 0.4, f"{used:.2f} s of CPU in 2 s"
        for one in crowd:
            one.close()
        outcome = eventually(lambda: answered(running.spec))
        assert said(outcome, b"Tags") == "TAG", outcome.added_fields
    finally:
        for one in crowd:
            one.close()
        assert running.stop() == 0


def answered(spec: str) -> Outcome | None:
    try:
        return asyncio.run(exchange(spec, mail()))
    except FilterFailed:
        return None  # the crowd is still leaving
