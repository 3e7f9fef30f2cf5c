"""A nursery whose workers do what a mail tells them: `X-Fault: segfault`. Only tests start it; the product has no hook.

What each fault stands for: a bug of ours, of a C library, or a mail that costs too much.
"""

import ctypes
import os
import re
import resource
import signal
import sys
import threading
import time

from router.workers import nursery, scan

_scan = scan.scan


def faulty(raw, offer, generation, decide, *rest, **named):
    kind = next((body.strip().decode() for name, body in raw.fields if name.lower() == b"x-fault"), "")

    def deciding(*arguments):
        if kind:
            (FAULTS.get(kind) or FAULTS[kind.partition(" ")[0]])(kind)
        return decide(*arguments)

    return _scan(raw, offer, generation, deciding, *rest, **named)


def eat(_kind):
    """Takes memory until there is no more; the MemoryError goes where a real one would go."""
    kept = []
    while True:
        kept.append(bytearray(1 << 24))


def hog(_kind):
    """Takes memory and never gives up, as a C library does that checks nothing."""
    kept = []
    while True:
        try:
            kept.append(bytearray(1 << 20))
        except MemoryError:
            time.sleep(0.01)


def raises(kind):
    raise {"ValueError": ValueError, "RecursionError": RecursionError, "SystemExit": SystemExit}[kind.split()[1]](kind)


def slow(kind):
    time.sleep(float(kind.split()[1]))


def says(data):
    """Writes this on the worker's socket: it has one only."""
    for number in range(3, 20):
        try:
            os.write(number, data)
        except OSError:
            continue


FAULTS = {
    "eat": eat,
    "hog": hog,
    "raise": raises,
    "slow": slow,
    "hang": lambda _: signal.pause(),
    "spin": lambda _: exec("while True: pass"),
    "regex": lambda _: re.match("(a+)+$", "a" * 60 + "b"),  # holds the GIL until the end of days
    "deep": lambda _: ctypes.memset(1, 0, 1),
    "segfault": lambda _: ctypes.string_at(0),
    "abort": lambda _: os.abort(),
    "exit": lambda _: os._exit(3),
    "stop": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "thread": lambda _: threading.Thread(target=signal.pause).start(),
    "cpu": lambda _: resource.setrlimit(resource.RLIMIT_CPU, (1, 1)) or exec("while True: pass"),
    "garbage": lambda _: says(b"\xff\xff\xff\xffgarbage"),
    "half": lambda _: (says(b"\0\0\1\0half an answer"), signal.pause()),
    "nonsense": lambda _: says(b"\0\0\0\6\0\0\0\2[]"),
    "twice": lambda _: says(b"\0\0\0\6\0\0\0\2{}"),
    "twice at once": lambda _: says(b"\0\0\0\6\0\0\0\2{}" * 2),
    "once and a bit": lambda _: says(b"\0\0\0\6\0\0\0\2{}\0\0"),
}

if __name__ == "__main__":
    scan.scan = faulty
    sys.argv[0] = "nursery"
    nursery.main()
