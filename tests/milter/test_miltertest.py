"""An independent driver: Debian's miltertest (of OpenDKIM), which shares no line with our simulator."""

import asyncio
import shutil
from pathlib import Path

import pytest

from router.milter.edits import plan
from router.milter.server import Front

from .making import PREFIX, decision

SCRIPT = Path(__file__).parent / "miltertest.lua"


def test_miltertest_is_content():
    """Two messages, one redirected, one given up between them, and a body that is skipped."""
    program = shutil.which("miltertest")
    if program is None:
        pytest.skip("miltertest is not installed (apt-get install miltertest)")

    async def decide(raw, offer):
        made = decision()
        if b"<Bill@Desk.example>" in raw.envelope.recipients:
            made = decision(["Bill@Desk.example"], ["support@desk.example"], headers_add=(("X-Desk-Queue", "support"),))
        return plan(made, raw, offer, PREFIX).packets

    async def work():
        front = Front(decide, prefix=lambda: PREFIX)
        await front.listen("inet:0@127.0.0.1")
        process = await asyncio.create_subprocess_exec(
            program, "-D", f"sock={front.addresses[0]}", "-s", str(SCRIPT),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 30)
        await front.close()
        return process.returncode, said.decode(errors="replace")

    status, said = asyncio.run(work())
    assert status == 0, said
