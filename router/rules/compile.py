"""From a `RulesFile` to a `Ruleset`: conditions as functions, phrases and regexes in two automata, rules indexed."""

import hashlib
import unicodedata
from dataclasses import replace
from zoneinfo import ZoneInfo

from router.message.addresses import ascii_domain
from router.rules import schema
from router.rules import schema_conditions as c
from router.rules.conditions import compile_condition
from router.rules.evaluation import FIELDS
from router.rules.expressions import ExpressionBook
from router.rules.making import Making
from router.rules.native_search import search_of
from router.rules.phrases import PhraseBook
from router.rules.ruleset import (
    ChecklistChecks,
    CompiledRule,
    Extracting,
    ItemCheck,
    Needs,
    Ruleset,
    StageIndex,
)
from router.rules.schema import actions
from router.rules.schema_conditions import Condition
from router.rules.surroundings import CalendarAt, calendars_of, nobody_fetches, site_of
from router.rules.text_conditions import groups_of
from router.rules.writing import action_said
from router.vocabulary import Stage

__all__ = ["Ruleset", "compile_rules", "without"]

CYRILLIC, LATIN = "cyrillic", "latin"


def compile_rules(file: schema.RulesFile, data: bytes = b"", calendar_at: CalendarAt = nobody_fetches) -> Ruleset:
    """The rules, ready to decide. file: as `load` gave it. data: its bytes, for `sha`. calendar_at: gives calendars
    that the file names by https.

    Raises BadFile when something that the file names outside itself (a key, a calendar) cannot be read.
    """
    calendars, warnings = calendars_of(file, calendar_at)
    making = Making(file, compile_condition)
    for name in file.patterns:  # those that no rule uses have examples, which are tests
        making.group_of_pattern(name)
    for extract in file.extract.values():
        making.expression(extract.regex)
    for name, named in file.conditions.items():
        making.named.setdefault(name, making.check(named.condition))
    checklists = tuple(
        ChecklistChecks(
            one, making.check(one.use_when), tuple(ItemCheck(item, making.check(item.present)) for item in one.items)
        )
        for one in file.checklists.values()
    )
    stages = tuple(_indexed(stage, file, making) for stage in Stage)
    expressions, phrases = ExpressionBook(making.expressions), PhraseBook(making.phrases)
    require = making.check(file.settings.reply.require) if file.settings.reply and file.settings.reply.require else None
    return Ruleset(
        file=file,
        sha=file.sha256 or hashlib.sha256(data).hexdigest(),
        site=site_of(file),
        zone=ZoneInfo(file.settings.timezone),
        calendars=calendars,
        phrases=phrases,
        groups=tuple(tuple(groups) for groups in making.groups),
        pattern_groups=making.pattern_groups,
        expressions=expressions,
        search=search_of(phrases, expressions),
        extracts={name: _extracting(one, making, expressions) for name, one in file.extract.items()},
        conditions=making.named,
        checklists=checklists,
        stages=stages,
        require=require,
        scripts={str(language): _script_of(file, str(language)) for language in file.languages},
        own_domains=_own_domains(file),
        warnings=warnings,
    )


def _extracting(extract: schema.Extract, making: Making, expressions: ExpressionBook) -> Extracting:
    number = making.expression(extract.regex)
    groups: dict[str, int] = expressions.compiled[number].groupindex
    fields = dict.fromkeys(field for wide in extract.fields for field in FIELDS[wide])
    return Extracting(extract, number, groups.get(str(extract.name), 0), tuple(fields))


def without(ruleset: Ruleset, rule: str) -> Ruleset:
    """The same rules with one left out, for deletion mutation; checks and automata are shared."""
    file = replace(ruleset.file, rules=tuple(one for one in ruleset.file.rules if one.id != rule))
    stages = tuple(
        replace(
            stage,
            rules=tuple(
                replace(one, rule=replace(one.rule, mode=schema.Mode.OFF), limited=True) if one.rule.id == rule else one
                for one in stage.rules
            ),
        )
        for stage in ruleset.stages
    )
    return replace(ruleset, file=file, stages=stages)


