"""A command in a real pseudo-terminal, as a person would see it."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

DEADLINE_S = 30.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _as_a_person_starts_it() -> None:
    """Its controlling terminal, so that Ctrl-C is a signal, and one that is heard: what runs the tests in the
    background may have had it ignored.
    """
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """`mailrouter ARGUMENTS` with its standard input, output and errors on a pty. screen: what was written since the
    screen was cleared."""

    def __init__(self, arguments: list[str], cwd: Path, environment: Mapping[str, str] | None = None) -> None:
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(self.ours, (30, 100))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "router.cli", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_as_a_person_starts_it,
            env={**os.environ, "PYTHONPATH": os.getcwd(), **(environment or {})},
        )
        os.close(theirs)
        self._seen = ""

    @property
    def screen(self) -> str:
        return _CONTROL.sub("", self._seen.rpartition("\x1b[2J")[2])

    def wait_for(self, text: str) -> str:
        """Read until the screen has the text."""
        until = time.monotonic() + DEADLINE_S
        while text not in self.screen:
            assert time.monotonic() < until, f"{text!r} is not in {self.screen!r}"
            if not self._read():
                assert text in self.screen, f"{text!r} is not in {self.screen!r}"
        return self.screen

    def press(self, keys: str, then: str) -> str:
        """Press, and wait for a new screen with that text."""
        self._seen = ""
        os.write(self.ours, keys.encode())
        return self.wait_for(then)

    def _read(self) -> bool:
        """False when the command has ended."""
        if select.select([self.ours], [], [], 0.2)[0]:
            try:
                data = os.read(self.ours, 65_536)
            except OSError:  # EIO: nobody holds the other end any more
                return False
            self._seen += data.decode("utf-8", "replace")
            return bool(data)
        return self.process.poll() is None

    def ended(self) -> int:
        """Its exit status, once it has ended."""
        while self._read():
            pass
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        os.close(self.ours)
