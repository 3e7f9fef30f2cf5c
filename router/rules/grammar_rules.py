"""Rules and their actions: what an action's value looks like, and in which stages it may stand."""

from collections.abc import Mapping
from typing import Any

from router.rules import document, scalars
from router.rules import schema_actions as a
from router.rules.blocks import Block, Entry, Key, OneKey
from router.rules.document import Node
from router.rules.grammar_conditions import CONDITION, words_of
from router.rules.grammar_texts import DATE
from router.rules.schema import Mode, OnUnknown, Rule
from router.rules.shapes import INVALID, TRUE, Choice, Kind, Many, Name, Plain, Reader, Template, Typed, wrong_kind
from router.vocabulary import HEADERS, Priority, Stage


def _check_redirect(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    if "to" in values and values.get("from") == values["to"]:
        reader.problem("E218", values["to"].at, f'a redirect from "{values["to"]}" to itself does nothing')


_REDIRECT = Block(
    "redirect",
    lambda at, **values: a.Redirect(values["from"], values["to"], at),
    {
        "from": Key(Name(Kind.QUEUE), "the queue that was addressed", required=True),
        "to": Key(Name(Kind.QUEUE), "the queue that gets it instead", required=True),
    },
    check=_check_redirect,
)


class HeaderValue:
    """`{X-Desk-Name: value}`."""

    said = "a header field with its value, as {X-Desk-Name: text}"
    name = Typed("the name of a header field", scalars.field_name, keep=True)
    value = Template(line=True)

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if len(node.entries) != 1:
            return reader.problem("E210", node.at, "header is one field; write a header action for each")
        entry = node.entries[0]
        name = self.name.read(entry.key, reader)
        value = self.value.read(entry.value, reader)
        if name is INVALID or value is INVALID:
            return INVALID
        if not name.casefold().startswith(reader.header_prefix.casefold()):
            meant = reader.header_prefix + name.removeprefix("X-").removeprefix("x-")
            message = f'a rule may add only fields of the own prefix ({reader.header_prefix}), not "{name}"'
            return reader.problem("E218", name.at, message, meant)
        if name[len(reader.header_prefix) :].casefold() in _OWN_FIELDS:
            message = f'the field "{name}" is written by the program itself; choose another name'
            return reader.problem("E218", name.at, message)
        return name, value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.value.json_schema(), "maxProperties": 1}


_REASON = Typed("a reason, in a few words", scalars.one_line, keep=True)
_LABEL = Plain("a label")
_ANY = tuple(Stage)
_BUT_GUARD = _ANY[1:]
_BUT_REPLY = _ANY[:-1]
_OWN_FIELDS = frozenset(name.casefold() for name in HEADERS)


class _Label:
    """A label of the classifier `topic`."""

    said = "a label of the classifier topic"

    def read(self, node: Node, reader: Reader) -> Any:
        label = _LABEL.read(node, reader)
        if label is not INVALID:
            reader.refer(Kind.LABEL, label, "topic")
        return label

    def json_schema(self) -> dict[str, Any]:
        return _LABEL.json_schema()


ACTIONS: dict[str, tuple[Entry, tuple[Stage, ...], type[Any], str]] = {
    # word: (entry, stages, class, how several of them join)
    "set_topic": (
        Entry(_Label(), a.SetTopic, "what the mail is about, above the model"),
        (Stage.CLASSIFY,),
        a.SetTopic,
        "the first rule that writes it",
    ),
    "queue": (
        Entry(Name(Kind.QUEUE), a.SetQueue, "the queue that answers; changes header fields only"),
        (Stage.ROUTE,),
        a.SetQueue,
        "the first rule that writes it",
    ),
    "redirect": (
        Entry(
            _REDIRECT,
            lambda value, at: a.Redirect(value.source, value.target, at),
            "replace one queue's recipient by another's",
        ),
        (Stage.ROUTE,),
        a.Redirect,
        "the first rule that writes it",
    ),
    "copy_to": (
        Entry(Name(Kind.QUEUE), a.CopyTo, "this queue gets the mail too"),
        (Stage.ROUTE,),
        a.CopyTo,
        "all of them",
    ),
    "priority": (
        Entry(Choice("priority", words_of(Priority)), a.SetPriority, "low, normal, high or urgent"),
        _ANY,
        a.SetPriority,
        "the highest; normal if none is written",
    ),
    "tag": (
        Entry(Many(Typed("a tag", scalars.tag, keep=True), one=True), a.AddTags, "a word for the helpdesk, or a list"),
        _ANY,
        a.AddTags,
        "all of them",
    ),
    "note": (
        Entry(Template(said="a note for the agent"), a.AddNote, "a sentence for the person who answers"),
        _ANY,
        a.AddNote,
        "all of them, in the order of the rules",
    ),
    "header": (
        Entry(HeaderValue(), lambda value, at: a.AddHeader(value[0], value[1], at), "a header field of our own prefix"),
        _ANY,
        a.AddHeader,
        "the first rule that writes that field",
    ),
    "split": (
        Entry(TRUE, lambda value, at: a.Split(at), "suggest a new ticket"),
        (Stage.CLASSIFY,),
        a.Split,
        "one is enough",
    ),
    "hold": (
        Entry(_REASON, a.Hold, "a person looks at it before anything else happens"),
        _BUT_REPLY,
        a.Hold,
        "one is enough; all reasons are shown",
    ),
    "say": (
        Entry(Name(Kind.SNIPPET), a.Say, "a paragraph of the automatic answer"),
        _BUT_GUARD,
        a.Say,
        "all of them, in the order of replies: snippets",
    ),
    "no_reply": (
        Entry(_REASON, a.NoReply, "no automatic answer, whatever other rules say"),
        _ANY,
        a.NoReply,
        "one is enough; it beats every say",
    ),
    "expect": (
        Entry(
            Choice("expectation", {"answer": "answer"}),
            lambda value, at: a.ExpectAnswer(at),
            "compute and publish when the first answer comes",
        ),
        (Stage.REPLY,),
        a.ExpectAnswer,
        "one is enough",
    ),
    "stop": (
        Entry(Choice("extent", {"stage": False, "all": True}), a.Stop, "rarely needed: no later stage runs"),
        _ANY,
        a.Stop,
        "takes effect at the end of its stage",
    ),
}

