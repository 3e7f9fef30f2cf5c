"""The nursery: loads one generation (rules, model) and forks warm workers from it whenever the front asks.

Started by the front as `python -m router.workers.nursery`, with one end of a SOCK_SEQPACKET pair as its control
channel:

    nursery -> front   {"ready": {prefix, addresses, rules, model, warnings, ...}}
                       or {"refused": "text for a person", "problems": [as `check --format json` writes them]}
    front -> nursery   b"spawn"
    nursery -> front   {"worker": pid}  with two descriptors: the worker's socket and its pidfd

It holds one generation for life; a reload is a new nursery beside it. When the front closes the channel it exits, and
so do its workers when their sockets close.
"""

import argparse
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from router import native
from router.acknowledge import own_id
from router.acknowledge.keys import BadKey
from router.answering import Answering, NoAnswers, answering_of
from router.decision import Decision
from router.errors import BadFile, BadInput, Problem, Severity
from router.generation import Generation, load_generation
from router.header_signature import signer_of
from router.identity.looked_up import LookedUp
from router.lookups.plan import plan_of
from router.message.envelope import RawMessage
from router.message.message import Message
from router.milter.edits import Sign
from router.pseudonyms import read_key
from router.rules import cases, problems
from router.rules.load import check
from router.rules.schema import Shadow
from router.rules.surroundings import ending
from router.threads import store as threads
from router.threads.store import ThreadReader
from router.workers import scan
from router.workers.warm import warm

MAX_CONTROL_BYTES = 1 << 20
REQUEST_BYTES = 524_288  # of the pipe to a worker: the largest request in one piece, as far as the system allows
MAX_PROBLEMS = 100


def main() -> None:
    arguments = argparse.ArgumentParser(prog="nursery")
    arguments.add_argument("--control", type=int, required=True)
    arguments.add_argument("--rules", type=Path, required=True)
    arguments.add_argument("--base", type=Path)
    arguments.add_argument("--owner", type=int, action="append", default=[os.geteuid()])
    arguments.add_argument("--group")
    arguments.add_argument("--models", type=Path)
    arguments.add_argument("--model-key", type=Path, action="append", default=[])
    arguments.add_argument("--model-before")
    arguments.add_argument("--model")
    arguments.add_argument("--nice", type=int, default=0)
    arguments.add_argument("--key-file", type=Path)
    arguments.add_argument("--at", type=datetime.fromisoformat)
    arguments.add_argument("--state", type=Path)
    arguments.add_argument("--test", action="store_true")
    options = arguments.parse_args()
    control = socket.socket(fileno=options.control)
    if options.nice:
        with contextlib.suppress(OSError):  # a system call filter may forbid it: then without
            os.nice(options.nice)
    # Reload and drain are the front's affair; a signal to the whole process group must not end the nursery first.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _reap)
    try:
        generation = load_generation(
            options.rules,
            options.models,
            base=options.base,
            owners=options.owner,
            group=options.group,
            model_id=options.model,
            state=options.state,
            anew=True,
            model_keys=options.model_key,
            model_before=options.model_before,
        )
    except BadFile as bad:
        listed = [problems.as_json(one) for one in bad.problems[:MAX_PROBLEMS]]
        _send(control, {"refused": problems.report(bad.problems, _source(options.rules)), "problems": listed})
        return
    if refused := _failing_tests(generation) if options.test else "":
        _send(control, {"refused": refused})
        return
    if refused := _no_model(generation, options.models, options.model_before):
        _send(control, {"refused": refused})
        return
    generation, no_threads = _with_threads(generation, options.state)
    ruleset = generation.ruleset
    warnings = ruleset.warnings + (_warnings(generation, options.rules) if options.test else ())
    answering, no_answers = _answering(generation, options.base or options.rules.parent, options.key_file)
    sign, no_signature = _signing(generation, options.base or options.rules.parent, options.key_file)
    if answering is not None:
        generation = replace(generation, is_acknowledgement=partial(own_id.is_ours, answering.keys))
    _send(
        control,
        {
            "ready": {
                "name": ruleset.file.name,
                "prefix": ruleset.site.header_prefix,
                "also_stripped": ruleset.site.helpdesk_prefixes,
                "addresses": dict(ruleset.site.queue_addresses),
                "rules": ruleset.sha,
                "model": generation.model.id if generation.model else None,
                "model_refused": generation.model_refused,
                "warnings": [problems.as_json(one) for one in warnings[:MAX_PROBLEMS]],
                "no_answers": no_answers,
                "no_signature": no_signature,
                "no_threads": no_threads,
                "no_native": native.why_not(),
                "retention_s": ruleset.settings.retention.total_seconds() if ruleset.settings.retention else None,
                "path": str(options.rules),
                "shadow": _shadow(ruleset.settings.shadow),
                "look_ups": plan_of(ruleset, options.base or options.rules.parent).plain(),
            }
        },
    )
    warm()
    # Objects made until here are never collected, so that the pages stay shared with the workers.
    gc.collect()
    gc.freeze()
    serve(control, generation, options.at, answering, sign)


