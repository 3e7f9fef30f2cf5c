"""The whole language from its pieces: a tree in, a `RulesFile` out; and its JSON Schema for editors."""

from collections.abc import Mapping
from typing import Any

from router.errors import Location
from router.rules import blocks, document, scalars, schema
from router.rules.blocks import Block, Key, NamedBlocks, Wrapped, is_name, read_keys
from router.rules.document import Node, Scalar, Sequence
from router.rules.grammar_cases import GIVEN, Cases, Table
from router.rules.grammar_conditions import CONDITION, condition_schema
from router.rules.grammar_rules import Rules
from router.rules.grammar_settings import (
    ACCOUNTS,
    CALENDARS,
    HOLIDAYS,
    LISTS,
    PANEL,
    QUEUES,
    SETTINGS,
    TICKETS,
)
from router.rules.grammar_texts import PHRASE, PROBABILITY
from router.rules.regexes import REGEX
from router.rules.schema_cases import Given
from router.rules.schema_conditions import Field, Text
from router.rules.shapes import (
    INVALID,
    Choice,
    Kind,
    Many,
    Plain,
    Reader,
    Template,
    TextsOf,
    Typed,
    short,
    text_of,
    wrong_kind,
)


# ---------------------------------------------------------------------------------------------------------- classifiers
class _OrModel:
    """A number between 0 and 1, or `model`: the model's own tuned value (None)."""

    said = "a number between 0 and 1, or model"

    def read(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, Scalar) and node.text == "model":
            return None
        return PROBABILITY.read(node, reader)

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["number", "string"], "description": self.said}


def _check_thresholds(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    accept, reject, at = values.get("accept"), values.get("reject"), node.get("accept")
    if accept is not None and reject is not None and at is not None and accept <= reject:
        message = f"accept ({accept:g}) must be greater than reject ({reject:g}); between them the classifier abstains"
        reader.problem("E207", at.at, message)


def _check_classifier(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    _check_thresholds(node, values, reader)
    labels = values.get("labels", ())
    for number, label in enumerate(labels):
        if label in labels[:number]:
            reader.problem("E214", label.at, f'the label "{label}" is given twice')
    per_label = node.get("per_label")
    if labels and isinstance(per_label, document.Mapping):
        for entry in per_label.entries:
            if entry.key.text not in labels:
                message = f'unknown label "{short(entry.key.text)}"'
                reader.problem("E308", entry.key.at, message, reader.suggest(entry.key.text, labels))


_THRESHOLDS = Block(
    "thresholds",
    schema.Thresholds,
    {
        "accept": Key(_OrModel(), "from here on the label is accepted"),
        "reject": Key(_OrModel(), "up to here it is denied"),
    },
    check=_check_thresholds,
)
_CLASSIFIERS = NamedBlocks(
    "classifiers",
    Block(
        "a classifier",
        schema.Classifier,
        {
            "labels": Key(Many(Typed("a label", scalars.label, keep=True)), "what it tells apart", required=True),
            "accept": Key(_OrModel(), "from here on a label is accepted; default: the model's value"),
            "reject": Key(_OrModel(), "up to here a label is denied; default: the model's value"),
            "margin": Key(_OrModel(), "how far the best label must be above the second"),
            "per_label": Key(Table("thresholds by label", _THRESHOLDS), "other thresholds for some labels"),
            "tuned_for": Key(Plain("a model id"), "the model that these numbers belong to"),
        },
        check=_check_classifier,
    ),
)
_TRAINING = Block(
    "training",
    schema.Training,
    {
        "cost": Key(
            Table("costs by true label", Table("costs by predicted label", Typed("a number", scalars.number))),
            "what each mistake costs: {TRUE LABEL: {PREDICTED LABEL: number}}",
            required=True,
        )
    },
)


# ------------------------------------------------------------------------------------------------------------ knowledge
class _Extracts(NamedBlocks):
    """Extracts know their name before they are read: the regex must have a group of that name."""

    def read(self, node: Node, reader: Reader) -> Any:
        extracts = super().read(node, reader)
        if extracts is not INVALID:
            for name, extract in extracts.items():
                if f"(?P<{name}>" not in extract.regex:
                    message = f"this regex needs a group with the name of its extract: (?P<{name}>…)"
                    reader.problem("E309", extract.regex.at, message)
        return extracts


class _ValuesShape:
    """`{SENTENCE: VALUE}`."""

    said = 'sentences with the value in them, as {"contract 104455": "104455"}'
    value = Plain("the value that is found first")

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if not node.entries:
            return reader.problem("E212", node.at, f"no sentence stands here; expected {self.said}")
        found = [(Text(one.key.text, one.key.at), self.value.read(one.value, reader)) for one in node.entries]
        return INVALID if any(value is INVALID for _, value in found) else tuple(found)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.value.json_schema(), "minProperties": 1}


_VALUES = Block(
    "examples",
    lambda at, match=(), no_match=(): (match, no_match),
    {
        "match": Key(_ValuesShape(), "sentences with the value that must be found in them"),
        "no_match": Key(Many(Plain(), one=True), "sentences in which nothing must be found"),
    },
)
_EXTRACT = _Extracts(
    "extracts",
    Block(
        "an extract",
        lambda at, name, regex, examples=((), ()), **values: schema.Extract(
            name, values["in"], regex, values.get("check"), match=examples[0], no_match=examples[1], at=at
        ),
        {
            "in": Key(
                Many(Choice("text field", {str(one): one for one in Field}), one=True), "where to look", required=True
            ),
            "regex": Key(REGEX, "what to look for; sees text in small letters", required=True),
            "check": Key(Choice("check", {"luhn": "luhn", "none": None}), "a check digit that must be right"),
            "examples": Key(_VALUES, "sentences that test the regex"),
        },
    ),
)
_EXAMPLES = Block(
    "examples",
    lambda at, match=(), no_match=(): (match, no_match),
    {
        "match": Key(Many(Plain(), one=True), "sentences that must match"),
        "no_match": Key(Many(Plain(), one=True), "sentences that must not"),
    },
)


class _PatternShape:
    """`{LANG | any: [phrase], examples?: {match, no_match}}`."""

    said = "phrases by language, as {en: [site is down]}"
    phrases = Many(PHRASE, one=True)

    def read(self, node: Node, reader: Reader) -> Any:
        return self.read_named(node, reader)

    def read_named(self, node: Node, reader: Reader, **given: Any) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        found: list[tuple[Text, Text]] = []
        match: tuple[Text, ...] = ()
        no_match: tuple[Text, ...] = ()
        complete = True
        for entry in node.entries:
            if entry.key.text == "examples":
                examples = _EXAMPLES.read(entry.value, reader)
                complete = complete and examples is not INVALID
                match, no_match = ((), ()) if examples is INVALID else examples
                continue
            language = Text(entry.key.text, entry.key.at)
            if language != "any":
                reader.refer(Kind.LANGUAGE, language)
            phrases = self.phrases.read(entry.value, reader)
            complete = complete and phrases is not INVALID
            found.extend((language, phrase) for phrase in (() if phrases is INVALID else phrases))
        if complete and not found:
            return reader.problem("E212", node.at, "this pattern has no phrases")
        return (
            schema.Pattern(phrases=tuple(found), match=match, no_match=no_match, at=node.at, **given)
            if complete
            else INVALID
        )

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"examples": {**_EXAMPLES.json_schema(), "description": "sentences that test the pattern"}},
            "additionalProperties": self.phrases.json_schema(),
        }


