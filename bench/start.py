"""What the command line costs before it does anything: CPU of `check` and `--help`, the median of several starts.

python -m bench.start [--times 7]
"""

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMANDS = {"mailrouter --help": ["--help"], "mailrouter check rules.yaml": ["check", "rules.yaml"]}
AT_MOST_S = 0.5


def cpu_s(arguments: list[str]) -> float:
    """User and system time of one start, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "router.cli", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7)
    times = parser.parse_args().times
    for name, arguments in COMMANDS.items():
        seconds = statistics.median(cpu_s(arguments) for _ in range(times))
        print(f"{name:30} {seconds:.2f} s CPU (at most {AT_MOST_S})")


if __name__ == "__main__":
    main()
