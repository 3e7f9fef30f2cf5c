"""Why a condition has its value: the smallest set of tests that is enough for it.

An `all` that is false needs one false part, the smallest; one that is true needs all of them; one that is unknown, the
parts that are open. `any` is the mirror image. What each test found stands in brackets behind it.
"""

from router.logic import Truth, Unknown
from router.rules.evaluation import Evaluation
from router.rules.ruleset import Check, Join


def because(check: Check, evaluation: Evaluation) -> str:
    """`recipient accounts = yes (bill@…); use technical = yes (…)`; causes of unknown tests instead of findings."""
    return "; ".join(reasons(check, evaluation))


def reasons(check: Check, evaluation: Evaluation) -> list[str]:
    """One text a test, in the order of the file."""
    value = check.judge(evaluation)
    if check.join is Join.LEAF:
        return [_leaf(check, value, evaluation)]
    if check.join is Join.NOT:
        return reasons(check.parts[0], evaluation)
    if check.join is Join.USE:
        inside = ", ".join(reasons(check.parts[0], evaluation))
        return [f"{check.said} = {word(value)}" + (f" ({inside})" if inside else "")]
    values = [part.judge(evaluation) for part in check.parts]
    if check.join is Join.AT_LEAST:
        return _of_count(check, value, values, evaluation)
    if isinstance(value, Unknown):
        chosen = [part for part, one in zip(check.parts, values, strict=True) if isinstance(one, Unknown)]
        return [reason for part in chosen for reason in reasons(part, evaluation)]
    deciding = _deciding(check.join, value)
    told = [reasons(part, evaluation) for part, one in zip(check.parts, values, strict=True) if one is deciding]
    if (check.join, value) in _ONE_IS_ENOUGH:
        return min(told, key=len, default=[])
    return [reason for one in told for reason in one]


_ONE_IS_ENOUGH = {(Join.ALL, False), (Join.ANY, True), (Join.NONE, False)}


def _deciding(join: Join, value: Truth) -> bool:
    """The value of those parts that gave the whole its value."""
    return value is not True if join is Join.NONE else value is True


def _of_count(check: Check, value: Truth, values: list[Truth], evaluation: Evaluation) -> list[str]:
    pairs = zip(check.parts, values, strict=True)
    if isinstance(value, Unknown):
        chosen = [part for part, one in pairs if isinstance(one, Unknown)]
    elif value is True:
        chosen = [part for part, one in pairs if one is True][: check.count]
    else:
        chosen = [part for part, one in pairs if one is False]
    return [reason for part in chosen for reason in reasons(part, evaluation)]


def _leaf(check: Check, value: Truth, evaluation: Evaluation) -> str:
    if isinstance(value, Unknown):
        return f"{check.said} = unknown ({'; '.join(value.causes)})"
    shown = check.evidence(evaluation) if check.evidence and evaluation.telling else ""
    return f"{check.said} = {word(value)}" + (f" ({shown})" if shown else "")


def word(value: Truth) -> str:
    return "unknown" if isinstance(value, Unknown) else "yes" if value else "no"
