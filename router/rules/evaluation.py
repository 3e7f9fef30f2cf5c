"""One mail under one set of rules: facts that depend on rules.yaml, each found once, and what earlier stages wrote.

Nothing here is seen from outside `decide`; a new mail gets a new Evaluation. Once the time budget is spent, whatever
would still have to be read or looked up answers unknown; what is known stays known.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from router.facts import Facts
from router.frozen import dataclass
from router.logic import Truth, Unknown, unknown
from router.message.addresses import addresses_in
from router.message.envelope import folded
from router.rules.phrases import OutOfTime
from router.rules.ruleset import Extracting, Ruleset
from router.rules.schema import ChecklistItem, Field
from router.rules.schema_conditions import AddressField
from router.rules.text import Text

if TYPE_CHECKING:
    from router.rules.views import AccountView, Labels

OUT_OF_TIME = unknown("out of time")
MAX_VALUES = 100
"""Different values of one extract that are kept of one mail."""
MAX_HEADER_CHARACTERS = 8_192

FIELDS: Mapping[Field, tuple[Field, ...]] = {
    Field.SUBJECT: (Field.SUBJECT,),
    Field.NEW_TEXT: (Field.NEW_TEXT,),
    Field.QUOTED_TEXT: (Field.QUOTED_TEXT,),
    Field.FULL_TEXT: (Field.FULL_TEXT,),
    Field.SIGNATURE: (Field.SIGNATURE,),
    Field.TEXT: (Field.SUBJECT, Field.NEW_TEXT),
}
"""What each field of the language is read from; `text` is two, so that no phrase spans them."""

_HEADER_OF = {
    AddressField.SENDER: "Sender",
    AddressField.REPLY_TO: "Reply-To",
    AddressField.TO: "To",
    AddressField.CC: "Cc",
}


class Searched:
    """A text and what was found in it. hits, groups: None before the search; a search that ran out of time is not one.

    hits: phrase number -> its first and last word. groups: of the phrases found. possible: expressions worth trying;
    foreseen: the same, found with the phrases before anybody asked.
    """

    __slots__ = ("foreseen", "groups", "hits", "possible", "text")

    def __init__(self, text: Text) -> None:
        self.text = text
        self.hits: Mapping[int, tuple[int, int]] | None = None
        self.groups: frozenset[int] | None = None
        self.possible: frozenset[int] | None = None
        self.foreseen: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Extracted:
    """A value found by an extract: as it stands in the mail, folded for comparing, and where."""

    value: str
    compared: str
    where: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the stages before this one wrote. topic: (label, the rule that said so). queue: the slot."""

    tags: frozenset[str] = frozenset()
    fired: frozenset[str] = frozenset()
    topic: tuple[str, str] | None = None
    queue: str | None = None


