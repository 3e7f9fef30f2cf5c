"""The files that are complete desks pass their own tests, and every rule of theirs is needed by one."""

from pathlib import Path

import pytest

from router.rules import cases, load
from router.rules.compile import compile_rules

HERE = Path(__file__).parent
DESKS = [HERE.parents[1] / "rules.yaml", HERE / "desk-de-pl.yaml"]


@pytest.mark.parametrize("path", DESKS, ids=lambda path: path.stem)
def test_desk_passes_its_tests_and_every_deleted_rule_is_noticed(path):
    """`mailrouter test --mutate`: all pass, none survives its deletion, each fires in one test and not in another."""
    data = path.read_bytes()
    report = cases.run(compile_rules(load.load(data, path.name, base=path.parent), data), mutate=True)
    assert [(one.name, one.differences) for one in report.tests if not one.ok] == []
    assert report.survived == ()
    assert {rule for rule, count in report.coverage.items() if not count.fired or not count.not_fired} == set()


def test_shipped_list_loads():
    """lists/contacts.csv is there, with its columns; it has no age limit, since a checkout is never renewed."""
    file = load.load(DESKS[0].read_bytes(), "rules.yaml", base=DESKS[0].parent)
    contacts = file.lists["contacts"]
    assert contacts.max_age is None
    lines = (DESKS[0].parent / contacts.path).read_text(encoding="utf-8").splitlines()
    assert lines[0].split(",") == [contacts.key, contacts.value] and len(lines) > 1
