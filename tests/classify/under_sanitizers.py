"""Run by test_memory.py, in a process that has the address sanitizer: LIBRARY COUNT."""

import ctypes
import random
import sys

import numpy as np

from router.classify import features, memory
from router.classify.judging import OURS, Head
from router.classify.lexicon import own_text, parse
from router.classify.memory import Block, Memory
from router.classify.native_memory import NativeHeads, NativeMemory

LETTERS = [
    *"абвгджзиклмнопрстщьыёіїєґ",
    *"abchkyjws",
    *" .,!?;:)\n\t",
    *"0123456789@-«»\0\u3000\u0301\ud800😀=",
    "www.",
    "щщ" * 60,
    *("http://", "<email>", ".example", "…", "№", "$" * 70, "’", "ʼ", "“", "€", "/", "_", "!!", '"', "<", "*"),
]


def sizes(labels: tuple[str, ...]) -> list[tuple[int, ...]]:
    """Of bias, whole, peak, shape and prior."""
    own = len(labels)
    return [(own,), (own, own), (own, own), (features.SHAPE, own), (own,)]


def main() -> None:
    library, count = ctypes.CDLL(sys.argv[1]), int(sys.argv[2])

    draw, numbers = random.Random(5), np.random.default_rng(5)
    blocks = {}
    for name in features.BLOCKS:
        size = features.size_of(name)
        kept = np.sort(numbers.choice(size, size // 3, replace=False)).astype(np.int32)
        table = numbers.normal(size=(len(kept) + 1, 7)).astype(np.float32)
        table[0] = 0
        table[:, -1] = abs(table[:, -1])
        blocks[name] = Block(kept, table)
    memory.TOKENS = memory.REMEMBERED = 700
    lexicon = parse(own_text())
    ours, theirs = NativeMemory(library, blocks, lexicon, ["сайт", "server"]), Memory(blocks, lexicon)
    heads = {}
    for name, labels, start in (("topic", ("a", "b", "c"), 0), ("abuse", ("abuse",), 3), (OURS, (OURS,), 5)):
        drawn = (numbers.normal(size=size) for size in sizes(labels))
        heads[name] = Head(labels, slice(start, start + len(labels)), *drawn)
    judging = NativeHeads(heads, 6)
    for number in range(count):
        parts = ["".join(draw.choices(LETTERS, k=draw.choice((0, 1, 5, 30, 200)))) for _ in range(2)]
        if number % 1_000 == 0:
            parts[1] *= 200
        found, wanted = ours.vector(*parts), theirs.vector(*parts)
        if not np.allclose(found, wanted, atol=1e-9):
            sys.exit(f"{parts!r}: {found} instead of {wanted}")
        ours.scores(*parts, judging)
    print(f"{count} texts")


if __name__ == "__main__":
    main()
