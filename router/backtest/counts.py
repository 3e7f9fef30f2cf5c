"""What a backtest counts, before and after; small whatever the size of the archive."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.backtest.compare import Difference
from router.decision import Decision
from router.errors import Location, Problem
from router.message.message import Message
from router.rules.ruleset import Ruleset
from router.rules.text import Text


@dataclass
class Pair:
    before: int = 0
    after: int = 0


@dataclass
class Counts:
    """mails: all that were read. not_ours: addressed to no queue, before and after. faults: that could not be decided
    (a fault of ours), with where. fired, shadow, unknown: by rule. changed: by field of the decision. languages: mails,
    and of them decided differently. changed_by: by rule, how many differences it has a part in. phrases: by number, how
    many mails have it."""

    mails: int = 0
    differ: int = 0
    not_ours: int = 0
    bytes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    fired: dict[str, Pair] = field(default_factory=dict)
    shadow: dict[str, Pair] = field(default_factory=dict)
    unknown: dict[str, Pair] = field(default_factory=dict)
    queues: dict[str, Pair] = field(default_factory=dict)
    outcomes: dict[str, Pair] = field(default_factory=dict)
    languages: dict[str, Pair] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    changed_by: Counter[str] = field(default_factory=Counter)
    phrases: Counter[int] = field(default_factory=Counter)

    def add(self, old: Decision | None, new: Decision, difference: Difference | None) -> None:
        """One mail. old: None when there is nothing to compare with."""
        self.mails += 1
        language = self.languages.setdefault(new.language, Pair())
        language.before += 1
        if difference is not None:
            self.differ += 1
            language.after += 1
            self.changed.update(one.what for one in difference.changes)
            self.changed_by.update(one.rule for one in difference.causes)
        if new.queue is None and (old is None or old.queue is None):
            self.not_ours += 1
        for side, decision in (("before", old), ("after", new)):
            if decision is None:
                continue
            for line in decision.trace:
                if line.result == "false" or line.mode == "off":
                    continue
                kind = self.unknown if line.result == "unknown" else self.shadow
                _one_more(self.fired if line.result == "true" and line.mode == "enforce" else kind, line.rule, side)
            _one_more(self.queues, decision.queue or "not ours", side)
            for outcome in _outcomes(decision):
                _one_more(self.outcomes, outcome, side)

    def merge(self, other: "Counts") -> None:
        self.mails += other.mails
        self.differ += other.differ
        self.not_ours += other.not_ours
        self.bytes += other.bytes
        for name in ("faults", "changed", "changed_by", "phrases"):
            getattr(self, name).update(getattr(other, name))
        for name in ("fired", "shadow", "unknown", "queues", "outcomes", "languages"):
            mine: dict[str, Pair] = getattr(self, name)
            for key, pair in getattr(other, name).items():
                sum_ = mine.setdefault(key, Pair())
                sum_.before += pair.before
                sum_.after += pair.after

    def as_json(self, compared: bool) -> dict[str, Any]:
        """compared: there was something to compare with; else `before` is left out."""

        def pairs(table: Mapping[str, Pair]) -> dict[str, Any]:
            return {
                name: {"before": one.before, "after": one.after} if compared else one.after
                for name, one in table.items()
            }

        return {
            "mails": self.mails,
            "differ": self.differ,
            "not_ours": self.not_ours,
            "faults": dict(self.faults),
            "rules": pairs(self.fired),
            "shadow": pairs(self.shadow),
            "unknown": pairs(self.unknown),
            "queues": pairs(self.queues),
            "outcomes": pairs(self.outcomes),
            "languages": {name: {"mails": one.before, "differ": one.after} for name, one in self.languages.items()},
            "changed": dict(self.changed.most_common()),
            "changed_by": dict(self.changed_by.most_common()),
        }


def _one_more(table: dict[str, Pair], key: str, side: str) -> None:
    pair = table.setdefault(key, Pair())
    setattr(pair, side, getattr(pair, side) + 1)


OUTCOMES = ("redirected", "held", "urgent", "high", "low", "answered", "given an expectation", "split")


def _outcomes(one: Decision) -> Iterable[str]:
    if one.queue is None:
        return
    if one.hold is not None:
        yield "held"
    elif one.recipients.remove and one.recipients.add:
        yield "redirected"
    if one.priority != "normal":
        yield str(one.priority)
    if one.reply is not None and one.reply.send:
        yield "answered"
    if one.expect is not None:
        yield "given an expectation"
    if one.split:
        yield "split"


# ------------------------------------------------------------------------------------------------------ greedy phrases
def phrases_in(message: Message, ruleset: Ruleset) -> frozenset[int]:
    """The numbers of the phrases that are in the subject or in what the writer wrote."""
    limit = ruleset.settings.max_text
    found: set[int] = set()
    for text in (message.subject, message.new_text[:limit]):
        found.update(ruleset.search.find(Text(text))[0])
    return frozenset(found)


ENOUGH_MAILS = 20


def greedy(counts: Counts, ruleset: Ruleset, share: float) -> tuple[Problem, ...]:
    """W516: phrases of patterns that more than this share (0..1) of the desk's mails have; the greediest first. Too few
    mails say nothing."""
    mails = counts.mails - counts.not_ours
    if mails < ENOUGH_MAILS:
        return ()
    hits = {ruleset.phrases.phrases[number].source: count for number, count in counts.phrases.items()}
    found = []
    for name, pattern in ruleset.file.patterns.items():
        for _, phrase in pattern.phrases:
            count = hits.get(str(phrase), 0)
            if count > share * mails:
                at = phrase.at if phrase.at.line else Location(ruleset.file.source)
                message = f'the phrase "{phrase}" is in {100 * count / mails:.0f} % of the archive ({count} of {mails})'
                found.append((count, Problem("W516", message, at, f"patterns > {name}")))
    return tuple(problem for _, problem in sorted(found, key=lambda one: (-one[0], one[1].location)))
