"""A filter that runs while others do, and what its whole process tree costs: what the comparisons are made of."""

import asyncio
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from router.milter.simulator import Mta, Transaction

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PER_CONNECTION = 10
START_S = 120.0
AFTERWARDS_S = 0.75
"""What is done after the answer, such as a journal's last batch, belongs to the mail."""

QUIET = 0.9
"""How much of a second every core is idle when nobody else works."""

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
        self.rate.append(len(mails) / (time.monotonic() - started))
        await asyncio.sleep(AFTERWARDS_S)
        self.cpu_ms.append((cpu_s(self.process.pid) - before) * 1000 / len(mails))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def place(folder: str, name: str, tcp: bool) -> str:
    """Where a peer is to listen."""
    if not tcp:
        return f"unix:{folder}/{name}.sock"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"inet:{probe.getsockname()[1]}@127.0.0.1"


def wait_for_quiet(at_most_s: float) -> None:
    """Wait until the machine has been idle for a second, for a fair round; not for ever."""
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        before = _idle_s()
        time.sleep(1)
        if _idle_s() - before > QUIET * (os.cpu_count() or 1):
            return


def _idle_s() -> float:
    return int(Path("/proc/stat").read_text().split()[4]) / TICKS


def answers(path: str) -> bool:
    """Does anybody listen on this unix socket?"""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except OSError:
        return False
    return True


def load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