_NO_LOSS = 'mail is never rejected or dropped by a rule; use "hold"'
_LOSING = ("reject", "drop", "discard", "delete", "bounce", "refuse", "deny", "block", "remove", "fail", "kill", "spam")
_ACTION = OneKey(
    "an action",
    "an action is one key",
    lambda: {word: entry for word, (entry, *_) in ACTIONS.items()},
    "write each as an item of its own: [{tag: …}, {say: …}]",
    ("E215", "action"),
    "{tag: redirected}",
    explain={
        **dict.fromkeys(_LOSING, _NO_LOSS),
        "subject": "the Subject is never changed, that would break its signature; use tag",
        "rewrite": "the mail is never changed but for header fields of our own; use tag or note",
        "python": "there is no code in rules.yaml",
        "exec": "there is no code in rules.yaml",
    },
)

_STAGES_OF = {kind: stages for _, stages, kind, _ in ACTIONS.values()}
_WORD_OF = {kind: word for word, (_, _, kind, _) in ACTIONS.items()}


def _check_rule(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    stage = values.get("stage")
    for action in values.get("then", ()) if stage else ():
        stages = _STAGES_OF[type(action)]
        if stage not in stages:
            where = ", ".join(stages)
            message = f'the action "{_WORD_OF[type(action)]}" is not possible in stage {stage}; it may stand in {where}'
            reader.problem("E217", action.at, message)
    since, until = values.get("since"), values.get("until")
    until_node = node.get("until")
    if since and until and until_node and until < since:
        reader.problem("E204", until_node.at, f"until ({until}) is before since ({since})")


RULE = Block(
    "a rule",
    Rule,
    {
        "id": Key(Typed("a name", scalars.name, keep=True), "its name, for logs and tests", required=True),
        "stage": Key(Choice("stage", words_of(Stage)), "guard, classify, route, enrich or reply", required=True),
        "when": Key(CONDITION, "the condition", required=True),
        "then": Key(Many(_ACTION), "what is done", required=True),
        "why": Key(Plain("a reason"), "why the rule is there, for the reader"),
        "mode": Key(Choice("mode", words_of(Mode)), "enforce; shadow: only watched and counted; off"),
        "on_unknown": Key(Choice("answer", words_of(OnUnknown)), "when the condition cannot be known: skip, or hold"),
        "owner": Key(Plain("a person or a team"), "who answers for the rule"),
        "since": Key(DATE, "the day it was written or put into shadow"),
        "until": Key(DATE, "the last day on which it runs"),
    },
    check=_check_rule,
)


class Rules:
    """The list of rules: each is read, the ones with mistakes are left out, ids are different."""

    said = "a list of rules"

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Sequence):
            return wrong_kind(node, self.said, reader)
        found: list[Rule] = []
        lines: dict[str, int] = {}
        for item in node.items:
            rule = RULE.read(item, reader)
            name = item.get("id") if isinstance(item, document.Mapping) else None
            if isinstance(name, document.Scalar) and name.text:
                if name.text in lines:
                    message = f'the rule id "{name.text}" is given twice (first at line {lines[name.text]})'
                    reader.problem("E214", name.at, message)
                    continue
                lines[name.text] = name.at.line
            if rule is not INVALID:
                found.append(rule)
        return tuple(found)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": RULE.json_schema()}
