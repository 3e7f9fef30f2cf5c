"""Warnings: what loads and is probably not what was meant. W516 needs an archive and is the backtest's."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from router.errors import Location, Problem
from router.rules import lint_words
from router.rules import schema_actions as a
from router.rules import schema_conditions as c
from router.rules.schema import DatedHoliday, IcsHolidays, ItemsList, Mode, Rule, RulesFile
from router.rules.walk import conditions_of, walk
from router.vocabulary import Stage

MAX_SHADOW = timedelta(days=60)


def warnings(
    file: RulesFile, *, whole: bool = True, today: date | None = None, model: str | None = None
) -> Iterator[Problem]:
    """All warnings about a file that was read.

    whole: it has no errors; else only warnings that do not depend on what could not be read. today: None leaves out
    what depends on the date (W513, part of W514). model: the id of the loaded model, None leaves out W515.
    """
    yield from lint_words.warnings(file)
    yield from _order(file)
    for condition in conditions_of(file):
        yield from _any_of_not(condition)
    for rule in file.rules:
        yield from _constant(rule, file)
        yield from _dated(rule, today)
    if not whole:
        return
    for rule in file.rules:
        yield from _lookups(rule, file)
    yield from _twins(file)
    yield from _unreachable(file)
    yield from _robots(file)
    yield from _unused(file)
    if today is not None and today.month >= 11:
        yield from _next_year(file, today.year + 1)
    for classifier in file.classifiers.values():
        if model is not None and classifier.tuned_for is not None and classifier.tuned_for != model:
            message = f'thresholds of "{classifier.name}" were tuned for {classifier.tuned_for}; the model is {model}'
            yield Problem("W515", message, classifier.tuned_for.at)


def untested(file: RulesFile, coverage: Mapping[str, tuple[int, int]]) -> Iterator[Problem]:
    """W510, after the tests ran. coverage: rule id -> in how many tests it fired, and in how many it did not."""
    for rule in file.rules:
        fired, not_fired = coverage.get(rule.id, (0, 0))
        if rule.mode is Mode.OFF or (fired and not_fired):
            continue
        lacking = "fires" if not fired else "does not fire"
        if not fired and not not_fired:
            lacking = "fires, and none where it does not"
        yield Problem("W510", f'rule "{rule.id}" has no test in which it {lacking}', rule.id.at)


# --------------------------------------------------------------------------------------------------- one rule, one test
def _order(file: RulesFile) -> Iterator[Problem]:
    order = list(Stage)
    latest: Rule | None = None
    for rule in file.rules:
        if latest is not None and order.index(rule.stage) < order.index(latest.stage):
            message = (
                f'rule "{rule.id}" of stage {rule.stage} stands after rules of stage {latest.stage} '
                f"(line {latest.at.line}) but runs before them; write rules in the order of their stages"
            )
            yield Problem("W501", message, rule.at)
        elif latest is None or rule.stage is not latest.stage:
            latest = rule


def _any_of_not(condition: c.Condition) -> Iterator[Problem]:
    negated = isinstance(condition, c.AnyOf) and [one for one in condition.of if isinstance(one, c.Not)]
    if negated and isinstance(condition, c.AnyOf) and len(negated) == len(condition.of) > 1:
        yield Problem("W507", '"any" of several "not" is nearly always true', condition.at, suggestion="none:")


def _constant(rule: Rule, file: RulesFile) -> Iterator[Problem]:
    value = _known(rule.when, file)
    if value is False:
        yield Problem("W504", f'the condition of rule "{rule.id}" can never be true', rule.when.at)
    acting = [action for action in rule.then if isinstance(action, a.SetQueue | a.Redirect | a.Say)]
    if value is True and acting and rule.mode is not Mode.OFF:
        words = {a.SetQueue: "queue", a.Redirect: "redirect", a.Say: "say"}
        names = ", ".join(dict.fromkeys(words[type(action)] for action in acting))
        yield Problem("W504", f'the condition of rule "{rule.id}" is always true, so every mail gets {names}', rule.at)


def _known(condition: c.Condition, file: RulesFile, depth: int = 0) -> bool | None:
    """What the condition is for every mail, or None."""
    inside = [_known(one, file, depth) for one in getattr(condition, "of", ()) or ()] if _joins(condition) else []
    if isinstance(condition, c.Always):
        return True
    if isinstance(condition, c.Use):
        named = file.conditions.get(condition.name)
        return _known(named.condition, file, depth + 1) if named and depth < 50 else None
    if isinstance(condition, c.Not):
        value = _known(condition.of, file, depth)
        return None if value is None else not value
    if isinstance(condition, c.All):
        return False if False in inside or _contradicts(condition) else True if all(inside) else None
    if isinstance(condition, c.AnyOf):
        return True if True in inside else None if None in inside else False
    if isinstance(condition, c.NoneOf):
        return False if True in inside else None if None in inside else True
    if isinstance(condition, c.AtLeast):
        if condition.count > len(condition.of) - inside.count(False):
            return False
        return True if inside.count(True) >= condition.count else None
    return None


def _joins(condition: c.Condition) -> bool:
    return isinstance(condition, c.All | c.AnyOf | c.NoneOf | c.AtLeast)


def _contradicts(condition: c.All) -> bool:
    plain = set(condition.of)
    denied = {one.of for one in condition.of if isinstance(one, c.Not)}
    denied |= {inner for one in condition.of if isinstance(one, c.NoneOf) for inner in one.of}
    return bool(plain & denied)


def _dated(rule: Rule, today: date | None) -> Iterator[Problem]:
    if rule.mode is Mode.OFF:
        return
    if today is not None and rule.until is not None and rule.until < today:
        yield Problem("W514", f'rule "{rule.id}" ended on {rule.until}; remove it or give it a later day', rule.at)
        return
    if rule.mode is not Mode.SHADOW or rule.until is not None:  # a shadow with an end is a plan
        return
    if rule.since is None:
        yield Problem("W514", f'rule "{rule.id}" is in shadow without since: nobody will know for how long', rule.at)
    elif today is not None and today - rule.since > MAX_SHADOW:
        days = (today - rule.since).days
        message = f'rule "{rule.id}" has been in shadow for {days} days; let it act, or remove it, or set until'
        yield Problem("W514", message, rule.at)


# ------------------------------------------------------------------------------------------------------------- look-ups
def _lookups(rule: Rule, file: RulesFile) -> Iterator[Problem]:
    """W505: a look-up that fails makes a negation unknown, and a safety rule falls silent."""
    if rule.on_unknown is not None or rule.mode is Mode.OFF:
        return
    for condition in walk(rule.when):
        hidden = isinstance(condition, c.Use) and condition.name in file.conditions
        negations = [condition] if isinstance(condition, c.Not | c.NoneOf) else []
        if hidden and isinstance(condition, c.Use):
            inner = walk(file.conditions[condition.name].condition, file.conditions)
            negations = [one for one in inner if isinstance(one, c.Not | c.NoneOf)]
        for negation in negations:
            found = next((name for one in walk(negation, file.conditions) if (name := _lookup(one, file))), None)
            if found:
                message = (
                    f'{found} stands under a negation: when it cannot be known, rule "{rule.id}" does not fire; '
                    "say on_unknown: hold, or on_unknown: skip if that is meant"
                )
                yield Problem("W505", message, condition.at)
                return


def _lookup(condition: c.Condition, file: RulesFile) -> str | None:
    """The name of a test that asks something that may not answer."""
    if isinstance(condition, c.Auth):
        return "auth"
    if isinstance(condition, c.Account):
        return "account"
    if isinstance(condition, c.Ticket):
        return "ticket"
    name = None
    if isinstance(condition, c.SenderIn):
        name = condition.list_name
    elif isinstance(condition, c.Recipient):
        name = condition.in_list
    elif isinstance(condition, c.AddressTest) and condition.part in (c.AddressPart.IN, c.AddressPart.DOMAIN_IN):
        name = condition.values[0]
    if name is None or isinstance(file.lists.get(name), ItemsList):  # items stand in the file and always answer
        return None
    return f'the list "{name}"'


# ------------------------------------------------------------------------------------------------------ rules and rules
def _conjuncts(condition: c.Condition, file: RulesFile, depth: int = 0) -> frozenset[c.Condition]:
    """Conditions that are all true whenever this one is."""
    found = {condition}
    if isinstance(condition, c.All):
        found = set()
        for one in condition.of:
            found |= _conjuncts(one, file, depth)
    elif isinstance(condition, c.NoneOf):
        found |= {c.Not(one) for one in condition.of}
    elif isinstance(condition, c.Use) and condition.name in file.conditions and depth < 50:
        found |= _conjuncts(file.conditions[condition.name].condition, file, depth + 1)
    return frozenset(found)


def _implies(special: frozenset[c.Condition], general: c.Condition, file: RulesFile, depth: int = 0) -> bool:
    """Whether `general` is true whenever all of `special` are, as far as equal tests show."""
    if general in special or isinstance(general, c.Always):
        return True
    if isinstance(general, c.All):
        return all(_implies(special, one, file, depth) for one in general.of)
    if isinstance(general, c.AnyOf):
        return any(_implies(special, one, file, depth) for one in general.of)
    if isinstance(general, c.NoneOf):
        return all(c.Not(one) in special for one in general.of)
    if isinstance(general, c.Use) and general.name in file.conditions and depth < 50:
        return _implies(special, file.conditions[general.name].condition, file, depth + 1)
    return False


def _twins(file: RulesFile) -> Iterator[Problem]:
    seen: dict[tuple[Stage, frozenset[c.Condition]], Rule] = {}
    for rule in file.rules:
        if rule.mode is Mode.OFF:
            continue
        first = seen.setdefault((rule.stage, _conjuncts(rule.when, file)), rule)
        if first is not rule:
            message = f'rule "{rule.id}" has the same condition as "{first.id}" (line {first.at.line}); join the two'
            yield Problem("W506", message, rule.at)


def _slots(rule: Rule) -> dict[str, str]:
    """Slot -> the action that writes it."""
    found: dict[str, str] = {}
    for action in rule.then:
        if isinstance(action, a.SetTopic):
            found["set_topic"] = "set_topic"
        elif isinstance(action, a.SetQueue):
            found["queue"] = "queue"
        elif isinstance(action, a.Redirect):
            found["redirect"] = "redirect"
            found.setdefault("queue", "redirect")
        elif isinstance(action, a.AddHeader):
            found[f"header {action.name.casefold()}"] = f"header {action.name}"
    return found


def _unreachable(file: RulesFile) -> Iterator[Problem]:
    writers: dict[c.Condition | None, list[tuple[Rule, dict[str, str]]]] = {}
    order = list(Stage)
    for rule in sorted(file.rules, key=lambda one: order.index(one.stage)):
        slots = _slots(rule)
        if not slots or rule.mode is Mode.OFF:
            continue
        conjuncts = _conjuncts(rule.when, file)
        rivals = [one for needed in (None, *conjuncts) for one in writers.get(needed, ())]
        for slot, action in slots.items():
            taken = next(
                (one for one, theirs in rivals if slot in theirs and _implies(conjuncts, one.when, file)), None
            )
            if taken is not None:
                message = (
                    f'"{action}" of this rule can never take effect: whenever it matches, '
                    f'rule "{taken.id}" (line {taken.at.line}) has already set {slot}'
                )
                yield Problem("W502", message, rule.at)
                break
        if rule.mode is Mode.ENFORCE and rule.until is None:
            writers.setdefault(_needed(rule.when), []).append((rule, slots))


def _needed(condition: c.Condition) -> c.Condition | None:
    """A test that must be among the conjuncts of whatever implies this condition; None when there is none to name."""
    tests = condition.of if isinstance(condition, c.All) else (condition,)
    indirect = (c.All, c.AnyOf, c.NoneOf, c.Use, c.Always)
    return next((one for one in reversed(tests) if not isinstance(one, indirect)), None)


def _robots(file: RulesFile) -> Iterator[Problem]:
    """W511: an answer that a robot may get."""
    robot = frozenset({c.AutomaticIs()})
    for rule in file.rules:
        silences = any(isinstance(action, a.NoReply) for action in rule.then)
        if rule.stage is Stage.GUARD and rule.mode is Mode.ENFORCE and silences and _implies(robot, rule.when, file):
            return
    for rule in file.rules:
        says = next((action for action in rule.then if isinstance(action, a.Say)), None)
        if says is None or rule.mode is Mode.OFF or c.Not(c.AutomaticIs()) in _conjuncts(rule.when, file):
            continue
        message = (
            f'rule "{rule.id}" may answer automatic mail; add a guard rule '
            "{when: {automatic: any}, then: [{no_reply: automatic mail}]}"
        )
        yield Problem("W511", message, says.at)


# ------------------------------------------------------------------------------------------------------- whole sections
def _unused(file: RulesFile) -> Iterator[Problem]:
    """W503. What only unused conditions use is unused too; tests do not count."""
    used: dict[str, set[str]] = {kind: set() for kind in ("pattern", "condition", "list", "snippet")}
    roots = [rule.when for rule in file.rules]
    for checklist in file.checklists.values():
        roots += [checklist.use_when, *(item.present for item in checklist.items)]
    if file.settings.reply is not None and file.settings.reply.require is not None:
        roots.append(file.settings.reply.require)
    calendars = {str(queue.calendar) for queue in file.queues.values()}
    for root in roots:
        for condition in walk(root, file.conditions):
            _note_use(condition, used, calendars)
    used["snippet"] = {str(act.snippet) for rule in file.rules for act in rule.then if isinstance(act, a.Say)}
    used["list"] |= {str(name) for name in (file.tickets.closed, file.accounts and file.accounts.contacts) if name}
    sections: list[tuple[str, Mapping[str, Location], set[str]]] = [
        ("pattern", {name: one.name.at for name, one in file.patterns.items()}, used["pattern"]),
        ("condition", {name: one.name.at for name, one in file.conditions.items()}, used["condition"]),
        ("list", {name: one.name.at for name, one in file.lists.items()}, used["list"]),
        ("calendar", {name: one.name.at for name, one in file.calendars.items()}, calendars),
    ]
    if file.replies is not None:
        sections.append(("snippet", {name: one.at for name, one in file.replies.snippets.items()}, used["snippet"]))
    for kind, defined, names in sections:
        for name, at in defined.items():
            if name not in names:
                yield Problem("W503", f'{kind} "{name}" is never used', at)


def _note_use(condition: c.Condition, used: dict[str, set[str]], calendars: set[str]) -> None:
    if isinstance(condition, c.Use):
        used["condition"].add(condition.name)
    elif isinstance(condition, c.TextTest | c.HeaderTest) and isinstance(condition.operator, c.InPattern):
        used["pattern"].update(condition.operator.names)
    elif isinstance(condition, c.Mixed):
        used["pattern"].update(name for _, names in condition.patterns for name in names)
    elif isinstance(condition, c.SenderIn):
        used["list"].add(condition.list_name)
    elif isinstance(condition, c.Recipient) and condition.in_list is not None:
        used["list"].add(condition.in_list)
    elif isinstance(condition, c.AddressTest) and condition.part in (c.AddressPart.IN, c.AddressPart.DOMAIN_IN):
        used["list"].update(condition.values)
    elif isinstance(condition, c.CalendarIs):
        calendars.add(condition.calendar)


def _next_year(file: RulesFile, year: int) -> Iterator[Problem]:
    """W513: days that are written with their year, this year's and none of the next."""
    for calendar in file.calendars.values():
        holidays = file.holidays.get(calendar.holidays or "", ())
        if any(isinstance(one, IcsHolidays) for one in holidays):
            continue  # judged when it was read: surroundings.ending
        years = {one.date.year for one in calendar.exceptions}
        years |= {int(one.date[:4]) for one in holidays if isinstance(one, DatedHoliday) and len(one.date) == 10}
        if years and max(years) < year:
            message = f'calendar "{calendar.name}" has dates of {max(years)} and none of {year}'
            yield Problem("W513", message, calendar.name.at)