_ITEM = Block(
    "an item of a checklist",
    schema.ChecklistItem,
    {
        "id": Key(Typed("a name", scalars.name, keep=True), "its name", required=True),
        "present": Key(CONDITION, "true when the mail says it", required=True),
        "ask": Key(TextsOf(), "how to ask for it, for {missing}", required=True),
    },
)


def _check_checklist(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    seen: dict[str, int] = {}
    for item in values.get("items", ()):
        if item.id in seen:
            message = f'the item "{item.id}" is given twice in this checklist (first at line {seen[item.id]})'
            reader.problem("E214", item.id.at, message)
        seen.setdefault(item.id, item.id.at.line)


_CHECKLISTS = NamedBlocks(
    "checklists",
    Block(
        "a checklist",
        schema.Checklist,
        {
            "use_when": Key(CONDITION, "for which mail it is", required=True),
            "items": Key(Many(_ITEM), "what such a mail should say", required=True),
        },
        check=_check_checklist,
    ),
)
_CONDITIONS = NamedBlocks(
    "conditions", Wrapped(CONDITION, lambda value, name, at: schema.NamedCondition(name, value, at))
)


# -------------------------------------------------------------------------------------------------------------- replies
class _Snippets:
    """NAME -> a text for every language; the order is the order in which an answer says them."""

    said = "snippets by name"
    texts = TextsOf(
        Template(
            schema.ANSWER_PLACEHOLDERS,
            "an answer says nothing that the writer wrote or that is on file; it may say "
            + ", ".join(f"{{{one}}}" for one in sorted(schema.ANSWER_PLACEHOLDERS)),
        )
    )

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        found = {}
        for entry in node.entries:
            name = Text(entry.key.text, entry.key.at)
            texts = self.texts.read_named(entry.value, reader, name=name, noun="snippet", at=entry.key.at)
            if is_name(entry.key, reader) and texts is not INVALID:
                found[entry.key.text] = texts
        return found

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.texts.json_schema()}


