"""The conditions of rules.yaml: every test, what its value looks like and what it means.

`TESTS` is the table of rules-language.md 3.2 with the amendments; the loader, the JSON Schema and the reference in
docs/rules.md are made from it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from router.errors import Location
from router.rules import document, scalars
from router.rules import schema_conditions as c
from router.rules.blocks import Block, ByForm, Entry, Key, Lazy, OneKey, OneOfBlocks
from router.rules.document import Node
from router.rules.grammar_bounces import BOUNCE, bounce_of
from router.rules.grammar_texts import (
    ADDRESS,
    COUNT,
    DATE,
    DURATION,
    NEGATED,
    OVER,
    PROBABILITY,
    RECIPIENT,
    HeaderShape,
    address_entry,
    text_entry,
)
from router.rules.schema_conditions import Text
from router.rules.shapes import (
    INVALID,
    TRUE,
    Choice,
    Kind,
    Many,
    Name,
    Plain,
    Reader,
    Typed,
    wrong_kind,
)
from router.vocabulary import AccountState, AuthState, Automatic, NewQuestion, ThreadState

CONDITION: Lazy = Lazy("condition", "a condition such as {thread: new}", lambda: _CONDITION)
CONDITIONS = Many(CONDITION)


def words_of(kind: type[Any], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The words of an enum as choices."""
    return {str(one): one for one in kind if str(one) not in without}


# ---------------------------------------------------------------------------------------------------------- classifiers
class LabelsShape:
    """`{CLASSIFIER: LABEL}`, or a list of labels."""

    said = "a classifier with its label, as {topic: technical}"
    labels = Many(Plain("a label"), one=True)

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if len(node.entries) != 1:
            return reader.problem(
                "E210", node.at, "classified is one classifier with its label; put several under all: or any:"
            )
        entry = node.entries[0]
        classifier = Text(entry.key.text, entry.key.at)
        reader.refer(Kind.CLASSIFIER, classifier)
        labels = self.labels.read(entry.value, reader)
        if labels is INVALID:
            return INVALID
        for label in labels:
            reader.refer(Kind.LABEL, label, classifier)
        return classifier, labels

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.labels.json_schema(), "maxProperties": 1}


