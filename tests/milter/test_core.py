"""The room's inside has no doors: bytes and values in, bytes and values out."""

import ast
import pickle
from pathlib import Path

import pytest

from router.milter.edits import Offer, Plan

ROOM = Path(__file__).parents[2] / "router" / "milter"
RIM = {"listen.py", "server.py", "calling.py", "simulator.py"}


@pytest.mark.parametrize(
    "path", [path for path in sorted(ROOM.glob("*.py")) if path.name not in RIM], ids=lambda p: p.name
)
def test_no_sockets_no_clock_no_loop(path):
    names = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert not names & {"asyncio", "socket", "time", "os", "threading", "logging", "random"}


def test_offers_and_plans_travel_to_workers_and_back():
    for value in (Offer(6, 0x1BD, 0x16F580), Plan(b"\0\0\0\1a", ("addrcpt",))):
        assert pickle.loads(pickle.dumps(value)) == value
