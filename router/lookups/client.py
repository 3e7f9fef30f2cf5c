"""The front's side of the look-up process: hands a mail over, waits no longer than the deadline, starts it again.

Whatever happens to the process costs the mails that wait for it one unknown, never a mail (amendment 8). A mail whose
border has left trusted results, under rules that have no list to wait for, never gets here: `for_mail` says None at
once.
"""

import asyncio
import collections
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from router.frozen import dataclass
from router.identity.authentication_results import settled
from router.identity.chain import may_be_sealed
from router.identity.looked_up import BadLookedUp, LookedUp
from router.lookups.plan import Plan
from router.lookups.wire import MAX_ANSWER_BYTES, answer_from, mail_frame, plan_frame
from router.message.envelope import RawMessage

READ_BYTES = 16_384
UNSENT = 64
"""Mails that wait for the process to start."""
START_S = 15.0
"""For the process to start; its first word is an answer to no mail."""


@dataclass(frozen=True, slots=True)
class Settings:
    """dns: False: the DNS is never asked. resolvers: addresses; none: those of /etc/resolv.conf. deadline_s: how long
    the front waits, a little more than the process gives itself. waiting: mails at once; more are answered unknown.
    lates: answers in a row that do not come at all, before the process is taken for frozen and killed."""

    dns: bool = True
    resolvers: tuple[str, ...] = ()
    deadline_s: float = 2.8
    waiting: int = 1_000
    lates: int = 3


