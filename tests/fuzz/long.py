"""All fuzz targets for some minutes each, with atheris: `make fuzz`, `make fuzz SECONDS=3600`.

Prints a table of executions. What breaks a promise is kept in `seeds/TARGET/`, where `make test` finds it from then on;
the exit status is 1 then, and also when a target has executed nothing. The corpus that the runs build up is kept in
`.fuzz-corpus/` for the next time.
"""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.targets import MAX_INPUT_BYTES, SEEDS, TARGETS, Target

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_EXECUTED = re.compile(rb"stat::number_of_executed_units:\s*(\d+)")
_COVERED = re.compile(rb"cov: (\d+)")


def run(target: Target, seconds: int, python: str) -> tuple[int, int, list[str]]:
    """(executions, edges covered, names of new crashes)."""
    corpus = ROOT / ".fuzz-corpus" / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate([*target.seeds(), *target.kept()]):
        (corpus / f"seed-{number:03}").write_bytes(seed[:MAX_INPUT_BYTES])
    words = ROOT / ".fuzz-corpus" / f"{target.name}.dict"
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words if word)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    kept = SEEDS / target.name
    kept.mkdir(parents=True, exist_ok=True)
    before = {path.name for path in kept.iterdir()}
    executed = covered = 0
    deadline = time.monotonic() + seconds
    for _ in range(10):  # after a crash it goes on with the time that is left
        left = int(deadline - time.monotonic())
        if left < 1:
            break
        options = [f"-max_total_time={left}", "-timeout=5", "-rss_limit_mb=2000", "-print_final_stats=1"]
        options += [f"-max_len={MAX_INPUT_BYTES}", f"-dict={words}", f"-artifact_prefix={kept}/", str(corpus)]
        done = subprocess.run(
            [python, "-m", "tests.fuzz.one", target.name, *options], cwd=ROOT, capture_output=True, check=False
        )
        said = done.stdout + done.stderr
        executed += sum(int(one) for one in _EXECUTED.findall(said))
        covered = max([covered, *(int(one) for one in _COVERED.findall(said))])
        if done.returncode == 0:
            break
        _, marker, why = said.decode("utf-8", "replace").partition(" === Uncaught Python exception: ===")
        print(why[:2_000] if marker else said[-2_000:].decode("utf-8", "replace"), file=sys.stderr, flush=True)
    new = sorted({path.name for path in kept.iterdir()} - before)
    if not any(kept.iterdir()):
        kept.rmdir()
    return executed, covered, new


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=300, help="for each target")
    arguments.add_argument("--python", default=str(ROOT / ".venv-fuzz/bin/python"), help="one that has atheris")
    arguments.add_argument("targets", nargs="*", default=list(TARGETS))
    options = arguments.parse_args()
    well = True
    print("target     seconds   executions   a second   edges   found")
    for name in options.targets:
        began = time.monotonic()
        executed, covered, found = run(TARGETS[name], options.seconds, options.python)
        took = time.monotonic() - began
        shown = " ".join(found) or "-"
        print(f"{name:<10} {took:7.0f} {executed:12,} {executed / took:10,.0f} {covered:7,}   {shown}", flush=True)
        well = well and executed > 0 and not found
    raise SystemExit(0 if well else 1)


if __name__ == "__main__":
    main()
