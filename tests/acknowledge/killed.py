"""Answers intents in processes that are killed at any step, then lets the MTA try again. Run by test_kills.py.

    python -m tests.acknowledge.killed FOLDER SMTP_PORT KILLS SEED

A process of its own, so that it may fork while nothing else runs in it. Prints one JSON object: kills, and how the
store counts the states at the end.
"""

import json
import os
import random
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from router.acknowledge.compose import canary
from router.acknowledge.outgoing import Relay
from router.acknowledge.policy import Rate
from router.acknowledge.service import Acknowledger
from router.acknowledge.throttle import Throttle
from tests.acknowledge.desk import FRIDAY, KEYS, POLICY, ByHand, intent, letter

NO_LIMITS = replace(POLICY.limits, per_domain=Rate(10**6, timedelta(hours=1)), total=Rate(10**6, timedelta(hours=1)))
WATCHED = (
    "/acknowledge/throttle.py",
    "/acknowledge/outgoing.py",
    "/acknowledge/service.py",
    "/smtplib.py",
    "/storage.py",
)


class Killer:
    """Counts calls and returns, C functions too, in the files where a step could be lost; kills at the n-th."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = 0

    def __call__(self, frame, event, argument) -> None:
        if frame.f_code.co_filename.endswith(WATCHED):
            self.seen += 1
            if self.seen == self.at:
                os.kill(os.getpid(), signal.SIGKILL)


def answer(path: Path, port: int, number: int, killer: Killer | None) -> None:
    """One process's life: opens the store, handles one intent, ends."""
    author = f"p{number}@shop{number}.example"
    clock = ByHand()
    delivery = intent(letter(author=author, message_id=f"<m{number}@shop.example>"), sender=author)
    acknowledger = Acknowledger(
        replace(POLICY, limits=NO_LIMITS),
        KEYS,
        lambda: Throttle(path, KEYS, clock, durable=False),
        Relay("127.0.0.1", port, timeout_s=10),
        clock,
        lambda event, **values: None,
    )
    acknowledger.open()
    sys.setprofile(killer)
    reply = acknowledger.handle(delivery)
    sys.setprofile(None)
    if killer is not None:
        Path(f"{path}.steps").write_text(str(killer.seen))
    assert reply.startswith("250"), reply
    acknowledger.close()


def in_a_child(*arguments) -> int:
    """The child's exit status; negative for the signal that killed it."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            answer(*arguments)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path, port: int, kills: int, seed: int) -> None:
    path = folder / "acknowledgements.sqlite"
    Throttle(path, KEYS, ByHand(), service=False, by_hand=True).close()
    assert canary(POLICY, FRIDAY) == ""  # also loads what every child would have to load
    assert in_a_child(path, port, 0, Killer(-1)) == 0
    steps = int(Path(f"{path}.steps").read_text())
    dice = random.Random(seed)
    killed = 0
    for number in range(1, kills + 1):
        killed += in_a_child(path, port, number, Killer(dice.randint(1, steps))) == -signal.SIGKILL
        assert in_a_child(path, port, number, None) == 0  # the MTA still has the intent
    store = Throttle(path, KEYS, ByHand(), service=False)
    print(json.dumps({"steps": steps, "killed": killed, "states": store.counts()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
