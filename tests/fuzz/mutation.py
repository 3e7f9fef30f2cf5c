"""A small mutator of bytes: for `make test`, where no fuzzer is at hand. The same seed gives the same inputs."""

import random
from collections.abc import Iterator, Sequence

MAX_BYTES = 16_384
_NUMBERS = (b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\1\0", b"9" * 30)


def mutations(seeds: Sequence[bytes], words: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Inputs that look like the seeds and are not, without end."""
    chance = random.Random(seed)
    while True:
        data = chance.choice(seeds)
        for _ in range(chance.choice((1, 1, 2, 3, 6))):
            data = _changed(data, seeds, words, chance)[:MAX_BYTES]
        yield data


def _changed(data: bytes, seeds: Sequence[bytes], words: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice((1, 1, 2, 4, 16, 200)))
    kind = chance.randrange(8)
    if kind == 0:
        return data[:at] + data[end:]
    if kind == 1:
        return data[:at] + data[at:end] * chance.choice((2, 3, 40)) + data[end:]
    if kind == 2:
        return data[:at] + chance.choice(words) + data[chance.choice((at, end)) :]
    if kind == 3:
        return data[:at] + chance.randbytes(end - at) + data[end:]
    if kind == 4:
        return data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
    if kind == 5:
        return data[:at] + chance.choice(_NUMBERS) + data[at + 4 :]
    if kind == 6:
        other = chance.choice(seeds)
        return data[:at] + other[chance.randrange(len(other) + 1) :]
    return data[:at] + data[end:] + data[at:end]
