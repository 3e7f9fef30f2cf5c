"""The only door to PyYAML: bytes in, a tree of texts with places out, or located problems; never another exception.

No scalar is interpreted: `18:00`, `on`, `0123` and `+380…` stay what was written, and schema types them. The tree is
built from libyaml's events without recursion, so that no depth of nesting can exhaust a stack. What makes files
surprising is refused: duplicate keys (E103), anchors, aliases and merge keys (E102), tags (E104), anything but one
UTF-8 document of at most 2 MiB and 50 levels (E105).
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from router.errors import Location, Problem
from router.frozen import dataclass

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 50
MAX_PROBLEMS = 200  # of one kind of damage; a binary file is one mistake, not a million

# libyaml ends a line at each of these, so its line numbers count them
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
# what libyaml's reader refuses; found here first, because it gives only a byte offset
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as written. plain: without quotes, so that an empty one means "no value". refused: it stands for
    something that has been reported already, so nobody else complains of it."""

    text: str
    at: Location
    plain: bool = True
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple["Node", ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Entry:
    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys are different from each other."""

    entries: tuple[Entry, ...]
    at: Location

    def get(self, key: str) -> "Node | None":
        return next((entry.value for entry in self.entries if entry.key.text == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True)
class Document:
    """root: None when the file could not be read as YAML at all. problems: what is wrong with it as YAML."""

    file: str
    text: str
    root: Node | None
    problems: tuple[Problem, ...]

    @cached_property
    def _places(self) -> tuple[dict[tuple[int, int], str], dict[tuple[int, int], str]]:
        return ({}, {}) if self.root is None else _places(self.root)

    def place(self, at: Location, *, key: bool = False) -> str:
        """Where `at` is, in words: `rules[9] technical-mail-to-accounts > then[1]`; "" for no place of this file.

        key: the key that stands there is meant, not the block that begins with it.
        """
        if at.file != self.file:
            return ""
        values, keys = self._places
        place = (at.line, at.column)
        return (key and keys.get(place)) or values.get(place) or keys.get(place, "")


def read(data: bytes, file: str) -> Document:
    """Any bytes. `file` is the name that locations show."""
    whole = Location(file)
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.1f} MiB"
        return Document(file, "", None, (Problem("E105", f"the file has {size}; at most 2 MiB are read", whole),))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Document(file, "", None, (_not_utf8(data, error, file),))
    unreadable = tuple(_unreadable(text, file))
    if unreadable:
        return Document(file, text, None, unreadable)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if not builder.take(event):
                break
    except yaml.YAMLError as error:
        builder.problems.append(_syntax(error, text, file))
        return Document(file, text, None, tuple(builder.problems))
    if builder.root is None and not builder.problems:
        builder.problems.append(Problem("E101", "the file is empty; rules.yaml begins with version: 1", whole))
    return Document(file, text, None if builder.broken else builder.root, tuple(builder.problems))


class _Builder:
    """Events to nodes, with a stack of its own. `broken`: the tree is not to be used."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self.broken = False
        self._open: list[tuple[Event, list[Node]]] = []

    def take(self, event: Event) -> bool:
        """False when reading on makes no sense."""
        if isinstance(event, AliasEvent):
            self._refuse("E102", event, f'"*{event.anchor}" repeats another place of the file; write it out instead')
            self._add(Scalar("", self._at(event), refused=True))
        elif isinstance(event, ScalarEvent):
            self._check(event)
            self._add(Scalar(event.value, self._at(event), plain=event.style in (None, "")))
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._check(event)
            if len(self._open) >= MAX_DEPTH:
                self._refuse("E105", event, f"more than {MAX_DEPTH} blocks inside each other")
                self.broken = True
                return False
            self._open.append((event, []))
        elif isinstance(event, SequenceEndEvent):
            start, nodes = self._open.pop()
            self._add(Sequence(tuple(nodes), self._at(start)))
        elif isinstance(event, MappingEndEvent):
            start, nodes = self._open.pop()
            self._add(self._mapping(start, nodes))
        elif isinstance(event, DocumentStartEvent):
            if event.tags:
                self._refuse("E104", event, "%TAG is not used in rules.yaml; remove the line")
            if self.root is not None:
                self._refuse("E101", event, "not valid here: a second document begins (---); keep one file for each")
                return False
        return True

    def _mapping(self, start: Event, nodes: list[Node]) -> Mapping:
        entries: dict[str, Entry] = {}
        for key, value in zip(nodes[::2], nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                self._problem(
                    "E101",
                    key.at,
                    "a key must be a word, not a list or a block; if a text begins here, put it in quotes",
                )
            elif key.text == "<<" and key.plain:
                self._problem("E102", key.at, 'merge keys ("<<") are not used in rules.yaml; write the keys out')
            elif key.text in entries:
                first = entries[key.text].key.at.line
                self._problem(
                    "E103", key.at, f'key "{key.text}" is given twice in the same block (first at line {first})'
                )
            else:
                entries[key.text] = Entry(key, value)
        return Mapping(tuple(entries.values()), self._at(start))

    def _check(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse("E102", event, f'anchors ("&{event.anchor}") are not used in rules.yaml; remove it')
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse("E104", event, f'tags ("{tag}") are not used in rules.yaml: every value is text; remove it')

    def _add(self, node: Node) -> None:
        if self._open:
            self._open[-1][1].append(node)
        else:
            self.root = node

    def _at(self, event: Event) -> Location:
        mark = event.start_mark
        assert mark is not None  # libyaml marks every event; the stubs allow for hand-made ones
        return Location(self.file, mark.line + 1, mark.column + 1)

    def _refuse(self, code: str, event: Event, message: str) -> None:
        self._problem(code, self._at(event), message)

    def _problem(self, code: str, at: Location, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, message, at))


def lines_of(data: bytes) -> list[str]:
    """The lines of a file as locations count them; what is not UTF-8 is shown as a replacement character."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 shows as noise
        return []
    return _LINE_END.split(data[:MAX_BYTES].decode("utf-8", "replace").removeprefix("\ufeff"))


def _not_utf8(data: bytes, error: UnicodeDecodeError, file: str) -> Problem:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem("E105", "the file is UTF-16; save it as UTF-8", Location(file, 1, 1))
    before = data[: error.start].decode("utf-8")
    return Problem(
        "E105",
        f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8",
        _location_after(before, file),
    )


def _unreadable(text: str, file: str) -> Iterator[Problem]:
    if text.startswith("\ufeff"):
        message = 'the file begins with a byte order mark; save it as "UTF-8" without BOM'
        yield Problem("E105", message, Location(file, 1, 1))
        text = text[1:]
    for count, found in enumerate(_UNREADABLE.finditer(text)):
        if count == 10:
            return
        name = "NUL" if found[0] == "\0" else f"U+{ord(found[0]):04X}"
        at = _location_after(text[: found.start()], file)
        yield Problem("E105", f"the character {name} cannot stand in a YAML file; remove it", at)


def _location_after(before: str, file: str) -> Location:
    lines = _LINE_END.split(before)
    return Location(file, len(lines), len(lines[-1]) + 1)


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or "it cannot be read"
    if mark is None:  # a reader error, which _unreadable should have found first
        return Problem("E101", f"not valid YAML: {said}", Location(file))
    lines = _LINE_END.split(text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    hint = ""
    if "\t" in indent or "\t" in line[mark.column : mark.column + 1]:
        hint = "; indent with spaces, a tab cannot stand here"
    elif "\xa0" in indent:
        hint = "; the line begins with a no-break space, which is not a space; type it anew"
    elif "could not find expected ':'" in said or "mapping values" in said:
        hint = "; a text with a colon in it belongs in quotes" if line.count(":") > 1 else ""
    return Problem("E101", f"not valid YAML: {said}{hint}", Location(file, mark.line + 1, mark.column + 1))


def _places(root: Node) -> tuple[dict[tuple[int, int], str], dict[tuple[int, int], str]]:
    """(line, column) -> where it is, in words; of values, and of keys. Items count from 1, as people do."""
    values: dict[tuple[int, int], str] = {}
    keys: dict[tuple[int, int], str] = {}
    todo: list[tuple[Node, str]] = [(root, "")]
    while todo:
        node, path = todo.pop()
        values[node.at.line, node.at.column] = path
        if isinstance(node, Mapping):
            # {queue: suport} as an item of a list: "then[1]" says it, "then[1] > queue" would say it twice
            lone = len(node.entries) == 1 and path.endswith("]")
            for entry in node.entries:
                key = _short(entry.key.text)
                below = path if lone else f"{path} > {key}" if path else key
                keys[entry.key.at.line, entry.key.at.column] = below
                todo.append((entry.value, below))
        elif isinstance(node, Sequence):
            for number, item in enumerate(node.items, 1):
                todo.append((item, f"{path}[{number}]{_name_of(item)}"))
    return values, keys


def _name_of(item: Node) -> str:
    if isinstance(item, Mapping):
        name = item.get("id") or item.get("name")
        if isinstance(name, Scalar) and name.text:
            return f" {_short(name.text)}"
    return ""


def _short(text: str) -> str:
    """On one line, at most 60 characters, nothing that cannot be printed."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return line if len(line) <= 60 else line[:57] + "..."
