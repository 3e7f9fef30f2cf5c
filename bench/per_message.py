"""CPU per message of the whole filter against the no-op codec and against the plain scikit-learn filter, in one run.

    python -m bench.per_message [--messages 200] [--rounds 6] [--concurrency 8 64 1]

All three run at once and idle; rounds are interleaved (A B C A B C …), so that a machine whose speed drifts is fair
to all. CPU is user + system time of each whole process tree, read from /proc before and after a round. Printed:
median over the rounds, the least round, and the ratios of the medians. The journal is on.
"""

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.mail import messages
from router.milter.simulator import Mta, Transaction

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PER_CONNECTION = 10
START_S = 120.0

Mail = tuple[str, str, bytes]
"""Sender, recipient, message."""


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
    """A filter that runs. spec: where it listens. ready: tells from its output whether mail can come."""

    def __init__(self, name: str, spec: str, command: Sequence[str], ready: Callable[[bytes], bool]) -> None:
        self.name = name
        self.spec = spec
        self.log = tempfile.NamedTemporaryFile(prefix=f"bench-{name}-", suffix=".log")  # noqa: SIM115  # lives as long as the peer
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + START_S
        while not ready(Path(self.log.name).read_bytes()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start:\n{Path(self.log.name).read_text()}")
            time.sleep(0.1)
        self.forget()

    def forget(self) -> None:
        self.cpu_ms: list[float] = []
        self.rate: list[float] = []
        self.latency_ms: list[float] = []

    async def round(self, mails: Sequence[Mail], concurrency: int, mta_of: type[Mta] = Mta) -> None:
        todo = iter(mails)
        before, started = cpu_s(self.process.pid), time.monotonic()

        async def session() -> None:
            while True:
                batch = [mail for _, mail in zip(range(PER_CONNECTION), todo, strict=False)]
                if not batch:
                    return
                async with await mta_of.connect(self.spec, timeout_s=60) as mta:
                    for sender, recipient, data in batch:
                        begun = time.monotonic()
                        outcome = await mta.exchange(
                            Transaction(f"<{sender}>".encode(), (f"<{recipient}>".encode(),), data)
                        )
                        assert outcome.delivered, outcome
                        self.latency_ms.append((time.monotonic() - begun) * 1000)

        await asyncio.gather(*(session() for _ in range(concurrency)))
        self.cpu_ms.append((cpu_s(self.process.pid) - before) * 1000 / len(mails))
        self.rate.append(len(mails) / (time.monotonic() - started))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def noop(folder: str, *, tcp: bool = False) -> Peer:
    spec = place(folder, "noop", tcp)
    return Peer("no-op codec", spec, [sys.executable, "-m", "bench.plain_filter", spec, "--noop"], ready_line)


def plain(folder: str) -> Peer:
    spec = f"unix:{folder}/plain.sock"
    return Peer("plain scikit-learn", spec, [sys.executable, "-m", "bench.plain_filter", spec], ready_line)


def mailrouter(folder: str, *more: str, tcp: bool = False) -> Peer:
    """The whole filter with its journal, two workers, a fixed clock. more: options of `serve`."""
    spec = place(folder, "mailrouter", tcp)
    command = [sys.executable, "-m", "router.cli", "serve", "--listen", spec, "--no-dns", "--state", f"{folder}/state"]
    return Peer("mailrouter", spec, [*command, "--at", "2026-03-06T19:40+02:00", *more], ready_line)


def place(folder: str, name: str, tcp: bool) -> str:
    """Where a peer is to listen."""
    if not tcp:
        return f"unix:{folder}/{name}.sock"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"inet:{probe.getsockname()[1]}@127.0.0.1"


def ready_line(output: bytes) -> bool:
    return b"ready\n" in output or b'"ready"' in output


async def compare(peers: Sequence[Peer], count: int, rounds: int, concurrency: Sequence[int]) -> None:
    """Interleaved rounds of `count` mails, all different; the first one is not counted. Prints a table for each
    concurrency. The last peer is the one that the others are compared with."""
    mails = iter(messages(count * (rounds + 1) * len(concurrency)))
    for sessions in concurrency:
        for number in range(rounds + 1):
            batch = [next(mails) for _ in range(count)]
            for peer in peers:
                await peer.round(batch, sessions)
                if number == 0:
                    peer.forget()
        report(peers, count * rounds, sessions)
        for peer in peers:
            peer.forget()


def report(peers: Sequence[Peer], count: int, concurrency: int) -> None:
    ours = statistics.median(peers[-1].cpu_ms)
    size = statistics.median(len(data) for _, _, data in messages(200)) / 1024
    print(f"{count} messages each, concurrency {concurrency}, median {size:.1f} KB, load {load()}")
    print("filter              CPU ms a message (least)   msg/s   p50 ms   p99 ms   PSS MB   mailrouter's CPU is")
    for peer in peers:
        latency = sorted(peer.latency_ms)
        cpu = statistics.median(peer.cpu_ms)
        print(
            f"{peer.name:<19} {cpu:16.2f} {f'({min(peer.cpu_ms):.2f})':>8} {statistics.median(peer.rate):7.0f}"
            f" {latency[len(latency) // 2]:8.1f} {latency[int(len(latency) * 0.99)]:8.1f}"
            f" {memory_mb(peer.process.pid):8.0f}   {ours / max(cpu, 1e-3):.2f} times"
        )
    print(flush=True)


def load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=200, help="in a round")
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--concurrency", type=int, nargs="+", default=[8])
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        peers: list[Peer] = []
        try:
            peers += [noop(folder)]
            peers += [plain(folder)]
            peers += [mailrouter(folder)]
            asyncio.run(compare(peers, options.messages, options.rounds, options.concurrency))
        finally:
            for peer in peers:
                peer.stop()


if __name__ == "__main__":
    main()
