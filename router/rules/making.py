"""What conditions are compiled with: numbers for phrases and expressions, the file's names, checks made once."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from router.rules import schema
from router.rules.phrases import Phrase, parse_phrase
from router.rules.ruleset import Check
from router.rules.schema_conditions import Condition

Make: TypeAlias = "Callable[[Condition], Check]"


class Making:
    """Collects what all conditions of a file need, while they are compiled.

    A group is a set of phrases that is asked for together: a pattern, or the phrases of one `words:`. The same test
    written twice becomes the same check.
    """

    def __init__(self, file: schema.RulesFile, compile_one: "Callable[[Condition, Making], Check]") -> None:
        self.file = file
        self.named: dict[str, Check] = {}
        self.phrases: list[Phrase] = []
        self.groups: list[list[int]] = []
        self.expressions: list[str] = []
        self.pattern_groups: dict[str, int] = {}
        self._compile_one = compile_one
        self._checks: dict[Condition, Check] = {}
        self._phrase_numbers: dict[tuple[tuple[str, ...], tuple[bool, ...], tuple[bool, ...]], int] = {}
        self._words_groups: dict[tuple[str, ...], int] = {}
        self._expression_numbers: dict[str, int] = {}
        self._group_count = 0

    def check(self, condition: Condition) -> Check:
        known = self._checks.get(condition)
        if known is None:
            known = self._checks[condition] = self._compile_one(condition, self)
        return known

    def group_of_pattern(self, name: str) -> int:
        group = self.pattern_groups.get(name)
        if group is None:
            phrases = self.file.patterns[name].phrases
            group = self.pattern_groups[name] = self._new_group(phrase for _, phrase in phrases)
        return group

    def group_of_words(self, phrases: tuple[str, ...]) -> int:
        group = self._words_groups.get(phrases)
        if group is None:
            group = self._words_groups[phrases] = self._new_group(phrases)
        return group

    def expression(self, source: str) -> int:
        number = self._expression_numbers.setdefault(source, len(self.expressions))
        if number == len(self.expressions):
            self.expressions.append(source)
        return number

    def _new_group(self, phrases: Iterable[str]) -> int:
        group, self._group_count = self._group_count, self._group_count + 1
        for source in phrases:
            phrase = parse_phrase(source)
            key = (phrase.words, phrase.open, phrase.gap)
            number = self._phrase_numbers.setdefault(key, len(self.phrases))
            if number == len(self.phrases):
                self.phrases.append(phrase)
                self.groups.append([])
            if group not in self.groups[number]:
                self.groups[number].append(group)
        return group
