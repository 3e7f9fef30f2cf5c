"""`python -m router.native`: build the library, or say that there will be none. Ends with status 0 either way.

`--required`: with 1 when there is none."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from router.native import HERE, built, sources

FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC", "-ffp-contract=off")
"""No more than what every processor of the kind can do: a virtual environment may be carried to another machine."""


def build(compiler: str, into: Path) -> str:
    """Why it was not built, or "". What is built appears whole or not at all, and older ones go."""
    handle, name = tempfile.mkstemp(dir=into.parent, suffix=".part")
    os.close(handle)
    try:
        done = subprocess.run(
            [compiler, *FLAGS, *map(str, sources()), "-o", name, "-lm"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"{compiler} failed:\n{done.stderr.strip()}"
        os.chmod(name, 0o755)
        os.replace(name, into)
    finally:
        Path(name).unlink(missing_ok=True)
    for old in HERE.glob("native-*.so"):
        if old != into:
            old.unlink()
    return ""


def main() -> int:
    wanted = built()
    if wanted.exists():
        return 0
    compiler = os.environ.get("CC") or next((one for one in ("cc", "gcc", "clang") if shutil.which(one)), "")
    try:
        why = build(compiler, wanted) if compiler else "no C compiler was found (Debian: apt-get install gcc libc6-dev)"
    except OSError as error:
        why = str(error)
    if why:
        print(f"native: not built, every mail costs half as much again, nothing else changes: {why}", file=sys.stderr)
        return 1 if "--required" in sys.argv[1:] else 0
    print(f"native: built for {sysconfig.get_platform()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
