"""What tests need of the library in C: it, or a reason to skip; and a process that is told to use it or not."""

import ctypes
import os
import subprocess
import sys

import pytest

from router import native


def needed() -> ctypes.CDLL:
    library = native.library()
    if library is None:
        pytest.skip("the library in C is not built (no C compiler): `python -m router.native` says why")
    return library


def said_by(code: str, switch: str) -> list[str]:
    """The words that `code` prints in a process of its own. switch: MAILROUTER_NATIVE there."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, native.SWITCH: switch},
    )
    return done.stdout.split()
