"""The filter as a running process, as an administrator starts it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.integration.postfix import free_port

ROOT = Path(__file__).parent.parent.parent
MAILROUTER = Path(sys.executable).with_name("mailrouter")
FRIDAY_EVENING = "2026-03-06T19:40+02:00"


class RunningFilter:
    """`mailrouter serve` on loopback; its log lines as dictionaries in `events`. before: a command that starts it."""

    def __init__(
        self,
        *options: str,
        rules: Path = ROOT / "rules.yaml",
        at: str | None = FRIDAY_EVENING,
        spec: str | None = None,
        before: tuple[str, ...] = (),
    ):
        self.spec = spec or f"inet:{free_port()}@127.0.0.1"
        self.events: list[dict] = []
        self._changed = threading.Condition()
        command = [*before, str(MAILROUTER), "serve", "--rules", str(rules), "--models", str(ROOT / "models")]
        # The DNS is asked by tests that bring their own server.
        command += [] if "--dns" in options else ["--no-dns"]
        command += ["--listen", self.spec, *(["--at", at] if at else []), *options]
        self.state = tempfile.TemporaryDirectory(prefix="filter-state-")
        if "--state" not in options:
            command += ["--state", self.state.name]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for("ready")

    @property
    def postfix_spec(self) -> str:
        """The same socket in Postfix's spelling: `inet:host:port`."""
        if self.spec.startswith("unix:"):
            return self.spec
        port, _, host = self.spec.removeprefix("inet:").partition("@")
        return f"inet:{host}:{port}"

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._changed:
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    self.events.append({"event": "text", "text": line})
                self._changed.notify_all()
        with self._changed:
            self.events.append({"event": "ended"})
            self._changed.notify_all()

    def wait_for(self, event: str, count: int = 1, timeout_s: float = 60.0) -> dict:
        """The `count`-th log line of this event, as soon as it is there."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: (
                    sum(one["event"] == event for one in self.events) >= count
                    or (event != "ended" and self.events and self.events[-1]["event"] == "ended")
                ),
                timeout_s,
            ), self.events
            found = [one for one in self.events if one["event"] == event]
            assert len(found) >= count, self.events
            return found[count - 1]

    def of(self, event: str) -> list[dict]:
        with self._changed:
            return [one for one in self.events if one["event"] == event]

    def forget(self, event: str) -> None:
        """Drop the lines of this event; a long run has very many."""
        with self._changed:
            self.events = [one for one in self.events if one["event"] != event]

    def worker_pids(self) -> list[int]:
        """The pids of the scan workers: children of our nursery."""
        return [pid for nursery in self.pids_of("router.workers.nursery") for pid in children(nursery)]

    def pids_of(self, module: str) -> list[int]:
        """The pids of our child processes that run this module."""
        found = []
        for pid in children(self.process.pid):
            with contextlib.suppress(OSError):
                if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(40)
        self._reader.join(10)
        self.state.cleanup()
        self.process.stderr.close()
        return status


def children(pid: int) -> list[int]:
    """The live children of a process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(folder.name))
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition, timeout_s: float = 20.0):
    """The first true value of `condition()`; fails when none comes."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
