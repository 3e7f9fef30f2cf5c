"""Shapes that hold others: blocks with fixed keys, blocks by name, choices between them (see shapes.py)."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Protocol

from router.frozen import dataclass
from router.rules import document, scalars
from router.rules.document import Node, Scalar, Sequence
from router.rules.schema_conditions import Text
from router.rules.shapes import INVALID, Reader, Shape, short, wrong_kind

FILE = "rules.yaml"
"""The noun of the outermost block."""


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
            misspelt = any(entry.key.text not in self.keys for entry in node.entries)  # told already
            if len(present) != 1 and not misspelt:
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
    guessed: dict[str, str] = {}
    for entry in node.entries:
        known = keys.get(entry.key.text)
        if known is None:
            complete = False
            meant = reader.suggest(entry.key.text, (key for key in keys if key not in present))
            if meant:
                guessed[meant] = entry.key.text
            hint = "" if meant else f"; {noun} has {', '.join(keys)}"
            if is_cut_text(entry):
                hint = CUT_TEXT
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
            if key in guessed:  # it is there, misspelt: one mistake, one message
                continue
            reader.problem("E203", node.at, f'{noun} needs the key "{key}": {one.doc}')
    if noun == FILE:
        reader.misspelt = guessed
    return values, complete


class NamedShape(Protocol):
    """What can be read with a name that stands outside of it."""

    def read_named(self, node: Node, reader: Reader, *, name: Text) -> Any: ...

    def json_schema(self) -> dict[str, Any]: ...


CUT_TEXT = "; a text with a comma inside { } belongs in quotes"


def is_cut_text(entry: document.Entry) -> bool:
    """Inside braces YAML ends a text at its comma and takes the rest for a key without a value."""
    value = entry.value
    return isinstance(value, Scalar) and value.plain and not value.text and " " in entry.key.text


@dataclass(frozen=True)
class NamedBlocks:
    """NAME -> block. The name becomes the attribute `name`; what cannot be read is left out."""

    noun: str
    block: NamedShape

    @property
    def said(self) -> str:
        return f"{self.noun} by name"

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
class OneOfBlocks:
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
            if meant := reader.suggest(entry.key.text, self.kinds):
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
class Entry:
    """One key of a `OneKey` table: the shape of its value, and `build(value, at=…)`."""

    shape: Shape
    build: Callable[..., Any]
    doc: str


@dataclass(frozen=True)
class OneKey:
    """A block of exactly one key: a condition, a text test, an action. Two are an error, never a silent "and".

    rule: the rule that two keys break. more: what to do with several keys. unknown: the code of an unknown key, and
    what kind of key it is. explain: words with a hint of their own. reserved: words that are refused with E219.
    """

    noun: str
    rule: str
    table: Callable[[], Mapping[str, Entry]]
    more: str
    unknown: tuple[str, str]
    example: str
    explain: Mapping[str, str] = field(default_factory=dict)
    reserved: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> str:
        return f"{self.noun} such as {self.example}"

    def read(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, Sequence):
            return reader.problem("E201", node.at, f"expected {self.said}, found a list; {self.more}")
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if not node.entries:
            return reader.problem("E212", node.at, f"expected {self.said}, found an empty block")
        for entry in node.entries[1:]:
            if is_cut_text(entry):
                return reader.problem("E202", entry.key.at, f'unknown key "{short(entry.key.text)}"{CUT_TEXT}')
        values = [self._entry(entry, node, reader) for entry in node.entries]
        if len(values) > 1:
            keys = ", ".join(short(entry.key.text) for entry in node.entries)
            message = f"{self.rule}: a single key with its value (this block has {len(values)}: {keys}; {self.more})"
            return reader.problem("E210", node.at, message)
        return values[0]

    def _entry(self, entry: document.Entry, node: document.Mapping, reader: Reader) -> Any:
        word = entry.key.text
        if word in self.reserved:
            return reader.problem("E219", entry.key.at, self.reserved[word])
        known = self.table().get(word)
        if known is None:
            code, kind = self.unknown
            if hint := self.explain.get(word.casefold()):
                return reader.problem(code, entry.key.at, f'unknown {kind} "{short(word)}"; {hint}')
            return reader.problem(
                code, entry.key.at, f'unknown {kind} "{short(word)}"', reader.suggest(word, self.table())
            )
        value = known.shape.read(entry.value, reader)
        return INVALID if value is INVALID else known.build(value, at=node.at)

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                word: {**entry.shape.json_schema(), "description": entry.doc} for word, entry in self.table().items()
            },
            "additionalProperties": False,
            # Aside, since yaml-language-server completes nothing on an empty line where it sees that one key is enough.
            "allOf": [{"minProperties": 1, "maxProperties": 1}],
        }
