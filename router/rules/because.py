"""Why a condition has its value: the smallest set of tests that is enough for it.

An `all` that is false needs one false part, the smallest; one that is true needs all of them; one that is unknown, the
parts that are open. `any` is the mirror image. What each test found stands in brackets behind it.
"""

from router.frozen import dataclass
from router.logic import Truth, Unknown
from router.rules.evaluation import Evaluation
from router.rules.ruleset import Check, Join


@dataclass(frozen=True, slots=True)
class Reason:
    """A test with its value. tests: how many it stands for (a named condition may hold several)."""

    text: str
    tests: int = 1


def because(check: Check, evaluation: Evaluation) -> str:
    """`recipient accounts = yes (bill@…); use technical = yes (…)`; causes of unknown tests instead of findings."""
    return "; ".join(one.text for one in reasons(check, evaluation))


def reasons(check: Check, evaluation: Evaluation) -> list[Reason]:
    """The smallest set, in the order of the file."""
    value = check.judge(evaluation)
    if check.join is Join.LEAF:
        return [_leaf(check, value, evaluation)]
    if check.join is Join.NOT:
        return reasons(check.parts[0], evaluation)
    if check.join is Join.USE:
        inside = reasons(check.parts[0], evaluation)
        told = ", ".join(one.text for one in inside)
        return [Reason(f"{check.said} = {word(value)}" + (f" ({told})" if told else ""), _tests(inside))]
    values = [part.judge(evaluation) for part in check.parts]
    told_parts = [
        reasons(part, evaluation)
        for part, one in zip(check.parts, values, strict=True)
        if _decides(check.join, value, one)
    ]
    if (check.join, value) in _ONE_IS_ENOUGH:
        told_parts = [min(told_parts, key=_tests)]
    elif check.join is Join.AT_LEAST and value is True:
        told_parts = sorted(told_parts, key=_tests)[: check.count]
    return [reason for one in told_parts for reason in one]


_ONE_IS_ENOUGH = {(Join.ALL, False), (Join.ANY, True), (Join.NONE, False)}


def _decides(join: Join, whole: Truth, part: Truth) -> bool:
    """Whether a part with this value is among those that gave the whole its value."""
    if isinstance(whole, Unknown) or isinstance(part, Unknown):
        return isinstance(whole, Unknown) and isinstance(part, Unknown)
    return part is (not whole if join is Join.NONE else whole)


def _tests(told: list[Reason]) -> int:
    return sum(one.tests for one in told)


def _leaf(check: Check, value: Truth, evaluation: Evaluation) -> Reason:
    if isinstance(value, Unknown):
        return Reason(f"{check.said} = unknown ({'; '.join(value.causes)})")
    shown = check.evidence(evaluation) if check.evidence else ""
    return Reason(f"{check.said} = {word(value)}" + (f" ({shown})" if shown else ""))


def word(value: Truth) -> str:
    return "unknown" if isinstance(value, Unknown) else "yes" if value else "no"
