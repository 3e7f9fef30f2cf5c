"""A decision, told to a person: what was decided, and for every rule what made it fire or kept it from firing."""

import textwrap
from datetime import datetime
from operator import itemgetter

from router.decision import Classified, Decision, TraceLine
from router.rules.gates import NOT_JUDGED, WHEN
from router.rules.ruleset import Ruleset
from router.signals.bounce import Bounce

WIDTH = 120
MAX_DELIVERIES = 5
_RESULTS = {"true": "FIRED", "false": "no", "unknown": "UNKNOWN"}
_STAGE, _RESULT = 8, 9


def explain(decision: Decision, ruleset: Ruleset) -> str:
    """The whole story, a line or more a rule, columns aligned. Give it a decision that was traced."""
    received = decision.received_at.astimezone(ruleset.zone)
    lines = [
        f"decision {decision.id}  rules {decision.rules[:12]}  model {decision.model or 'none'}"
        f"  received {received:%a %Y-%m-%d %H:%M} {_place(ruleset)}"
    ]
    if decision.queue is None:
        return (
            "\n".join([*lines, "not ours: no recipient is a queue of these rules; nothing is judged or changed"]) + "\n"
        )
    width = max([len(line.rule) for line in decision.trace], default=0)
    for line in decision.trace:
        lines += _rule(line, width)
    lines.append("")
    lines += _outcome(decision)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _place(ruleset: Ruleset) -> str:
    """`Kyiv` of `Europe/Kyiv`."""
    return ruleset.settings.timezone.rpartition("/")[2].replace("_", " ")


def _rule(line: TraceLine, width: int) -> list[str]:
    result = _RESULTS[line.result]
    if line.mode == "shadow" and line.result == "true":
        result = "SHADOW"
    elif line.mode == "off":
        result = "off"
    head = f"{line.stage:<{_STAGE}} {line.rule:<{width}}  {result:<{_RESULT}}"
    indent = " " * len(head)
    told = _wrapped(line.because.split("; ") if line.because else [""], WIDTH - len(head))
    told += [f"-> {one}" for one in line.then]
    return [f"{head if number == 0 else indent} {text}" for number, text in enumerate(told)]


def _wrapped(pieces: list[str], width: int) -> list[str]:
    """Pieces joined with "; ", broken between them when a line is full."""
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) + 2 <= width:
            lines[-1] += f"; {piece}"
        else:
            lines[-1] += ";"
            lines.append(piece)
    return lines


def _likeliest(one: Classified) -> str:
    """`normal p 0.71`; of a classifier with one label, `p 0.02`."""
    label, p = max(one.p.items(), key=itemgetter(1))
    return f"p {p:.2f}" if len(one.p) == 1 else f"{label} p {p:.2f}"


def _outcome(decision: Decision) -> list[str]:
    lines = [_said("queue", _queue(decision))]
    topic = decision.topic
    if topic.label:
        by = (topic.by or "").replace(":", " ")
        if topic.by == "model":
            by += f" {decision.model}" if decision.model else ""
            by += f", p {topic.p[topic.label]:.2f}"
        lines.append(_said("topic", f"{topic.label}, by {by}"))
    told = [f"{name} {_likeliest(one)}" for name, one in decision.classifiers.items() if one.p]
    if told:
        lines.append(_said("also", ", ".join(told)))
    ticket = f", ticket {decision.thread.ticket}" if decision.thread.ticket else ""
    lines.append(_said("thread", f"{decision.thread.state}{ticket}" + (", split off" if decision.split else "")))
    identity = decision.identity
    arc = "" if identity.arc == "unknown" else f", arc {identity.arc}"
    lines.append(
        _said("identity", f"auth {identity.auth}{arc}, contact {identity.contact}, account {decision.account.state}")
    )
    if decision.tags:
        lines.append(_said("tags", ", ".join(decision.tags)))
    if decision.bounce is not None:
        lines += _bounce(decision.bounce)
    if decision.missing:
        lines.append(_said("missing", ", ".join(decision.missing)))
    lines += [_said("note", note) for note in decision.notes]
    if decision.hold is not None:
        lines.append(_said("held", "; ".join(decision.hold)))
    expect = decision.expect
    if expect:
        opens = f", opens {_clock(expect.opens_at)}" if expect.opens_at else ", open now"
        lines.append(_said("expect", f"{expect.queue} by {_clock(expect.answer_by)}{opens}"))
    lines += _answer(decision)
    lines += [_said("degraded", f"{one.what}: {one.why}") for one in decision.degraded]
    return lines


def _bounce(bounce: Bounce) -> list[str]:
    told = [str(one) for one in bounce.deliveries[:MAX_DELIVERIES]]
    left = len(bounce.deliveries) - len(told)
    if left or bounce.more:
        told.append("and more")
    first, *others = told or ["a report that says nothing of a recipient"]
    lines = textwrap.wrap(f"{bounce.form}: {first}", WIDTH - _STAGE - 1)
    for one in others:
        lines += textwrap.wrap(one, WIDTH - _STAGE - 1)
    return [_said("bounce" if number == 0 else "", line) for number, line in enumerate(lines)]


def _queue(decision: Decision) -> str:
    recipients = decision.recipients
    moved = f"; {', '.join(recipients.remove)} replaced" if recipients.remove else ""
    added = f"; to {', '.join(recipients.add)}" if recipients.add else ""
    return f"{decision.queue}, priority {decision.priority}{moved}{added}"


def _answer(decision: Decision) -> list[str]:
    reply = decision.reply
    if reply is None:
        return [_said("answer", "none: no rule says anything")]
    said = ", ".join(reply.snippets)
    if reply.send:
        unjudged = ", ".join(NOT_JUDGED[:-1]) + f" and {NOT_JUDGED[-1]}"
        return [
            _said("answer", f"{reply.language}: {said}  to {reply.to}"),
            _said("", f"{unjudged} are not judged here: the acknowledgement service judges them"),
        ]
    lines = [_said("answer", f"none; refused: {said} ({reply.language})")]
    return lines + [_said("", f"{gate}: {WHEN.get(gate, 'a gate')}") for gate in reply.refused]


def _said(what: str, text: str) -> str:
    return f"{what:<{_STAGE}} {text}"


def _clock(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d %H:%M}"
