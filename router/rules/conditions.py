"""Conditions, compiled: from what the loader read to functions of one mail with three values.

The docstring of each function in `CONDITIONS` is the reference of that condition in docs/rules.md: what it means, and
when its answer is unknown. Every function takes the typed condition and the `Making`, and gives a `Check`.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from router.logic import Truth, Unknown, all_of, any_of, at_least
from router.rules import bounce_conditions as bounces
from router.rules import matter_conditions as matter
from router.rules import people_conditions as people
from router.rules import schema_conditions as c
from router.rules import shape_conditions as shape
from router.rules import text_conditions as texts
from router.rules.evaluation import Evaluation
from router.rules.making import Making
from router.rules.ruleset import Check, Join, Judge
from router.rules.schema_conditions import Condition


def compile_condition(condition: Condition, making: Making) -> Check:
    """The check of one condition; `making.check` is the same with a memory."""
    return CONDITIONS[type(condition)](condition, making)


def reference() -> Mapping[str, str]:
    """What each condition means, for the manual: keys as written in rules.yaml, in the order of the table."""
    return {keys: inspect.cleandoc(CONDITIONS[kind].__doc__ or "") for keys, kind in KEYS.items()}


# --------------------------------------------------------------------------------------------------------------- joins
def all_(test: c.All, making: Making) -> Check:
    """`all: [condition, …]`: every one is true.

    False when one is false, whatever the others say; unknown when none is false and one is unknown.
    """
    return _join(Join.ALL, _parts(test.of, making))


def any_(test: c.AnyOf, making: Making) -> Check:
    """`any: [condition, …]`: at least one is true.

    True when one is true, whatever the others say; unknown when none is true and one is unknown.
    """
    return _join(Join.ANY, _parts(test.of, making))


def none_(test: c.NoneOf, making: Making) -> Check:
    """`none: [condition, …]`: not one is true.

    False when one is true; unknown when none is true and one is unknown. So a look-up that fails here makes a safety
    rule fall silent: say `on_unknown`.
    """
    return _join(Join.NONE, _parts(test.of, making))


def not_(test: c.Not, making: Making) -> Check:
    """`not: condition`: the condition is false. Unknown when it is unknown, so say `on_unknown` over a look-up."""
    part = making.check(test.of)
    return Check(
        _judge_found((part.judge,), means=False),
        f"not({part.said})",
        cost=part.cost,
        staged=part.staged,
        join=Join.NOT,
        parts=(part,),
    )


def at_least_(test: c.AtLeast, making: Making) -> Check:
    """`at_least: {count: 2, of: [condition, …]}`: so many are true.

    False when so many can no longer become true; unknown when it cannot be decided either way.
    """
    parts = _parts(test.of, making)
    judges = [part.judge for part in parts]
    count = test.count
    return Check(
        lambda e: at_least(count, [judge(e) for judge in judges]),
        f"at least {count} of({', '.join(part.said for part in parts)})",
        cost=max((part.cost for part in parts), default=0),
        staged=any(part.staged for part in parts),
        join=Join.AT_LEAST,
        parts=parts,
        count=count,
    )


def use(test: c.Use, making: Making) -> Check:
    """`use: NAME`: the condition of that name under `conditions:`, judged once a message. Unknown when it is."""
    name = str(test.name)
    part = making.named.get(name)
    if part is None:
        part = making.named[name] = making.check(making.file.conditions[name].condition)
    judge = _remembered(name, part)
    return Check(judge, f"use {name}", cost=part.cost, staged=part.staged, join=Join.USE, parts=(part,))


def always(test: c.Always, making: Making) -> Check:
    """`always: true`: for every message. Never unknown."""
    return Check(lambda e: True, "always", cost=0)


def _parts(conditions: tuple[Condition, ...], making: Making) -> tuple[Check, ...]:
    return tuple(making.check(one) for one in conditions)


def _join(join: Join, parts: tuple[Check, ...]) -> Check:
    """Cheap parts are judged first: all and any give the same value in any order."""
    judges = tuple(part.judge for part in sorted(parts, key=lambda part: part.cost))
    return Check(
        _JOINS[join](judges),
        f"{join}({', '.join(part.said for part in parts)})",
        cost=max((part.cost for part in parts), default=0),
        staged=any(part.staged for part in parts),
        join=join,
        parts=parts,
    )


# The same as logic.all_of and logic.any_of, written out: nearly all the time of a rule is spent here.
def _judge_all(judges: tuple[Judge, ...]) -> Judge:
    def judge(e: Evaluation) -> Truth:
        lacking: list[Unknown] | None = None
        for one in judges:
            value = one(e)
            if value is False:
                return False
            if value is not True:
                lacking = [*(lacking or ()), value]
        return all_of(lacking) if lacking else True

    return judge


def _judge_found(judges: tuple[Judge, ...], *, means: bool) -> Judge:
    """Whether one of them is true: then `any_of` them is True, and none of them False, as `means` has it."""

    def judge(e: Evaluation) -> Truth:
        lacking: list[Unknown] | None = None
        for one in judges:
            value = one(e)
            if value is True:
                return means
            if value is not False:
                lacking = [*(lacking or ()), value]
        return any_of(lacking) if lacking else not means

    return judge


_JOINS: Mapping[Join, Callable[[tuple[Judge, ...]], Judge]] = {
    Join.ALL: _judge_all,
    Join.ANY: partial(_judge_found, means=True),
    Join.NONE: partial(_judge_found, means=False),
}


def _remembered(name: str, part: Check) -> Judge:
    """Judged once a message, or once a stage when it depends on what earlier stages wrote."""
    inner, staged = part.judge, part.staged

    def judge(e: Evaluation) -> Truth:
        memory = e.named_here if staged else e.named
        known = memory.get(name)
        if known is None:
            known = memory[name] = inner(e)
        return known

    return judge


# --------------------------------------------------------------------------------------------------------------- table
CONDITIONS: Mapping[type[Any], Callable[[Any, Making], Check]] = {
    c.All: all_,
    c.AnyOf: any_,
    c.NoneOf: none_,
    c.AtLeast: at_least_,
    c.Not: not_,
    c.Use: use,
    c.Always: always,
    c.TextTest: texts.text,
    c.HeaderTest: texts.header,
    c.AddressTest: people.address,
    c.Recipient: people.recipient,
    c.SenderIn: people.sender_in,
    c.Auth: people.auth,
    c.Account: people.account,
    c.Thread: matter.thread,
    c.Ticket: matter.ticket,
    c.NewQuestionIs: matter.new_question,
    c.AutomaticIs: people.automatic,
    c.Submitted: people.submitted,
    c.Panel: people.panel,
    c.Encrypted: shape.encrypted,
    c.ClassifiedAs: matter.classified,
    c.Undecided: matter.undecided,
    c.Score: matter.score,
    c.Mixed: matter.mixed,
    c.Found: matter.found,
    c.MissingSome: matter.missing_some,
    c.MissingItem: matter.missing_item,
    c.QueueHours: shape.queue_hours,
    c.CalendarIs: shape.calendar,
    c.TimeBetween: shape.time_between,
    c.DateBetween: shape.date_between,
    c.LanguageIs: shape.language,
    c.SizeOver: shape.size,
    c.Attachment: shape.attachment,
    c.BounceIs: bounces.bounce,
    c.Tagged: shape.tagged,
    c.Fired: shape.fired,
}

KEYS: Mapping[str, type[Any]] = {
    "all": c.All,
    "any": c.AnyOf,
    "none": c.NoneOf,
    "at_least": c.AtLeast,
    "not": c.Not,
    "use": c.Use,
    "always": c.Always,
    "subject new_text signature quoted_text text full_text": c.TextTest,
    "header": c.HeaderTest,
    "from envelope_from sender reply_to to cc any_address": c.AddressTest,
    "recipient": c.Recipient,
    "sender_in": c.SenderIn,
    "auth": c.Auth,
    "account": c.Account,
    "panel": c.Panel,
    "submitted": c.Submitted,
    "automatic": c.AutomaticIs,
    "thread": c.Thread,
    "ticket": c.Ticket,
    "new_question": c.NewQuestionIs,
    "classified": c.ClassifiedAs,
    "undecided": c.Undecided,
    "score": c.Score,
    "mixed": c.Mixed,
    "found": c.Found,
    "missing": c.MissingSome,
    "queue_hours": c.QueueHours,
    "calendar": c.CalendarIs,
    "time": c.TimeBetween,
    "date": c.DateBetween,
    "language": c.LanguageIs,
    "size": c.SizeOver,
    "attachment": c.Attachment,
    "bounce": c.BounceIs,
    "encrypted": c.Encrypted,
    "tagged": c.Tagged,
    "fired": c.Fired,
}
"""The keys of the language, several in one entry when one function reads them."""
