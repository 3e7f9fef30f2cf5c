"""The condition on bounces. The docstring is the manual's."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from router.logic import Truth, unknown
from router.rules import schema_conditions as c
from router.rules.evaluation import Evaluation
from router.rules.making import Making
from router.rules.ruleset import Check
from router.rules.text import normalise
from router.signals.bounce import Bounce, Delivery
from router.vocabulary import BounceForm

MAX_SHOWN = 3
_COST = 3


def bounce(test: c.BounceIs, making: Making) -> Check:
    """`bounce: any | itself | attached | pasted`, or a list: the news that a mail was not delivered is in this one.

    `itself`: the mail is a bounce. `attached`: a person attached one, as a message, a report or a text. `pasted`: a
    person copied a server's reply, as `550 5.1.1 <a@b.example>: User unknown`. About its recipients, true when it
    holds for one of them: `{status: 5.1.*}`, `{recipient: "*@partner.example"}` (`"*"`: it is known),
    `{action: failed}` (or delayed, delivered, relayed, expanded), `{diagnostic: spam}` (in the server's words).

    Unknown when none is found and the body was cut, is encrypted or could not be decoded.
    """
    fits, said = _fits(test)

    def judge(e: Evaluation) -> Truth:
        found = e.facts.bounce
        if found is not None and fits(found):
            return True
        message = e.facts.message
        if found is None and (message.raw.body_cut or not message.text_known or message.encrypted):
            return unknown("a bounce may be in what could not be read of the body")
        return False

    def evidence(e: Evaluation) -> str:
        found = e.facts.bounce
        if found is None:
            return "none"
        told = [" ".join(filter(None, (one.action, one.status, one.recipient))) for one in found.deliveries[:MAX_SHOWN]]
        return ", ".join([str(found.form), *told])

    return Check(judge, f"bounce {said}", evidence, _COST)


def _fits(test: c.BounceIs) -> tuple[Callable[[Bounce], bool], str]:
    if test.statuses:
        return _some(lambda one: _like(one.status, test.statuses)), f"status {' or '.join(test.statuses)}"
    if test.recipients:
        wanted = [one.casefold() for one in test.recipients]
        return _some(lambda one: _like(one.recipient.casefold(), wanted)), f"recipient {' or '.join(test.recipients)}"
    if test.actions:
        return _some(lambda one: one.action in test.actions), f"action {' or '.join(test.actions)}"
    if test.diagnostics:
        words = [normalise(one) for one in test.diagnostics]
        return (
            _some(lambda one: any(word in normalise(one.diagnostic) for word in words)),
            f"diagnostic {' or '.join(test.diagnostics)}",
        )
    forms: frozenset[BounceForm] = frozenset(test.forms or BounceForm)
    return lambda found: found.form in forms, " or ".join(test.forms) or "any"


def _some(fits: Callable[[Delivery], bool]) -> Callable[[Bounce], bool]:
    return lambda found: any(fits(one) for one in found.deliveries)


def _like(value: str, patterns: "list[str] | tuple[str, ...]") -> bool:
    return bool(value) and any(fnmatchcase(value, one) for one in patterns)
