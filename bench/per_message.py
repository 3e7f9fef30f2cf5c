"""CPU per message of the whole filter against the no-op codec and against the plain scikit-learn filter, in one run.

    python bench/per_message.py [--messages 600] [--concurrency 8] [--rounds 6]

All three run at once and idle; rounds are interleaved (A B C A B C …), so that a machine whose speed drifts is fair
to all. CPU is user + system time of each whole process tree, read from /proc before and after a round. Printed:
median over the rounds, and the ratios.
"""

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.mail import messages
from router.milter.simulator import Mta, Transaction

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and everything below it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += parents.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    """User and system time of the tree, reaped children included."""
    total = 0
    for one in tree(pid):
        try:
            fields = (Path("/proc") / str(one) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(fields[number]) for number in (11, 12, 13, 14))
    return total / TICKS


def memory_mb(pid: int) -> float:
    """Proportional set size of the tree."""
    total = 0
    for one in tree(pid):
        try:
            for line in (Path("/proc") / str(one) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


class Peer:
    def __init__(self, name: str, spec: str, command: list[str], ready: bytes) -> None:
        self.name = name
        self.spec = spec
        self.log = tempfile.NamedTemporaryFile(prefix=f"bench-{name}-", suffix=".log")  # noqa: SIM115  # lives as long as the peer
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 120
        while ready not in Path(self.log.name).read_bytes():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start:\n{Path(self.log.name).read_text()}")
            time.sleep(0.1)
        self.cpu_ms: list[float] = []
        self.rate: list[float] = []
        self.latency_ms: list[float] = []

    async def round(self, mails: list[tuple[str, str, bytes]], concurrency: int, counted: bool = True) -> None:
        todo = iter(mails)
        before, started = cpu_s(self.process.pid), time.monotonic()

        async def session() -> None:
            while True:
                batch = [mail for _, mail in zip(range(10), todo, strict=False)]
                if not batch:
                    return
                async with await Mta.connect(self.spec, timeout_s=60) as mta:
                    for sender, recipient, data in batch:
                        begun = time.monotonic()
                        outcome = await mta.exchange(
                            Transaction(f"<{sender}>".encode(), (f"<{recipient}>".encode(),), data)
                        )
                        assert outcome.delivered, outcome
                        self.latency_ms.append((time.monotonic() - begun) * 1000)

        await asyncio.gather(*(session() for _ in range(concurrency)))
        if counted:
            self.cpu_ms.append((cpu_s(self.process.pid) - before) * 1000 / len(mails))
            self.rate.append(len(mails) / (time.monotonic() - started))
        else:
            self.latency_ms.clear()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


async def measure(count: int, concurrency: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        python, here = sys.executable, "bench.plain_filter"
        specs = {name: f"unix:{folder}/{name}.sock" for name in ("noop", "plain", "mailrouter")}
        serve = [python, "-m", "router.cli", "serve", "--listen", specs["mailrouter"], "--no-dns"]
        serve += ["--at", "2026-03-06T19:40+02:00"]
        peers = [
            Peer("no-op codec", specs["noop"], [python, "-m", here, specs["noop"], "--noop"], b"ready"),
            Peer("plain scikit-learn", specs["plain"], [python, "-m", here, specs["plain"]], b"ready"),
            Peer("mailrouter", specs["mailrouter"], serve, b'"ready"'),
        ]
        try:
            mails = messages(count * (rounds + 1))
            for number in range(rounds + 1):
                for peer in peers:
                    await peer.round(mails[number * count : (number + 1) * count], concurrency, counted=number > 0)
            report(peers, count * rounds, concurrency)
        finally:
            for peer in peers:
                peer.stop()


def report(peers: list[Peer], count: int, concurrency: int) -> None:
    ours = statistics.median(peers[-1].cpu_ms)
    sizes = [len(data) for _, _, data in messages(200)]
    print(f"{count} messages each, concurrency {concurrency}, median {statistics.median(sizes) / 1024:.1f} KB")
    print("filter              CPU ms a message   msg/s   p50 ms   p99 ms   PSS MB   mailrouter's CPU is")
    for peer in peers:
        latency = sorted(peer.latency_ms)
        cpu = statistics.median(peer.cpu_ms)
        print(
            f"{peer.name:<19} {cpu:16.2f} {statistics.median(peer.rate):7.0f} {latency[len(latency) // 2]:8.1f}"
            f" {latency[int(len(latency) * 0.99)]:8.1f} {memory_mb(peer.process.pid):8.0f}"
            f"   {ours / max(cpu, 1e-3):.2f} times"
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=100, help="in a round")
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--concurrency", type=int, default=8)
    options = arguments.parse_args()
    asyncio.run(measure(options.messages, options.concurrency, options.rounds))


if __name__ == "__main__":
    main()
