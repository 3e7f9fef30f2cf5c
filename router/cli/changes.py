"""What changed between two rules files, in words, and what it means for their tests."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path

from router.calendar_copies import copies_for
from router.cli.checking import Checked
from router.rules import cases
from router.rules.compile import compile_rules
from router.rules.schema import Rule, RulesFile

NAMED = {
    "calendars": "calendar",
    "holidays": "holidays",
    "queues": "queue",
    "lists": "list",
    "classifiers": "classifier",
    "extract": "extract",
    "patterns": "pattern",
    "checklists": "checklist",
    "conditions": "condition",
}
"""Section with names of its own -> what one of them is called."""
WHOLE = ("name", "languages", "settings", "tickets", "accounts", "panel", "training", "test_defaults")


def meaning(old: Checked, new: Checked) -> list[str]:
    """Lines for a person. Either may be a file with errors: then that is said."""
    if old.file is None or new.file is None:
        bad = "new" if new.file is None else "old"
        return [f"The {bad} file cannot be used: {(new if new.file is None else old).counted()}"]
    lines = ["What changes"]
    lines += [f"  {one}" for one in changes(old.file, new.file)] or ["  nothing but words and comments"]
    lines += ["What it means for the tests"]
    lines += [f"  {one}" for one in _tests(old.file, new)]
    return lines


def changes(old: RulesFile, new: RulesFile) -> Iterator[str]:
    """`rule emergency: when, then` and the like, in the order of the sections."""
    for section in WHOLE:
        if getattr(old, section) != getattr(new, section):
            yield f"{section}: changed"
    for section, word in NAMED.items():
        yield from _named(word, getattr(old, section), getattr(new, section))
    if (old.replies is None) != (new.replies is None):
        yield f"replies: {'new' if new.replies else 'gone'}"
    elif old.replies is not None and new.replies is not None:
        for part in ("subject", "open", "close"):
            if getattr(old.replies, part) != getattr(new.replies, part):
                yield f"replies: {part}: changed"
        yield from _named("snippet", old.replies.snippets, new.replies.snippets)
    yield from _rules({str(one.id): one for one in old.rules}, {str(one.id): one for one in new.rules})
    before, after = ({str(one.name): one for one in file.tests} for file in (old, new))
    yield from _named("test", before, after)


def _named(word: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name in new:
        if name not in old:
            yield f"{word} {name}: new"
        elif new[name] != old[name]:
            yield f"{word} {name}: changed"
    yield from (f"{word} {name}: gone" for name in old if name not in new)


def _rules(old: Mapping[str, Rule], new: Mapping[str, Rule]) -> Iterator[str]:
    for name, rule in new.items():
        if name not in old:
            yield f"rule {name}: new"
            continue
        differ = [
            one.name for one in fields(rule) if one.compare and getattr(rule, one.name) != getattr(old[name], one.name)
        ]
        if differ:
            yield f"rule {name}: {', '.join(differ)}"
    yield from (f"rule {name}: gone" for name in old if name not in new)
    stayed_old, stayed_new = [one for one in old if one in new], [one for one in new if one in old]
    if stayed_old != stayed_new:
        yield "rules: in another order"


def _tests(old: RulesFile, new: Checked) -> Iterator[str]:
    """The old file's own tests under the new rules show what behaves differently; the new file's show if it is good."""
    assert new.file is not None and new.report is not None
    borrowed = replace(new.file, tests=old.tests, test_defaults=old.test_defaults)
    copies = copies_for((new.file.base or Path()) / Path(new.file.source).name)
    report = cases.run(compile_rules(borrowed, new.data, copies.get)).as_json()
    failing = [one for one in report["tests"] if not one["ok"]]
    yield f"old tests under the new rules: {report['passed']} pass, {report['failed']} do not"
    for one in failing:
        yield f"  {one['name']}"
        yield from (f"    {difference}" for difference in one["differences"])
    yield f"new tests under the new rules: {new.report.passed} pass, {new.report.failed} do not"
