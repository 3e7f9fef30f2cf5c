"""The tests of rules.yaml: a mail with its surroundings (`given`) and what must come out (`expect`)."""

from collections.abc import Mapping
from typing import Any

from router.errors import Location
from router.rules import document, scalars
from router.rules.blocks import Block, ByForm, Key
from router.rules.document import Node
from router.rules.grammar_conditions import words_of
from router.rules.grammar_texts import ADDRESS, PROBABILITY
from router.rules.schema import BLANK
from router.rules.schema_cases import (
    UNAVAILABLE,
    Case,
    Expected,
    ExpectedRedirect,
    ExpectedReply,
    Given,
    GivenThread,
)
from router.rules.schema_conditions import Text
from router.rules.shapes import BOOLEAN, INVALID, Choice, Kind, Many, Name, Plain, Reader, Shape, Typed, wrong_kind
from router.vocabulary import AccountState, AuthState, NewQuestion, Priority, ThreadState

_OCTETS = Text("application/octet-stream")
_NOTHING = Given()
_UNAVAILABLE = Choice("word", {UNAVAILABLE: UNAVAILABLE})
_INSTANT = Typed("a moment such as 2026-03-06T19:40+02:00", scalars.instant)
_NUMBER = Typed("a number", scalars.number)
_RULES = Many(Name(Kind.RULE), least=0)
_TAGS = Many(Name(Kind.TAG), one=True, least=0)


class Table:
    """Any key -> a value of one shape. kind: what the keys are the names of, or None."""

    def __init__(self, said: str, of: Shape, kind: Kind | None = None) -> None:
        self.said, self._of, self._kind = said, of, kind

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        found = {}
        complete = True
        for entry in node.entries:
            if self._kind is not None:
                reader.refer(self._kind, Text(entry.key.text, entry.key.at))
            value = self._of.read(entry.value, reader)
            complete = complete and value is not INVALID
            found[entry.key.text] = value
        return found if complete else INVALID

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self._of.json_schema()}


class Scores:
    """`{CLASSIFIER: {LABEL: p} | unavailable}`."""

    said = "scores by classifier, as {topic: {technical: 0.9}}"
    inner = ByForm("scores by label, or unavailable", _UNAVAILABLE, None, Table("scores by label", PROBABILITY))

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        found = {}
        for entry in node.entries:
            classifier = Text(entry.key.text, entry.key.at)
            reader.refer(Kind.CLASSIFIER, classifier)
            if isinstance(entry.value, document.Mapping):
                for label in entry.value.entries:
                    reader.refer(Kind.LABEL, Text(label.key.text, label.key.at), classifier)
            found[entry.key.text] = self.inner.read(entry.value, reader)
        return INVALID if INVALID in found.values() else found

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.inner.json_schema()}


class _Items:
    """A list of keys without values."""

    said = "a list of addresses or other keys"
    of = Many(Plain(), least=0)

    def read(self, node: Node, reader: Reader) -> Any:
        items = self.of.read(node, reader)
        return INVALID if items is INVALID else dict.fromkeys(items, "")

    def json_schema(self) -> dict[str, Any]:
        return self.of.json_schema()


class _Fields:
    """`{Name: body}`, or a list of bodies for a field that stands several times."""

    said = "header fields, as {Auto-Submitted: auto-replied}"
    name = Typed("the name of a header field", scalars.field_name, keep=True)
    bodies = Many(Plain("the body of the field", empty=True), one=True)

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        found: list[tuple[Text, Text]] = []
        complete = True
        for entry in node.entries:
            name, bodies = self.name.read(entry.key, reader), self.bodies.read(entry.value, reader)
            if name is INVALID or bodies is INVALID:
                complete = False
                continue
            found.extend((name, body) for body in bodies)
        return tuple(found) if complete else INVALID

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.bodies.json_schema()}


