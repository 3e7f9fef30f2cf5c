"""Which rules and model a running filter goes by: the first load, every reload, and the last good file when the first
one is bad (reliability.md D15).

load -> errors? -> lint -> the file's own tests -> only then the pool swaps. A bad file changes nothing, is said in the
log and counted, and stands in `status` until a good one is loaded.
"""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from router import rule_files
from router.errors import BadInput
from router.frozen import dataclass
from router.rule_files import History
from router.workers.loaded import Loaded
from router.workers.pool import Pool, Refused


@dataclass(frozen=True, slots=True)
class Source:
    """Where rules and model come from. rules, models: paths. at: a fixed clock (demonstrations). run_tests: those of
    the rules file. state: the directory of the last good files; None: none are kept. owner: a user who may own the
    rules file besides root and us; group: one that may write it (threat row 17). key_file: the secret that signs
    intents, instead of the one that the rules name. model_keys: public keys, one of which must have signed the model,
    instead of those that the rules name."""

    rules: Path
    models: Path | None
    at: datetime | None = None
    run_tests: bool = True
    state: Path | None = None
    owner: int | None = None
    group: str | None = None
    key_file: Path | None = None
    model_keys: tuple[Path, ...] = ()


class Reloader:
    """Loads into a pool. in_use: called with each generation that is taken into use. generation: counts what was
    loaded. last_good: a kept copy is in use, since the file is bad. outcome: of the last attempt that somebody asked
    for: {"ok", "at", "problems" (warnings, if ok), "reason" (if not)}.
    """

    def __init__(
        self,
        source: Source,
        pool: Pool,
        log: Callable[..., None],
        in_use: Callable[[Loaded], None] = lambda loaded: None,
    ) -> None:
        self.source = source
        self.pool = pool
        self.generation = 0
        self.last_good = False
        self.outcome: dict[str, Any] | None = None
        self._log = log
        self._tell = in_use
        self._loaded_at = datetime.now(UTC)
        self._history = History(source.state) if source.state else None
        self._busy = asyncio.Lock()

    async def start(self) -> None:
        """The rules file, or when it cannot be used the newest kept one that can. Raises `Refused`, for the file."""
        try:
            loaded = await self._load(self.source.rules)
        except Refused as refused:
            if not await self._start_from_last_good():
                raise
            self._refused("rules-refused", refused)
            return
        await self._in_use(loaded, "serve")

    async def reload(self) -> bool:
        """Swap to what the files say now. False, and nothing changed, when they cannot be used."""
        async with self._busy:
            try:
                loaded = await self._load(self.source.rules)
            except Refused as refused:
                self.pool.counters["reloads-refused"] += 1
                self._refused("reload-refused", refused)
                return False
            self.pool.counters["reloads"] += 1
            self.outcome = {"ok": True, "at": _now(), "problems": list(loaded.warnings)}
            await self._in_use(loaded, "reload")
            return True

    async def _load(self, rules: Path) -> Loaded:
        source = self.source
        return await self.pool.load(
            rules,
            source.models,
            at=source.at,
            run_tests=source.run_tests,
            base=source.rules.parent,
            owners=() if source.owner is None else (source.owner,),
            group=source.group,
            key_file=source.key_file,
            state=source.state,
            model_keys=source.model_keys,
        )

    async def _start_from_last_good(self) -> bool:
        if self._history is None:
            return False
        for entry in self._history.entries():
            try:
                self._history.read(entry)  # held against its sha256
                loaded = await self._load(self._history.path(entry))
            except (BadInput, Refused) as refused:
                self._log("last-good-refused", rules=entry.id, reason=str(refused)[:2000])
                continue
            kept_at = entry.at.isoformat(timespec="seconds")
            self._log("last-good", rules=entry.id, kept_at=kept_at, by=entry.by, instead_of=str(self.source.rules))
            self.pool.counters["started-from-last-good"] += 1
            self.last_good = True
            self._count(loaded)
            return True
        return False

    async def _in_use(self, loaded: Loaded, how: str) -> None:
        self.last_good = False
        self._count(loaded)
        if self._history is not None:
            await asyncio.to_thread(self._keep, self._history, loaded, how)

    def _keep(self, history: History, loaded: Loaded, how: str) -> None:
        """Into the history, if the file is still the one that was loaded."""
        rules = self.source.rules
        try:
            data = rule_files.read(rules)
            if hashlib.sha256(data).hexdigest() != loaded.rules:
                return
            name = loaded.name or str(rules)
            entry = history.add(data, at=datetime.now(UTC), by=rule_files.this_person(), how=how, name=name)
        except BadInput as error:
            self._log("not-kept", reason=str(error))
            return
        self.pool.restart_from(history.path(entry))

    def _count(self, loaded: Loaded) -> None:
        self.generation += 1
        self._loaded_at = datetime.now(UTC)
        self._tell(loaded)
        self._log(
            "loaded",
            rules=loaded.rules[:12],
            model=loaded.model,
            model_refused=loaded.model_refused or None,
            no_answers=loaded.no_answers or None,
            no_signature=loaded.no_signature or None,
            no_threads=loaded.no_threads or None,
            no_native=loaded.no_native or None,
            warnings=len(loaded.warnings) or None,
        )

    def _refused(self, event: str, refused: Refused) -> None:
        self._log(event, reason=str(refused))
        self.outcome = {"ok": False, "at": _now(), "reason": str(refused), "problems": list(refused.problems)}

    def status(self) -> dict[str, Any]:
        """For `mailrouter status`. rules.current: what is in use is what the file says now."""
        loaded = self.pool.loaded
        assert loaded is not None, "asked after the start"
        try:
            on_disk = hashlib.sha256(rule_files.read(self.source.rules)).hexdigest()
        except BadInput:
            on_disk = ""
        return {
            "generation": self.generation,
            "rules": {
                "file": str(self.source.rules),
                "name": loaded.name,
                "sha256": loaded.rules,
                "loaded_at": self._loaded_at.isoformat(timespec="seconds"),
                "current": loaded.rules == on_disk,
                "last_good": self.last_good,
            },
            "model": {"id": loaded.model, "refused": loaded.model_refused or None},
            "native": {"in_use": not loaded.no_native, "refused": loaded.no_native or None},
            "acknowledgements": {"asked_for": not loaded.no_answers, "refused": loaded.no_answers or None},
            "last_reload": self.outcome,
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
