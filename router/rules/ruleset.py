"""A rules file, ready to decide: conditions as functions, phrases and expressions as two automata, rules indexed."""

import dataclasses
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from router import hours
from router.errors import Problem
from router.facts import Site
from router.frozen import dataclass
from router.logic import Truth, Unknown
from router.rules import schema
from router.rules.expressions import ExpressionBook
from router.rules.native_search import NativeSearch
from router.rules.phrases import PhraseBook
from router.rules.search import Search
from router.vocabulary import Stage

if TYPE_CHECKING:
    from router.rules.evaluation import Evaluation

Judge: TypeAlias = "Callable[[Evaluation], Truth]"
Evidence: TypeAlias = "Callable[[Evaluation], str]"


class Join(StrEnum):
    """How a check is put together from its parts; LEAF has none."""

    LEAF = "leaf"
    ALL = "all"
    ANY = "any"
    NONE = "none"
    NOT = "not"
    AT_LEAST = "at_least"
    USE = "use"


@dataclass(frozen=True, slots=True)
class Check:
    """A compiled condition.

    judge: its value for one mail. said: the test as written (`recipient accounts`). evidence: what it found, for
    `explain`; "" when there is nothing to tell. cost: rough, 0 is cheapest; cheap parts are judged first, which changes
    no value. staged: it depends on what earlier stages wrote. parts: in the order of the file. count: of AT_LEAST.
    """

    judge: Judge
    said: str
    evidence: "Evidence | None" = None
    cost: int = 1
    staged: bool = False
    join: Join = Join.LEAF
    parts: tuple["Check", ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """number: its place in the file. holds: it has an action that a `stop` does not stop (hold, no_reply). limited: it
    is off, or has an `until`, so that it does not run on every day. said: its actions as they are written."""

    rule: schema.Rule
    check: Check
    number: int
    holds: bool
    limited: bool
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be so for a condition to be true; None: nothing that the index knows.

    queues: one of these must be addressed. phrases: one of these (field, group) must be in the text.
    """

    queues: frozenset[str] | None = None
    phrases: frozenset[tuple[schema.Field, int]] | None = None


@dataclass(frozen=True, slots=True)
class StageIndex:
    """The rules of one stage, and which of them can be true at all; every mask has bit N for rule N of `rules`.

    any_queue: rules that ask for no queue. by_queue: rules that ask for this one. no_phrase: rules that need no phrase.
    by_field: rules that a phrase in this field is enough for. by_phrase: rules that this (field, group) is enough for.
    """

    stage: Stage
    rules: tuple[CompiledRule, ...]
    any_queue: int
    by_queue: Mapping[str, int]
    no_phrase: int
    by_field: Mapping[schema.Field, int]
    by_phrase: Mapping[tuple[schema.Field, int], int]

    def candidates(self, evaluation: "Evaluation") -> list[CompiledRule]:
        """The rules that can be other than false, in the order of the file.

        A rule left out is false whatever its other tests say, unknown ones included.
        """
        alive = self.any_queue
        for queue in evaluation.addressed:
            alive |= self.by_queue.get(queue, 0)
        possible = 0
        for field, in_need in self.by_field.items():
            if alive & in_need:
                groups = evaluation.groups(field)
                if groups is None:
                    possible |= in_need  # the text is unknown: so may be the rule
                else:
                    for group in groups:
                        possible |= self.by_phrase.get((field, group), 0)
        alive &= possible | self.no_phrase
        found = []
        while alive:
            lowest = alive & -alive
            found.append(self.rules[lowest.bit_length() - 1])
            alive ^= lowest
        return found


@dataclass(frozen=True, slots=True)
class ItemCheck:
    item: schema.ChecklistItem
    present: Check


@dataclass(frozen=True, slots=True)
class ChecklistChecks:
    checklist: schema.Checklist
    use_when: Check
    items: tuple[ItemCheck, ...]


@dataclass(frozen=True, slots=True)
class Extracting:
    """An extract, ready. expression: its number in the book. group: the number of the group that is the value. fields:
    where it is looked for, each once (`text` is two)."""

    extract: schema.Extract
    expression: int
    group: int
    fields: tuple[schema.Field, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What counts for one classifier, by label: accepted from, rejected up to; the margin. nothing: no score at all."""

    nothing: Mapping[str, float]
    accept: Mapping[str, float]
    reject: Mapping[str, float]
    margin: float


@dataclass(frozen=True)
class Ruleset:
    """One rules file, compiled. Nothing in it changes; one stands beside another during a reload.

    sha: sha256 of the file's bytes, hex. groups: for each phrase of `phrases`, the groups (a pattern, a `words:` list)
    it belongs to. search: for all `phrases` and `expressions` at a time. conditions: the named ones. checklists: in the
    order of the file. require: `settings.reply.require`. scripts: language -> the script its texts are written in
    (`cyrillic`, `latin`, or ""). own_domains: those that our answers come from, lower case A-labels. warnings: about
    what was read outside the file.
    """

    file: schema.RulesFile
    sha: str
    site: Site
    zone: ZoneInfo
    calendars: Mapping[str, hours.Calendar]
    phrases: PhraseBook
    groups: tuple[tuple[int, ...], ...]
    pattern_groups: Mapping[str, int]
    expressions: ExpressionBook
    search: Search | NativeSearch
    extracts: Mapping[str, Extracting]
    conditions: Mapping[str, Check]
    checklists: tuple[ChecklistChecks, ...]
    stages: tuple[StageIndex, ...]
    require: Check | None
    scripts: Mapping[str, str]
    own_domains: frozenset[str]
    warnings: tuple[Problem, ...] = ()
    # Filled by views.py as models are met; nothing else about the rules ever changes.
    bounds: "dict[tuple[str, tuple[float, float, float] | None], Bounds | Unknown]" = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    # Asked for some fifteen times a mail.
    @cached_property
    def settings(self) -> schema.Settings:
        return self.file.settings

    @cached_property
    def queues(self) -> Mapping[str, schema.Queue]:
        return self.file.queues

    @cached_property
    def lists(self) -> Mapping[str, schema.ListSource]:
        return self.file.lists

    @cached_property
    def rules(self) -> tuple[schema.Rule, ...]:
        return self.file.rules

    @cached_property
    def prefix(self) -> str:
        return self.site.header_prefix

    def calendar_of(self, queue: str) -> hours.Calendar:
        return self.calendars[self.queues[queue].calendar]