_ENVELOPE = Block(
    "the envelope",
    lambda at, **values: values,
    {
        "from": Key(
            Typed("an address", scalars.address_or_null, keep=True, empty=True), 'MAIL FROM; "" is the null sender'
        ),
        "to": Key(Many(ADDRESS, one=True), "RCPT TO"),
        "client": Key(Typed("an IP address", lambda text: str(scalars.network(text)[0]), keep=True), "who delivers it"),
    },
)
_ATTACHMENT = ByForm(
    "a file name, or {name, type, text}",
    Plain("a file name"),
    None,
    Block(
        "an attachment",
        lambda at, name=BLANK, type=_OCTETS, text=BLANK: (name, type, text),
        {
            "name": Key(Plain("a file name"), "its name"),
            "type": Key(Typed("a media type", scalars.media_type, keep=True), "as image/png"),
            "text": Key(Plain("a text"), "what is in it"),
        },
    ),
)
_THREAD = Block(
    "thread",
    GivenThread,
    {
        "ticket": Key(Plain("a ticket number"), "its number"),
        "proven": Key(BOOLEAN, "the sender is known to belong to it"),
        "status": Key(Choice("status", {"open": "open", "closed": "closed"}), "open or closed"),
        "idle_days": Key(_NUMBER, "days since something happened in it"),
        "similarity": Key(PROBABILITY, "of the new text to the ticket's words"),
        "state": Key(Choice("state", words_of(ThreadState)), "the outcome itself"),
        "new_question": Key(Choice("answer", words_of(NewQuestion)), "the detector's answer"),
        "participant": Key(BOOLEAN, "the author took part in it"),
        "acknowledgement": Key(BOOLEAN, "it answers an acknowledgement of ours"),
    },
)
_RESULT = Choice("result", {str(one): str(one) for one in AuthState})
_MECHANISM = Choice(
    "result", {one: one for one in ("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "unknown")}
)


def _given(at: Location, **values: Any) -> Given:
    envelope = values.pop("envelope", {})
    attachments = values.pop("attachments", None)
    return Given(
        **values,
        sender=envelope.get("from"),
        recipients=envelope.get("to"),
        client=envelope.get("client"),
        attachments=None
        if attachments is None
        else tuple(one if isinstance(one, tuple) else (one, _OCTETS) for one in attachments),
        at=at,
    )


GIVEN = Block(
    "given",
    _given,
    {
        "at": Key(_INSTANT, "when it is received", attribute="at_time"),
        "envelope": Key(_ENVELOPE, "who sends to whom"),
        "submitted": Key(BOOLEAN, "the mail server authenticated the client"),
        "panel": Key(BOOLEAN, "it comes from the control panel's form"),
        "headers": Key(_Fields(), "header fields beside Subject"),
        "subject": Key(Plain(empty=True), "the Subject"),
        "body": Key(Plain(empty=True), "the text"),
        "eml": Key(Plain("a path"), "a whole mail as a file, instead of headers, subject and body"),
        "attachments": Key(Many(_ATTACHMENT, least=0), "what is attached"),
        "auth": Key(
            ByForm(
                "a result, or {spf: pass, dkim: none}",
                _RESULT,
                None,
                Block(
                    "auth",
                    lambda at, **values: values,
                    {one: Key(_MECHANISM, f"the result of {one}") for one in ("spf", "dkim", "dmarc", "arc")},
                ),
            ),
            "whether the author's domain is proven",
        ),
        "scores": Key(Scores(), "the model's answers, or unavailable"),
        "lists": Key(
            Table(
                "lists by name",
                ByForm("a table, or unavailable", _UNAVAILABLE, _Items(), Table("a table", Plain(empty=True))),
                Kind.LIST,
            ),
            "what the lists hold, or unavailable",
        ),
        "thread": Key(ByForm("a block, or unavailable", _UNAVAILABLE, None, _THREAD), "the ticket it belongs to"),
    },
)

_NONE = Choice("word", {"none": None})


class _Hold:
    """`true`, `false`, or a reason."""

    said = "true, false or a reason"

    def read(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, document.Scalar) and node.text in ("true", "false"):
            return node.text == "true"
        return Plain(self.said).read(node, reader)

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["boolean", "string"], "description": self.said}


class _ReplyLanguage:
    """`ru`, or `uk+ru`."""

    said = "a language, or several as uk+ru"

    def read(self, node: Node, reader: Reader) -> Any:
        text = Plain(self.said).read(node, reader)
        if text is INVALID:
            return INVALID
        for language in text.split("+"):
            reader.refer(Kind.LANGUAGE, Text(language, text.at))
        return str(text)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "description": self.said}


class _ExpectBy:
    """A moment, or `none`."""

    said = "a moment such as 2026-03-06T23:40+02:00, or none"

    def read(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, document.Scalar) and node.text == "none":
            return "none"
        return _INSTANT.read(node, reader)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "description": self.said}


class _Topic:
    """A label of the classifier `topic`, or `none`."""

    said = "a label of the classifier topic, or none"

    def read(self, node: Node, reader: Reader) -> Any:
        text = Plain(self.said).read(node, reader)
        if text is not INVALID and text != "none":
            reader.refer(Kind.LABEL, text, "topic")
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "description": self.said}


