"""Two events of one mail (`workers.scan.event_of`): what differs, and which rules behave differently. No text."""

from collections.abc import Mapping, Sequence
from typing import Any

NOTHING = "–"
KINDS = ("queue", "redirect", "copies", "hold", "priority", "tags", "reply", "expect", "topic", "abuse", "verdict")
"""What is compared, in the order of what matters to a desk."""
MAX_CHARACTERS = 300
MAX_RULES = 50

Difference = dict[str, Any]
"""{"language", "changes": {kind: [was, now]}, "rules": {id: [was, now]}}; a rule `fired`, is in `shadow` and
would have, is `unknown`, or `silent`."""


def difference(real: Mapping[str, Any], shadow: Mapping[str, Any]) -> Difference | None:
    """None: the mail would have been treated just the same. Rules alone that differ, and change nothing, are none."""
    before, after = _seen(real), _seen(shadow)
    changes = {kind: [before[kind], after[kind]] for kind in KINDS if before[kind] != after[kind]}
    if not changes:
        return None
    was, now = _behaviour(real), _behaviour(shadow)
    names = [*now, *(one for one in was if one not in now)]
    moved = [(one, was.get(one, "silent"), now.get(one, "silent")) for one in names if was.get(one) != now.get(one)]
    return {
        "language": str(real.get("language", ""))[:20],
        "changes": changes,
        "rules": {name: [then, here] for name, then, here in moved[:MAX_RULES]},
    }


def _behaviour(event: Mapping[str, Any]) -> dict[str, str]:
    return {rule: word for word in ("fired", "shadow", "unknown") for rule in event.get(word) or ()}


def _seen(event: Mapping[str, Any]) -> dict[str, str]:
    """A decision in words, as backtest has them."""
    moved = event.get("recipients") or {}
    remove, add, hold = _list(moved.get("remove")), _list(moved.get("add")), event.get("hold")
    redirected = bool(moved.get("remove") and moved.get("add")) and hold is None
    expect = event.get("expect")
    found = {
        "queue": event.get("queue") or "not ours",
        "redirect": f"{remove} → {add}" if redirected else NOTHING,
        "copies": NOTHING if moved.get("remove") else add,
        "hold": NOTHING if hold is None else "; ".join(hold),
        "priority": event.get("priority") or NOTHING,
        "tags": _list(sorted(event.get("tags") or ())),
        "reply": _reply(event.get("reply")),
        "expect": f"{expect['queue']}, answer by {expect['answer_by'][:16]}" if expect else NOTHING,
        "topic": event.get("topic") or "undecided",
        "abuse": event.get("abuse") or NOTHING,
        "verdict": event.get("verdict") or NOTHING,
    }
    return {kind: str(value)[:MAX_CHARACTERS] for kind, value in found.items()}


def _reply(reply: Mapping[str, Any] | None) -> str:
    if reply is None:
        return NOTHING
    if not reply.get("send"):
        return f"none: {_list(reply.get('refused'))}"
    return f"{_list(reply.get('snippets'))} ({reply.get('language')})"


def _list(items: Sequence[str] | None) -> str:
    return ", ".join(items or ()) or NOTHING
