"""Mutates rules files and holds the loader to its promise: any bytes give rules or located problems, nothing else.

python tests/rules/fuzz.py 300000 [FIRST_SEED]      from the repository root; prints a line a minute
"""

import copy
import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from router.errors import Severity
from router.rules import document, load, problems
from router.rules.catalogue import CODES

HERE = Path(__file__).parent
WORDS = (
    b"when then all any not none use text words regex from queue say hold at_least tag fired tagged true false yes "
    b"{} [] null ~ 1 -1 1e309 0.5 09:00-18:00 2026-02-30 {subject} {queue} {{ }} *a &a !t << | > ? - : , # \" ' \\ .. "
    b"* cid@x @ unavailable chosen mon-fri 5 [[ ]] \xef\xbb\xbf \xff \x00 \t \xc2\xa0 \xe2\x80\xa8 %TAG --- ..."
).split(b" ")


SCALARS = tuple(word.decode("latin-1") for word in WORDS)


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


def replanted(data: bytes, seed: int) -> Iterator[bytes]:
    """Well-formed YAML: the tree of `data` with nodes exchanged, dropped, doubled and replaced by words."""
    rng = random.Random(seed)
    tree = _plain(document.read(data, "f").root)
    while True:
        changed = copy.deepcopy(tree)
        for _ in range(rng.choice((1, 1, 2, 4))):
            holders = list(_holders(changed))
            holder, other = rng.choice(holders), rng.choice(holders)
            kind = rng.randrange(6)
            at = rng.randrange(len(holder))
            if kind == 0:
                del holder[at]
            elif kind == 1:
                holder[at][1] = copy.deepcopy(rng.choice(other)[1])
            elif kind == 2:
                holder[at][1] = rng.choice(SCALARS)
            elif kind == 3 and holder[at][0] is not None:
                holder[at][0] = rng.choice((rng.choice(SCALARS), str(rng.choice(other)[0])))
            elif kind == 4:
                holder.append(copy.deepcopy(rng.choice(other)))
            else:
                holder[at][1] = rng.choice(([], [[None, holder[at][1]]], [["all", holder[at][1]]]))
        yield _flow(changed).encode()


Tree = str | list[list[Any]]
"""A text, or pairs of key and value; the key of a list's item is None."""


def _plain(node: Any) -> Tree:
    if isinstance(node, document.Scalar):
        return node.text
    if isinstance(node, document.Sequence):
        return [[None, _plain(item)] for item in node.items]
    return [[entry.key.text, _plain(entry.value)] for entry in node.entries]


def _holders(tree: Tree) -> Iterator[list[list[Any]]]:
    if isinstance(tree, list) and tree:
        yield tree
        for _, value in tree:
            yield from _holders(value)


def _flow(tree: Tree) -> str:
    if isinstance(tree, str):
        return json.dumps(tree, ensure_ascii=False)
    if all(key is None for key, _ in tree):
        return "[" + ", ".join(_flow(value) for _, value in tree) + "]"
    pairs = (f"{_flow(str(key))}: {_flow(value)}" for key, value in tree)
    return "{" + ", ".join(pairs) + "}"


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    small = (HERE / "bad" / "W503-unused.bad.yaml").read_bytes()
    sources = [small, small, small, (HERE / "whole-language.yaml").read_bytes()]
    began = told = time.monotonic()
    for number in range(count):
        source = sources[number // 2 % len(sources)]
        data = next((mutations, replanted)[number % 2](source, first + number))
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
