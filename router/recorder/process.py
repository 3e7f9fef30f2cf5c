"""The recorder: `python -m router.recorder.process --socket FD --state DIR`.

Takes what has come, writes it in one transaction a store, says how many. A store that cannot be opened or written costs
its records, which are counted; it is opened again later. When the front closes the socket, what has come is written and
the process ends.
"""

import argparse
import resource
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from router import journal
from router.errors import BadInput, LookupFailed
from router.journal import Compared, Journal, Record
from router.pseudonyms import Pseudonyms, read_key
from router.recorder.wire import Item, items_from, told_frame
from router.threads import store as threads
from router.threads.learning import BadLesson, Lesson
from router.threads.learning import from_plain as lesson_from_plain
from router.threads.store import ThreadWriter

MEMORY_LIMIT_BYTES = 1 << 29
OPEN_AGAIN_S = 30.0
PURGE_EVERY_S = 3_600.0
PURGES_AT_ONCE = 10  # the rest waits for the next time

_LENGTH = struct.Struct(">I")
W = TypeVar("W", Journal, ThreadWriter)


class Recorder:
    """The stores of one state directory. said: what the front should log, taken away by `told`."""

    def __init__(self, folder: Path, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self.folder = folder
        self.kept = journal.KEPT
        """How long the journal keeps a mail."""
        self._now = now
        self._monotonic = monotonic
        self._journal: Journal | None = None
        self._threads: ThreadWriter | None = None
        self._try_again_at = 0.0
        self._purge_at = 0.0
        self._written = self._failed = 0
        self._said: list[tuple[str, dict[str, Any]]] = []

    def open(self) -> None:
        """Whatever is not open yet. The thread store first: workers wait for it, nobody waits for the journal."""
        if (self._threads and self._journal) or self._monotonic() < self._try_again_at:
            return
        self._try_again_at = self._monotonic() + OPEN_AGAIN_S
        try:
            pseudonyms = read_key(self.folder)
        except BadInput as error:
            self._said.append(("no-records", {"reason": str(error)}))
            return
        self._threads = self._threads or self._opened(ThreadWriter.open, threads.NAME, pseudonyms)
        self._journal = self._journal or self._opened(Journal.open, journal.NAME, pseudonyms)

    def _opened(
        self, opening: Callable[[Path, Pseudonyms, datetime], W], name: str, pseudonyms: Pseudonyms
    ) -> W | None:
        try:
            opened = opening(self.folder / name, pseudonyms, self._now())
        except (BadInput, LookupFailed) as error:
            self._said.append(("no-records", {"store": name, "reason": str(error)}))
            return None
        if opened.store.set_aside:
            self._said.append(("store-damaged", {"store": name, "set_aside": str(opened.store.set_aside)}))
        return opened

    def take(self, items: list[Item]) -> None:
        """Write what has come."""
        self.open()
        records: list[Record] = []
        lessons: list[Lesson] = []
        compared: list[Compared] = []
        for kind, *values in items:
            if kind == "mail":
                records.append(Record(*values))
            elif kind == "shadow":
                compared.append(Compared(*values))
            elif kind == "learn":
                try:
                    lessons.append(lesson_from_plain(values[0]))
                except BadLesson as error:
                    self._failed += 1
                    self._said.append(("no-lesson", {"reason": str(error)}))
            elif kind == "keep":
                self.kept = journal.KEPT if values[0] is None else timedelta(seconds=values[0])
        self._write(self._journal.write if self._journal else None, records, journal.NAME)
        self._write(self._journal.compare if self._journal else None, compared, journal.NAME)
        self._write(self._threads.learn if self._threads else None, lessons, threads.NAME)

    def _write(self, write: Callable[[list[Any]], None] | None, what: list[Any], name: str) -> None:
        if not what:
            return
        if write is None:
            self._failed += len(what)
            return
        try:
            write(what)
            self._written += len(what)
        except LookupFailed as error:
            self._failed += len(what)
            self._said.append(("not-recorded", {"store": name, "records": len(what), "reason": str(error)}))

    def told(self) -> bytes:
        """The frame for the front: what has become of the records since the last one."""
        frame = told_frame(self._written, self._failed, self._said[:20])
        self._written = self._failed = 0
        self._said.clear()
        return frame

    def tidy(self) -> None:
        """Forget what is too old, every now and then."""
        self.open()
        if self._monotonic() < self._purge_at:
            return
        self._purge_at = self._monotonic() + PURGE_EVERY_S
        try:
            for _ in range(PURGES_AT_ONCE):
                forgotten = self._journal.purge(self._now() - self.kept) if self._journal else 0
                forgotten += self._threads.purge(self._now() - threads.KEPT) if self._threads else 0
                if not forgotten:
                    return
            self._purge_at = 0.0
        except LookupFailed as error:
            self._said.append(("not-purged", {"reason": str(error)}))

    def close(self) -> None:
        for one in (self._journal, self._threads):
            if one is not None:
                one.close()


def serve(connection: socket.socket, recorder: Recorder) -> None:
    """Until the front closes the socket."""
    buffer = bytearray()
    recorder.open()
    connection.sendall(recorder.told())
    while True:
        ready, _, _ = select.select([connection], [], [], 1.0)
        if not ready:
            recorder.tidy()
            continue
        data = connection.recv(1 << 20)
        if not data:
            return
        buffer += data
        items: list[Item] = []
        while len(buffer) >= 4:
            (size,) = _LENGTH.unpack_from(buffer)
            if len(buffer) < 4 + size:
                break
            items += items_from(bytes(buffer[4 : 4 + size]))
            del buffer[: 4 + size]
        if items:
            recorder.take(items)
            connection.sendall(recorder.told())
            recorder.tidy()  # on a busy day nothing is ever idle


def main() -> None:
    arguments = argparse.ArgumentParser(prog="recorder")
    arguments.add_argument("--socket", type=int, required=True)
    arguments.add_argument("--state", type=Path, required=True)
    options = arguments.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the front ends us by closing the socket
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = socket.socket(fileno=options.socket)
    recorder = Recorder(options.state, lambda: datetime.now(UTC), time.monotonic)
    try:
        serve(connection, recorder)
    except ConnectionError:
        pass  # the front is gone
    finally:
        recorder.close()


if __name__ == "__main__":
    main()