def _indexed(stage: Stage, file: schema.RulesFile, making: Making) -> StageIndex:
    rules = tuple(
        CompiledRule(
            rule,
            making.check(rule.when),
            number,
            any(isinstance(action, actions.Hold | actions.NoReply) for action in rule.then),
            rule.mode is schema.Mode.OFF or rule.until is not None,
            tuple(action_said(action) for action in rule.then),
        )
        for number, rule in enumerate(file.rules)
        if rule.stage is stage
    )
    any_queue = no_phrase = 0
    by_queue: dict[str, int] = {}
    by_field: dict[schema.Field, int] = {}
    by_phrase: dict[tuple[schema.Field, int], int] = {}
    for place, one in enumerate(rules):
        bit = 1 << place
        needs = needs_of(one.rule.when, making)
        if needs.queues is None:
            any_queue |= bit
        for queue in needs.queues or ():
            by_queue[queue] = by_queue.get(queue, 0) | bit
        if needs.phrases is None:
            no_phrase |= bit
        for field, group in needs.phrases or ():
            by_field[field] = by_field.get(field, 0) | bit
            by_phrase[field, group] = by_phrase.get((field, group), 0) | bit
    return StageIndex(stage, rules, any_queue, by_queue, no_phrase, by_field, by_phrase)


def needs_of(condition: Condition, making: Making) -> Needs:
    """What must be so for the condition to be true; when it is not, the condition is false and nothing else matters."""
    if isinstance(condition, c.Use):
        return needs_of(making.file.conditions[condition.name].condition, making)
    if isinstance(condition, c.Recipient) and condition.queues:
        return Needs(queues=frozenset(str(queue) for queue in condition.queues))
    if isinstance(condition, c.TextTest) and isinstance(condition.operator, c.InPattern | c.Words):
        groups = groups_of(condition.operator, making)
        return Needs(phrases=frozenset((field, group) for field in FIELDS[condition.where] for group in groups))
    if isinstance(condition, c.All):
        needs = [needs_of(one, making) for one in condition.of]
        queues = [one.queues for one in needs if one.queues is not None]
        phrases = [one.phrases for one in needs if one.phrases is not None]
        return Needs(min(queues, key=len, default=None), min(phrases, key=len, default=None))
    if isinstance(condition, c.AnyOf):
        needs = [needs_of(one, making) for one in condition.of]
        all_queues = [one.queues for one in needs if one.queues is not None]
        all_phrases = [one.phrases for one in needs if one.phrases is not None]
        return Needs(
            frozenset[str]().union(*all_queues) if len(all_queues) == len(needs) else None,
            frozenset[tuple[schema.Field, int]]().union(*all_phrases) if len(all_phrases) == len(needs) else None,
        )
    return Needs()


def _own_domains(file: schema.RulesFile) -> frozenset[str]:
    addresses = [str(queue.address) for queue in file.queues.values()]
    if file.settings.reply and file.settings.reply.from_:
        addresses.append(str(file.settings.reply.from_.address))
    domains = [address.rpartition("@")[2] for address in addresses]
    return frozenset(ascii_domain(domain) or domain.casefold() for domain in domains)


def _script_of(file: schema.RulesFile, language: str) -> str:
    """The script of a language, read from the file's own texts in it."""
    texts = [queue.titles[language] for queue in file.queues.values()]
    if file.replies:
        texts += [file.replies.open[language], *(one[language] for one in file.replies.snippets.values())]
    counts = {CYRILLIC: 0, LATIN: 0}
    for char in "".join(texts):
        if char.isalpha():
            name = unicodedata.name(char, "")
            for script in counts:
                counts[script] += name.startswith(script.upper())
    return max(counts, key=lambda script: counts[script]) if any(counts.values()) else ""
