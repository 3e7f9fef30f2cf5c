"""The shadow of a running filter: a nursery and a worker of its own, which decide mail that was answered already.

It is a process beside the workers and not a second decision inside them: whatever it does (hangs, dies, eats memory,
takes long), no worker is less, and the next mail waits for nothing. It runs at a lower priority. A mail that comes
while too many wait, or while mail waits for a real worker, is skipped and counted; what it cannot decide in time is
failed. After `FAILURES` in a row it is stopped until the next reload.

    pool.decide ── answer ──► MTA
         └─ seen(mail, event) ── shadow worker ── its event ── compare.difference ──► log, journal, figures
"""

import asyncio
import collections
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from router.errors import Location
from router.frozen import dataclass
from router.identity.looked_up import LookedUp
from router.journal import Compared
from router.message.envelope import RawMessage
from router.milter.edits import Offer
from router.shadow.compare import Difference, difference
from router.workers.loaded import Loaded
from router.workers.pool import Limits, Pool, Refused, Undecided

WAITING = 16
"""Mails at once, the one that is decided among them."""
FAILURES = 10
NICE = 10
LIMITS = Limits(workers=1, deadline_s=1.0, queue=WAITING, patience_s=3.0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """rules: the file; those in use when the setting names none. model: its id, None: the promoted one. named: what
    the setting named, for people. at: where it stands. The rest as for `Pool.load`."""

    rules: Path
    model: str | None
    named: str
    at: Location
    load: Mapping[str, Any]


class Shadow:
    """One filter's. record: called with what is to be kept of each mail. busy: whether mail waits for a real worker.

    state: off, loading, deciding, idle (it is what is in use), refused, stopped. counters: same, differs, skipped,
    failed. kinds: of difference.
    """

    def __init__(
        self,
        log: Callable[..., None],
        record: Callable[[Compared], None] = lambda compared: None,
        busy: Callable[[], bool] = lambda: False,
        limits: Limits = LIMITS,
    ) -> None:
        self.state = "off"
        self.why = ""
        self.loaded: Loaded | None = None
        self.counters: collections.Counter[str] = collections.Counter()
        self.kinds: collections.Counter[str] = collections.Counter()
        self._limits = limits
        self._log = log
        self._record = record
        self._busy = busy
        self._wanted: Wanted | None = None
        self._pool: Pool | None = None
        self._real: Loaded | None = None
        self._failed_in_a_row = 0
        self._skipped = 0
        self._lock = asyncio.Lock()
        self._loading: asyncio.Task[Any] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------ which rules and model

    async def use(self, wanted: Wanted | None, real: Loaded) -> None:
        """From now on this one, beside `real`. What is wrong with it is said in log and status and stops nothing."""
        async with self._lock:
            await self._end()
            self._wanted, self._real = wanted, real
            self._failed_in_a_row = self._skipped = 0
            if wanted is None:
                self.state = "off"
                return
            self.state = "loading"
            pool = Pool(self._limits, lambda *_: None, lambda event, **told: self._log(f"shadow-{event}", **told))
            self._loading = asyncio.current_task()
            try:
                loaded = await pool.load(wanted.rules, run_tests=False, model_id=wanted.model, nice=NICE, **wanted.load)
            except Refused as refused:
                await pool.close(at_once=True)
                self._refuse(wanted, str(refused))
                return
            finally:
                self._loading = None
            self.loaded = loaded
            if wanted.model is not None and loaded.model != wanted.model:
                await pool.close(at_once=True)
                self._refuse(wanted, loaded.model_refused)
                return
            if (loaded.rules, loaded.model) == (real.rules, real.model):
                await pool.close(at_once=True)
                self.state, self.why = "idle", "its rules and model are those in use"
            else:
                self._pool, self.state = pool, "deciding"
            self._log("shadow-loaded", rules=loaded.rules[:12], model=loaded.model, state=self.state)

    def _refuse(self, wanted: Wanted, reason: str) -> None:
        self.state, self.why = "refused", f"{wanted.at}: settings.shadow: {reason}"
        self._log("shadow-refused", reason=self.why)

    async def settled(self) -> None:
        """Wait until what `use` was asked last has come to an end."""
        async with self._lock:
            pass

    async def close(self) -> None:
        """At once: a shadow that is still loading must not keep the filter from ending."""
        if self._loading is not None:
            self._loading.cancel()
        async with self._lock:
            await self._end()
            self.state = "off"

    async def _end(self) -> None:
        pool, self._pool, self.loaded, self.why = self._pool, None, None, ""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if pool is not None:
            await pool.close(at_once=True)

    # ------------------------------------------------------------------ one mail

    def seen(self, raw: RawMessage, offer: Offer, looked_up: LookedUp | None, event: Mapping[str, Any]) -> None:
        """A mail was answered; event: what was decided. Never blocks, never raises."""
        pool = self._pool
        if pool is None or not event.get("decision"):
            return
        if len(self._tasks) >= WAITING or self._busy():
            self.counters["skipped"] += 1
            self._skipped += 1
            return
        task = asyncio.get_running_loop().create_task(self._decide(pool, raw, offer, looked_up, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _decide(
        self, pool: Pool, raw: RawMessage, offer: Offer, looked_up: LookedUp | None, event: Mapping[str, Any]
    ) -> None:
        failed = ""
        found: Difference | None = None
        try:
            other = await pool.judge(raw, offer, looked_up)
            failed = "" if other.get("decision") else str(other.get("fault") or "no decision")
            found = None if failed else difference(event, other)
        except Undecided as why:
            failed = str(why)
        if pool is not self._pool:
            return  # it was replaced meanwhile
        self._count(raw, failed, found)
        if self._failed_in_a_row >= FAILURES:
            self._pool, self.state = None, "stopped"
            self.why = f"failed {FAILURES} times in a row, the last time: {failed}; a reload starts it again"
            self._log("shadow-stopped", reason=self.why)
            await pool.close(at_once=True)

    def _count(self, raw: RawMessage, failed: str, found: Difference | None) -> None:
        loaded, real = self.loaded, self._real
        assert loaded is not None and real is not None, "there is a pool"
        self.counters["failed" if failed else "differs" if found else "same"] += 1
        self._failed_in_a_row = self._failed_in_a_row + 1 if failed else 0
        queue_id = raw.envelope.queue_id
        if found:
            self.kinds.update(found["changes"].keys())
            self._log("shadow-differs", queue_id=queue_id, changes=found["changes"], rules=found["rules"])
        elif failed:
            self._log("shadow-failed", queue_id=queue_id, reason=failed)
        sides = f"{real.rules[:12]} {real.model or 'none'} | {loaded.rules[:12]} {loaded.model or 'none'}"
        at_ms = int(raw.received_at.timestamp() * 1_000)
        self._record(Compared(at_ms, queue_id, sides, self._skipped, failed, found))
        self._skipped = 0

    def status(self) -> dict[str, Any] | None:
        """For `mailrouter status`; None: the rules want none."""
        wanted, loaded = self._wanted, self.loaded
        if wanted is None:
            return None
        counts = {name: self.counters[name] for name in ("same", "differs", "skipped", "failed")}
        return {
            "named": wanted.named,
            "state": self.state,
            "why": self.why or None,
            "rules": {"file": str(wanted.rules), "sha256": loaded.rules if loaded else None},
            "model": loaded.model if loaded else wanted.model,
            **counts,
            "kinds": dict(self.kinds.most_common()),
        }
