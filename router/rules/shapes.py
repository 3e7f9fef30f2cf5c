"""What may stand where: small pieces from which grammar.py puts the whole language together.

One table serves three readers: `read` turns a node into a value or reports why it cannot, `json_schema` tells an editor
the same, `said` and the keys' `doc` tell a person. A piece that cannot read gives `INVALID` after it has reported; who
contains it goes on, so that all mistakes of a file are found at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol

from router.errors import Location, Problem
from router.rules import document, scalars
from router.rules.document import Node, Scalar, Sequence
from router.rules.schema import PLACEHOLDERS, Texts
from router.rules.schema_conditions import Text
from router.rules.suggestions import suggest


class Invalid(Enum):
    INVALID = "invalid"

    def __bool__(self) -> bool:
        raise TypeError("compare with `is INVALID`")


INVALID: Final = Invalid.INVALID


class Kind(Enum):
    """What a name in the file can be the name of; the value is the word for it in messages."""

    QUEUE = "queue"
    CALENDAR = "calendar"
    HOLIDAYS = "holidays"
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


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that must be the name of something. owner: of a label, its classifier ("" for any)."""

    kind: Kind
    name: Text
    owner: str = ""


@dataclass
class Reader:
    """What is gathered while a tree is read."""

    languages: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    def problem(self, code: str, at: Location, message: str, suggestion: str | None = None) -> Invalid:
        self.problems.append(Problem(code, message, at, suggestion=suggestion))
        return INVALID

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
    if isinstance(node, Scalar) and node.plain and not node.text:
        return reader.problem("E212", node.at, f"expected {said}, found nothing")
    braces = isinstance(node, document.Mapping) and len(node.entries) == 1
    hint = "; a text that begins with { belongs in quotes" if braces and "text" in said else ""
    return reader.problem("E201", node.at, f"expected {said}, found {found}{hint}")


def text_of(node: Node, said: str, reader: Reader, *, empty: bool = False) -> Text | Invalid:
    """The text of a scalar without control characters; `empty`: "" may be written (in quotes)."""
    if not isinstance(node, Scalar):
        return wrong_kind(node, said, reader)
    if not node.text.strip() and not (empty and not node.plain):
        return reader.problem("E212", node.at, f"expected {said}, found nothing")
    if found := _CONTROL.search(node.text):
        return reader.problem("E218", node.at, f"the character U+{ord(found[0]):04X} cannot stand in a text")
    return Text(node.text, node.at)


@dataclass(frozen=True)
class Words:
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
        return f"a {self.noun}: {', '.join(self.values)}"

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.said, reader)
        if text is INVALID:
            return INVALID
        if text not in self.values:
            meant = suggest(text, self.values)
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
        return f"the name of a {self.kind.value}{others}"

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
class Key:
    """One key of a block. attribute: of the value, when it is not named as the key."""

    shape: Shape
    doc: str
    required: bool = False
    attribute: str = ""


@dataclass(frozen=True)
class Block:
    """A block with fixed keys, made by `build(at=…, **values)`. one_of: groups of keys of which exactly one stands.

    `check` sees the value and the keys' nodes and may report more.
    """

    noun: str
    build: Callable[..., Any]
    keys: Mapping[str, Key]
    one_of: tuple[str, ...] = ()
    check: Callable[[document.Mapping, Mapping[str, Any], Reader], None] | None = None

    @property
    def said(self) -> str:
        return f"a block with {', '.join(self.keys)}"

    def read(self, node: Node, reader: Reader) -> Any:
        return self.read_named(node, reader)

    def read_named(self, node: Node, reader: Reader, **given: Any) -> Any:
        """`given`: values that come from outside the block, such as its name."""
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        values, complete = read_keys(node, self.noun, self.keys, reader)
        if self.one_of and sum(key in values for key in self.one_of) != 1:
            present = [entry.key.text for entry in node.entries if entry.key.text in self.one_of]
            if len(present) != 1:
                found = f"this one has {' and '.join(present)}" if present else "this one has none"
                reader.problem("E210", node.at, f"{self.noun} has one of {', '.join(self.one_of)}; {found}")
            complete = False
        if self.check is not None:
            before = len(reader.problems)
            self.check(node, values, reader)
            complete = complete and len(reader.problems) == before
        if not complete:
            return INVALID
        named = {self.keys[key].attribute or key: value for key, value in values.items()}
        return self.build(**named, **given, at=node.at)

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {key: {**one.shape.json_schema(), "description": one.doc} for key, one in self.keys.items()},
            "additionalProperties": False,
        }
        if required := [key for key, one in self.keys.items() if one.required]:
            schema["required"] = required
        if self.one_of:
            schema["oneOf"] = [{"required": [key]} for key in self.one_of]
        return schema


def read_keys(
    node: document.Mapping, noun: str, keys: Mapping[str, Key], reader: Reader
) -> tuple[dict[str, Any], bool]:
    """The values by key, and whether all of them could be read, none is unknown and none is missing."""
    values: dict[str, Any] = {}
    complete = True
    present = {entry.key.text for entry in node.entries}
    for entry in node.entries:
        known = keys.get(entry.key.text)
        if known is None:
            complete = False
            meant = suggest(entry.key.text, (key for key in keys if key not in present))
            hint = "" if meant else f"; {noun} has {', '.join(keys)}"
            reader.problem("E202", entry.key.at, f'unknown key "{short(entry.key.text)}"{hint}', meant)
            continue
        value = known.shape.read(entry.value, reader)
        if value is INVALID:
            complete = False
        else:
            values[entry.key.text] = value
    for key, one in keys.items():
        if one.required and key not in present:
            complete = False
            reader.problem("E203", node.at, f'{noun} needs the key "{key}": {one.doc}')
    return values, complete


