"""The look-up process: `python -m router.lookups.process --socket FD [--resolver ADDRESS]... [--no-dns]`.

One event loop, one resolver and one cache for all mails; every mail is a task of its own with a deadline of its own.
When the front closes the socket it exits.
"""

import argparse
import asyncio
import os
import resource
import signal
import socket
import struct
from collections.abc import Sequence

from router.identity.looked_up import LookedUp
from router.identity.lookup import Limits, NoResolver, Resolver, server, wire
from router.lookups.plan import Plan
from router.lookups.wire import answer_frame, request_from
from router.lookups.work import LookingUp
from router.message.envelope import RawMessage

MEMORY_LIMIT_BYTES = 1 << 30
COUNTED_EVERY = 16
"""Answers; each so many the counters go along."""

SWITCHED_OFF = NoResolver("the DNS is switched off")
_LENGTH = struct.Struct(">I")


def resolver_of(servers: Sequence[str], limits: Limits) -> Resolver | NoResolver:
    """A resolver that asks these servers, none: those of /etc/resolv.conf; or why there is none."""
    try:
        return Resolver(wire([server(one) for one in servers], limits.try_s), limits)
    except NoResolver as reason:
        return reason


class Process:
    """Answers what comes from the front. plan: of the newest generation; a mail names its own."""

    def __init__(self, resolver: Resolver | NoResolver, limits: Limits) -> None:
        self._resolver = resolver
        self._limits = limits
        self._plans: dict[int, LookingUp] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers = 0

    async def serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        writer.write(answer_frame(0, LookedUp()))  # we are there
        try:
            while True:
                (size,) = _LENGTH.unpack(await reader.readexactly(4))
                request = request_from(await reader.readexactly(size))
                if len(request) == 2:
                    self._use(*request)
                else:
                    number, plan_number, raw = request
                    task = asyncio.create_task(self._answer(writer, number, plan_number, raw))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def _use(self, number: int, plan: Plan) -> None:
        self._plans[number] = looking = LookingUp(plan, self._resolver, self._limits)
        looking.begin()
        for old in sorted(self._plans)[:-2]:  # mails of the generation before may still be on their way
            del self._plans[old]

    async def _answer(self, writer: asyncio.StreamWriter, number: int, plan_number: int, raw: RawMessage) -> None:
        looking = self._plans.get(plan_number)
        if looking is None:
            answer = LookedUp(why="not checked: its rules are gone")
        else:
            try:
                answer = await looking.of(raw)
            except Exception as error:  # the rim: a fault of ours costs this mail's answer, not the process
                answer = LookedUp(why=f"not checked: {type(error).__name__}", missing=type(error).__name__)
        self._answers += 1
        counted = None
        if looking is not None and (self._answers % COUNTED_EVERY == 1 or len(self._tasks) == 1):
            counted = dict(looking.counters)
        writer.write(answer_frame(number, answer, counted))


def main() -> None:
    arguments = argparse.ArgumentParser(prog="lookups")
    arguments.add_argument("--socket", type=int, required=True)
    arguments.add_argument("--resolver", action="append", default=[])
    arguments.add_argument("--no-dns", action="store_true")
    options = arguments.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the front ends us by closing the socket
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = socket.socket(fileno=options.socket)
    connection.setblocking(False)
    limits = Limits()

    async def run() -> None:
        resolver = SWITCHED_OFF if options.no_dns else resolver_of(options.resolver, limits)
        await Process(resolver, limits).serve(connection)

    asyncio.run(run())
    os._exit(0)  # a thread that hangs in somebody's function must not keep us


if __name__ == "__main__":
    main()
