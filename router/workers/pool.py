"""The front's side of the workers: hands each mail to an idle one, kills it at the deadline, sheds load, swaps
generations.

    begin(raw, offer, …)  always leads to packets to write: the worker's, or a degraded answer of our own
    load(…)               starts a new generation beside the old and swaps when it is ready; a bad one changes nothing

Everything runs in the front's event loop. Numbers are reliability.md D8-D10.
"""

import asyncio
import collections
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from router.frozen import dataclass
from router.identity.looked_up import LookedUp
from router.lookups.client import LookUps
from router.lookups.plan import from_plain as plan_from_plain
from router.message.envelope import RawMessage
from router.milter.edits import Offer, degraded, stripped
from router.workers.handles import Nursery, Worker, ended
from router.workers.loaded import Loaded
from router.workers.wire import Answer, BadAnswer, answer_from, request_frame

_SPAWN_S = 10.0  # a fork takes milliseconds

Record = Callable[[RawMessage, dict[str, Any]], None]
"""Called after each answer with the mail and its event; must not block."""
Seen = Callable[[RawMessage, Offer, LookedUp | None, dict[str, Any]], None]
"""Called after each answer of a worker with all that it was asked with, and the event; must not block."""
Learn = Callable[[dict[str, Any]], None]
"""Called with what a mail teaches the thread store; must not block."""

LESSONS = 16
"""Mails of the desk at once that wait to be read for what they teach."""


@dataclass(frozen=True, slots=True)
class Limits:
    """workers: processes. deadline_s: wall time a worker may take for one mail. queue and patience_s: how many mails
    may wait for a worker and how long; beyond either they are delivered undecided. recycle_after: mails per worker.
    remember_s: how long a mail that killed its worker is kept away from the others. start_s: for loading a
    generation."""

    workers: int = 2
    deadline_s: float = 3.0
    queue: int = 64
    patience_s: float = 3.0
    recycle_after: int = 5_000
    remember_s: float = 3_600.0
    start_s: float = 60.0


