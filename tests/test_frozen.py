"""router/frozen.py: frozen in tests, as cheap as any dataclass elsewhere, and the same value in both."""

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from router.frozen import SWITCH, dataclass

VALUE = """
import copy, pickle
from dataclasses import field, replace
from router.frozen import dataclass

@dataclass(frozen=True, slots=True, order=True)
class Place:
    row: int
    column: int = 0
    note: str = field(default="", compare=False)

@dataclass(slots=True)
class Count:
    found: int = 0

@dataclass
class Bare:
    found: int = 0

one, same = Place(1, note="a"), Place(1, note="b")
print(one, one == same, hash(one) == hash(same) == hash((1, 0)), one < Place(1, 2), replace(one, row=2))
print(copy.deepcopy(one) == one, pickle.loads(pickle.dumps(one)).note, hasattr(one, "__dict__"), Place.__hash__ is None)
print(Count.__hash__ is None, Bare(2) == Bare(2), Bare.__hash__ is None)
try:
    one.row = 3
    print("assigned")
except AttributeError as error:
    print(type(error).__name__)
"""


def test_what_tests_use_is_frozen():
    @dataclass(frozen=True, slots=True)
    class Place:
        row: int

    with pytest.raises(FrozenInstanceError):
        Place(1).row = 2


def test_values_are_the_same_frozen_or_not():
    said = {}
    for switch in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", VALUE],
            env={**os.environ, SWITCH: switch},
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        *same, last = done.stdout.splitlines()
        said[switch] = same
        assert last == ("FrozenInstanceError" if switch == "1" else "assigned")
    assert said["0"] == said["1"]
    assert said["1"][0].startswith("Place(row=1, column=0, note='a') True True True Place(row=2")


def test_every_frozen_class_of_the_house_comes_from_here():
    """One made by `dataclasses` itself would be right, and dear."""
    house = Path(__file__).parent.parent / "router"
    for path in house.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "@dataclass(frozen=True" in text:
            assert "from router.frozen import dataclass\n" in text, path
