"""Mutates rules files and holds the loader to its promise: any bytes give rules or located problems, nothing else.

python tests/rules/fuzz.py 300000 [FIRST_SEED]      from the repository root; prints a line a minute
"""

import random
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from router.errors import Severity
from router.rules import load, problems
from router.rules.catalogue import CODES

HERE = Path(__file__).parent
WORDS = (
    b"when then all any not none use text words regex from queue say hold at_least tag fired tagged true false yes "
    b"{} [] null ~ 1 -1 1e309 0.5 09:00-18:00 2026-02-30 {subject} {queue} {{ }} *a &a !t << | > ? - : , # \" ' \\ .. "
    b"* cid@x @ unavailable chosen mon-fri 5 [[ ]] \xef\xbb\xbf \xff \x00 \t \xc2\xa0 \xe2\x80\xa8 %TAG --- ..."
).split(b" ")


def holds(data: bytes) -> None:
    """Raises AssertionError when the loader breaks its promise for `data`."""
    file, found = load.check(data, "f", today=date(2026, 11, 24), model="m")
    errors = [one for one in found if one.severity is Severity.ERROR]
    assert (file is None) == bool(errors)
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + data.count(b"\xe2\x80") + 2
    for one in found:
        assert one.code in CODES and one.message and one.location.file == "f", one
        assert 0 <= one.location.line <= lines, one
        assert "\n" not in one.message, one
        assert problems.as_github(one).isprintable(), one
    problems.report(found[:50], data)


def mutations(data: bytes, seed: int) -> Iterator[bytes]:
    """Files that look like `data` and are not, without end; the same for the same seed."""
    rng = random.Random(seed)
    lines = data.splitlines(keepends=True)
    while True:
        changed = list(lines)
        for _ in range(rng.choice((1, 1, 2, 3, 8))):
            _mutate(changed, rng)
        yield b"".join(changed)


def _mutate(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    line = lines[at]
    kind = rng.randrange(9)
    if kind == 0:
        lines[at] = b""
    elif kind == 1:
        lines[at] = line + line
    elif kind == 2:
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], line
    elif kind == 3:
        place = rng.randrange(len(line) + 1)
        lines[at] = line[:place] + rng.choice(WORDS) + line[place:]
    elif kind == 4 and line:
        start = rng.randrange(len(line))
        lines[at] = line[:start] + line[start + rng.randrange(1, 12) :]
    elif kind == 5:
        words = line.split(b" ")
        words[rng.randrange(len(words))] = rng.choice(WORDS)
        lines[at] = b" ".join(words)
    elif kind == 6:
        lines[at] = b" " * rng.randrange(9) + line.lstrip()
    elif kind == 7:
        piece = rng.choice(lines).strip()
        place = rng.randrange(len(line) + 1)
        lines[at] = line[:place] + piece + line[place:]
    elif line:
        place = rng.randrange(len(line))
        lines[at] = line[:place] + bytes((rng.randrange(256),)) + line[place + 1 :]


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    small = (HERE / "bad" / "W503-unused.bad.yaml").read_bytes()
    sources = [small, small, small, (HERE / "whole-language.yaml").read_bytes()]
    began = told = time.monotonic()
    for number in range(count):
        data = next(mutations(sources[number % len(sources)], first + number))
        try:
            holds(data)
        except Exception:  # whatever it is, it is what we look for; the file is kept
            (HERE / "seeds").mkdir(exist_ok=True)
            (HERE / "seeds" / f"mutated-{first + number}").write_bytes(data)
            raise
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"{number + 1} files, {told - began:.0f} s", flush=True)
    print(f"{count} files, {time.monotonic() - began:.0f} s, none broke the promise")


if __name__ == "__main__":
    main()
