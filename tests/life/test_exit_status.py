"""The exit status of the real command, as scripts see it: 0 fine, 1 warnings under --strict, 2 bad input, 3 tests
failed, 4 the answer is no. Never a traceback."""

import subprocess
import sys

import pytest

from tests.life.test_commands import SMALL

FILES = {
    "good": SMALL,
    "warned": SMALL.replace("patterns:\n", 'patterns:\n  unused: {en: ["never used"]}\n'),
    "broken": SMALL.replace("stage: enrich", "stage: enrch"),
    "failing": SMALL.replace('["very urgent"]', '["very important"]'),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (folder / f"{name}.yaml").write_text(text)
        (folder / f"{name}.yaml").chmod(0o644)
    return folder


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("check good.yaml", 0),
        ("check warned.yaml", 0),
        ("check --strict warned.yaml", 1),
        ("check broken.yaml", 2),
        ("check missing.yaml", 2),
        ("check failing.yaml", 3),
        ("test good.yaml", 0),
        ("test failing.yaml", 3),
        ("test broken.yaml", 2),
        ("triage --rules good.yaml missing.eml", 2),
        ("status --rules good.yaml", 4),
        ("nonsense", 2),
        ("check --nonsense", 2),
        ("--help", 0),
    ],
)
def test_status(folder, words, status):
    command = [sys.executable, "-m", "router.cli", *words.split()]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
