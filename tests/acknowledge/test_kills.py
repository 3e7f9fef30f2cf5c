"""Killed at any step, the service never answers twice."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.integration.postfix import Sink

ROOT = Path(__file__).parent.parent.parent


def test_never_two_however_often_it_dies(tmp_path):
    """Killed at a random call or return; the MTA hands each intent in again. MAILROUTER_KILLS=500 for more of it."""
    kills = int(os.environ.get("MAILROUTER_KILLS", "25"))
    sink = Sink()
    command = [sys.executable, "-m", "tests.acknowledge.killed", str(tmp_path), str(sink.port), str(kills), "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10 + kills, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    sent = Counter(mail.fields("In-Reply-To")[0] for mail in sink.settle(0.2))
    sink.close()
    assert max(sent.values()) == 1
    assert told["killed"] > kills * 0.9
    assert sum(told["states"].values()) == kills + 1  # every intent is settled
    assert set(told["states"]) <= {"sent", "unknown"}
    assert kills + 1 - len(sent) <= told["states"]["unknown"] <= told["killed"]
    assert len(sent) > kills // 2  # a death mostly costs nothing
