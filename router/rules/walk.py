"""Walking through conditions: what is inside of them, directly and through names."""

from collections.abc import Iterator, Mapping

from router.rules.schema import NamedCondition, RulesFile
from router.rules.schema_conditions import All, AnyOf, AtLeast, Condition, NoneOf, Not, Use


def parts(condition: Condition) -> tuple[Condition, ...]:
    """The conditions written directly inside of this one."""
    if isinstance(condition, All | AnyOf | NoneOf | AtLeast):
        return condition.of
    return (condition.of,) if isinstance(condition, Not) else ()


def walk(condition: Condition, named: Mapping[str, NamedCondition] | None = None) -> Iterator[Condition]:
    """The condition and all inside of it, in the order of the file. named: go through `use` too, each name once."""
    seen: set[str] = set()
    todo = [condition]
    while todo:
        one = todo.pop()
        yield one
        todo.extend(reversed(parts(one)))
        if isinstance(one, Use) and named and one.name in named and one.name not in seen:
            seen.add(one.name)
            todo.append(named[one.name].condition)


def conditions_of(file: RulesFile) -> Iterator[Condition]:
    """Every condition that is written in the file, with all that is inside of it."""
    for rule in file.rules:
        yield from walk(rule.when)
    for named in file.conditions.values():
        yield from walk(named.condition)
    for checklist in file.checklists.values():
        yield from walk(checklist.use_when)
        for item in checklist.items:
            yield from walk(item.present)
    if file.settings.reply is not None and file.settings.reply.require is not None:
        yield from walk(file.settings.reply.require)
