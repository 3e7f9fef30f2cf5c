"""What the filter also has in C: the same answers in less time, where a C compiler was found. Nothing here is needed.

`python -m router.native` (part of `make setup`) builds one library of all `*.c` beside this file; `library()` loads it.
Its name says which sources it was made of, so that an old one is never taken for a new one.
"""

import codecs
import ctypes
import hashlib
import os
import platform
import re
import sys
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

HERE = Path(__file__).parent
SWITCH = "MAILROUTER_NATIVE"
"""Environment variable: "0" leaves the library alone, to compare or to rule it out."""

Reader = TypeVar("Reader")

LETTER_BYTES = 4
_encoded = codecs.utf_32_le_encode if sys.byteorder == "little" else codecs.utf_32_be_encode


def sources() -> list[Path]:
    return sorted(HERE.glob("*.c"))


def built() -> Path:
    """Where the library of these very sources is, or would be."""
    digest = hashlib.sha256(platform.machine().encode())
    for source in sources():
        digest.update(source.read_bytes())
    return HERE / f"native-{digest.hexdigest()[:16]}.so"


@lru_cache(maxsize=1)
def _loaded() -> tuple[ctypes.CDLL | None, str]:
    if os.environ.get(SWITCH) == "0":
        return None, f"{SWITCH}=0"
    path = built()
    try:
        return ctypes.CDLL(str(path)), ""
    except OSError as error:
        return None, str(error) if path.exists() else "not built (no C compiler?): python -m router.native"


def library() -> ctypes.CDLL | None:
    """The library; None where it was not built, cannot be loaded or is not wanted. Never raises."""
    return _loaded()[0]


def why_not() -> str:
    """Why there is no library, or ""."""
    return _loaded()[1]


def letters(text: str) -> bytes:
    """A text as C takes it: UTF-32 in the machine's byte order, LETTER_BYTES a letter; half a pair as it is."""
    return _encoded(text, "surrogatepass")[0]


def marked(signs: str) -> bytes:
    """A bit for each code point below 0x10000: whether `signs`, a class of a regular expression, has it."""
    bits = 0
    for run in re.finditer(f"{signs}+", "".join(map(chr, range(0x10000)))):
        bits |= (1 << run.end()) - (1 << run.start())
    return bits.to_bytes(0x10000 // 8, "little")


def function(library: ctypes.CDLL, name: str, result: Any, arguments: Sequence[Any]) -> Callable[..., Any]:
    """A function of the library, with the types that its source has."""
    found = library[name]
    found.restype, found.argtypes = result, arguments
    return found


class ForEachThread(threading.local, Generic[Reader]):
    """A reader in C that keeps what it reads in one place, so that each thread needs its own.

    make: of the library; called in a thread when it first asks. Imports what it needs by itself: that is mostly made of
    the tables of the room that asks.
    """

    def __init__(self, make: Callable[[ctypes.CDLL], Reader]) -> None:
        self._make: Callable[[ctypes.CDLL], Reader] | None = make
        self._reader: Reader | None = None

    def reader(self) -> Reader | None:
        """This thread's; None where there is no library."""
        if self._make is not None:
            make, self._make = self._make, None
            if (loaded := library()) is not None:
                self._reader = make(loaded)
        return self._reader
