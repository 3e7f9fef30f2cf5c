"""Two decisions about the same mail: what differs, and because of which rules."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from router.decision import Decision, TraceLine
from router.frozen import dataclass
from router.vocabulary import HEADERS

NOTHING = "–"

FIELDS = (
    "queue",
    "redirect",
    "copies",
    "hold",
    "priority",
    "tags",
    "reply",
    "expect",
    "topic",
    "abuse",
    "missing",
    "split",
    "notes",
    "verdict",
    "headers",
)
"""What is compared, in the order of what matters to a desk."""


@dataclass(frozen=True, slots=True)
class Change:
    """was, now: as a person reads it; `–` for nothing. what: one of `FIELDS`."""

    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A rule that behaves differently. line: in the new file, or in the old one when it is gone. was, now: `fired`,
    `shadow` (fired, and would have acted), `unknown`, `silent`, `absent`. because: what it found; only when asked for,
    since it quotes the mail."""

    rule: str
    line: int
    was: str
    now: str
    because: str = ""

    def __str__(self) -> str:
        return f"{self.rule} (line {self.line}): {_behaves(self.was, self.now)}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One mail that is decided differently. subject: decoded. text: what its writer wrote, "" unless asked for."""

    source: str
    message_id: str
    received_at: datetime
    language: str
    subject: str
    changes: tuple[Change, ...]
    causes: tuple[Cause, ...]
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "source": self.source,
            "message_id": self.message_id,
            "received_at": self.received_at.isoformat(timespec="seconds"),
            "language": self.language,
            "subject": self.subject,
            "changes": {one.what: {"was": one.was, "now": one.now} for one in self.changes},
            "rules": [
                {"rule": one.rule, "line": one.line, "was": one.was, "now": one.now}
                | ({"because": one.because} if one.because else {})
                for one in self.causes
            ],
        }
        return told | ({"text": self.text} if self.text else {})


def changes(old: Decision, new: Decision) -> tuple[Change, ...]:
    """What a person at the desk, or the writer, would notice."""
    before, after = _seen(old), _seen(new)
    return tuple(Change(what, before[what], after[what]) for what in FIELDS if before[what] != after[what])


def causes(
    old: Decision,
    new: Decision,
    lines_before: Mapping[str, int],
    lines_after: Mapping[str, int],
    *,
    with_text: bool = False,
) -> tuple[Cause, ...]:
    """The rules that behaved differently, in the order in which they were judged; then those that fire no more.
    lines_before, lines_after: the rules there are and their lines. Empty: settings, calendars, texts or the model
    differ."""
    was = {line.rule: line for line in old.trace}
    now = {line.rule: line for line in new.trace}
    found = []
    for rule in (*now, *(one for one in was if one not in now)):
        before = _behaviour(was.get(rule), rule in lines_before)
        after = _behaviour(now.get(rule), rule in lines_after)
        # A rule that fires in both but does something else is a cause too.
        acts = before == after and was[rule].then != now[rule].then if rule in was and rule in now else False
        if before != after or acts:
            because = (now.get(rule) or was[rule]).because if with_text else ""
            found.append(Cause(rule, lines_after.get(rule) or lines_before.get(rule, 0), before, after, because))
    return tuple(found)


def _behaviour(line: TraceLine | None, known: bool) -> str:
    if not known:
        return "absent"
    if line is None or line.result == "false":
        return "silent"
    if line.result == "unknown":
        return "unknown"
    return "shadow" if line.mode == "shadow" else "fired"


def _behaves(was: str, now: str) -> str:
    if was == now:
        return "does something else"
    said = {
        "fired": "fires",
        "shadow": "fires, in shadow only",
        "unknown": "cannot be judged",
        "silent": "does not fire",
        "absent": "is gone",
    }
    if was == "absent":
        return "is new, and " + said[now]
    return f"{said[now]} now" + {"fired": "", "shadow": " (was in shadow)", "unknown": " (was unknown)"}.get(was, "")


def _seen(one: Decision) -> dict[str, str]:
    """A decision in words. What comes of the id, the model and the sha of the rules is no difference."""
    moved = one.recipients.remove and one.recipients.add and one.hold is None
    copies = () if one.recipients.remove else one.recipients.add
    return {
        "queue": one.queue or "not ours",
        "redirect": f"{_list(one.recipients.remove)} → {_list(one.recipients.add)}" if moved else NOTHING,
        "copies": _list(copies),
        "hold": NOTHING if one.hold is None else "; ".join(one.hold),
        "priority": str(one.priority) if one.queue else NOTHING,
        "tags": _list(sorted(one.tags)),
        "reply": _reply(one),
        "expect": _expect(one),
        "topic": one.topic.label or "undecided",
        "abuse": one.abuse.label or NOTHING,
        "missing": _list(one.missing),
        "split": "new ticket suggested" if one.split else NOTHING,
        "notes": " / ".join(one.notes) or NOTHING,
        "verdict": str(one.verdict),
        "headers": _list(_own_headers(one)),
    }


def _reply(one: Decision) -> str:
    if one.reply is None:
        return NOTHING
    said = f"{', '.join(one.reply.snippets)} ({one.reply.language})"
    return said if one.reply.send else f"none: {', '.join(one.reply.refused)}"


def _expect(one: Decision) -> str:
    if one.expect is None:
        return NOTHING
    open_ = "open" if one.expect.open else "closed"
    return f"{one.expect.queue} ({open_}), answer by {one.expect.answer_by:%a %d %b %H:%M}"


def _own_headers(one: Decision) -> Iterator[str]:
    """The fields that rules wrote by `header:`; the engine's own repeat what is compared already."""
    for name, body in one.headers_add:
        if not any(name.endswith(f"-{known}") for known in HEADERS):
            yield f"{name}: {body}"


def _list(items: "Iterator[str] | tuple[str, ...] | list[str]") -> str:
    return ", ".join(items) or NOTHING
