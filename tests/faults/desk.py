"""Our front and pool in this process, with workers that do what a mail tells them (nursery.py)."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from router.milter.server import Front
from router.milter.simulator import Mta, Outcome, Transaction, exchange
from router.workers import pool as pooling
from router.workers.pool import Limits, Pool

PREFIX = b"X-Desk-"
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
    then: [{tag: seen}]
"""


class _WithFaults:
    """`subprocess` as the pool sees it; its nursery is the one with faults."""

    def __getattr__(self, name):
        return getattr(subprocess, name)

    @staticmethod
    def Popen(command, **named):
        command = ["tests.faults.nursery" if one == "router.workers.nursery" else one for one in command]
        return subprocess.Popen(command, **named)


@dataclass
class Desk:
    front: Front
    pool: Pool
    number: int = 0
    answered: list[tuple[float, Outcome]] = field(default_factory=list)

    def mail(self, fault: str = "", body: bytes = b"hello\r\n", number: int | None = None) -> Transaction:
        """Another mail than all before, or number `number` again; it does what `fault` says."""
        if number is None:
            self.number += 1
            number = self.number
        said = f"X-Fault: {fault}\r\n" if fault else ""
        head = f"From: a@b.example\r\nMessage-ID: <{number}@b.example>\r\nX-Desk-Tags: forged\r\n{said}\r\n"
        return Transaction(b"<a@b.example>", (b"<help@desk.example>",), head.encode() + body)

    async def send(self, transaction: Transaction) -> Outcome:
        """On a connection of its own. What comes back is noted with the seconds that it took."""
        began = time.monotonic()
        outcome = await exchange(self.front.addresses[0], transaction)
        self.answered.append((time.monotonic() - began, outcome))
        return outcome


def said(outcome: Outcome, name: bytes) -> str:
    """The body of our field of this name, or ""."""
    return next((body.decode() for key, body in outcome.added_fields if key == PREFIX + name), "")


def kept(outcome: Outcome) -> bool:
    """Accepted, for those it was for, without the forged field."""
    return outcome.delivered and outcome.recipients == (b"<help@desk.example>",) and b"forged" not in outcome.message


@contextlib.asynccontextmanager
async def desk(folder: Path, rules: str = RULES, **limits) -> AsyncIterator[Desk]:
    path = folder / "rules.yaml"
    path.write_text(rules)
    before, pooling.subprocess = pooling.subprocess, _WithFaults()
    pool = Pool(
        replace(Limits(workers=2, deadline_s=1.5, patience_s=1.0), **limits), lambda *_: None, lambda *_, **__: None
    )
    front = Front(pool.decide, begin=pool.begin, prefix=lambda: PREFIX.decode())
    try:
        await pool.load(path, None, run_tests=False)
        await front.listen("inet:0@127.0.0.1")
        yield Desk(front, pool)
    finally:
        await front.close()
        await pool.close()
        pooling.subprocess = before


def run(work) -> None:
    asyncio.run(asyncio.wait_for(work(), 120))


__all__ = ["PREFIX", "RULES", "Desk", "Mta", "desk", "kept", "run", "said"]
