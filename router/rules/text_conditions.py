"""Conditions on texts: `text`, its parts and what surrounds it, header fields. The docstrings are the manual's."""

from collections.abc import Callable
from typing import TypeAlias

from router.logic import Truth, Unknown, any_of
from router.rules import schema_conditions as c
from router.rules.evaluation import FIELDS, OUT_OF_TIME, Evaluation, Searched
from router.rules.making import Making
from router.rules.ruleset import Check, Evidence
from router.rules.schema import Field
from router.rules.text import normalise

On: TypeAlias = Callable[[Evaluation, Searched], Truth]
Shows: TypeAlias = Callable[[Evaluation, Searched], str]

CHEAP, SEARCH, EXPRESSION = 2, 5, 8
MAX_SHOWN = 60


def text(test: c.TextTest, making: Making) -> Check:
    """`subject`, `new_text`, `signature`, `quoted_text`, `text`, `full_text`: what was written, with one text operator.

    `subject` is decoded; `new_text` is what this writer wrote, quotes and signature removed; `signature` is the
    writer's own; `quoted_text` are the quotes; `text` is subject and new_text (no phrase spans the two); `full_text` is
    everything. Operators: `pattern` (one name or several), `words` (phrases), `contains`, `is`, `starts_with`,
    `ends_with`, `regex`, `longer_than: 20 words`, `shorter_than: 5 words`, `empty: true`. Several values mean "any of
    them". Both sides are normalised.

    Unknown when the body could not be decoded or is encrypted; a test of `text` is still true when the subject is
    enough.
    """
    said = f"{test.where} {operator_said(test.operator)}"
    if isinstance(test.operator, c.Length | c.Empty):
        return Check(_measured(test.operator, FIELDS[test.where]), said, cost=CHEAP)
    if isinstance(test.operator, c.InPattern | c.Words):
        groups = groups_of(test.operator, making)
        fields = FIELDS[test.where]
        judge = _one_field_has(fields[0], groups) if len(fields) == 1 else _some_field_has(fields, groups)
        return Check(judge, said, _evidence(fields, _phrase_shown(groups)), SEARCH)
    on, shows, cost = _operator(test.operator, making)
    return Check(_on_fields(FIELDS[test.where], on), said, _evidence(FIELDS[test.where], shows), cost)


def header(test: c.HeaderTest, making: Making) -> Check:
    """`header: {name: X-Spam-Flag, contains: yes}`: a header field; with several of that name, any of them.

    `{name: N, exists: true}` or `false` asks whether there is one. Otherwise one text operator; a field that is not
    there fits none. Never unknown.
    """
    name = str(test.name)
    if test.operator is None:
        wanted = test.exists is not False
        said = f"header {name} {'is there' if wanted else 'is not there'}"
        return Check(lambda e: (name in e.facts.message.fields) is wanted, said)
    on, shows = _each(test.operator, making)

    def judge(e: Evaluation) -> Truth:
        return any_of(on(e, one) for one in e.header_texts(name))

    def evidence(e: Evaluation) -> str:
        return next(filter(None, (shows(e, one) for one in e.header_texts(name))), "")

    return Check(judge, f"header {name} {operator_said(test.operator)}", evidence, SEARCH)


def _each(operator: c.TextOperator, making: Making) -> tuple[On, Shows]:
    if isinstance(operator, c.Length | c.Empty):
        measure = _measure(operator)
        return (lambda _, searched: measure([searched])), _nothing
    return _operator(operator, making)[:2]


def groups_of(operator: "c.InPattern | c.Words", making: Making) -> frozenset[int]:
    """The phrase groups of which one must be found."""
    if isinstance(operator, c.InPattern):
        return frozenset(making.group_of_pattern(name) for name in operator.names)
    return frozenset({making.group_of_words(tuple(str(one) for one in operator.phrases))})


def operator_said(operator: c.TextOperator) -> str:
    """The operator as a person would say it."""
    if isinstance(operator, c.InPattern):
        return " or ".join(operator.names)
    if isinstance(operator, c.Words):
        return _listed("has", operator.phrases)
    if isinstance(operator, c.Compare):
        return _listed(operator.how.replace("_", " "), operator.values)
    if isinstance(operator, c.Regex):
        return _listed("matches", operator.sources)
    if isinstance(operator, c.Length):
        return f"{'longer' if operator.longer else 'shorter'} than {operator.count} {operator.unit}"
    return "is empty"


def _listed(verb: str, values: tuple[c.Text, ...]) -> str:
    shown = ", ".join(f'"{shortened(value)}"' for value in values[:3])
    return f"{verb} {shown}" + (f" or {len(values) - 3} more" if len(values) > 3 else "")


def shortened(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 1] + "…"


# ------------------------------------------------------------------------------------------------------------- phrases
def _one_field_has(field: Field, wanted: frozenset[int]) -> Callable[[Evaluation], Truth]:
    def judge(e: Evaluation) -> Truth:
        groups = e.found.get(field)
        if groups is None:
            searched = e.searched(field)
            if isinstance(searched, Unknown):
                return searched
            groups = e.groups(field)
            if groups is None:
                return OUT_OF_TIME
        return not wanted.isdisjoint(groups)

    return judge


