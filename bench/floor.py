"""What a filter that does what ours must cannot do without: each part measured alone, hot, CPU us a mail.

    python -m bench.floor [--messages 1500]

The no-op milter is in bench.per_message. Here: the MIME tree and its text by the standard library, exact scores of
words met before, the phrases of rules.yaml, its edits as packets, a log line and a journal record, a request and an
answer through a pipe between two processes (both ends counted). The least of five rounds.
"""

import argparse
import email
import json
import marshal
import os
import resource
import socket
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.message import Message
from typing import Any

from bench.mail import ROOT, messages
from router.classify import registry
from router.generation import load_generation
from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.message.read import read
from router.milter.edits import Offer, plan
from router.milter.negotiation import Action
from router.rules.text import Text
from router.workers.scan import event_of

ROUNDS = 5
NOW = datetime(2026, 3, 6, 17, 40, tzinfo=UTC)


def least_us(work: Callable[..., object], arguments: list[tuple[Any, ...]]) -> float:
    """CPU of this process, a call."""
    found = []
    for _ in range(ROUNDS):
        before = time.process_time()
        for one in arguments:
            work(*one)
        found.append((time.process_time() - before) / len(arguments) * 1e6)
    return min(found)


def text_of(data: bytes) -> str:
    """The first text of a mail, as the standard library gives it (compat32, its fast policy)."""
    for part in email.message_from_bytes(data).walk():
        if part.get_content_maintype() == "text":
            return _decoded(part)
    return ""


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode(part.get_content_charset("utf-8"), "replace")


def pipe_us(frames: Iterable[tuple[bytes, int]]) -> float:
    """(request, size of the answer): one process sends and waits, the other reads and answers. CPU of both."""
    frames = list(frames)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        for request, size in frames:
            theirs.recv(len(request), socket.MSG_WAITALL)
            theirs.sendall(bytes(size))
        os._exit(0)
    before = _own_and_children_s()
    for request, size in frames:
        ours.sendall(request)
        ours.recv(size, socket.MSG_WAITALL)
    os.waitpid(child, 0)
    return (_own_and_children_s() - before) / len(frames) * 1e6


def _own_and_children_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=1_500)
    count = arguments.parse_args().messages
    mails = messages(count)
    generation = load_generation(ROOT / "rules.yaml", ROOT / "models")
    model = registry.load(ROOT / "models")
    offer = Offer(6, int(Action.ALL), 0)
    raws = [
        raw_message(data, Envelope(f"<{sender}>".encode(), (f"<{to}>".encode(),)), NOW) for sender, to, data in mails
    ]
    read_ones = [read(raw) for raw in raws]
    decisions = [generation.decide(raw, now=NOW) for raw in raws]
    prefix = generation.ruleset.prefix
    events = [json.loads(json.dumps(event_of(one))) for one in decisions]  # as the front gets them
    answers = [plan(one, raw, offer, prefix).packets for one, raw in zip(decisions, raws, strict=True)]
    phrases = generation.ruleset.phrases
    to_json = json.JSONEncoder(ensure_ascii=False).encode

    sink = os.open(os.devnull, os.O_WRONLY)

    def search(subject: str, text: str) -> None:
        phrases.find(Text(subject))
        phrases.find(Text(text))

    def record(event: dict[str, Any]) -> None:
        os.write(sink, f"{to_json(event)}\n".encode())
        marshal.dumps(event)

    parts = {
        "MIME tree and text, standard library": least_us(text_of, [(data,) for _, _, data in mails]),
        "exact scores, words met before": least_us(model.scores, [(one.subject, one.new_text) for one in read_ones]),
        "phrases of two texts": least_us(search, [(one.subject, one.new_text) for one in read_ones]),
        "edits as packets": least_us(
            lambda one, raw: plan(one, raw, offer, prefix), list(zip(decisions, raws, strict=True))
        ),
        "a log line and a record": least_us(record, [(one,) for one in events]),
        "a pipe there and back": min(
            pipe_us((raw.body, len(answer)) for raw, answer in zip(raws, answers, strict=True)) for _ in range(ROUNDS)
        ),
    }
    for name, cost in parts.items():
        print(f"{name:40} {cost:6.0f}")
    print(f"{'together':40} {sum(parts.values()):6.0f}   load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
