"""The scan loop: what a worker does all day. Reads a request, decides, writes the answer; one mail at a time."""

import os
import resource
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any

from router.decision import Decision
from router.generation import Generation
from router.identity.looked_up import LookedUp
from router.message.envelope import RawMessage
from router.milter.edits import Offer, degraded, plan
from router.workers.wire import Answer, answer_frame, request_from

CPU_LIMIT_S = 10.0  # a mail's own CPU time; the front kills at its wall-clock deadline long before, if it still lives
MEMORY_LIMIT_BYTES = 1 << 30  # address space of a worker; a warm one uses some 300 MB of it, most of it shared

_LENGTH = struct.Struct(">I")

Decide = Callable[[RawMessage, LookedUp | None], Decision]
Wished = Callable[[Decision, RawMessage], tuple[Decision, str]]
"""Gives the decision with its wish written into it and the address of the intent, "" for none (`answering.wished`)."""


def event_of(decision: Decision, not_offered: tuple[str, ...] = ()) -> dict[str, Any]:
    """What log and journal keep of a decision: names, numbers and ids; no text of the mail (architecture.md 11)."""
    return {
        "decision": decision.id,
        "queue": decision.queue,
        "recipients": {"remove": decision.recipients.remove, "add": decision.recipients.add},
        "topic": decision.topic.label,
        "abuse": decision.abuse.label,
        "language": decision.language,
        "thread": decision.thread.state,
        "priority": decision.priority,
        "tags": decision.tags,
        "fired": [line.rule for line in decision.trace if line.result == "true" and line.mode == "enforce"],
        "shadow": [line.rule for line in decision.trace if line.result == "true" and line.mode == "shadow"],
        "unknown": [line.rule for line in decision.trace if line.result == "unknown"],
        "hold": decision.hold,
        "reply": None if decision.reply is None else {"send": decision.reply.send, "refused": decision.reply.refused},
        "degraded": [one.what for one in decision.degraded],
        "verdict": decision.verdict,
        "rules": decision.rules[:12],
        "model": decision.model,
        "not_offered": not_offered,
    }


def scan(
    raw: RawMessage,
    offer: Offer,
    generation: Generation,
    decide: Decide,
    wished: Wished | None = None,
    looked_up: LookedUp | None = None,
) -> Answer:
    """Decide one mail and lay out its edits. A fault of ours becomes a degraded answer: the mail is never lost."""
    prefix = generation.ruleset.site.header_prefix
    try:
        decision = decide(raw, looked_up)
        decision, intent = wished(decision, raw) if wished else (decision, "")
        laid_out = plan(decision, raw, offer, prefix, intent=intent)
    except Exception as error:  # the rim: whatever our own code does wrong, the MTA gets a normal answer (D1)
        frames = traceback.extract_tb(sys.exc_info()[2])
        where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
        fault = f"{type(error).__name__} at {where}"
        return Answer(degraded(raw, offer, prefix, "fault", fault), {"degraded": ["fault"], "fault": fault})
    return Answer(laid_out.packets, event_of(decision, laid_out.not_offered))


def limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold somebody's mail (row 63)
    # The service ends its workers by closing their sockets, so that a drain can finish what it has begun.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def run(connection: socket.socket, generation: Generation, decide: Decide, wished: Wished | None = None) -> None:
    """Answer requests until the front closes the socket."""
    limit_this_process()
    while True:
        payload = _read_frame(connection)
        if payload is None:
            return
        signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)
        raw, offer, looked_up = request_from(payload)
        answer = answer_frame(scan(raw, offer, generation, decide, wished, looked_up))
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.sendall(answer)


def _read_frame(connection: socket.socket) -> bytes | None:
    head = _read_exactly(connection, 4)
    if head is None:
        return None
    (size,) = _LENGTH.unpack(head)
    return _read_exactly(connection, size)


def _read_exactly(connection: socket.socket, size: int) -> bytes | None:
    data = connection.recv(size)
    if len(data) == size:
        return data
    buffer = bytearray(data)
    while len(buffer) < size:
        data = connection.recv(size - len(buffer))
        if not data:
            return None
        buffer += data
    return bytes(buffer)
