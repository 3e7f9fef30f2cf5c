"""The library in C once more, built with address and undefined-behaviour checks, for a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from router import native


def run_checked(script: Path, folder: Path, count: int) -> None:
    """`script LIBRARY COUNT` ends well and says that it read so many texts. folder: where the library may be built."""
    compiler = os.environ.get("CC", "gcc")
    try:
        runtime = subprocess.run(
            [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"{compiler} is not there")
    if not Path(runtime).is_absolute():
        pytest.skip("libasan is not there")
    library = folder / "checked.so"
    flags = ["-std=c11", "-O1", "-g", "-shared", "-fPIC", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    warnings = ["-Wall", "-Wextra", "-Werror"]  # ours to mind; a user's newer compiler may know more of them
    subprocess.run([compiler, *flags, *warnings, *map(str, native.sources()), "-o", str(library), "-lm"], check=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
    }
    done = subprocess.run(
        [sys.executable, str(script), str(library), str(count)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert done.stdout.strip() == f"{count} texts"
