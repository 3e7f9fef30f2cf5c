"""What a report of the shadow counts; small whatever the number of mails, but for the differences it lists."""

from collections import Counter
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from router.frozen import dataclass
from router.journal import Compared
from router.shadow.compare import KINDS

LISTED = 2_000
"""Differences that are kept one by one; the rest is only counted."""
NO_RULE = "no rule: settings, calendars, texts, lists or the model differ"


@dataclass(frozen=True, slots=True)
class Listed:
    """One mail that would have been treated otherwise. changes: kind, was, now. rules: id, was, now."""

    at: datetime
    queue_id: str
    language: str
    changes: tuple[tuple[str, str, str], ...]
    rules: tuple[tuple[str, str, str], ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "queue_id": self.queue_id or None,
            "at": self.at.isoformat(timespec="seconds"),
            "language": self.language,
            "changes": {kind: {"was": was, "now": now} for kind, was, now in self.changes},
            "rules": [{"rule": rule, "was": was, "now": now} for rule, was, now in self.rules],
        }


@dataclass
class Counts:
    """compared: mails that both decided; differ: of these. sides: what was compared with what, and how many mails.
    changed: by kind. moves: by kind, was and now. rules: by rule, was and now. failed: by reason."""

    compared: int = 0
    differ: int = 0
    skipped: int = 0
    first: datetime | None = None
    last: datetime | None = None
    sides: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rules: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    without_rule: int = 0
    listed: list[Listed] = field(default_factory=list)

    def add(self, one: Compared) -> Listed | None:
        """The mail if it differs."""
        at = datetime.fromtimestamp(one.at_ms / 1_000, UTC).astimezone()
        self.first = min(self.first or at, at)
        self.last = max(self.last or at, at)
        self.skipped += one.skipped
        self.sides[one.sides] += 1
        if one.failed:
            self.failed[one.failed] += 1
            return None
        self.compared += 1
        if one.difference is None:
            return None
        told = one.difference
        found = Listed(
            at,
            one.queue_id or "",
            str(told.get("language", "")),
            tuple((kind, *told["changes"][kind]) for kind in KINDS if kind in told["changes"]),
            tuple((rule, was, now) for rule, (was, now) in told["rules"].items()),
        )
        self.differ += 1
        self.changed.update(kind for kind, _, _ in found.changes)
        self.moves.update(found.changes)
        self.rules.update(found.rules)
        self.without_rule += not found.rules
        if len(self.listed) < LISTED:
            self.listed.append(found)
        return found

    @property
    def by_rule(self) -> Counter[str]:
        """In how many differences a rule has a part."""
        found: Counter[str] = Counter()
        for (rule, _, _), number in self.rules.items():
            found[rule] += number
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "since": self.first.isoformat(timespec="seconds") if self.first else None,
            "until": self.last.isoformat(timespec="seconds") if self.last else None,
            "sides": dict(self.sides.most_common()),
            "compared": self.compared,
            "differ": self.differ,
            "skipped": self.skipped,
            "failed": dict(self.failed.most_common()),
            "changed": dict(self.changed.most_common()),
            "moves": [
                {"kind": kind, "was": was, "now": now, "mails": number}
                for (kind, was, now), number in self.moves.most_common()
            ],
            "rules": [
                {"rule": rule, "was": was, "now": now, "mails": number}
                for (rule, was, now), number in self.rules.most_common()
            ],
            "changed_by": dict(self.by_rule.most_common()),
            "without_rule": self.without_rule,
        }


SAID = {
    ("silent", "fired"): "fires",
    ("fired", "silent"): "does not fire",
    ("silent", "shadow"): "fires, in shadow only",
    ("shadow", "silent"): "does not fire (is in shadow)",
    ("shadow", "fired"): "fires and acts (is in shadow)",
    ("fired", "shadow"): "fires, in shadow only (acts now)",
}


def behaves(was: str, now: str) -> str:
    """What the shadow's rule does, and the one in use in brackets where it matters."""
    if now == "unknown":
        return "cannot be judged" + (" (fires in use)" if was == "fired" else "")
    if was == "unknown":
        return SAID.get(("silent", now), "does not fire") + " (cannot be judged in use)"
    return SAID.get((was, now), f"{was} in use, {now} here")
