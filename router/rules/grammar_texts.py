"""Tests on texts, header fields and addresses: their values in rules.yaml. Part of grammar_conditions.py."""

from collections.abc import Callable
from typing import Any

from router.errors import Location
from router.rules import document, scalars
from router.rules import schema_conditions as c
from router.rules.blocks import Block, ByForm, Entry, Key, OneKey
from router.rules.document import Node
from router.rules.regexes import REGEX
from router.rules.schema_conditions import Text
from router.rules.shapes import (
    BOOLEAN,
    INVALID,
    TRUE,
    Choice,
    Kind,
    Many,
    Name,
    Plain,
    Reader,
    Typed,
    short,
    wrong_kind,
)

PHRASE = Typed("a phrase such as site .. not work*", scalars.phrase, keep=True)
DURATION = Typed("a duration such as 30s, 15m, 4h, 7d", scalars.duration, pattern=r"^[0-9]+(ms|s|m|h|d)$")
COUNT = Typed("a number of at least 1", scalars.count)
AMOUNT = Typed("a number of at least 0", scalars.amount)
PROBABILITY = Typed("a number between 0 and 1", scalars.probability)
ADDRESS = Typed("an address such as desk@example.org", scalars.address, keep=True)
DATE = Typed("a date such as 2026-12-31", scalars.day)
OVER = Block("this test", lambda over, at: over, {"over": Key(AMOUNT, "more than so many", required=True)})


def _compare(how: c.Comparison) -> Callable[..., c.Compare]:
    return lambda values, at: c.Compare(how, values, at)


_LENGTH = Typed('a length such as "20 words"', scalars.length, pattern=r"^[0-9]+ (words?|characters?)$")
_TEXTS = Many(Plain(), one=True)
OPERATORS: dict[str, Entry] = {
    "pattern": Entry(Many(Name(Kind.PATTERN), one=True), c.InPattern, "one of these patterns is in it"),
    "words": Entry(Many(PHRASE, one=True), c.Words, "one of these phrases is in it"),
    "contains": Entry(_TEXTS, _compare(c.Comparison.CONTAINS), "it holds one of these texts, also inside words"),
    "is": Entry(_TEXTS, _compare(c.Comparison.IS), "it is one of these texts"),
    "starts_with": Entry(_TEXTS, _compare(c.Comparison.STARTS_WITH), "it begins with one of these"),
    "ends_with": Entry(_TEXTS, _compare(c.Comparison.ENDS_WITH), "it ends with one of these"),
    "regex": Entry(Many(REGEX, one=True), c.Regex, "one of these regular expressions is found in it"),
    "longer_than": Entry(_LENGTH, lambda v, at: c.Length(True, v[0], v[1], at), 'it has more than, as "20 words"'),
    "shorter_than": Entry(_LENGTH, lambda v, at: c.Length(False, v[0], v[1], at), 'it has fewer than, as "5 words"'),
    "empty": Entry(TRUE, lambda v, at: c.Empty(at), "there is nothing in it"),
}
NEGATED = dict.fromkeys(
    ("not_contains", "is_not", "not_in", "does_not_contain", "not_words", "not_pattern"),
    "there are no negated tests; put the test under not: or none:",
)
OPERATOR = OneKey(
    "a text test",
    "a text test has one operator",
    lambda: OPERATORS,
    'put each in a test of its own under "all:" or "any:"',
    ("E211", "text test"),
    "{pattern: site_problem}",
    explain={**NEGATED, **dict.fromkeys(("not", "none"), NEGATED["is_not"])},
)


def text_entry(where: c.Field, doc: str) -> Entry:
    return Entry(OPERATOR, lambda operator, at: c.TextTest(where, operator, at), doc)


class HeaderShape:
    """`{name: N, <text operator>}` or `{name: N, exists: true|false}`."""

    said = "a block with name and one text test, or name and exists"
    NAME = Typed("the name of a header field", scalars.field_name, keep=True)

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if self._misspelt(node, reader):
            return INVALID
        name, exists = node.get("name"), node.get("exists")
        found = INVALID if name is None else self.NAME.read(name, reader)
        if name is None:
            reader.problem("E203", node.at, 'this test needs the key "name": the name of the header field')
        rest = tuple(entry for entry in node.entries if entry.key.text not in ("name", "exists"))
        if exists is not None:
            value = BOOLEAN.read(exists, reader)
            if rest:
                return reader.problem("E210", node.at, "this test has either exists or a text test, not both")
            return INVALID if value is INVALID or found is INVALID else c.HeaderTest(found, None, value, node.at)
        operator = OPERATOR.read(document.Mapping(rest, node.at), reader)
        return INVALID if operator is INVALID or found is INVALID else c.HeaderTest(found, operator, None, node.at)

    def _misspelt(self, node: document.Mapping, reader: Reader) -> bool:
        """Reports `name` or `exists` with a slip in it; slips in a text test are OPERATOR's."""
        own = ("name", "exists")
        for entry in node.entries:
            if entry.key.text not in own and entry.key.text not in OPERATORS:
                meant = reader.suggest(entry.key.text, (*own, *OPERATORS))
                if meant in own:
                    reader.problem("E202", entry.key.at, f'unknown key "{short(entry.key.text)}"', meant)
                    return True
        return False

    def json_schema(self) -> dict[str, Any]:
        properties = dict(OPERATOR.json_schema()["properties"])
        properties["name"] = {"type": "string", "description": "the name of the header field"}
        properties["exists"] = {"enum": [True, False], "description": "whether there is such a field"}
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "required": ["name"],
            "minProperties": 2,
            "maxProperties": 2,
        }


# ------------------------------------------------------------------------------------------------------------ addresses
_ADDRESSES = Many(
    Typed("an address such as olena@example.org", scalars.address_or_null, keep=True, empty=True), one=True
)
_FIELDS = Choice("address field", {str(one): Text(one) for one in c.AddressField if one != "any_address"})
ADDRESS_PARTS = Block(
    "an address test",
    lambda at, **values: next((c.AddressPart(part), value) for part, value in values.items()),
    {
        "is": Key(_ADDRESSES, 'one of these addresses; "" is the null sender'),
        "domain": Key(Many(Typed("a domain", scalars.domain, keep=True), one=True), "its domain is one of these"),
        "domain_in": Key(Name(Kind.LIST), "its domain is in this list"),
        "local_part": Key(Many(Plain("the part before the @"), one=True), "the part before the @ is one of these"),
        "in": Key(Name(Kind.LIST), "the address is in this list"),
        "same_as": Key(_FIELDS, "it is the same address as in that field"),
    },
    one_of=("is", "domain", "domain_in", "local_part", "in", "same_as"),
)


def address_entry(where: c.AddressField, doc: str) -> Entry:
    def build(value: Any, at: Location) -> c.AddressTest:
        part, values = (c.AddressPart.IS, value) if isinstance(value, Text) else value
        return c.AddressTest(where, part, values if isinstance(values, tuple) else (values,), at)

    return Entry(
        ByForm("an address, or a block such as {domain: example.org}", ADDRESS, None, ADDRESS_PARTS), build, doc
    )


RECIPIENT = Block(
    "recipient",
    c.Recipient,
    {
        "queue": Key(Many(Name(Kind.QUEUE), one=True), "the queue that is addressed", attribute="queues"),
        "in": Key(Name(Kind.LIST), "the address is in this list", attribute="in_list"),
        "count": Key(OVER, "how many recipients there are", attribute="count_over"),
    },
    one_of=("queue", "in", "count"),
)