_REPLY = ByForm(
    "none, or a block with language, snippets, contains",
    Choice("word", {"none": ExpectedReply(none=True)}),
    None,
    Block(
        "reply",
        ExpectedReply,
        {
            "language": Key(_ReplyLanguage(), "as ru, or uk+ru"),
            "snippets": Key(Many(Name(Kind.SNIPPET), least=0), "exactly these, in this order"),
            "contains": Key(Many(Plain(), one=True), "texts that must be in it"),
        },
    ),
)
_REDIRECT = ByForm(
    "none, or {from: address, to: address}",
    Choice("word", {"none": ExpectedRedirect()}),
    None,
    Block(
        "redirect",
        lambda at, **values: ExpectedRedirect(values["from"], values["to"], at),
        {
            "from": Key(ADDRESS, "the address taken out", required=True),
            "to": Key(ADDRESS, "the address put in", required=True),
        },
    ),
)
EXPECT = Block(
    "expect",
    Expected,
    {
        "queue": Key(Name(Kind.QUEUE), "who answers"),
        "redirect": Key(_REDIRECT, "the recipient that was replaced, or none"),
        "copy_to": Key(Many(Name(Kind.QUEUE), one=True, least=0), "who gets a copy"),
        "priority": Key(Choice("priority", words_of(Priority)), "the priority"),
        "tags": Key(_TAGS, "tags that must be there"),
        "not_tags": Key(_TAGS, "tags that must not be there"),
        "notes": Key(Many(Plain(), one=True, least=0), "texts that notes must hold"),
        "headers": Key(_Fields(), "header fields that must be added"),
        "hold": Key(_Hold(), "whether a person looks first, or with which reason"),
        "split": Key(BOOLEAN, "whether a new ticket is suggested"),
        "missing": Key(Many(Name(Kind.ITEM), least=0), "exactly the items that are missing"),
        "expect_by": Key(_ExpectBy(), "when the answer is promised, or none"),
        "reply": Key(_REPLY, "the automatic answer, or none"),
        "topic": Key(_Topic(), "the label decided on, or none"),
        "language": Key(Name(Kind.LANGUAGE, {"undetermined": Text("undetermined")}), "the language of the text"),
        "thread": Key(Choice("state", words_of(ThreadState)), "the state of the thread"),
        "account": Key(Choice("state", words_of(AccountState)), "the state of the account"),
        "fired": Key(_RULES, "rules that must fire"),
        "fired_not": Key(_RULES, "rules that must not fire"),
        "unknown": Key(_RULES, "rules whose condition must be unknown"),
        "shadow": Key(_RULES, "rules in shadow that must fire"),
    },
)


def _check_case(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    expect = node.get("expect")
    if isinstance(expect, document.Mapping) and not expect.entries:
        reader.problem("E212", expect.at, "this test expects nothing")
    given = node.get("given")
    if isinstance(given, document.Mapping) and given.get("eml") is not None:
        for key in ("headers", "subject", "body", "attachments"):
            if (other := given.get(key)) is not None:
                reader.problem("E210", other.at, f'a mail given as a file (eml) has its own {key}; leave "{key}" out')


CASE = Block(
    "a test",
    lambda name, expect, at, given=_NOTHING: Case(name, given, expect, at),
    {
        "name": Key(
            Typed("a sentence that says what is promised", scalars.one_line, keep=True),
            "what it promises",
            required=True,
        ),
        "given": Key(GIVEN, "the mail, where it differs from test_defaults"),
        "expect": Key(EXPECT, "what must come out", required=True),
    },
    check=_check_case,
)


class Cases:
    """The list of tests; the ones with mistakes are left out, names are different."""

    said = "a list of tests"

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Sequence):
            return wrong_kind(node, self.said, reader)
        found: list[Case] = []
        lines: dict[str, int] = {}
        for item in node.items:
            case = CASE.read(item, reader)
            name = item.get("name") if isinstance(item, document.Mapping) else None
            if isinstance(name, document.Scalar) and name.text:
                if name.text in lines:
                    message = f"the name of this test is given twice (first at line {lines[name.text]})"
                    reader.problem("E214", name.at, message)
                    continue
                lines[name.text] = name.at.line
            if case is not INVALID:
                found.append(case)
        return tuple(found)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": CASE.json_schema()}
