"""The acknowledgement service as a running process, and a second milter that has the last word."""

import asyncio
import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from router.milter import responses
from router.milter.server import Front
from tests.integration.filter import MAILROUTER, ROOT
from tests.integration.postfix import free_port

DOMAIN = "ack.flexihost.internal"


def desk_folder(folder: Path) -> Path:
    """The project's rules with a key, in a folder of their own. Gives the rules' path."""
    text = (ROOT / "rules.yaml").read_text()
    text = text.replace("\nsettings:\n", "\nsettings:\n  key_file: key\n", 1)
    (folder / "rules.yaml").write_text(text)
    (folder / "key").write_text("0123456789abcdef" * 4)
    (folder / "key").chmod(0o600)
    return folder / "rules.yaml"


class RunningService:
    """`mailrouter acknowledge` on loopback. stop and start again as often as wanted: the port stays."""

    def __init__(self, rules: Path, smtp_port: int) -> None:
        self.port = free_port()
        self.database = rules.parent / "acknowledgements.sqlite"
        self.events: list[dict] = []
        self._changed = threading.Condition()
        self._rules = rules
        self._common = ["--rules", str(rules), "--database", str(self.database)]
        self._smtp = f"127.0.0.1:{smtp_port}"
        self.run("resume")
        self.start()

    def run(self, *words: str) -> str:
        command = [str(MAILROUTER), "acknowledgements", *words, *self._common]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        command = [str(MAILROUTER), "acknowledge", *self._common, "--smtp", self._smtp]
        command += ["--listen", f"lmtp:inet:{self.port}@127.0.0.1"]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        self.wait_for("ready", 1 + sum(one["event"] == "stopped" for one in self.events))

    def _read(self, process) -> None:
        for line in process.stderr:
            with self._changed:
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    self.events.append({"event": "text", "text": line})
                self._changed.notify_all()

    def wait_for(self, event: str, number: int = 1, timeout_s: float = 40.0) -> dict:
        """The `number`-th event of this name."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: sum(one["event"] == event for one in self.events) >= number, timeout_s
            ), self.events
            return [one for one in self.events if one["event"] == event][number - 1]

    def of(self, event: str) -> list[dict]:
        with self._changed:
            return [one for one in self.events if one["event"] == event]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self._reader.join(10)
        self.process.stderr.close()
        assert status == 0


class LastMilter:
    """A milter behind ours whose answer to every message is `answer`: packets, `responses.REJECT` say. before: done
    at the end of every message, when the edits of the filters before are made."""

    def __init__(self) -> None:
        self.answer = responses.ACCEPT
        self.before: Callable[[], None] = lambda: None
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._loop.call_soon(self._started.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self._front.close())
        self._loop.close()

    async def _open(self) -> None:
        async def decide(raw, offer):
            self.before()
            return self.answer

        self._front = Front(decide, prefix=lambda: "X-Last-")
        await self._front.listen(f"inet:{self.port}@127.0.0.1")

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
