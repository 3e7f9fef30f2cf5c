"""The scan loop: what a worker does all day. Reads a request, decides, writes the answer; one mail at a time."""

import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

from router.decision import Decision, Reply
from router.generation import Generation
from router.identity.looked_up import LookedUp
from router.message.envelope import RawMessage
from router.message.message import Message
from router.message.read import read
from router.milter.edits import Offer, Sign, degraded, plan
from router.rules.ruleset import Ruleset
from router.workers.wire import LARGE_BODY_BYTES, REQUEST, Answer, answer_frame, request_from

CPU_LIMIT_S = 10.0  # a mail's own CPU time; the front kills at its wall-clock deadline long before, if it still lives
_RENEWED_S = 1.0  # how long the limit is not set anew: a process uses no more CPU than time goes by
MEMORY_LIMIT_BYTES = 1 << 30  # address space of a worker; a warm one uses some 300 MB of it, most of it shared

Decide = Callable[[RawMessage, LookedUp | None, Message | None], Decision]
"""The mail, what was looked up for it, and the mail as it was read (None: it was not)."""
Wished = Callable[[Decision, RawMessage], tuple[Decision, str]]
"""Gives the decision with its wish written into it and the address of the intent, "" for none (`answering.wished`)."""


def event_of(decision: Decision, not_offered: tuple[str, ...] = (), saved_s: float | None = None) -> dict[str, Any]:
    """What log and journal keep of a decision: names, numbers and ids; no text of the mail (architecture.md 11). What
    is empty is not told: it would be written and read five times on its way.

    saved_s: by how many seconds a redirect brings the answer forward."""
    expect, moved, thread = decision.expect, decision.recipients, decision.thread
    told = {
        "decision": decision.id,
        "queue": decision.queue,
        "recipients": {"remove": moved.remove, "add": moved.add} if moved.remove or moved.add else None,
        "topic": decision.topic.label,
        "abuse": decision.abuse.label,
        "language": decision.language,
        # As plain words: orjson asks a member of an enum for its `value`, which is a function in Python.
        "thread": str(thread.state),
        "ticket": thread.ticket,
        "new_question": str(thread.new_question) if thread.ticket else None,
        "auth": str(decision.identity.auth),
        "priority": str(decision.priority),
        "tags": decision.tags,
        "fired": [line.rule for line in decision.trace if line.result == "true" and line.mode == "enforce"],
        "shadow": [line.rule for line in decision.trace if line.result == "true" and line.mode == "shadow"],
        "unknown": [line.rule for line in decision.trace if line.result == "unknown"],
        "hold": decision.hold,
        "expect": None
        if expect is None
        else {"queue": expect.queue, "open": expect.open, "answer_by": expect.answer_by.isoformat(timespec="seconds")},
        "saved_s": saved_s,
        "reply": None if decision.reply is None else _reply(decision.reply),
        "degraded": [one.what for one in decision.degraded],
        "verdict": str(decision.verdict),
        "rules": decision.rules[:12],
        "model": decision.model,
        "not_offered": not_offered,
    }
    return {name: value for name, value in told.items() if value or value == 0}


def _reply(reply: Reply) -> dict[str, Any]:
    return {"send": reply.send, "refused": reply.refused, "snippets": reply.snippets, "language": reply.language}


def scan(
    raw: RawMessage,
    offer: Offer,
    generation: Generation,
    decide: Decide,
    wished: Wished | None = None,
    looked_up: LookedUp | None = None,
    sign: Sign | None = None,
) -> Answer:
    """Decide one mail and lay out its edits. A fault of ours becomes a degraded answer: the mail is never lost."""
    site = generation.ruleset.site
    prefix = site.header_prefix
    try:
        # Mail of the desk to its customers goes to none of our queues; it is read only to learn its Message-ID.
        message = read(raw) if generation.threads is not None or site.in_scope(raw.envelope.recipients) else None
        decision = decide(raw, looked_up, message)
        decision, intent = wished(decision, raw) if wished else (decision, "")
        laid_out = plan(decision, raw, offer, prefix, intent=intent, sign=sign)
    except MemoryError:
        raise  # what is left of this process is not to be trusted; the front answers for it
    except Exception as error:  # the rim: whatever our own code does wrong, the MTA gets a normal answer (D1)
        frames = traceback.extract_tb(sys.exc_info()[2])
        where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
        fault = f"{type(error).__name__} at {where}"
        return Answer(degraded(raw, offer, prefix, "fault", fault), {"degraded": ["fault"], "fault": fault})
    event = event_of(decision, laid_out.not_offered, _saved_s(decision, generation.ruleset))
    lesson = None
    try:
        learned = generation.lesson(message, decision) if message is not None else None
        lesson = None if learned is None else learned.plain()
    except Exception as error:  # the mail is decided; what it could have taught is not worth its decision
        event["fault"] = f"lesson: {type(error).__name__}"
    return Answer(laid_out.packets, event, lesson)


def _saved_s(decision: Decision, ruleset: Ruleset) -> float | None:
    """How much earlier the first answer is due where the mail goes than where it was sent; None: not redirected."""
    moved = decision.recipients
    if not moved.remove or not moved.add or decision.hold or decision.queue is None:
        return None
    before = ruleset.site.queue_of(moved.remove[0])
    due = [_due(name, decision, ruleset) for name in (before, decision.queue)]
    return None if due[0] is None or due[1] is None else (due[0] - due[1]).total_seconds()


def _due(queue: str | None, decision: Decision, ruleset: Ruleset) -> datetime | None:
    promised = None if queue is None else ruleset.queues[queue].first_answer
    if queue is None or promised is None:
        return None
    return ruleset.calendar_of(queue).answer_due_at(decision.received_at, promised)


def limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold somebody's mail (row 63)
    # The service ends its workers by closing their sockets, so that a drain can finish what it has begun.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def run(
    connection: socket.socket,
    generation: Generation,
    decide: Decide,
    wished: Wished | None = None,
    sign: Sign | None = None,
) -> None:
    """Answer requests until the front closes the socket."""
    limit_this_process()
    renewed_at = -_RENEWED_S
    while True:
        request = _read_request(connection)
        if request is None:
            return
        # Not two system calls a mail: between mails there is nothing to count, and of a second few have had a share.
        now = time.monotonic()
        if now - renewed_at >= _RENEWED_S:
            signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S + _RENEWED_S)
            renewed_at = now
        raw, offer, looked_up = request_from(*request)
        connection.sendall(answer_frame(scan(raw, offer, generation, decide, wished, looked_up, sign)))


def _read_request(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """Its head and the mail's body."""
    lengths = _read_exactly(connection, REQUEST.size)
    if lengths is None:
        return None
    head_size, body_size = REQUEST.unpack(lengths)
    if body_size < LARGE_BODY_BYTES:
        both = _read_exactly(connection, head_size + body_size)
        return None if both is None else (both[:head_size], both[head_size:])
    head, body = _read_exactly(connection, head_size), _read_exactly(connection, body_size)
    return None if head is None or body is None else (head, body)


def _read_exactly(connection: socket.socket, size: int) -> bytes | None:
    data = connection.recv(size, socket.MSG_WAITALL)
    while len(data) < size:
        more = connection.recv(size - len(data), socket.MSG_WAITALL)
        if not more:
            return None
        data += more
    return data
