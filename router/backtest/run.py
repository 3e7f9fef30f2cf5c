"""Reads an archive mail by mail and decides each twice. Memory does not grow with the archive.

With several jobs the mails go in batches to forked processes, which share rules and model with this one. Batch n goes
to process n modulo jobs, so that the answers come back in the order of the archive.
"""

import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeAlias

from router.archive import Desk, Given, found
from router.backtest.compare import Difference, causes, changes
from router.backtest.counts import Counts, phrases_in
from router.decision import Decision
from router.errors import BadInput
from router.frozen import dataclass
from router.generation import Authenticate, Generation
from router.message.message import Message
from router.message.read import read

BATCH_MAILS = 32
BATCH_BYTES = 4 << 20
MAX_MAIL_BYTES = 2 << 20  # far behind what the filter keeps of a mail: nothing after it can matter
MAX_TEXT = 4_000
"""Characters of a mail's text that a report holds, when it was asked to hold text."""

Stored: TypeAlias = tuple[str, bytes]
"""Where a mail is, and its bytes."""
Answer: TypeAlias = tuple[list[Difference], Counts]


@dataclass(frozen=True)
class Judge:
    """Decides one stored mail by both sides. old: None to count only. with_text: differences quote the mail. now: for
    mails without a date, and the clock of neither."""

    new: Generation
    old: Generation | None
    given: Given
    now: datetime
    authenticate: Authenticate | None = None
    with_text: bool = False

    def batch(self, mails: Iterable[Stored]) -> Answer:
        counts = Counts()
        differences = []
        for source, data in mails:
            counts.bytes += len(data)
            try:
                difference = self.one(source, data, counts)
            except Exception as error:  # the rim: one mail that we cannot decide must not end hours of work
                frames = traceback.extract_tb(sys.exc_info()[2])
                where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
                counts.faults[f"{type(error).__name__} at {where}, first in {source}"] += 1
                continue
            if difference is not None:
                differences.append(difference)
        return differences, counts

    def one(self, source: str, data: bytes, counts: Counts) -> Difference | None:
        """One mail, counted; None when nothing differs."""
        new, message = self._decide(self.new, source, data, None)
        counts.phrases.update(phrases_in(message, self.new.ruleset) if new.queue is not None else ())
        if self.old is None:
            counts.add(None, new, None)
            return None
        same_prefix = self.old.ruleset.site.stripped == self.new.ruleset.site.stripped
        old, _ = self._decide(self.old, source, data, message if same_prefix else None)
        found_changes = changes(old, new)
        difference = None
        if found_changes:
            lines = tuple({str(one.id): one.at.line for one in side.ruleset.rules} for side in (self.old, self.new))
            difference = Difference(
                source=source,
                message_id=new.message_id,
                received_at=new.received_at,
                language=new.language if new.queue is not None else old.language,
                subject=message.subject,
                changes=found_changes,
                causes=causes(old, new, *lines, with_text=self.with_text),
                text=message.new_text[:MAX_TEXT] if self.with_text else "",
            )
        counts.add(old, new, difference)
        return difference

    def _decide(self, side: Generation, source: str, data: bytes, message: Message | None) -> tuple[Decision, Message]:
        """message: the mail as it was read for the other side, which strips the same fields."""
        raw = message.raw if message else found(data, source, self.given, self._desk(side), self.now).raw
        message = message or read(raw)
        return side.decide(raw, authenticate=self.authenticate, trace=self.with_text, message=message), message

    def _desk(self, side: Generation) -> Desk:
        """Both sides get the mail with the same envelope: an address that is a queue's on either side is one."""
        sites = [one.ruleset.site for one in (self.new, self.old) if one is not None]
        first = next((address for site in sites for address in site.queue_addresses), None)
        if first is None:
            raise BadInput("the rules file has no queue")

        def queue_of(address: str) -> str | None:
            return next((queue for site in sites if (queue := site.queue_of(address))), None)

        return Desk(queue_of, first, side.ruleset.site.stripped)


def run(judge: Judge, mails: Iterable[Stored], jobs: int = 1) -> Iterator[Answer]:
    """Differences and counts, batch by batch, in the order of the archive. Raises `BadInput` when a process died."""
    if jobs <= 1:
        yield from (judge.batch(batch) for batch in _batches(mails))
        return
    context = multiprocessing.get_context("fork")  # rules and model are inherited, not sent
    workers: list[tuple[BaseProcess, Connection[list[Stored], Answer]]] = []
    for _ in range(jobs):
        ours, theirs = context.Pipe()
        inherited = [one for _, one in workers] + [ours]
        process: BaseProcess = context.Process(target=_work, args=(judge, theirs, inherited), daemon=True)
        process.start()
        theirs.close()
        workers.append((process, ours))
    try:
        sent = 0
        for batch in _batches(mails):
            _, pipe = workers[sent % jobs]
            if sent >= jobs:
                yield _answer(pipe)
            # A process is sent work only after its answer was taken, so that neither side ever waits on a full pipe.
            pipe.send(batch)
            sent += 1
        for number in range(max(0, sent - jobs), sent):
            yield _answer(workers[number % jobs][1])
    except BrokenPipeError:
        raise BadInput("a process of the backtest has died (out of memory?); try fewer --jobs") from None
    finally:
        for process, pipe in workers:
            pipe.close()
            process.join(2)
            if process.is_alive():
                process.kill()


def _answer(pipe: "Connection[list[Stored], Answer]") -> Answer:
    try:
        return pipe.recv()
    except EOFError:
        raise BadInput("a process of the backtest has died (out of memory?); try fewer --jobs") from None


def _work(judge: Judge, pipe: "Connection[Answer, list[Stored]]", others: list[Connection]) -> None:
    for one in others:  # ends of pipes that were inherited: while we hold them, the others never see the end
        one.close()
    try:
        while True:
            pipe.send(judge.batch(pipe.recv()))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass


def _batches(mails: Iterable[Stored]) -> Iterator[list[Stored]]:
    batch: list[Stored] = []
    size = 0
    for source, data in mails:
        kept = data[:MAX_MAIL_BYTES]
        batch.append((source, kept))
        size += len(kept)
        if len(batch) >= BATCH_MAILS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