@dataclass(frozen=True)
class NamedBlocks:
    """NAME -> block. The name becomes the attribute `name`; what cannot be read is left out."""

    noun: str
    block: "Block | Tagged | Wrapped"

    @property
    def said(self) -> str:
        return f"a block of {self.noun}s by name"

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        found: dict[str, Any] = {}
        for entry in node.entries:
            named = is_name(entry.key, reader)
            value = self.block.read_named(entry.value, reader, name=Text(entry.key.text, entry.key.at))
            if named and value is not INVALID:
                found[entry.key.text] = value
        return found

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{scalars.NAME}$"},
            "additionalProperties": self.block.json_schema(),
        }


def is_name(key: Scalar, reader: Reader) -> bool:
    try:
        scalars.name(key.text)
    except scalars.Malformed as error:
        reader.problem(error.code, key.at, error.message, error.suggestion)
        return False
    return True


@dataclass(frozen=True)
class Wrapped:
    """Another shape, put into a value by `build(value, name=…, at=…)`."""

    shape: Shape
    build: Callable[..., Any]

    @property
    def said(self) -> str:
        return self.shape.said

    def read(self, node: Node, reader: Reader) -> Any:
        return self.read_named(node, reader)

    def read_named(self, node: Node, reader: Reader, **given: Any) -> Any:
        value = self.shape.read(node, reader)
        return INVALID if value is INVALID else self.build(value, **given, at=node.at)

    def json_schema(self) -> dict[str, Any]:
        return self.shape.json_schema()


@dataclass(frozen=True)
class Tagged:
    """Several kinds of block, told apart by which of the keys in `kinds` stands in them."""

    noun: str
    kinds: Mapping[str, Block]

    @property
    def said(self) -> str:
        return f"a block with one of {', '.join(self.kinds)}"

    def read(self, node: Node, reader: Reader) -> Any:
        return self.read_named(node, reader)

    def read_named(self, node: Node, reader: Reader, **given: Any) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        kinds = [entry.key for entry in node.entries if entry.key.text in self.kinds]
        if len(kinds) == 1:
            return self.kinds[kinds[0].text].read_named(node, reader, **given)
        if kinds:
            both = " and ".join(f'"{key.text}"' for key in kinds)
            return reader.problem("E210", node.at, f"{self.noun} has one of {', '.join(self.kinds)}, not {both}")
        for entry in node.entries:
            if meant := suggest(entry.key.text, self.kinds):
                return reader.problem("E202", entry.key.at, f'unknown key "{short(entry.key.text)}"', meant)
        return reader.problem("E203", node.at, f"{self.noun} needs one of the keys {', '.join(self.kinds)}")

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [block.json_schema() for block in self.kinds.values()]}


@dataclass(frozen=True)
class ByForm:
    """A callable discriminator: which shape reads is decided by what stands there, so one mistake is one message."""

    said: str
    text: Shape | None = None
    items: Shape | None = None
    block: Shape | None = None

    def read(self, node: Node, reader: Reader) -> Any:
        shape = self.text if isinstance(node, Scalar) else self.items if isinstance(node, Sequence) else self.block
        return wrong_kind(node, self.said, reader) if shape is None else shape.read(node, reader)

    def json_schema(self) -> dict[str, Any]:
        shapes = [shape.json_schema() for shape in (self.text, self.items, self.block) if shape is not None]
        return {"anyOf": shapes} if len(shapes) > 1 else shapes[0]


@dataclass(frozen=True)
class Lazy:
    """A shape that is defined later or holds itself; `name` is its name in the JSON Schema."""

    name: str
    said: str
    get: Callable[[], Shape]

    def read(self, node: Node, reader: Reader) -> Any:
        return self.get().read(node, reader)

    def json_schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}


@dataclass(frozen=True)
class Template:
    """A text with placeholders."""

    allowed: frozenset[str] = PLACEHOLDERS - {"subject"}
    said: str = "a text"
    line: bool = False

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.said, reader)
        if text is INVALID:
            return INVALID
        if self.line and "\n" in text.strip("\n"):
            return reader.problem("E218", text.at, "this text must be one line")
        return text if check_placeholders(text, self.allowed, reader) else INVALID

    def json_schema(self) -> dict[str, Any]:
        names = ", ".join(f"{{{name}}}" for name in sorted(self.allowed))
        return {"type": ["string", "number"], "description": f"{self.said}; may hold {names}" if names else self.said}


def check_placeholders(text: Text, allowed: Iterable[str], reader: Reader) -> bool:
    allowed = sorted(allowed)
    rest = text
    complete = True
    for found in re.finditer(r"\{([^{}]*)\}", text):
        name = found[1]
        if name not in allowed:
            complete = False
            hint = ""
            if name == "subject":
                hint = "; {subject} may stand only in replies > subject"
            elif not allowed:
                hint = "; no placeholder may stand here"
            message = f"unknown placeholder {{{short(name)}}}{hint}"
            reader.problem("E306", text.at, message, None if hint else suggest(name.strip(), allowed))
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
    """At most 60 characters of it, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