def _some_field_has(fields: tuple[Field, ...], wanted: frozenset[int]) -> Callable[[Evaluation], Truth]:
    judges = [_one_field_has(field, wanted) for field in fields]

    def judge(e: Evaluation) -> Truth:
        found = e.found
        searched = 0
        for field in fields:
            groups = found.get(field)
            if groups is not None:
                if not wanted.isdisjoint(groups):
                    return True
                searched += 1
        return False if searched == len(fields) else any_of([one(e) for one in judges])

    return judge


def _phrase_shown(groups: frozenset[int]) -> Shows:
    def shows(e: Evaluation, searched: Searched) -> str:
        places = [
            place for number, place in (e.phrase_hits(searched) or {}).items() if groups & set(e.rules.groups[number])
        ]
        return quoted(searched, *searched.text.words_span(*min(places))) if places else ""

    return shows


def quoted(searched: Searched, start: int, end: int) -> str:
    """A piece of the original and where it stands: `"сайт не открывается" (subject)`."""
    line = searched.text.line_of(start)
    where = f"{searched.text.where} line {line}" if line else searched.text.where
    return f'"{shortened(searched.text.original[start:end])}" ({where})'


# ----------------------------------------------------------------------------------------------------- other operators
def _operator(operator: c.TextOperator, making: Making) -> tuple[On, Shows, int]:
    if isinstance(operator, c.InPattern | c.Words):
        groups = groups_of(operator, making)

        def has(e: Evaluation, searched: Searched) -> Truth:
            hits = e.phrase_hits(searched)
            return OUT_OF_TIME if hits is None else not groups.isdisjoint(searched.groups or ())

        return has, _phrase_shown(groups), SEARCH
    if isinstance(operator, c.Compare):
        return (*_comparison(operator), CHEAP)
    assert isinstance(operator, c.Regex)
    return (*_regex(operator, making), EXPRESSION)


def _comparison(operator: c.Compare) -> tuple[On, Shows]:
    strip = operator.how is not c.Comparison.CONTAINS
    values = [normalise(value).strip() if strip else normalise(value) for value in operator.values]
    compare: Callable[[str, str], bool] = {
        c.Comparison.CONTAINS: lambda text, value: value in text,
        c.Comparison.IS: lambda text, value: text == value,
        c.Comparison.STARTS_WITH: str.startswith,
        c.Comparison.ENDS_WITH: str.endswith,
    }[operator.how]

    def on(_: Evaluation, searched: Searched) -> Truth:
        text = searched.text.normalised.strip() if strip else searched.text.normalised
        return any(compare(text, value) for value in values)

    def shows(_: Evaluation, searched: Searched) -> str:
        text = searched.text.normalised
        for value in values:
            at = text.find(value) if operator.how is c.Comparison.CONTAINS else -1
            if at >= 0 and value:
                return quoted(searched, *searched.text.original_span(at, at + len(value)))
        return f"({searched.text.where})" if on(_, searched) is True else ""

    return on, shows


def _regex(operator: c.Regex, making: Making) -> tuple[On, Shows]:
    numbers = [making.expression(source) for source in operator.sources]

    def on(e: Evaluation, searched: Searched) -> Truth:
        return any_of(e.matches(searched, number) for number in numbers)

    def shows(e: Evaluation, searched: Searched) -> str:
        for number in numbers:
            if e.matches(searched, number) is True:
                found = e.rules.expressions.compiled[number].search(searched.text.normalised)
                return quoted(searched, *searched.text.original_span(*found.span()))
        return ""

    return on, shows


def _on_fields(fields: tuple[Field, ...], on: On) -> Callable[[Evaluation], Truth]:
    def value(e: Evaluation, field: Field) -> Truth:
        searched = e.searched(field)
        return searched if isinstance(searched, Unknown) else on(e, searched)

    if len(fields) == 1:
        return lambda e: value(e, fields[0])
    return lambda e: any_of(value(e, field) for field in fields)


def _evidence(fields: tuple[Field, ...], shows: Shows) -> Evidence:
    def evidence(e: Evaluation) -> str:
        for field in fields:
            searched = e.searched(field)
            shown = "" if isinstance(searched, Unknown) else shows(e, searched)
            if shown:
                return shown
        return ""

    return evidence


def _nothing(_: Evaluation, __: Searched) -> str:
    return ""


def _measured(operator: "c.Length | c.Empty", fields: tuple[Field, ...]) -> Callable[[Evaluation], Truth]:
    """Length and emptiness are of all fields together, so one that is unknown makes the sum unknown."""
    measure = _measure(operator)

    def judge(e: Evaluation) -> Truth:
        known: list[Searched] = []
        lacking: Unknown | None = None
        for field in fields:
            searched = e.searched(field)
            if isinstance(searched, Unknown):
                lacking = searched
            else:
                known.append(searched)
        if lacking is None:
            return measure(known)
        # What is known may be enough: nothing that comes to it makes a text shorter, or empty.
        grows = isinstance(operator, c.Length) and operator.longer
        so_far = measure(known)
        return so_far if so_far is grows else lacking

    return judge


def _words(one: Searched) -> int:
    return one.text.word_count


def _characters(one: Searched) -> int:
    return len(one.text.original.strip())


def _measure(operator: "c.Length | c.Empty") -> Callable[[list[Searched]], bool]:
    if isinstance(operator, c.Empty):
        return lambda texts: not any(one.text.original.strip() for one in texts)
    count, longer = operator.count, operator.longer
    size = _words if operator.unit is c.LengthUnit.WORDS else _characters
    if longer:
        return lambda texts: sum(size(one) for one in texts) > count
    return lambda texts: sum(size(one) for one in texts) < count
