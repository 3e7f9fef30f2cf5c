"""Hours in minutes: many messages through the whole filter with faults on, and what it costs. `make soak`.

    python -m bench.soak [--messages 200000] [--rate 80] [--reloads 300] [--overload 60] [--idle 1000] [--seed 1]

Four parts, each of which can be left out by a 0:

messages  at a modest rate while, every few seconds, something breaks: a worker or the nursery is killed or stopped, a
          mail is given up, rules are reloaded, good and bad, strangers speak nonsense, hang up, connect and say
          nothing. Every message must be accepted with its recipients and be decided or say why not. Memory of the
          front is sampled: its slope in bytes a message, and files and threads, after a warm-up.
reloads   under load, half of broken files: no message by two generations, none refused
idle      so many sessions that say nothing, and 20 messages a second beside them
overload  three times what can be decided, measured before, for so many seconds; then the time until all is as before

Prints a report in Markdown; the exit status is 1 when a promise was broken. docs/reliability.md keeps one.
"""

import argparse
import asyncio
import collections
import contextlib
import hashlib
import itertools
import os
import random
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.mail import ROOT, messages
from router.milter.simulator import FilterFailed, Mta, Outcome, Transaction, exchange
from tests.faults.serving import cpu_s, resident_kb
from tests.integration.filter import RunningFilter, children

PREFIX = b"X-FlexiHost-"
BASE = 500  # different messages; each is sent with a Message-ID and a last line of its own
WARM_UP = 0.15  # of the messages: caches fill, memory grows until they are full
MAX_SLOPE_BYTES = 32  # a message; pymilter's bound, reliability.md row 60
MAX_ANSWER_S = 9.0
BROKEN = "\nruls: [\n"  # at the end of a rules file


def mails(seed: int) -> Iterator[Transaction]:
    """Messages without end, no two alike."""
    base = messages(BASE, seed)
    for number in itertools.count():
        sender, recipient, data = base[number % BASE]
        head, _, body = data.partition(b"\r\n\r\n")
        at = head.index(b"Message-ID: <") + len(b"Message-ID: <")
        head = head[:at] + b"%d-" % number + head[at:]
        yield Transaction(f"<{sender}>".encode(), (f"<{recipient}>".encode(),), head + b"\r\n\r\n" + body)


def fields(outcome: Outcome, name: bytes) -> list[bytes]:
    return [body for key, body in outcome.added_fields if key == PREFIX + name]


class Ledger:
    """What became of the messages."""

    def __init__(self) -> None:
        self.sent = 0
        self.refused: collections.Counter[str] = collections.Counter()
        self.degraded: collections.Counter[str] = collections.Counter()
        self.decided = 0
        self.took_s: list[float] = []
        self.broken: list[str] = []

    def note(self, transaction: Transaction, outcome: Outcome, took_s: float) -> None:
        self.sent += 1
        self.took_s.append(took_s)
        if not outcome.delivered:
            self.broken.append(f"{outcome.reply} to {transaction.recipients}")
        if fields(outcome, b"Decision"):
            self.decided += 1
        elif degraded := fields(outcome, b"Degraded"):
            self.degraded[degraded[0].partition(b";")[0].decode()] += 1
        else:
            self.broken.append(f"neither decided nor degraded: {outcome.added_fields}")

    async def send(self, spec: str, transaction: Transaction) -> Outcome | None:
        began = time.monotonic()
        try:
            outcome = await exchange(spec, transaction)
        except FilterFailed as failed:
            self.refused[str(failed)] += 1
            return None
        self.note(transaction, outcome, time.monotonic() - began)
        return outcome

    def quantiles(self) -> str:
        ordered = sorted(self.took_s) or [0.0]
        parts = [
            f"{name} {ordered[int((len(ordered) - 1) * q)] * 1000:.0f} ms" for name, q in (("p50", 0.5), ("p99", 0.99))
        ]
        return ", ".join([*parts, f"longest {ordered[-1] * 1000:.0f} ms"])


