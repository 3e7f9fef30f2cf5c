"""The command line starts at once: what a command does not need it does not load."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

HEAVY = ("sklearn", "scipy", "joblib", "aiosmtpd", "numpy", "flanker", "dns", "dkim")
RUN = """
import sys
from click.testing import CliRunner
from router.cli import mailrouter
result = CliRunner().invoke(mailrouter, sys.argv[1:])
assert result.exit_code in (0, 1), result.output
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["check", "--help"],
        ["check", "rules.yaml"],
        ["test", "rules.yaml"],
        ["schema"],
        ["rules", "history"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded(arguments):
    """issue 2: `check` and `--help` never import scikit-learn."""
    ran = subprocess.run([sys.executable, "-c", RUN, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(ran.stdout.split()) & set(HEAVY)


KEEPING = """\
import resource, sys
from router.service import keep_memory
kept = keep_memory() if sys.argv[1] == "kept" else True
def bodies():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        large = [bytes(262_140) for _ in range(16)]
        del large
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
bodies()
print(int(kept), bodies())
"""


def test_memory_of_large_bodies_is_not_taken_from_the_system_again_and_again():
    def faults(how):
        told = subprocess.run([sys.executable, "-c", KEEPING, how], capture_output=True, text=True, check=True)
        return [int(one) for one in told.stdout.split()]

    kept, few = faults("kept")
    if not kept:
        pytest.skip("this C library has no such switch")
    assert few < 200 < faults("as it is")[1]