class Refused(Exception):
    """The new rules cannot be used; the text says why, for a person. The old generation goes on.

    problems: located ones, as `check --format json` writes them; none when it was something else (a failing test).
    """

    def __init__(self, text: str, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(text)


class Undecided(Exception):
    """A mail that nobody waits for was not decided; the text says why."""


class _Place:
    """A place in the queue for a worker. give: takes one, or None when patience ends; False: it is wanted no more."""

    __slots__ = ("give", "until")

    def __init__(self, give: Callable[[Worker | None], bool], until: float) -> None:
        self.give = give
        self.until = until


class _Request:
    """One mail on its way through the pool: looked up, in the queue, in a worker's hands. now, begun: when it came and
    when a worker got it (`monotonic`)."""

    __slots__ = (
        "_answered", "_failed", "begun", "cancelled", "loaded", "looked_up", "looking", "now", "offer", "place", "pool",
        "raw", "worker",
    )  # fmt: skip

    def __init__(
        self,
        pool: "Pool",
        raw: RawMessage,
        offer: Offer,
        loaded: Loaded,
        now: float,
        answered: Callable[[bytes], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self.pool, self.raw, self.offer, self.loaded, self.now = pool, raw, offer, loaded, now
        self._answered, self._failed = answered, failed
        self.begun = now
        self.looked_up: LookedUp | None = None
        self.looking: asyncio.Task[None] | None = None
        self.place: _Place | None = None
        self.worker: Worker | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Nobody waits for it: it leaves the queue. A worker that has it is free again when it has answered."""
        self.cancelled = True
        if self.looking is not None:
            self.looking.cancel()
        if self.place is not None:
            self.pool.leave_queue(self.place)
            self.place = None

    def given(self, worker: Worker | None) -> bool:
        """A worker for it, or None: there was none in time."""
        self.place = None
        if worker is None:
            self.undecided("overload", "no worker was free in time")
            return True
        try:
            self.pool.hand_over(self, worker)
        except Exception as error:  # not to whoever gave the worker: that is the answer to another mail
            asyncio.get_running_loop().call_soon(self._fail, error)
        return True

    def _fail(self, error: Exception) -> None:
        if not self.cancelled:
            self._failed(error)

    def heard(self, said: bytes | Exception) -> None:
        """What became of it in the worker's hands."""
        if self.cancelled:
            self.pool.unwanted(self, said)
        else:
            self._tell(self.pool.told, said)

    def undecided(self, what: str, why: str) -> None:
        if not self.cancelled:
            self._tell(self.pool.undecided, what, why)

    def _tell(self, answer: Callable[..., bytes], *outcome: Any) -> None:
        try:
            packets = answer(self, *outcome)
        except Exception as error:  # whoever asked is the rim and keeps the mail
            self._failed(error)
        else:
            self._answered(packets)


class Pool:
    """The workers of one filter. See the module."""

    def __init__(
        self,
        limits: Limits,
        record: Record,
        log: Callable[..., None],
        monotonic: Callable[[], float] = time.monotonic,
        look_ups: LookUps | None = None,
        learn: Learn = lambda lesson: None,
        seen: Seen = lambda raw, offer, looked_up, event: None,
    ) -> None:
        self.limits = limits
        self.counters: collections.Counter[str] = collections.Counter()
        self.loaded: Loaded | None = None
        self._record = record
        self._log = log
        self._monotonic = monotonic
        self._look_ups = look_ups
        self._learn = learn
        self._seen = seen
        self._lessons = 0
        self._nursery: Nursery | None = None
        self._idle: collections.deque[Worker] = collections.deque()
        self._workers: set[Worker] = set()
        self._waiting: collections.deque[_Place] = collections.deque()
        self._patience: asyncio.TimerHandle | None = None
        self._poison: dict[bytes, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[subprocess.Popen[bytes]] = set()
        self._filling = False
        self._failures = 0
        self._closing = False
        self._begin_again: Callable[[Path], Awaitable[Nursery]] | None = None
        self._source = Path()

    # ------------------------------------------------------------------ generations

    async def load(
        self,
        rules: Path,
        models: Path | None,
        *,
        at: datetime | None = None,
        run_tests: bool = True,
        base: Path | None = None,
        owners: Sequence[int] = (),
        group: str | None = None,
        key_file: Path | None = None,
        state: Path | None = None,
        model_keys: Sequence[Path] = (),
        model_id: str | None = None,
        nice: int = 0,
    ) -> Loaded:
        """Start a generation from these files and decide every further mail by it. Raises `Refused`; then nothing has
        changed.

        base: the folder that paths in the rules start from, when it is not their own. owners: users who may own the
        rules file, besides root and us. group: one that may write it. key_file: instead of the one the rules name.
        state: the directory with the thread store. model_keys: who may have signed the model. A model that is refused
        does not replace the one in use: that is taken again, or if that is refused too, everything is. model_id:
        another than the promoted one. nice: by how much these processes give way to others.
        """

        def begin(source: Path, before: str | None = None) -> Awaitable[Nursery]:
            start_from = ["--rules", str(source), "--base", str(base or rules.parent)]
            start_from += [f"--owner={one}" for one in owners]
            start_from += [f"--group={group}"] if group is not None else []
            start_from += ["--models", str(models)] if models is not None else []
            start_from += [f"--model-key={one}" for one in model_keys]
            start_from += [f"--model-before={before}"] if before is not None else []
            start_from += [f"--model={model_id}"] if model_id is not None else []
            start_from += [f"--nice={nice}"] if nice else []
            start_from += ["--key-file", str(key_file)] if key_file is not None else []
            start_from += ["--state", str(state)] if state is not None else []
            start_from += ["--at", at.isoformat()] if at is not None else []
            start_from += ["--test"] if run_tests else []
            return self._begin(start_from)

        nursery = await begin(rules, self.loaded.model if self.loaded is not None else None)
        assert nursery.loaded is not None
        old = self._nursery
        self._nursery, self.loaded = nursery, nursery.loaded
        if self._look_ups is not None:
            self._look_ups.use(plan_from_plain(nursery.loaded.look_ups))
        self._begin_again, self._source = begin, rules
        self._failures = 0
        for worker in list(self._idle):
            if worker.nursery is not nursery:
                self._idle.remove(worker)
                worker.retire()
        if old is not None:
            old.close()
            self._leave(old.process)
        await self._fill()
        self._watch(nursery)
        return nursery.loaded

    def restart_from(self, copy: Path) -> None:
        """Should the nursery die, start the next one from this copy of its rules: the file may be a broken one then."""
        self._source = copy

    def state(self) -> dict[str, int]:
        """How many workers there are and are wanted, how many are idle, how many mails wait for one."""
        return {
            "wanted": self.limits.workers,
            "running": len(self._workers),
            "idle": len(self._idle),
            "mails_waiting": len(self._waiting),
        }

    async def _begin(self, start_from: Sequence[str]) -> Nursery:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        command = [sys.executable, "-m", "router.workers.nursery"]
        command += ["--control", str(theirs.fileno()), *start_from]
        # One BLAS thread: workers are forked, and a thread pool does not survive a fork.
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env={**os.environ, **threads})
        theirs.close()
        nursery = Nursery(process, ours)
        try:
            data, _ = await asyncio.wait_for(nursery.hear(), self.limits.start_s)
        except TimeoutError:
            nursery.close()
            await ended(process)
            raise Refused(f"loading took longer than {self.limits.start_s:.0f} s") from None
        answer: dict[str, Any] = json.loads(data) if data else {"refused": "the loading process died"}
        if "ready" not in answer:
            nursery.close()
            await ended(process)
            raise Refused(str(answer["refused"]), answer.get("problems", ()))
        nursery.loaded = Loaded(**answer["ready"])
        return nursery

    def _watch(self, nursery: Nursery) -> None:
        """When the current nursery dies, start another from the same files; workers that live go on meanwhile."""

        async def watch() -> None:
            while nursery.process.poll() is None:
                await asyncio.sleep(0.5)
                if nursery.closed and self._nursery is not nursery:
                    return
            delay = 0.5
            while self._nursery is nursery and not self._closing:
                self._log("nursery-died", status=nursery.process.returncode)
                nursery.close()
                try:
                    assert self._begin_again is not None
                    fresh = await self._begin_again(self._source)
                except Refused as refused:
                    self._log("nursery-refused", reason=str(refused)[:2000])
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, 30.0)
                    continue
                if self._nursery is not nursery or self._closing:  # a reload was quicker
                    fresh.close()
                    self._leave(fresh.process)
                    return
                self._nursery, self.loaded = fresh, fresh.loaded
                await self._fill()
                self._watch(fresh)
                return

        self._background(watch())

    def _leave(self, process: "subprocess.Popen[bytes]") -> None:
        """A nursery whose channel is closed ends by itself; one that does not is ended."""

        async def leave() -> None:
            for _ in range(100):
                if process.poll() is not None:
                    return
                await asyncio.sleep(0.1)
            await ended(process)

        self._leaving = {one for one in self._leaving if one.poll() is None} | {process}
        self._background(leave())

    def _background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------ workers

    async def _fill(self) -> None:
        """Bring the number of workers of the current generation up to the limit."""
        if self._filling or self._closing:
            return
        self._filling = True
        try:
            while not self._closing and self._nursery is not None:
                nursery = self._nursery
                if sum(one.nursery is nursery for one in self._workers) >= self.limits.workers:
                    return
                if self._failures:
                    # 0, 0.1, 0.2, 0.4 … 5 s: workers that die at once must not keep a core busy
                    await asyncio.sleep(min(0.05 * 2 ** min(self._failures, 7), 5.0))
                try:
                    connection, pidfd = await asyncio.wait_for(nursery.spawn(), _SPAWN_S)
                except TimeoutError:
                    self._failures += 1
                    self._log("spawn-failed", reason=f"the nursery did not answer in {_SPAWN_S:g} s")
                    nursery.process.kill()  # it is stopped or hangs; the watcher starts another
                    return
                except OSError as error:
                    self._failures += 1
                    self._log("spawn-failed", reason=str(error))
                    if nursery is self._nursery:
                        return  # the watcher starts another nursery
                    continue
                connection.setblocking(False)
                loop = asyncio.get_running_loop()
                _, worker = await loop.create_connection(
                    lambda nursery=nursery, pidfd=pidfd: Worker(self, nursery, pidfd),  # type: ignore[misc]  # mypy cannot type a lambda with defaults
                    sock=connection,
                )
                self._workers.add(worker)
                self.counters["workers-started"] += 1
                self.offer(worker)
        finally:
            self._filling = False

    def offer(self, worker: Worker) -> None:
        """A worker has nothing to do: give it to the mail that waits longest, or keep it."""
        if worker.gone or worker.killed:
            return
        if worker.nursery is not self._nursery or worker.served >= self.limits.recycle_after or self._closing:
            worker.retire()
            return
        while self._waiting:
            if self._waiting.popleft().give(worker):
                return
        self._idle.append(worker)

    def worker_gone(self, worker: Worker) -> None:
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if not self._closing:
            self._background(self._fill())

    # ------------------------------------------------------------------ one mail

    def begin(
        self,
        raw: RawMessage,
        offer: Offer,
        answered: Callable[[bytes], object],
        failed: Callable[[Exception], object],
    ) -> _Request | asyncio.Handle:
        """Have this mail decided. Calls `answered` with the packets to write for it, later and once, unless what is
        returned is cancelled before; it takes no longer than what is looked up for it, patience and deadline together.
        failed: called instead with a fault of ours (a log that cannot be written).

        No task and no future, but for what is looked up: nearly all mail needs a worker alone."""
        loaded = self.loaded
        assert loaded is not None, "the front starts after the first generation is loaded"
        if not loaded.in_scope(raw):
            self.counters["out-of-scope"] += 1
            if loaded.may_teach(raw):
                self._teach(raw, offer)
            return asyncio.get_running_loop().call_soon(answered, stripped(raw, offer))
        request = _Request(self, raw, offer, loaded, self._monotonic(), answered, failed)
        if self._poison and self._poison.get(_fingerprint(raw), 0.0) > request.now:
            asyncio.get_running_loop().call_soon(request.undecided, "poison", "it ended a worker before")
            return request
        if self._look_ups is not None:
            known, request.looked_up = self._look_ups.without_asking(raw)
            if not known:
                looking = self._look_up(request, self._look_ups, failed)
                request.looking = asyncio.get_running_loop().create_task(looking)
                return request
        self._seek(request)
        return request

    async def decide(self, raw: RawMessage, offer: Offer) -> bytes:
        """`begin` for whoever waits for the packets. Cancelled, it gives back what it has."""
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        request = self.begin(raw, offer, partial(_settle, answered), partial(_settle, answered))
        try:
            return await answered
        except asyncio.CancelledError:
            request.cancel()
            raise

    async def _look_up(self, request: _Request, look_ups: LookUps, failed: Callable[[Exception], object]) -> None:
        try:
            request.looked_up = await look_ups.ask(request.raw)
            request.looking = None
            self._seek(request)
        except Exception as error:  # whoever asked is the rim and keeps the mail
            failed(error)

    def _seek(self, request: _Request) -> None:
        worker = self._free()
        if worker is not None:
            self.hand_over(request, worker)
        elif len(self._waiting) >= self.limits.queue:
            asyncio.get_running_loop().call_soon(request.undecided, "overload", "no worker was free in time")
        else:
            request.place = self._queue(request.given)

    def hand_over(self, request: _Request, worker: Worker) -> None:
        """Raises a fault of ours about this mail; the worker goes to the next one then."""
        request.begun = self._monotonic()
        request.worker = worker
        try:
            frame = request_frame(request.raw, request.offer, request.looked_up)
        except Exception:
            self.offer(worker)
            raise
        worker.begin(frame, self.limits.deadline_s, request.heard)

    def told(self, request: _Request, said: bytes | Exception) -> bytes:
        """The packets for a mail that was in a worker's hands. said: its answer, or why there is none."""
        raw, worker = request.raw, request.worker
        assert worker is not None
        try:
            answer = _understood(said)
        except TimeoutError:
            self._poisoned(raw, request.now)
            return self.undecided(request, "deadline", f"not decided within {self.limits.deadline_s:g} s")
        except (ConnectionError, BadAnswer) as error:
            worker.kill()  # for one that says nonsense; the other is dead
            self._poisoned(raw, request.now)
            return self.undecided(request, "worker", str(error))
        self._failures = 0
        self.offer(worker)
        self.counters["decided"] += 1
        event = answer.event
        for what in event.get("degraded", ()):
            self.counters[f"degraded-{what}"] += 1
        event["wait_ms"] = round((request.begun - request.now) * 1_000, 2)
        event["decide_ms"] = round((self._monotonic() - request.begun) * 1_000, 2)
        self._record(raw, event)
        self._seen(raw, request.offer, request.looked_up, event)
        if answer.lesson is not None:
            self._learn(answer.lesson)
        return answer.packets

    def unwanted(self, request: _Request, said: bytes | Exception) -> None:
        """A worker has come to an end with a mail that nobody waits for any more."""
        assert request.worker is not None
        if isinstance(said, Exception):
            self._poisoned(request.raw, request.now)
        else:
            self.offer(request.worker)

    def undecided(self, request: _Request, what: str, why: str) -> bytes:
        self.counters[f"degraded-{what}"] += 1
        self._record(request.raw, {"degraded": [what], "why": why})
        return degraded(request.raw, request.offer, request.loaded.prefix, what, why)

    async def judge(self, raw: RawMessage, offer: Offer, looked_up: LookedUp | None = None) -> dict[str, Any]:
        """The event of a worker's decision about a mail that nobody waits for; neither counted nor recorded. Raises
        `Undecided`."""
        try:
            answer = await self._asked(raw, offer, looked_up)
        except TimeoutError:
            raise Undecided(f"not decided within {self.limits.deadline_s:g} s") from None
        except (ConnectionError, BadAnswer) as error:
            raise Undecided(f"the worker failed: {error}") from None
        if answer is None:
            raise Undecided(f"no worker was free within {self.limits.patience_s:g} s")
        return answer.event

    async def check(self, raw: RawMessage, offer: Offer) -> tuple[str, float]:
        """Let a worker decide a mail that nobody will get: ("", seconds it took), or (what is wrong, 0). Neither
        counted nor recorded."""
        begun = self._monotonic()
        try:
            event = await self.judge(raw, offer)
        except Undecided as why:
            return str(why), 0.0
        fault = event.get("fault")
        if fault or not event.get("decision"):
            return f"alive, but cannot decide: {fault or 'no decision'}", 0.0
        return "", self._monotonic() - begun

    def _teach(self, raw: RawMessage, offer: Offer) -> None:
        """Have a mail of the desk read after its answer, for what it teaches; when there is no time for it, not."""
        if self._lessons >= LESSONS:
            self.counters["lessons-lost"] += 1
            return

        async def teach() -> None:
            now = self._monotonic()
            try:
                known = self._poison and self._poison.get(_fingerprint(raw), 0.0) > now
                answer = None if known else await self._asked(raw, offer)
            except (TimeoutError, ConnectionError, BadAnswer):
                self._poisoned(raw, now)
                answer = None
            if answer is None:
                self.counters["lessons-lost"] += 1
            elif answer.lesson is not None:
                self.counters["lessons"] += 1
                self._learn(answer.lesson)

        self._lessons += 1

        async def counted() -> None:
            try:
                await teach()
            finally:
                self._lessons -= 1

        self._background(counted())

    async def _asked(self, raw: RawMessage, offer: Offer, looked_up: LookedUp | None = None) -> Answer | None:
        """A worker's answer for whoever waits; None: no worker was free in time. Raises TimeoutError, ConnectionError
        or BadAnswer, and then the worker is ended. Cancelled, it leaves the worker at work: that one is free again when
        it has answered."""
        worker = await self._worker()
        if worker is None:
            return None
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def heard(said: bytes | Exception) -> None:
            try:
                answer = _understood(said)
            except (TimeoutError, ConnectionError, BadAnswer) as error:
                worker.kill()
                _settle(answered, error)
            else:
                self.offer(worker)
                _settle(answered, answer)

        worker.begin(request_frame(raw, offer, looked_up), self.limits.deadline_s, heard)
        return await answered

    async def _worker(self) -> Worker | None:
        worker = self._free()
        if worker is not None or len(self._waiting) >= self.limits.queue:
            return worker
        given: asyncio.Future[Worker | None] = asyncio.get_running_loop().create_future()
        place = self._queue(partial(_settle, given))
        try:
            return await given
        except asyncio.CancelledError:
            if not given.cancelled() and (late := given.result()) is not None:
                self.offer(late)  # it was given to us in the moment in which nobody wanted it any more
            raise
        finally:
            self.leave_queue(place)

    def _free(self) -> Worker | None:
        while self._idle:
            worker = self._idle.popleft()
            if not (worker.gone or worker.killed):
                return worker
        return None

    # ------------------------------------------------------------------ the queue for a worker

    def _queue(self, give: Callable[[Worker | None], bool]) -> _Place:
        loop = asyncio.get_running_loop()
        place = _Place(give, loop.time() + self.limits.patience_s)
        self._waiting.append(place)
        if self._patience is None:
            self._patience = loop.call_at(self._waiting[0].until, self._impatient)
        return place

    def leave_queue(self, place: _Place) -> None:
        with contextlib.suppress(ValueError):  # it was called up
            self._waiting.remove(place)

    def _impatient(self) -> None:
        """One timer for all: all have the same patience, so that the first in the queue is the first to lose it."""
        assert self._patience is not None
        rung_at, self._patience = self._patience.when(), None
        while self._waiting and self._waiting[0].until <= rung_at:
            self._waiting.popleft().give(None)
        if self._waiting and self._patience is None:
            self._patience = asyncio.get_running_loop().call_at(self._waiting[0].until, self._impatient)

    def _poisoned(self, raw: RawMessage, now: float) -> None:
        """This mail ended a worker."""
        self._failures += 1
        for old in [one for one, until in self._poison.items() if until <= now]:
            del self._poison[old]
        if len(self._poison) < 10_000:
            self._poison[_fingerprint(raw)] = now + self.limits.remember_s

    async def close(self, *, at_once: bool = False) -> None:
        """End every worker and the nursery; mails under way get a degraded answer. at_once: whatever they are doing; a
        stopped process would never see that its socket is closed."""
        self._closing = True
        for worker in list(self._workers):
            if at_once:
                worker.kill()
            else:
                worker.retire()
        if self._nursery is not None:
            self._nursery.close()
            self._leaving.add(self._nursery.process)
        for _ in range(50):
            if all(process.poll() is not None for process in self._leaving):
                break
            await asyncio.sleep(0.05)
        for process in self._leaving:
            await ended(process)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _understood(said: bytes | Exception) -> Answer:
    """What a worker has answered. Raises what came instead, and BadAnswer."""
    if isinstance(said, Exception):
        raise said
    return answer_from(said)


def _settle(waiting: "asyncio.Future[Any]", outcome: Any) -> bool:
    """Give it to whoever waits; False: nobody does any more."""
    if waiting.done():
        return False
    if isinstance(outcome, Exception):
        waiting.set_exception(outcome)
    else:
        waiting.set_result(outcome)
    return True


def _fingerprint(raw: RawMessage) -> bytes:
    """The same mail sent again has the same one: trace fields change on every attempt and do not count."""
    digest = hashlib.blake2b(raw.envelope.sender, digest_size=16)
    for name, body in raw.fields:
        if name.lower() in (b"message-id", b"from", b"subject"):
            digest.update(b"\0" + name.lower() + b"\0" + body)
    digest.update(b"\0\0" + raw.body[:65_536])
    return digest.digest()
