"""What may stand where: small pieces from which grammar.py puts the whole language together.

One table serves three readers: `read` turns a node into a value or reports why it cannot, `json_schema` tells an editor
the same, `said` and the keys' `doc` tell a person. Blocks are in blocks.py. A piece
that cannot read gives `INVALID` after it has reported; who contains it goes on, so that all mistakes are found at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum
from typing import Any, Final, Protocol

from router.errors import Location, Problem
from router.frozen import dataclass
from router.rules import document, scalars
from router.rules.document import Node, Scalar, Sequence
from router.rules.schema import PLACEHOLDERS, Texts
from router.rules.schema_conditions import Text
from router.rules.suggestions import suggest

MANY = 300


class Invalid(Enum):
    INVALID = "invalid"

    def __bool__(self) -> bool:
        raise TypeError("compare with `is INVALID`")


INVALID: Final = Invalid.INVALID


class Kind(Enum):
    """What a name in the file can be the name of; the value is the word for it in messages."""

    QUEUE = "queue"
    CALENDAR = "calendar"
    HOLIDAYS = "set of holidays"
    CONDITION = "condition"
    PATTERN = "pattern"
    LIST = "list"
    SNIPPET = "snippet"
    CLASSIFIER = "classifier"
    LABEL = "label"
    EXTRACT = "extract"
    CHECKLIST = "checklist"
    ITEM = "checklist item"
    RULE = "rule"
    TAG = "tag"
    LANGUAGE = "language"


def a(noun: str) -> str:
    """With its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that must be the name of something. owner: of a label, its classifier ("" for any)."""

    kind: Kind
    name: Text
    owner: str = ""


@dataclass
class Reader:
    """What is gathered while a tree is read.

    mixed_classifier: the first of the file with two labels, or "". misspelt: sections of the file that were meant, with
    the word that was written, so that what they define is not unknown too.
    """

    languages: tuple[str, ...] = ()
    mixed_classifier: str = ""
    header_prefix: str = "X-Mailrouter-"
    misspelt: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    def problem(self, code: str, at: Location, message: str, suggestion: str | None = None) -> Invalid:
        self.problems.append(Problem(code, message, at, suggestion=suggestion))
        return INVALID

    def suggest(self, word: str, known: Iterable[str]) -> str | None:
        """What was probably meant. A file with very many mistakes is not helped by guesses, which cost time."""
        return suggest(word, known) if len(self.problems) < MANY else None

    def refer(self, kind: Kind, name: Text, owner: str = "") -> None:
        self.references.append(Reference(kind, name, owner))


class Shape(Protocol):
    """said: what stands here, to follow "expected": "a duration such as 4h"."""

    @property
    def said(self) -> str: ...

    def read(self, node: Node, reader: Reader) -> Any: ...

    def json_schema(self) -> dict[str, Any]: ...


_KINDS = {Scalar: "a text", Sequence: "a list", document.Mapping: "a block of keys"}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def wrong_kind(node: Node, said: str, reader: Reader) -> Invalid:
    found = _KINDS[type(node)]
    if isinstance(node, Scalar) and node.refused:
        return INVALID
    if isinstance(node, Scalar) and node.plain and not node.text:
        return reader.problem("E212", node.at, f"expected {said}, found nothing")
    braces = isinstance(node, document.Mapping) and len(node.entries) == 1
    hint = "; a text that begins with { belongs in quotes" if braces and "text" in said else ""
    return reader.problem("E201", node.at, f"expected {said}, found {found}{hint}")


def text_of(node: Node, said: str, reader: Reader, *, empty: bool = False) -> Text | Invalid:
    """The text of a scalar without control characters; `empty`: "" may be written (in quotes)."""
    if not isinstance(node, Scalar):
        return wrong_kind(node, said, reader)
    if node.refused:
        return INVALID
    if not node.text.strip() and not (empty and not node.plain):
        return reader.problem("E212", node.at, f"expected {said}, found nothing")
    if found := _CONTROL.search(node.text):
        return reader.problem("E218", node.at, f"the character U+{ord(found[0]):04X} cannot stand in a text")
    return Text(node.text, node.at)


@dataclass(frozen=True)
class Plain:
    """Any text. empty: may also be ""."""

    said: str = "a text"
    empty: bool = False

    def read(self, node: Node, reader: Reader) -> Any:
        return text_of(node, self.said, reader, empty=self.empty)

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean"], "description": self.said}


@dataclass(frozen=True)
class Typed:
    """A text with a form. keep: the value is the checked text itself, with its place."""

    said: str
    parse: Callable[[str], Any]
    pattern: str = ""
    keep: bool = False
    empty: bool = False

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.said, reader, empty=self.empty)
        if text is INVALID:
            return INVALID
        try:
            value = self.parse(str(text))
        except scalars.Malformed as error:
            return reader.problem(error.code, text.at, error.message, error.suggestion)
        return Text(value, text.at) if self.keep else value

    def json_schema(self) -> dict[str, Any]:
        kinds = ["string", "number"]
        return {"type": kinds, "description": self.said, **({"pattern": self.pattern} if self.pattern else {})}


@dataclass(frozen=True)
class Choice:
    """One of a few words. noun: what they are. code: E213, or what else an unknown one is."""

    noun: str
    values: Mapping[str, Any]

    @property
    def said(self) -> str:
        return f"{a(self.noun)}: {', '.join(self.values)}"

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.said, reader)
        if text is INVALID:
            return INVALID
        if text not in self.values:
            meant = reader.suggest(text, self.values)
            known = "" if meant else f"; it is one of {', '.join(self.values)}"
            return reader.problem("E213", text.at, f'unknown {self.noun} "{short(text)}"{known}', meant)
        return self.values[text]

    def json_schema(self) -> dict[str, Any]:
        words: list[Any] = list(self.values)
        for word, value in (("true", True), ("false", False)):
            if word in words:
                words.append(value)
        return {"enum": words, "description": self.said}


BOOLEAN = Choice("answer", {"true": True, "false": False})
TRUE = Choice("answer", {"true": True})


@dataclass(frozen=True)
class Name:
    """The name of something defined elsewhere in the file. also: words that stand beside the names."""

    kind: Kind
    also: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> str:
        others = "".join(f", or {word}" for word in self.also)
        return f"the name of {a(self.kind.value)}{others}"

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.said, reader)
        if text is INVALID:
            return INVALID
        if text in self.also:
            return self.also[text]
        reader.refer(self.kind, text)
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "description": self.said}


@dataclass(frozen=True)
class Many:
    """A list, given as a tuple. one: a single value may stand without the brackets."""

    of: Shape
    one: bool = False
    least: int = 1

    @property
    def said(self) -> str:
        return f"{self.of.said}, or a list of them" if self.one else f"a list ({self.of.said})"

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, Sequence):
            if self.one:
                value = self.of.read(node, reader)
                return INVALID if value is INVALID else (value,)
            return wrong_kind(node, self.said, reader)
        if len(node.items) < self.least:
            return reader.problem("E212", node.at, f"this list is empty; expected {self.of.said}")
        values = [self.of.read(item, reader) for item in node.items]
        return INVALID if INVALID in values else tuple(values)

    def json_schema(self) -> dict[str, Any]:
        many = {"type": "array", "items": self.of.json_schema(), "minItems": self.least}
        return {"anyOf": [self.of.json_schema(), many]} if self.one else many


@dataclass(frozen=True)
class Template:
    """A text with placeholders. refused: why the others may not stand here."""

    allowed: frozenset[str] = PLACEHOLDERS - {"subject"}
    refused: str = ""
    said: str = "a text"
    line: bool = False

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.said, reader)
        if text is INVALID:
            return INVALID
        if self.line and "\n" in text.strip("\n"):
            return reader.problem("E218", text.at, "this text must be one line")
        return text if check_placeholders(text, self.allowed, reader, self.refused) else INVALID

    def json_schema(self) -> dict[str, Any]:
        names = ", ".join(f"{{{name}}}" for name in sorted(self.allowed))
        return {"type": ["string", "number"], "description": f"{self.said}; may hold {names}" if names else self.said}


def check_placeholders(text: Text, allowed: Iterable[str], reader: Reader, refused: str = "") -> bool:
    allowed = sorted(allowed)
    rest = text
    complete = True
    for found in re.finditer(r"\{([^{}]*)\}", text):
        name = found[1]
        if name not in allowed:
            complete = False
            hint = ""
            if refused and name in PLACEHOLDERS - {"subject"}:
                reader.problem("E306", text.at, f"{{{name}}} cannot stand here: {refused}")
                continue
            if name == "subject":
                hint = "; {subject} may stand only in replies > subject"
            elif not allowed:
                hint = "; no placeholder may stand here"
            message = f"unknown placeholder {{{short(name)}}}{hint}"
            reader.problem("E306", text.at, message, None if hint else reader.suggest(name.strip(), allowed))
    rest = Text(re.sub(r"\{[^{}]*\}", "", text))
    if "{" in rest or "}" in rest:
        complete = False
        reader.problem("E306", text.at, "a brace that stands alone; a placeholder looks like {queue}")
    return complete


@dataclass(frozen=True)
class TextsOf:
    """One text in every language of the file."""

    template: Template = field(default_factory=lambda: Template(frozenset()))

    @property
    def said(self) -> str:
        return "a text for every language, as {en: …}"

    def read(self, node: Node, reader: Reader) -> Any:
        return self.read_named(node, reader)

    def read_named(
        self, node: Node, reader: Reader, name: Text | None = None, noun: str = "this text", at: Location | None = None
    ) -> Any:
        """name, noun: whose text it is, for messages. at: where a missing language is reported."""
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        texts: dict[str, Text] = {}
        complete = True
        for entry in node.entries:
            if entry.key.text not in reader.languages:
                complete = False
                reader.refer(Kind.LANGUAGE, Text(entry.key.text, entry.key.at))
            text = self.template.read(entry.value, reader)
            if text is INVALID:
                complete = False
            else:
                texts[entry.key.text] = text
        present = {entry.key.text for entry in node.entries}
        if missing := [language for language in reader.languages if language not in present]:
            complete = False
            whose = f'{noun} "{name}"' if name else noun
            reader.problem("E305", at or node.at, f"{whose} has no text in {', '.join(missing)}")
        return Texts(texts, at or node.at) if complete else INVALID

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.template.json_schema()}


def short(text: str) -> str:
    """At most 60 characters of it, on one line, for a message."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return line if len(line) <= 60 else line[:57] + "..."
