"""`mailrouter serve` as systemd would start it, and what it costs."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.integration.filter import ROOT, RunningFilter, children

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

SERVE = [str(Path(sys.executable).with_name("mailrouter")), "serve"]
TICKS = os.sysconf("SC_CLK_TCK")


class HeldSocket:
    """A listening socket that outlives the filters which serve it, as systemd holds it."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.spec = f"inet:{self.socket.getsockname()[1]}@127.0.0.1"

    def start(self, rules: Path, state: Path) -> subprocess.Popen:
        """A filter on this socket: descriptor 3, LISTEN_FDS=1, LISTEN_PID its own pid; and no --listen."""
        held = self.socket.fileno()
        command = [
            *SERVE,
            "--rules",
            str(rules),
            "--models",
            str(state),
            "--state",
            str(state),
            "--no-dns",
            "--no-tests",
        ]
        # The shell becomes the filter and keeps its pid.
        shell = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "-", *command]
        errors = (state / "log").open("ab")
        with errors:
            return subprocess.Popen(
                shell,
                cwd=ROOT,
                stderr=errors,
                preexec_fn=lambda: os.dup2(held, 3),
                pass_fds=(3,) if held != 3 else (held,),
            )

    def close(self) -> None:
        self.socket.close()


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def cpu_s(pid: int) -> float:
    """User and system time of a process and all below it."""
    total = 0
    for one in tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_kb(pid: int) -> int:
    """What a process and all below it hold, pages that they share counted once (PSS)."""
    total = 0
    for one in tree(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


class FewDescriptors(RunningFilter):
    """A filter that may open so many files."""

    def __init__(self, count: int, rules: Path) -> None:
        super().__init__(
            "--no-tests", "--no-journal", rules=rules, at=None, before=("prlimit", f"--nofile={count}:{count}")
        )


def stopped(process: subprocess.Popen, number: int = signal.SIGTERM) -> int:
    process.send_signal(number)
    return process.wait(40)