_FRAME = Template(frozenset(), "it stands in every answer; say that in a snippet")
_REPLIES = Block(
    "replies",
    schema.Replies,
    {
        "subject": Key(
            TextsOf(
                Template(
                    frozenset({"subject"}), "the Subject of an answer may say {subject} and nothing else", line=True
                )
            ),
            "the Subject of an answer",
            required=True,
        ),
        "open": Key(TextsOf(_FRAME), "its first paragraph", required=True),
        "close": Key(TextsOf(_FRAME), "its last paragraph", required=True),
        "snippets": Key(_Snippets(), "the paragraphs that rules say, in the order they are sent", required=True),
    },
)


# ----------------------------------------------------------------------------------------------------------------- file
class _Version:
    said = "1"

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, "version 1", reader)
        if text is not INVALID and text != "1":
            return reader.problem(
                "E200", text.at, f'this program reads version 1 of the rules, not "{short(text)}"', "1"
            )
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"const": 1}


_LANGUAGES = Many(Typed("a language such as en", scalars.language, keep=True))
FILE: dict[str, Key] = {
    "version": Key(_Version(), "of the language of this file: 1"),
    "name": Key(Plain("a name"), "what the file is for"),
    "languages": Key(_LANGUAGES, "the languages of the desk, the most used first", required=True),
    "settings": Key(SETTINGS, "settings of the desk"),
    "tickets": Key(TICKETS, "how tickets are recognised"),
    "accounts": Key(ACCOUNTS, "how contracts and logins are recognised"),
    "panel": Key(PANEL, "how mail of the control panel's form is recognised"),
    "training": Key(_TRAINING, "what the training of a model must know"),
    "holidays": Key(HOLIDAYS, "sets of holidays"),
    "calendars": Key(CALENDARS, "working hours", required=True),
    "queues": Key(QUEUES, "departments: address, working hours, name", required=True),
    "lists": Key(LISTS, "addresses and other keys to look up"),
    "classifiers": Key(_CLASSIFIERS, "what the model tells apart"),
    "extract": Key(_EXTRACT, "values to find in a text"),
    "patterns": Key(NamedBlocks("patterns", _PatternShape()), "phrases by name and language"),
    "checklists": Key(_CHECKLISTS, "what a report should say"),
    "conditions": Key(_CONDITIONS, "conditions by name, for use:"),
    "replies": Key(_REPLIES, "the texts of automatic answers"),
    "rules": Key(Rules(), "the rules", required=True),
    "test_defaults": Key(GIVEN, "what all tests have in common"),
    "tests": Key(Cases(), "mails with what must become of them"),
}


def read_file(root: Node, reader: Reader) -> schema.RulesFile | None:
    """What could be read, with everything else reported to `reader`; None when it is no block at all."""
    if not isinstance(root, document.Mapping):
        wrong_kind(root, "a block that begins with version: 1", reader)
        return None
    _look_ahead(root, reader)
    if root.get("version") is None:
        reader.problem("E200", root.at, 'the file must say which language it is in; begin it with "version: 1"')
    values, _ = read_keys(root, blocks.FILE, FILE, reader)
    values.pop("version", None)
    for number, language in enumerate(values.get("languages", ())):
        if language in values["languages"][:number]:
            reader.problem("E214", language.at, f'the language "{language}" is given twice')
    defaults = values.get("test_defaults", Given())
    values["tests"] = tuple(_over(case, defaults) for case in values.get("tests", ()))
    empty: dict[str, Any] = {"languages": (), "calendars": {}, "queues": {}, "rules": ()}
    return schema.RulesFile(**(empty | values), at=Location(root.at.file, 1, 1))


def _over(case: schema.Case, defaults: Given) -> schema.Case:
    return schema.Case(case.name, case.given.over(defaults), case.expect, case.at)


def _look_ahead(root: document.Mapping, reader: Reader) -> None:
    """What blocks must know of later ones: the languages, the prefix, the classifier that `mixed: true` means."""
    languages = root.get("languages")
    if isinstance(languages, Sequence):
        reader.languages = tuple(item.text for item in languages.items if isinstance(item, Scalar))
    settings = root.get("settings")
    if isinstance(settings, document.Mapping):
        prefix = settings.get("header_prefix")
        if isinstance(prefix, Scalar) and prefix.text:
            reader.header_prefix = prefix.text
    classifiers = root.get("classifiers")
    if isinstance(classifiers, document.Mapping):
        for entry in classifiers.entries:
            labels = entry.value.get("labels") if isinstance(entry.value, document.Mapping) else None
            if isinstance(labels, Sequence) and len(labels.items) > 1:
                reader.mixed_classifier = entry.key.text
                break


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 7) of rules.yaml, for the completion and hover texts of editors."""
    properties = {key: {**one.shape.json_schema(), "description": one.doc} for key, one in FILE.items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "rules.yaml, version 1",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["version", *(key for key, one in FILE.items() if one.required)],
        "$defs": {"condition": condition_schema()},
    }