class LookUps(asyncio.BufferedProtocol):
    """counters: lookups-asked, -answered, -timed-out, -died, -started, -shed, and what the process counts (dns-…)."""

    def __init__(self, settings: Settings, log: Callable[..., None]) -> None:
        self.settings = settings
        self._log = log
        self._own: collections.Counter[str] = collections.Counter()
        self._of_process: collections.Counter[str] = collections.Counter()
        self._before: collections.Counter[str] = collections.Counter()
        self._plan = Plan()
        self._plan_number = 0
        self._number = 0
        self._waiting: dict[int, asyncio.Future[LookedUp]] = {}
        self._unsent: dict[int, bytes] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._read = memoryview(bytearray(READ_BYTES))  # as in `milter.server._Connection`
        self._lates = 0
        self._heard = False
        self._started_at = 0.0
        self._failures = 0
        self._starting: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def counters(self) -> collections.Counter[str]:
        return self._own + self._before + self._of_process

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self._transport is None else self._process.pid

    def use(self, plan: Plan) -> None:
        """Mails from now on are of this plan. Starts the process when there is something to ask."""
        if plan == self._plan:
            return
        self._plan = plan
        self._plan_number += 1
        if self._transport is not None:
            self._transport.write(plan_frame(self._plan_number, plan))
        elif self._needed:
            self._start()

    @property
    def _needed(self) -> bool:
        return bool(self._plan.lists) or (self._plan.proof and self.settings.dns)

    def without_asking(self, raw: RawMessage) -> tuple[bool, LookedUp | None]:
        """(whether this mail needs nobody to be asked, what is to be said of it then)."""
        plan = self._plan
        if not plan.lists and (not plan.proof or self._settled(raw, plan)):
            return True, None
        if not self._needed:
            return True, LookedUp(why="not checked: the DNS is switched off")
        return False, None

    async def for_mail(self, raw: RawMessage) -> LookedUp | None:
        """What was found, after at most `deadline_s`; None when this mail needs nothing from outside. Never raises."""
        known, looked_up = self.without_asking(raw)
        return looked_up if known else await self.ask(raw)

    async def ask(self, raw: RawMessage) -> LookedUp:
        """`for_mail` of one for which `without_asking` knows nothing."""
        if len(self._waiting) >= self.settings.waiting:
            self._own["lookups-shed"] += 1
            return _unknown("too many look-ups at once")
        self._own["lookups-asked"] += 1
        loop = asyncio.get_running_loop()
        self._number += 1
        number = self._number
        answer: asyncio.Future[LookedUp] = loop.create_future()
        self._waiting[number] = answer
        timer = loop.call_later(self.settings.deadline_s, self._late, answer)
        try:
            frame = mail_frame(number, self._plan_number, raw)
            if self._transport is not None:
                self._transport.write(frame)
            elif len(self._unsent) < UNSENT:
                self._unsent[number] = frame
                self._start()
            else:
                return _unknown("the look-up process is not there")
            return await answer
        finally:
            timer.cancel()
            del self._waiting[number]
            self._unsent.pop(number, None)

    @staticmethod
    def _settled(raw: RawMessage, plan: Plan) -> bool:
        return settled(raw.fields, plan.trusted) and not may_be_sealed(raw.fields, plan.sealers)

    def _late(self, answer: "asyncio.Future[LookedUp]") -> None:
        if answer.done():
            return
        self._own["lookups-timed-out"] += 1
        self._lates += 1
        answer.set_result(_unknown("timed out"))
        if not self._heard:
            # Loading takes half a second, on a busy host several; killed before, it would never get there.
            frozen = asyncio.get_running_loop().time() - self._started_at > START_S
        else:
            frozen = self._lates >= self.settings.lates
        if frozen and self._process is not None and self._transport is not None:
            self._log("lookups-frozen", pid=self._process.pid)
            self._lates = 0
            self._process.kill()

    # ------------------------------------------------------------------ the process

    def _start(self) -> None:
        if self._starting is None and not self._closing:
            self._starting = asyncio.get_running_loop().create_task(self._started())

    async def _started(self) -> None:
        try:
            if self._failures:  # 0, 0.1, 0.2, 0.4 … 5 s
                await asyncio.sleep(min(0.05 * 2 ** min(self._failures, 7), 5.0))
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            command = [sys.executable, "-m", "router.lookups.process", "--socket", str(theirs.fileno())]
            command += [f"--resolver={one}" for one in self.settings.resolvers]
            command += [] if self.settings.dns else ["--no-dns"]
            with theirs:
                self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
            ours.setblocking(False)
            self._own["lookups-started"] += 1
            self._buffer.clear()
            self._heard, self._started_at = False, asyncio.get_running_loop().time()
            await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        except OSError as error:  # out of descriptors or memory; the next mail tries again
            self._failures += 1
            self._log("lookups-not-started", reason=str(error))
        finally:
            self._starting = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(plan_frame(self._plan_number, self._plan))
        for frame in self._unsent.values():
            transport.write(frame)
        self._unsent.clear()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._read

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._read[:nbytes]))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while len(self._buffer) >= 4:
                size = int.from_bytes(self._buffer[:4], "big")
                if size > MAX_ANSWER_BYTES:
                    raise BadLookedUp(f"an answer of {size} bytes")
                if len(self._buffer) < 4 + size:
                    return
                number, answer, counters = answer_from(bytes(self._buffer[4 : 4 + size]))
                del self._buffer[: 4 + size]
                self._answered(number, answer, counters)
        except BadLookedUp as error:
            self._log("lookups-nonsense", reason=str(error))
            assert self._transport is not None
            self._transport.abort()

    def _answered(self, number: int, answer: LookedUp, counters: dict[str, int] | None) -> None:
        self._lates = self._failures = 0
        self._heard = True
        if counters is not None:
            self._of_process = collections.Counter(counters)
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            self._own["lookups-answered"] += 1
            waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._before += self._of_process
        self._of_process.clear()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(_unknown("the look-up process died"))
        process = self._process
        if process is not None:
            # Its socket is closed, so it is dead or of no use; an unreaped child would stay a zombie.
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()
        if not self._closing:
            self._own["lookups-died"] += 1
            self._failures += 1
            self._log("lookups-died", status=None if process is None else process.returncode)
            if self._needed:
                self._start()

    async def close(self) -> None:
        self._closing = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
            for _ in range(100):
                if self._transport is None:
                    return
                await asyncio.sleep(0.01)


def _unknown(why: str) -> LookedUp:
    return LookedUp(why=f"not checked: {why}", missing=why)