def _check_score(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    if node.get("at_least") is None and node.get("below") is None:
        reader.problem("E203", node.at, "score needs at_least or below")
    if "classifier" in values and "label" in values:
        reader.refer(Kind.LABEL, values["label"], values["classifier"])
    if values.get("at_least", 0) >= values.get("below", 2):
        reader.problem("E207", node.at, "at_least must be smaller than below; no score lies between")


_SCORE = Block(
    "score",
    c.Score,
    {
        "classifier": Key(Name(Kind.CLASSIFIER), "whose score", required=True),
        "label": Key(Plain("a label"), "of which label", required=True),
        "at_least": Key(PROBABILITY, "the least score, itself included"),
        "below": Key(PROBABILITY, "the score it must stay below"),
    },
    check=_check_score,
)


class MixedShape:
    """`true`, or a classifier and the patterns that must be there for each label."""

    said = "true, or {classifier: topic, patterns: {LABEL: [PATTERN]}}"
    patterns = Many(Name(Kind.PATTERN), one=True)

    def read(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, document.Scalar):
            if TRUE.read(node, reader) is INVALID:
                return INVALID
            if not reader.mixed_classifier:
                return reader.problem("E307", node.at, "mixed needs a classifier with at least two labels")
            return c.Mixed(Text(reader.mixed_classifier, node.at))
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if not reader.mixed_classifier and node.get("classifier") is None:
            return reader.problem("E307", node.at, "mixed needs a classifier with at least two labels")
        default = Text(reader.mixed_classifier, node.at)
        block = Block(
            "mixed",
            lambda at, classifier=default, patterns=(): c.Mixed(classifier, patterns),
            {
                "classifier": Key(Name(Kind.CLASSIFIER), "whose labels"),
                "patterns": Key(_LabelPatterns(node.get("classifier"), reader.mixed_classifier), "LABEL: patterns"),
            },
        )
        return block.read(node, reader)

    def json_schema(self) -> dict[str, Any]:
        patterns = {
            "type": "object",
            "additionalProperties": self.patterns.json_schema(),
            "minProperties": 2,
            "description": "for at least two labels, the patterns of which one must be in the text",
        }
        properties = {"classifier": {"type": "string", "description": "whose labels"}, "patterns": patterns}
        return {
            "anyOf": [{"enum": [True]}, {"type": "object", "properties": properties, "additionalProperties": False}]
        }


class _LabelPatterns:
    said = "patterns by label"

    def __init__(self, classifier: Node | None, default: str) -> None:
        self._owner = classifier.text if isinstance(classifier, document.Scalar) else default

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if len(node.entries) < 2:
            return reader.problem("E212", node.at, "mixed needs patterns for at least two labels")
        found = []
        for entry in node.entries:
            label = Text(entry.key.text, entry.key.at)
            reader.refer(Kind.LABEL, label, self._owner)
            found.append((label, MixedShape.patterns.read(entry.value, reader)))
        return INVALID if any(names is INVALID for _, names in found) else tuple(found)

    def json_schema(self) -> dict[str, Any]:
        return {}


# ------------------------------------------------------------------------------------------------------------- the rest
def _known(field: str) -> Callable[..., Any]:
    return lambda value, at: c.Ticket(**{field: value}, at=at)


_TICKET = OneKey(
    "a ticket test",
    "a ticket test has one key",
    lambda: {
        "status": Entry(Choice("status", {"open": "open", "closed": "closed"}), _known("status"), "open or closed"),
        "idle_longer_than": Entry(DURATION, _known("idle_longer_than"), "nothing happened for longer than this"),
        "has_participant": Entry(
            Choice("field", {"from": "from"}), _known("has_participant"), "the author took part in it"
        ),
    },
    "put each in a test of its own",
    ("E211", "ticket test"),
    "{status: closed}",
)
_RESULTS = {word: AuthState(word) for word in ("pass", "fail", "none")}
_RESULT = Choice("result", _RESULTS)
_AUTH = ByForm(
    "a result (pass, fail, none, ambiguous) or {spf: pass}",
    Choice("result", {**_RESULTS, "ambiguous": AuthState.AMBIGUOUS}),
    None,
    OneKey(
        "a check",
        "this is one check",
        lambda: {
            mechanism: Entry(_RESULT, lambda result, at, m=mechanism: c.Auth(result, m), f"the result of {mechanism}")
            for mechanism in ("spf", "dkim", "dmarc", "arc")
        },
        "put each in a test of its own under all: or any:",
        ("E211", "check"),
        "{spf: pass}",
    ),
)
_FOUND = ByForm(
    "the name of an extract, or {name, count}",
    Name(Kind.EXTRACT),
    None,
    Block(
        "found",
        lambda name, at, count=1: c.Found(name, count),
        {
            "name": Key(Name(Kind.EXTRACT), "which extract", required=True),
            "count": Key(COUNT, "at least so many different values"),
        },
    ),
)
_MISSING = OneOfBlocks(
    "missing",
    {
        "checklist": Block(
            "missing",
            c.MissingSome,
            {
                "checklist": Key(Name(Kind.CHECKLIST, {"any": None}), "which checklist, or any", required=True),
                "at_least": Key(COUNT, "at least so many items are missing"),
            },
        ),
        "item": Block(
            "missing", c.MissingItem, {"item": Key(Name(Kind.ITEM), "the id of the missing item", required=True)}
        ),
    },
)
_HOURS = Block(
    "queue_hours",
    lambda queue, at, **values: c.QueueHours(queue, values["is"], at),
    {
        "queue": Key(Name(Kind.QUEUE, {"chosen": None}), "a queue, or chosen: the one that answers", required=True),
        "is": Key(Choice("state", {"open": True, "closed": False}), "open or closed", required=True),
    },
)
_CALENDAR = Block(
    "calendar",
    lambda name, at, **values: c.CalendarIs(name, values["is"], at),
    {
        "name": Key(Name(Kind.CALENDAR), "which calendar", required=True),
        "is": Key(Choice("state", words_of(c.CalendarState)), "the state now", required=True),
    },
)
_TIME = Block(
    "time",
    lambda between, at, days=tuple(range(7)): c.TimeBetween(between[0], between[1], days, at),
    {
        "between": Key(Typed('hours such as "22:00-06:00"', scalars.time_between), "also over midnight", required=True),
        "days": Key(Typed("days such as mon-fri", scalars.days), "only on these days"),
    },
)


def _check_dates(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    if not node.entries:
        reader.problem("E203", node.at, "date needs from or to")
    first, last = values.get("from"), values.get("to")
    if first and last and first > last:
        reader.problem("E204", node.at, "from is later than to")


_DATES = Block(
    "date",
    lambda at, **values: c.DateBetween(values.get("from"), values.get("to"), at),
    {"from": Key(DATE, "the first day"), "to": Key(DATE, "the last day")},
    check=_check_dates,
)
_SIZE = Block(
    "size", lambda over, at: over, {"over": Key(Typed("a size such as 10MB", scalars.size), "larger", required=True)}
)
_ATTACHMENT = OneKey(
    "an attachment test",
    "an attachment test has one key",
    lambda: {
        "type": Entry(
            Many(Typed("a media type such as image/*", scalars.media_type, keep=True), one=True),
            lambda types, at: c.Attachment(types=types),
            "an attachment of this type, as image/*",
        ),
        "name": Entry(
            Many(Plain("a file name, as *.exe"), one=True),
            lambda names, at: c.Attachment(names=names),
            "an attachment named so; * stands for anything",
        ),
        "count": Entry(OVER, lambda over, at: c.Attachment(count_over=over), "more than so many attachments"),
    },
    "put each in a test of its own",
    ("E211", "attachment test"),
    "{type: image/*}",
)


def _keep(value: Any, at: Location) -> Any:
    """The value is the condition already, but for its place."""
    return type(value)(**{name: getattr(value, name) for name in value.__dataclass_fields__ if name != "at"}, at=at)


_AUTOMATIC = Choice("kind of automatic mail", {"any": None, **words_of(Automatic)})
_AT_LEAST = Block(
    "at_least",
    c.AtLeast,
    {"count": Key(COUNT, "how many", required=True), "of": Key(CONDITIONS, "of these conditions", required=True)},
)

TESTS: dict[str, Entry] = {
    "all": Entry(CONDITIONS, c.All, "every one of these conditions"),
    "any": Entry(CONDITIONS, c.AnyOf, "at least one of these conditions"),
    "none": Entry(CONDITIONS, c.NoneOf, "not one of these conditions"),
    "at_least": Entry(_AT_LEAST, _keep, "so many of these conditions"),
    "not": Entry(CONDITION, c.Not, "the condition is false"),
    "use": Entry(Name(Kind.CONDITION), c.Use, "a condition that has a name under conditions:"),
    "always": Entry(TRUE, lambda value, at: c.Always(at), "every mail"),
    "subject": text_entry(c.Field.SUBJECT, "a test on the Subject"),
    "new_text": text_entry(c.Field.NEW_TEXT, "a test on what this writer wrote, without quotes and signature"),
    "signature": text_entry(c.Field.SIGNATURE, "a test on this writer's signature"),
    "quoted_text": text_entry(c.Field.QUOTED_TEXT, "a test on the quoted text"),
    "text": text_entry(c.Field.TEXT, "a test on Subject and new text"),
    "full_text": text_entry(c.Field.FULL_TEXT, "a test on the whole text, quotes included"),
    "header": Entry(HeaderShape(), _keep, "a test on a header field"),
    "from": address_entry(c.AddressField.FROM, "a test on the author (From)"),
    "envelope_from": address_entry(c.AddressField.ENVELOPE_FROM, "a test on the sender of the envelope (MAIL FROM)"),
    "sender": address_entry(c.AddressField.SENDER, "a test on the header field Sender"),
    "reply_to": address_entry(c.AddressField.REPLY_TO, "a test on the header field Reply-To"),
    "to": address_entry(c.AddressField.TO, "a test on the header field To"),
    "cc": address_entry(c.AddressField.CC, "a test on the header field Cc"),
    "any_address": address_entry(c.AddressField.ANY_ADDRESS, "a test on all of these addresses"),
    "recipient": Entry(
        ByForm("an address, or {queue: NAME}", ADDRESS, None, RECIPIENT),
        lambda value, at: c.Recipient(address=value, at=at) if isinstance(value, Text) else _keep(value, at),
        "a test on the recipients of the envelope (RCPT TO)",
    ),
    "sender_in": Entry(Name(Kind.LIST), c.SenderIn, "the author is in this list"),
    "auth": Entry(
        _AUTH,
        lambda value, at: _keep(value, at) if isinstance(value, c.Auth) else c.Auth(value, at=at),
        "whether the author's domain is proven",
    ),
    "account": Entry(
        Many(Choice("state", words_of(AccountState, without=("unknown",))), one=True),
        c.Account,
        "how the contract named in the mail fits its author",
    ),
    "thread": Entry(
        Many(Choice("state", words_of(ThreadState)), one=True), c.Thread, "whether the mail belongs to a ticket"
    ),
    "ticket": Entry(_TICKET, _keep, "what is known about the ticket"),
    "new_question": Entry(
        Choice("answer", words_of(NewQuestion, without=("unknown",))),
        c.NewQuestionIs,
        "whether a reply asks something new",
    ),
    "automatic": Entry(
        Many(_AUTOMATIC, one=True),
        lambda kinds, at: c.AutomaticIs(() if None in kinds else kinds, at),
        "mail that no person wrote to us just now",
    ),
    "submitted": Entry(TRUE, lambda value, at: c.Submitted(at), "the mail server knows who sent it, or it is ours"),
    "panel": Entry(TRUE, lambda value, at: c.Panel(at), "it came from the control panel's form"),
    "encrypted": Entry(TRUE, lambda value, at: c.Encrypted(at), "there is no text to read, it is encrypted"),
    "classified": Entry(
        LabelsShape(), lambda value, at: c.ClassifiedAs(value[0], value[1], at), "the classifier accepted a label"
    ),
    "undecided": Entry(Name(Kind.CLASSIFIER), c.Undecided, "the classifier accepted no label"),
    "score": Entry(_SCORE, _keep, "a classifier's number, for experts"),
    "mixed": Entry(MixedShape(), _keep, "one mail with two matters"),
    "found": Entry(
        _FOUND,
        lambda value, at: c.Found(value, at=at) if isinstance(value, Text) else _keep(value, at),
        "an extract found something",
    ),
    "missing": Entry(_MISSING, _keep, "a report lacks items of a checklist"),
    "queue_hours": Entry(_HOURS, _keep, "whether a queue works now"),
    "calendar": Entry(_CALENDAR, _keep, "the state of a calendar now"),
    "time": Entry(_TIME, _keep, "the time of day"),
    "date": Entry(_DATES, _keep, "the date"),
    "language": Entry(
        Many(Name(Kind.LANGUAGE, {"other": Text("other"), "undetermined": Text("undetermined")}), one=True),
        c.LanguageIs,
        "the language of the text",
    ),
    "size": Entry(_SIZE, c.SizeOver, "the size of the mail"),
    "attachment": Entry(_ATTACHMENT, _keep, "what is attached"),
    "bounce": Entry(BOUNCE, bounce_of, "the news that a mail was not delivered is in it"),
    "tagged": Entry(Many(Name(Kind.TAG), one=True), c.Tagged, "a rule of an earlier stage set this tag"),
    "fired": Entry(Many(Name(Kind.RULE), one=True), c.Fired, "this rule of an earlier stage fired"),
}

_ADVICE = {
    **NEGATED,
    "unless": "write none: with a list of conditions",
    "else": "write a second rule with the opposite condition",
    "xor": 'write at_least: {count: 1, of: […]} and a "none:"',
    "not_all": "write not: {all: […]}",
    "not_any": "write none: with a list of conditions",
    "priority": "that is an action; conditions cannot see it",
    "body": 'write "new_text" (what this writer wrote) or "full_text" (with quotes)',
    "python": "there is no code in rules.yaml",
    "script": "there is no code in rules.yaml",
}
_CONDITION: OneKey = OneKey(
    "a condition",
    "a condition is one test",
    lambda: TESTS,
    'put them under "all:" or "any:"',
    ("E211", "test"),
    "{thread: new}",
    explain={word: advice for word, advice in _ADVICE.items() if word not in TESTS},
    reserved={"expr": '"expr" is reserved for a later version; write conditions as tests, there are no expressions'},
)


def condition_schema() -> dict[str, Any]:
    """The JSON Schema of a condition, for `$defs`."""
    return _CONDITION.json_schema()
