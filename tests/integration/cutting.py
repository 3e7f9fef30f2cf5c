"""A proxy between an MTA and the filter that ends the connection after a chosen packet, as a filter does that dies.

What the filter has said behind that packet is dropped, so that the MTA sees what it would see of a process that was
killed between two packets, though ours writes them all in one piece.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.integration.postfix import free_port


@dataclass
class Cut:
    """Where to cut, once. said_by: `filter` counts the packets of its answer to the end of a message, `mta` all
    commands since the connection was made. after: so many packets are still passed on. then: called at the cut."""

    said_by: str
    after: int
    then: Callable[[], None] = lambda: None
    done: threading.Event = field(default_factory=threading.Event)
    last: str = ""
    """Letter of the last packet that passed."""


class CuttingProxy:
    """Listens where the MTA looks for its filter. `cut` is carried out for the first connection that reaches it;
    otherwise everything passes. answers: letters of the packets of each answer to an end of message, in order."""

    def __init__(self, filter_port: int) -> None:
        self.port = free_port()
        self.filter_port = filter_port
        self.cut: Cut | None = None
        self.answers: list[str] = []
        self.commands: list[str] = []
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=100)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                mta, _ = self._listening.accept()
            except OSError:
                return
            try:
                ours = socket.create_connection(("127.0.0.1", self.filter_port), 10)
                ours.settimeout(None)
            except OSError:
                mta.close()  # the filter is down
                continue
            _Pair(self, mta, ours).start()

    def due(self, said_by: str, count: int, letter: str) -> bool:
        """Whether the cut comes now, before this packet, which would be number `count` + 1."""
        with self._lock:
            cut = self.cut
            if cut is None or cut.done.is_set() or cut.said_by != said_by or count < cut.after:
                return False
            cut.done.set()
            return True


class _Pair:
    """One MTA connection and ours to the filter for it."""

    def __init__(self, proxy: CuttingProxy, mta: socket.socket, ours: socket.socket) -> None:
        self.proxy, self.mta, self.ours = proxy, mta, ours
        self.at_end = False
        self.commands = self.answer = ""

    def start(self) -> None:
        threading.Thread(target=self._carry, args=(self.mta, self.ours, self._from_mta), daemon=True).start()
        threading.Thread(target=self._carry, args=(self.ours, self.mta, self._from_filter), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, passes: Callable[[str], bool]) -> None:
        stream = source.makefile("rb")
        try:
            while head := stream.read(5):
                (size,) = struct.unpack(">I", head[:4])
                packet = head + stream.read(size - 1)
                if not passes(chr(head[4])):
                    self._end()
                    return
                target.sendall(packet)
        except (OSError, struct.error):
            pass
        self._close()

    def _from_mta(self, letter: str) -> bool:
        if self.proxy.due("mta", len(self.commands), letter):
            self.proxy.cut.last = self.commands[-1:]
            return False
        self.commands += letter
        if letter == "E":
            self.at_end, self.answer = True, ""
            self.proxy.commands.append(self.commands)
        return True

    def _from_filter(self, letter: str) -> bool:
        if not self.at_end:
            return True
        if self.proxy.due("filter", len(self.answer), letter):
            self.proxy.cut.last = self.answer[-1:]
            return False
        self.answer += letter
        if letter in "acrtdy":
            self.at_end = False
            self.proxy.answers.append(self.answer)
        return True

    def _end(self) -> None:
        """The end that a killed process makes: whoever reads what was written before finds it, then nothing."""
        self.proxy.cut.then()
        self._close()

    def _close(self) -> None:
        for one in (self.mta, self.ours):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