def serve(
    control: socket.socket,
    generation: Generation,
    at: datetime | None,
    answering: Answering | None = None,
    sign: Sign | None = None,
) -> None:
    """Fork a worker for every request of the front, until it closes the channel. `at`: a fixed clock, for the demo."""

    def decide(raw: RawMessage, looked_up: LookedUp | None, message: Message | None) -> Decision:
        return generation.decide(raw, now=at or raw.received_at.astimezone(), looked_up=looked_up, message=message)

    while True:
        try:
            order = control.recv(64)
        except InterruptedError:
            continue
        except ConnectionError:
            return
        if not order:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, REQUEST_BYTES)
        child = os.fork()
        if child == 0:
            _be_worker(theirs, generation, decide, answering.wished if answering else None, sign)
        with contextlib.closing(ours), contextlib.closing(theirs):
            handle = os.pidfd_open(child)
            try:
                socket.send_fds(control, [json.dumps({"worker": child}).encode()], [ours.fileno(), handle])
            finally:
                os.close(handle)


def _be_worker(
    connection: socket.socket,
    generation: Generation,
    decide: scan.Decide,
    wished: scan.Wished | None,
    sign: Sign | None,
) -> None:
    status = 1
    try:
        kept = connection.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, 4096)
        scan.run(connection, generation, decide, wished, sign)
        status = 0
    except (ConnectionError, MemoryError) as error:
        print(f"worker: {type(error).__name__}", file=sys.stderr)
    finally:
        os._exit(status)  # never back into the nursery's code


def _answering(generation: Generation, base: Path, key_file: Path | None) -> tuple[Answering | None, str]:
    """The filter's side of acknowledgements, or why this filter asks for none; mail goes on without them."""
    try:
        return answering_of(generation.ruleset, base, key_file), ""
    except NoAnswers as problem:
        return None, str(problem)


def _signing(generation: Generation, base: Path, key_file: Path | None) -> tuple[Sign | None, str]:
    """What signs our header fields, or why nothing does; mail goes on without."""
    try:
        signer = signer_of(generation.ruleset, base, key_file)
    except BadKey as problem:
        return None, str(problem)
    return (None, "settings.key_file is not set") if signer is None else (signer.value, "")


def _with_threads(generation: Generation, state: Path | None) -> tuple[Generation, str]:
    """The generation with the thread store of this filter, or why it has none; mail goes on without it."""
    if state is None:
        return generation, "the filter has no state directory"
    try:
        return replace(generation, threads=ThreadReader(state / threads.NAME, read_key(state))), ""
    except BadInput as problem:
        return generation, str(problem)


def _shadow(setting: Shadow | None) -> dict[str, str | None] | None:
    """What the rules want beside them, as plain values; `at` is a place in them."""
    if setting is None or not (named := setting.rules or setting.model):
        return None
    rules, model = setting.rules and str(setting.rules), setting.model and str(setting.model)
    return {"rules": rules, "model": model, "line": str(named.at.line), "column": str(named.at.column)}


def _failing_tests(generation: Generation) -> str:
    report = cases.run(generation.ruleset)
    return "" if report.ok else report.as_text()


def _no_model(generation: Generation, models: Path | None, before: str | None) -> str:
    """Why this generation must not take over from one that has a model; "" where nobody named a model to be in use:
    then rules alone are what is wanted."""
    if before is None or generation.model is not None or models is None or not (models / "current").exists():
        return ""
    return f"{generation.model_refused}\n{models}: the model {before} stays in use, and the rules with it"


def _warnings(generation: Generation, rules: Path) -> tuple[Problem, ...]:
    """What lint has to say about rules that are good: told with the reload, no reason against it."""
    file, model = generation.ruleset.file, generation.model
    today = datetime.now().date()
    _, found = check(_source(rules), str(rules), base=file.base, today=today, model=model.id if model else None)
    if today.month >= 11:
        found = (*found, *ending(file, generation.ruleset.calendars, today.year + 1))
    return tuple(one for one in found if one.severity is Severity.WARNING)


def _source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _send(control: socket.socket, message: dict[str, object]) -> None:
    data = json.dumps(message, ensure_ascii=False).encode()
    if len(data) > MAX_CONTROL_BYTES // 8:
        data = json.dumps({"refused": str(message)[: MAX_CONTROL_BYTES // 32]}).encode()
    control.send(data)


def _reap(_number: int, _frame: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