class Evaluation:
    def __init__(self, facts: Facts, rules: Ruleset, clock: Callable[[], float]) -> None:
        """clock: seconds of our own work."""
        self.facts = facts
        self.rules = rules
        self.now = facts.services.now
        self.local_now = self.now.astimezone(rules.zone)
        self.late = False
        self._telling = False
        self._clock = clock
        self._deadline = clock() + rules.settings.time_budget.total_seconds()
        self.found: dict[Field, frozenset[int]] = {}  # the phrase groups of the fields that were searched
        self._fields: dict[Field, Searched | Unknown] = {}
        self._headers: dict[str, list[Searched]] = {}
        self._addresses: dict[AddressField, tuple[str, ...]] = {}
        self._extracted: dict[str, tuple[Extracted, ...]] = {}
        self._looked_up: dict[tuple[str, str], str | Unknown | None] = {}
        self.labels: dict[str, Labels | Unknown] = {}  # these three belong to views.py
        self.account: AccountView | None = None
        self.missing: tuple[tuple[str, ChecklistItem], ...] | None = None
        self.named: dict[str, Truth] = {}
        self.named_here: dict[str, Truth] = {}  # named conditions that depend on earlier stages
        self.unavailable: dict[str, str] = {}  # what could not be known -> why
        self.earlier = Earlier()
        self.addressed = tuple(dict.fromkeys(one.queue for one in facts.recipients if one.queue))

    def see(self, earlier: Earlier) -> None:
        """Go to another stage."""
        self.earlier = earlier
        self.named_here = {}

    def tell(self) -> None:
        """From here on nothing is decided any more, only explained: what is found out now is no part of the decision,
        and takes no time from it."""
        self._telling = True
        self._deadline = self._deadline if self.late else math.inf

    def lacks(self, what: str, why: str) -> None:
        """Something that a rule asked for could not be known."""
        if not self._telling:
            self.unavailable.setdefault(what, why)

    # ------------------------------------------------------------------------------------------------------------ time
    def out_of_time(self) -> bool:
        """Whether the budget is spent; looked at before everything that takes time."""
        if not self.late and self._clock() > self._deadline:
            self.late = True
            self.lacks("time", f"budget of {self.rules.settings.time_budget.total_seconds():g} s spent")
        return self.late

    # ------------------------------------------------------------------------------------------------------------ text
    def searched(self, field: Field) -> Searched | Unknown:
        """One of the five texts, not yet searched; unknown when the body could not be read."""
        known = self._fields.get(field)
        if known is None:
            known = self._fields[field] = self._searched(field)
        return known

    def _searched(self, field: Field) -> Searched | Unknown:
        message = self.facts.message
        if field is not Field.SUBJECT:
            if message.encrypted:
                return unknown("the message is encrypted")
            if not message.text_known:
                why = next((one.why for one in message.degraded if one.what == "body"), "")
                return unknown("the body could not be decoded" + (f": {why}" if why else ""))
        cap = self.rules.settings.max_text
        # The text does not depend on the rules: a second rules file that runs beside need not normalise it again.
        name = str(field)  # `value` of an enum is a function in Python
        key = f"text {name} {cap}"
        text = self.facts.cache.get(key)
        if not isinstance(text, Text):
            text = self.facts.cache[key] = Text(str(getattr(message, name)), name, cap)
        return Searched(text)

    def header_texts(self, name: str) -> list[Searched]:
        """Every field body of that name."""
        known = self._headers.get(name)
        if known is None:
            bodies = self.facts.message.fields.all(name)
            known = self._headers[name] = [Searched(Text(body, name, MAX_HEADER_CHARACTERS)) for body in bodies]
        return known

    def phrase_hits(self, searched: Searched) -> Mapping[int, tuple[int, int]] | None:
        """None: out of time."""
        if searched.hits is None and not self.out_of_time():
            try:
                searched.hits, searched.foreseen = self.rules.search.find(searched.text, self.out_of_time)
            except OutOfTime:
                return None
            groups = self.rules.groups
            searched.groups = frozenset([group for number in searched.hits for group in groups[number]])
        return searched.hits

    def groups(self, field: Field) -> frozenset[int] | None:
        """The phrase groups that are in a field; None when that cannot be known."""
        known = self.found.get(field)
        if known is None:
            searched = self.searched(field)
            if isinstance(searched, Unknown) or self.phrase_hits(searched) is None or searched.groups is None:
                return None
            known = self.found[field] = searched.groups
        return known

    def matches(self, searched: Searched, expression: int) -> bool | Unknown:
        """Whether an expression is found."""
        possible = self.possible(searched, expression)
        if possible is not True:
            return possible
        return self.rules.expressions.compiled[expression].search(searched.text.normalised) is not None

    def possible(self, searched: Searched, expression: int) -> bool | Unknown:
        """Whether the text has a literal that the expression needs."""
        if searched.possible is None:
            if self.out_of_time():
                return OUT_OF_TIME
            known = searched.foreseen
            searched.possible = self.rules.search.possible(searched.text) if known is None else known
        if expression not in searched.possible:
            return False
        return OUT_OF_TIME if self.out_of_time() else True

    def extracted(self, name: str) -> tuple[Extracted, ...]:
        """The different values of an extract, in the order of its fields and of the text."""
        known = self._extracted.get(name)
        if known is None:
            known = self._extracted[name] = tuple(self._extract(name).values())
        return known

    def _extract(self, name: str) -> dict[str, Extracted]:
        extracting = self.rules.extracts[name]
        found: dict[str, Extracted] = {}
        expression = extracting.expression
        for field in extracting.fields:
            searched = self._fields.get(field)
            if searched is None:
                searched = self.searched(field)
            if isinstance(searched, Unknown) or (searched.possible is not None and expression not in searched.possible):
                continue
            if self.possible(searched, expression) is not True:
                continue
            for one in values_in(searched.text, extracting, self.rules):
                found.setdefault(one.compared, one)
                if len(found) >= MAX_VALUES:
                    return found
        return found

    # --------------------------------------------------------------------------------------------------------- outside
    def look_up(self, name: str, key: str) -> "str | Unknown | None":
        """The value on file, None when the key is not in the list, Unknown when the list cannot be used."""
        if (name, key) in self._looked_up:
            answer = self._looked_up[name, key]
        elif self.out_of_time():
            return OUT_OF_TIME
        else:
            answer = self._looked_up[name, key] = self.facts.services.look_up(name, key)
        if isinstance(answer, Unknown):
            self.lacks(name, "; ".join(answer.causes).removeprefix(f"{name}: "))
        return answer

    def in_list(self, name: str, key: str) -> Truth:
        answer = self.look_up(name, key)
        return answer if isinstance(answer, Unknown) else answer is not None

    # ------------------------------------------------------------------------------------------------------- addresses
    def addresses(self, field: AddressField) -> tuple[str, ...]:
        """Every address in a field, folded, with its detail; the null sender is ""."""
        known = self._addresses.get(field)
        if known is None:
            known = self._addresses[field] = tuple(dict.fromkeys(self._read_addresses(field)))
        return known

    def _read_addresses(self, field: AddressField) -> list[str]:
        if field is AddressField.ENVELOPE_FROM:
            return [folded(self.facts.sender, keep_detail=True)]
        if field is AddressField.ANY_ADDRESS:
            every = [one for one in AddressField if one is not AddressField.ANY_ADDRESS]
            return [address for one in every for address in self.addresses(one)]
        found = []
        author = self.facts.author
        if field is AddressField.FROM and author.address:
            found.append(folded(author.address, keep_detail=True))
            if author.plain:
                return found
        for body in self.facts.message.fields.all(_HEADER_OF.get(field, "From")):
            found += [folded(address, keep_detail=True) for address in addresses_in(body)]
        return found


def values_in(text: Text, extracting: Extracting, rules: Ruleset) -> Iterator[Extracted]:
    """What an extract finds in one text, in its order, repeats included."""
    for start, end in rules.expressions.spans(extracting.expression, extracting.group, text.normalised):
        if start == end:
            continue
        compared = text.normalised[start:end]
        if extracting.extract.check == "luhn" and not luhn(compared):
            continue
        yield Extracted(text.original_of(start, end), compared, text.where)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1); anything but digits is passed over."""
    numbers = [int(digit) for digit in reversed(digits) if digit.isascii() and digit.isdigit()]
    doubled = [number * 2 if place % 2 else number for place, number in enumerate(numbers)]
    return len(numbers) > 1 and sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
