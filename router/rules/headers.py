"""The header fields that a decision adds, in the one form of vocabulary.HEADERS: `value; key=value`.

Values are one line of at most MAX_VALUE characters. They are ASCII by construction, but for texts of the administrator
(reasons of a hold, notes, fields of rules) and words of the mail (a contract), which stay Unicode text and are encoded
by the milter.
"""

import re
from collections.abc import Iterable

from router.decision import Decision
from router.message.message import Degraded
from router.threads.thread import Thread
from router.vocabulary import NewQuestion

MAX_VALUE = 200
UNDECIDED = "undecided"
CLEAN = "clean"

_NOT_TEXT = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")


def plain(value: str, limit: int = MAX_VALUE) -> str:
    """One line, without control characters, cut at a word when it is too long."""
    if len(value) <= limit and value.isprintable():
        return value.strip()
    line = _NOT_TEXT.sub(" ", value).strip()
    if len(line) <= limit:
        return line
    cut = line[: limit - 3]
    return (cut.rpartition(" ")[0] if " " in cut[limit // 2 :] else cut).rstrip(" ;,") + "..."


def parameters(value: str, *pairs: tuple[str, str | None]) -> str:
    """`value; key=value`, pairs without a value left out. A `;` inside a value would look like the next pair."""
    told = value.replace(";", ",")
    for key, text in pairs:
        if text:
            told += f"; {key}={text.replace(';', ',')}"
    return told


def fields_of(
    decision: Decision,
    prefix: str,
    *,
    missing: Iterable[str],
    thread: Thread | None,
    original_recipients: Iterable[str],
    by_rules: Iterable[tuple[str, str]],
    best: tuple[str, float] | None,
) -> tuple[tuple[str, str], ...]:
    """Every field to add, in the order of vocabulary.HEADERS, then those of rules.

    missing: `checklist.item`. best: the topic's label with the highest p, None without a model. by_rules: (whole name,
    value).
    """
    values: list[tuple[str, str]] = [("Queue", decision.queue or "")]
    topic = decision.topic
    if topic.label:
        p = topic.p.get(topic.label) if topic.by == "model" else None
        values.append(("Topic", parameters(topic.label, ("p", None if p is None else f"{p:.2f}"), ("by", topic.by))))
    elif best:
        values.append(("Topic", parameters(UNDECIDED, ("best", best[0]), ("p", f"{best[1]:.2f}"))))
    if decision.abuse.label and decision.abuse.label != CLEAN:
        p = decision.abuse.p.get(decision.abuse.label)
        values.append(
            ("Abuse", parameters(decision.abuse.label, ("p", f"{p:.2f}" if p else None), ("by", decision.abuse.by)))
        )
    state, ticket = str(decision.thread.state), decision.thread.ticket
    values.append(("Thread", parameters(state, ("ticket", ticket), ("related", thread.related if thread else None))))
    if decision.split:  # a rule has decided, whatever the detector says
        values.append(("New-Question", parameters(str(NewQuestion.LIKELY), ("ticket", ticket))))
    values.append(("Priority", str(decision.priority)))
    values += _listed("Tags", decision.tags)
    values += _listed("Missing", missing)
    account, identity = decision.account, decision.identity
    values.append(("Account", parameters(str(account.state), ("contract", account.contract), ("login", account.login))))
    values.append(("Identity", parameters(str(identity.auth), ("contact", str(identity.contact)))))
    values.append(("Language", decision.language))
    expect = decision.expect
    if expect:
        opens = expect.opens_at.isoformat(timespec="seconds") if expect.opens_at else None
        due = expect.answer_by.isoformat(timespec="seconds")
        values.append(("Expect", parameters(due, ("queue", expect.queue), ("opens", opens))))
    if decision.hold is not None:
        values.append(("Hold", ", ".join(decision.hold).replace(";", ",")))
    values += [("Note", note) for note in decision.notes]
    values += _listed("Original-Recipient", original_recipients)
    reply = decision.reply
    if reply and reply.send:
        said = parameters("v1", ("lang", reply.language), ("snippets", ",".join(reply.snippets)))
        values.append(("Reply", said))
    values.append(("Decision", parameters(decision.id, ("rules", decision.rules[:16]), ("model", decision.model))))
    values += degraded_field(decision.degraded)
    named = [(prefix + name, value) for name, value in values]
    named += by_rules
    if "".join([value for _, value in named]).isprintable():  # nearly always, and asked once instead of a dozen times
        return tuple([(name, value.strip() if len(value) <= MAX_VALUE else plain(value)) for name, value in named])
    return tuple([(name, plain(value)) for name, value in named])


def _listed(name: str, values: Iterable[str]) -> list[tuple[str, str]]:
    text = ", ".join(values)
    return [(name, text)] if text else []


def degraded_field(degraded: tuple[Degraded, ...]) -> list[tuple[str, str]]:
    """`model; no model`; of several, each its own value: `dns; timeout, contacts; file is 31 h old`."""
    if not degraded:
        return []
    told = ", ".join(f"{one.what}; {one.why.replace(';', ',')}" for one in dict.fromkeys(degraded))
    return [("Degraded", told)]