class Faults:
    """Something breaks, every few seconds."""

    def __init__(self, running: RunningFilter, rules: Path, seed: int) -> None:
        self.running, self.rules = running, rules
        self.good = rules.read_text()
        self.chance = random.Random(seed)
        self.done: collections.Counter[str] = collections.Counter()
        self.kinds = {
            "worker killed": self.kill_worker, "worker stopped": self.stop_worker, "nursery killed": self.kill_nursery,
            "nursery stopped": self.stop_nursery, "reload": self.reload, "reload of a broken file": self.reload_broken,
            "nonsense on the port": self.nonsense, "100 silent connections": self.silent, "mail given up": self.give_up,
        }  # fmt: skip

    async def go_on(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * every_s)
            name = self.chance.choice(list(self.kinds))
            self.done[name] += 1
            with contextlib.suppress(ProcessLookupError):
                await self.kinds[name]()

    def _nurseries(self) -> list[int]:
        return [one for one in children(self.running.process.pid) if b"nursery" in _command(one)]

    def _signal(self, pids: list[int], number: int) -> None:
        if pids:
            os.kill(self.chance.choice(pids), number)

    async def kill_worker(self) -> None:
        self._signal([worker for one in self._nurseries() for worker in children(one)], signal.SIGKILL)

    async def stop_worker(self) -> None:
        self._signal([worker for one in self._nurseries() for worker in children(one)], signal.SIGSTOP)

    async def kill_nursery(self) -> None:
        self._signal(self._nurseries(), signal.SIGKILL)

    async def stop_nursery(self) -> None:
        self._signal(self._nurseries(), signal.SIGSTOP)

    async def reload(self) -> None:
        self.rules.write_text(self.good + f"\n# {self.chance.random()}\n")
        self.running.reload()

    async def reload_broken(self) -> None:
        self.rules.write_text(self.good + BROKEN)
        self.running.reload()
        await asyncio.sleep(3)
        self.rules.write_text(self.good)

    async def nonsense(self) -> None:
        with self._connected() as one:
            one.sendall(self.chance.randbytes(self.chance.randrange(1, 2_000)))
            await asyncio.sleep(0.1)

    async def silent(self) -> None:
        crowd = [self._connected() for _ in range(100)]
        await asyncio.sleep(1)
        for one in crowd:
            one.close()

    async def give_up(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(exchange(self.running.spec, next(mails(99))), 0.002)

    def _connected(self) -> socket.socket:
        port = int(self.running.spec.removeprefix("inet:").partition("@")[0])
        return socket.create_connection(("127.0.0.1", port))


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Samples:
    """Memory, files and threads of the front alone, by number of messages."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.rows: list[tuple[int, int, int, int]] = []

    def take(self, sent: int) -> None:
        status = Path(f"/proc/{self.pid}/status").read_text()
        values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        files = len(os.listdir(f"/proc/{self.pid}/fd"))
        self.rows.append((sent, int(values["RssAnon"].split()[0]) * 1024, files, int(values["Threads"])))

    def slope(self) -> float:
        """Bytes a message, by least squares, after the warm-up."""
        rows = self.rows[int(len(self.rows) * WARM_UP) :]
        if len(rows) < 3:
            return 0.0
        return statistics.linear_regression([row[0] for row in rows], [row[1] for row in rows]).slope


async def messages_part(options: argparse.Namespace, running: RunningFilter, rules: Path) -> tuple[str, bool]:
    ledger, samples = Ledger(), Samples(running.process.pid)
    faults = Faults(running, rules, options.seed)
    breaking = asyncio.create_task(faults.go_on(options.every))
    source = mails(options.seed)
    began = time.monotonic()
    todo = iter(range(options.messages))

    async def session() -> None:
        while True:
            lot = list(itertools.islice(todo, 10))
            if not lot:
                return
            try:
                async with await Mta.connect(running.spec) as mta:
                    for number in lot:
                        await asyncio.sleep(max(0.0, began + number / options.rate - time.monotonic()))
                        transaction, asked = next(source), time.monotonic()
                        ledger.note(transaction, await mta.exchange(transaction), time.monotonic() - asked)
                        if ledger.sent % max(100, options.messages // 200) == 0:
                            samples.take(ledger.sent)
                            running.forget("decided")
            except FilterFailed as failed:
                ledger.refused[str(failed)] += 1

    await asyncio.gather(*(session() for _ in range(8)))
    breaking.cancel()
    await asyncio.gather(breaking, return_exceptions=True)
    took = time.monotonic() - began
    rules.write_text(faults.good)
    slope, files = samples.slope(), [row[2] for row in samples.rows]
    quiet = sorted(files)[len(files) // 2]
    # A slope is told from noise only over many messages: pages come and go by hundreds of KB.
    well = not ledger.broken and not ledger.refused and max(ledger.took_s) < MAX_ANSWER_S
    well = well and (options.messages < 50_000 or slope < MAX_SLOPE_BYTES)
    broken = ", ".join(f"{name} {count}" for name, count in sorted(faults.done.items()))
    lines = [
        f"- {ledger.sent:,} messages in {took:,.0f} s ({ledger.sent / took:.0f} a second)",
        f"- {sum(faults.done.values())} faults: {broken}",
        f"- accepted with their recipients: {ledger.sent - len(ledger.broken):,}; refused: {ledger.refused.total()}",
        f"- decided: {ledger.decided:,}; undecided: {dict(ledger.degraded)}; {ledger.quantiles()}",
        f"- front: {slope:.1f} bytes a message after the first {WARM_UP:.0%}; from {samples.rows[0][1] / 1e6:.1f} to "
        f"{samples.rows[-1][1] / 1e6:.1f} MB; files median {quiet}, last {files[-1]}; threads {samples.rows[-1][3]}",
        f"- the whole tree at the end: {resident_kb(running.process.pid) / 1024:.0f} MB (PSS)",
        *[f"- broken: {one}" for one in ledger.broken[:5]],
        *[f"- refused: {one}" for one in list(ledger.refused)[:5]],
    ]
    return "\n".join(lines), well


async def reloads_part(options: argparse.Namespace, running: RunningFilter, rules: Path) -> tuple[str, bool]:
    ledger, source, good = Ledger(), mails(options.seed + 1), rules.read_text()
    known = {hashlib.sha256(good.encode()).hexdigest()[:16]: good}
    seen: collections.Counter[str] = collections.Counter()
    stop = asyncio.Event()

    async def sender() -> None:
        while not stop.is_set():
            of_part, outcome = ledger, await ledger.send(running.spec, next(source))
            if of_part is ledger and outcome is not None and (decision := fields(outcome, b"Decision")):
                seen[decision[0].partition(b"rules=")[2][:16].decode()] += 1
            await asyncio.sleep(0.02)

    senders = [asyncio.create_task(sender()) for _ in range(3)]

    def outcomes() -> list[str]:
        return [one["event"] for one in running.events if one["event"] in ("loaded", "reload-refused")]

    while (before := len(outcomes())) != (await asyncio.sleep(5), len(outcomes()))[1]:
        pass  # a reload of the part before is under way
    running.reload()
    while len(outcomes()) == before:
        await asyncio.sleep(0.05)
    before += 1
    seen.clear()  # what came until here may be by rules of the part before
    ledger = Ledger()
    began, wrong = time.monotonic(), 0
    for number in range(options.reloads):
        broken = bool(number % 2)
        text = good + BROKEN if broken else good + f"\n# {number}\n"
        if not broken:
            known[hashlib.sha256(text.encode()).hexdigest()[:16]] = text
        rules.write_text(text)
        running.reload()
        deadline = time.monotonic() + 60
        while len(outcomes()) == before + number and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        wrong += outcomes()[before + number :] != ["reload-refused" if broken else "loaded"]
    stop.set()
    await asyncio.gather(*senders)
    rules.write_text(good)
    took = time.monotonic() - began
    strange = set(seen) - set(known)
    well = not (ledger.broken or ledger.refused or strange or wrong)
    return (
        f"- {options.reloads} reloads in {took:.0f} s, half of broken files, {wrong} with a wrong outcome\n"
        f"- {ledger.sent:,} messages beside them: refused {ledger.refused.total()}, undecided {dict(ledger.degraded)}, "
        f"by {len(seen)} generations, by rules that were never installed: {len(strange)}; {ledger.quantiles()}"
    ), well


async def idle_part(options: argparse.Namespace, running: RunningFilter) -> tuple[str, bool]:
    ledger, source = Ledger(), mails(options.seed + 2)
    crowd = [await Mta.connect(running.spec) for _ in range(options.idle)]
    await asyncio.sleep(1)
    before = cpu_s(running.process.pid)
    await asyncio.sleep(5)
    used = cpu_s(running.process.pid) - before
    began = time.monotonic()
    for number in range(400):
        await asyncio.sleep(max(0.0, began + number / 20 - time.monotonic()))
        await ledger.send(running.spec, next(source))
    await asyncio.gather(*(one.quit() for one in crowd))
    p99 = sorted(ledger.took_s)[int(len(ledger.took_s) * 0.99)]
    well = used < 0.25 and p99 < 1.0 and not ledger.broken and not ledger.refused
    said = f"- {options.idle:,} idle sessions: {used:.2f} s of CPU in 5 s; 20 messages a second beside them: "
    return said + ledger.quantiles(), well


async def overload_part(options: argparse.Namespace, running: RunningFilter) -> tuple[str, bool]:
    source, warm = mails(options.seed + 3), Ledger()
    until = time.monotonic() + 10

    async def closed() -> None:
        while time.monotonic() < until:
            await warm.send(running.spec, next(source))

    await asyncio.gather(*(closed() for _ in range(16)))
    capacity = warm.decided / 10
    ledger, rate = Ledger(), 3 * capacity
    began, sending = time.monotonic(), set()
    for number in itertools.count():
        if time.monotonic() - began >= options.overload:
            break
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        task = asyncio.create_task(ledger.send(running.spec, next(source)))
        sending.add(task)
        task.add_done_callback(sending.discard)
    offered = number
    over = time.monotonic()
    await asyncio.gather(*sending)
    after = Ledger()
    while True:
        outcome = await after.send(running.spec, next(source))
        if outcome is not None and fields(outcome, b"Decision") and after.took_s[-1] < 0.5:
            break
    recovered = time.monotonic() - over
    well = not ledger.broken and not ledger.refused and max(ledger.took_s) < MAX_ANSWER_S and recovered < 5
    return (
        f"- {capacity:.0f} messages a second can be decided here; {offered / options.overload:.0f} a second were sent "
        f"for {options.overload} s\n"
        f"- accepted {ledger.sent:,}, refused {ledger.refused.total()}, decided {ledger.decided:,}, undecided "
        f"{dict(ledger.degraded)}; {ledger.quantiles()}; as before after {recovered:.1f} s"
    ), well


async def soak(options: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        for name in ("rules.yaml", "lists"):
            (Path(folder) / name).symlink_to(ROOT / name)
        rules = Path(folder) / "rules.yaml"
        text = rules.read_text()
        rules.unlink()
        rules.write_text(text)
        running = RunningFilter("--no-tests", "--no-journal", rules=rules)
        well = True
        try:
            for title, wanted, part in (
                ("Messages with faults on", options.messages, lambda: messages_part(options, running, rules)),
                ("Reloads under load", options.reloads, lambda: reloads_part(options, running, rules)),
                ("Idle sessions", options.idle, lambda: idle_part(options, running)),
                ("Overload", options.overload, lambda: overload_part(options, running)),
            ):
                if wanted:
                    said, good = await part()
                    well = well and good
                    print(f"\n### {title}: {'as promised' if good else 'NOT as promised'}\n\n{said}", flush=True)
        finally:
            alive = running.process.poll() is None
            status = running.stop()
        print(f"\nThe front ended with {status} when it was told to, and not before: {'yes' if alive else 'NO'}")
        return well and alive and status == 0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=200_000)
    arguments.add_argument("--rate", type=float, default=80, help="messages a second")
    arguments.add_argument("--every", type=float, default=5, help="seconds between two faults, about")
    arguments.add_argument("--reloads", type=int, default=300)
    arguments.add_argument("--overload", type=int, default=60, help="seconds")
    arguments.add_argument("--idle", type=int, default=1_000, help="sessions")
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    print(f"`python -m bench.soak {' '.join(sys.argv[1:])}`".replace(" `", "`"))
    raise SystemExit(0 if asyncio.run(soak(options)) else 1)


if __name__ == "__main__":
    main()
