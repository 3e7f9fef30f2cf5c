"""The house: imports point down, rooms on one floor do not import each other, and each foreign library has one door."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "router"

FLOORS = (
    ("frozen", "vocabulary", "errors", "logic", "native"),
    ("storage", "ownership", "rule_files", "message", "pseudonyms"),
    ("signals", "threads", "identity", "classify", "hours"),
    ("facts", "decision"),
    ("rules", "acknowledge", "milter", "journal", "calendar_copies", "doctor"),
    ("triage",),
    ("generation", "archive", "answering", "header_signature", "lookups"),
    ("workers", "recorder", "control", "backtest", "release"),
    ("reload", "monitoring", "shadow"),
    ("service",),
    ("cli", "console"),
)
"""Ground floor first. A room may import from lower floors and from itself."""

SAME_FLOOR = {
    ("logic", "vocabulary"), ("errors", "vocabulary"),  # floor 0 is words; they may build on one another
    ("errors", "frozen"), ("logic", "frozen"),
    ("decision", "facts"),
    ("rule_files", "ownership"),  # who may change a file is asked of rules and models
    ("pseudonyms", "message"),  # an address is hashed as it is compared
}  # fmt: skip

DOORS = {
    "flanker": {"message/parse.py", "message/addresses.py"},
    "yaml": {"rules/document.py"},
    "sklearn": {"classify/"},
    "dns": {"identity/lookup.py"},
    "spf": {"identity/spf.py"},
    "dkim": {"identity/dkim.py", "identity/arc.py"},
    "cryptography": {"identity/dkim.py", "classify/signing.py"},
    "authres": {"identity/authentication_results.py"},
    "publicsuffixlist": {"identity/alignment.py"},
    "joblib": {"classify/"},
    "icalendar": {"rules/ical.py"},
    "recurring_ical_events": {"rules/ical.py"},
    "holidays": {"rules/surroundings.py"},
    "orjson": {"workers/wire.py", "cli/serve.py"},
    "prometheus_client": {"monitoring/exposition.py"},
    "aiosmtpd": {"cli/", "acknowledge/"},
}
"""Library -> the places that may import it."""

RIM = {"asyncio", "socket", "subprocess", "sqlite3", "signal"}
INSIDE = ("message", "signals", "facts", "decision", "rules", "triage", "hours", "logic", "vocabulary", "errors")
"""Rooms that do no input or output of their own."""


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def _all_imports() -> dict[str, list[tuple[str, int]]]:
    """path -> (module, line) of every import, the lazy ones inside functions too.

    Read by a process of its own: in CPython 3.11 a test before this one that ran into the recursion limit makes
    `ast.parse` raise "AST constructor recursion depth mismatch".
    """
    script = (
        "import ast, json, pathlib, sys\n"
        "found = {}\n"
        "for path in pathlib.Path(sys.argv[1]).rglob('*.py'):\n"
        "    found[str(path)] = rows = []\n"
        "    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):\n"
        "        if isinstance(node, ast.Import):\n"
        "            rows += [(alias.name, node.lineno) for alias in node.names]\n"
        "        elif isinstance(node, ast.ImportFrom):\n"
        "            dots = '.' * node.level\n"
        "            rows += [(f'{dots}{node.module}.{alias.name}', node.lineno) for alias in node.names]\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(HOUSE)], capture_output=True, text=True, check=True)
    return {path: [(module, line) for module, line in rows] for path, rows in json.loads(done.stdout).items()}


def imports(path: Path) -> list[tuple[str, int]]:
    found = IMPORTS[str(path)]
    assert not [module for module, _ in found if module.startswith(".")], f"{path}: relative import"
    return found


IMPORTS = _all_imports()
FILES = sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_point_down(path):
    room = room_of(path)
    assert room in FLOOR_OF, f"the room {room} stands on no floor: add it to FLOORS and to the README's picture"
    for module, line in imports(path):
        parts = module.split(".")
        if parts[0] != "router" or len(parts) < 2 or parts[1] == room:
            continue
        other = parts[1]
        lower = FLOOR_OF[other] < FLOOR_OF[room]
        assert lower or (room, other) in SAME_FLOOR, f"{path.name}:{line}: {room} imports {other} beside or above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_each_library_has_one_door(path):
    place = path.relative_to(HOUSE).as_posix()
    for module, line in imports(path):
        doors = DOORS.get(module.split(".")[0], {""})
        allowed = any(place.startswith(door) if door.endswith("/") or not door else place == door for door in doors)
        assert allowed, f"{place}:{line}: {module} is imported only in {sorted(doors)}"


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in INSIDE], ids=lambda p: str(p.relative_to(HOUSE)))
def test_the_core_does_no_input_or_output(path):
    for module, line in imports(path):
        assert module.split(".")[0] not in RIM, f"{path.name}:{line}: {module} belongs to the rim"


def test_no_desk_is_known_by_name():
    """Any company's desk: its name, addresses and tag live in rules.yaml alone."""
    for path in FILES:
        assert "flexihost" not in path.read_text().lower(), path


def test_names_say_something():
    vague = {"utils", "util", "common", "helpers", "helper", "misc", "base", "core", "manager"}
    assert not [path for path in HOUSE.rglob("*") if path.stem in vague]
