"""Regular expressions on google-re2, each run only on texts that hold a literal it cannot do without.

RE2 is linear in the text. Expressions see normalised text; `required` reads from the expression itself which literals,
one of which must be there, it needs: `contract\\s{0,3}[0-9]{4,8}` needs "contract". Where none can be told the
expression always runs.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import re2
from ahocorasick_rs import AhoCorasick

from router.frozen import dataclass

MAX_LITERALS = 48  # alternatives kept for one expression; more cost more than they save
MAX_MEMORY_BYTES = 16 << 20
_NO_LIMIT = 1_000
_ANYWHERE = re2._re2.RE2.Anchor.UNANCHORED
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}


class ExpressionBook:
    """All expressions of a rules file, numbered as they were given; the loader has checked that RE2 takes them."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.sources = tuple(sources)
        options = re2.Options()
        options.log_errors = False
        options.max_mem = MAX_MEMORY_BYTES
        self.compiled: tuple[Any, ...] = tuple(re2.compile(source, options) for source in self.sources)
        self._bare = tuple(one._regexp for one in self.compiled)
        literals: dict[str, list[int]] = {}
        always = []
        for number, source in enumerate(self.sources):
            needed = required(source)
            if needed is None:
                always.append(number)
            for literal in needed or ():
                literals.setdefault(literal, []).append(number)
        self._always = frozenset(always)
        self._users = [tuple(numbers) for numbers in literals.values()]
        self.literals = tuple(literals)
        self._automaton: AhoCorasick | None = None  # made when it is first asked for: most often C is asked

    def spans(self, number: int, group: int, normalised: str) -> Iterator[tuple[int, int]]:
        """Where a group of an expression stands, for each match that has it: (start, end) in characters.

        The same as `finditer` of the wrapper, whose generator and match objects cost more than RE2 does.
        """
        find, data = self._bare[number].Match, normalised.encode()
        at, end = 0, len(data)
        passed, characters = 0, 0  # so many bytes, and the characters they are
        while True:
            spans = find(_ANYWHERE, data, at, end)
            whole_end = spans[0][1]
            if whole_end < 0:
                return
            start, stop = spans[group]
            if start >= 0:
                if end == len(normalised):
                    yield start, stop
                else:  # bytes are not characters; each is counted once, however many matches there are
                    characters += len(data[passed:start].decode())
                    passed = start
                    yield characters, characters + len(data[start:stop].decode())
            if at == end:
                return
            # An empty match, where the search began, is not found for ever.
            at = whole_end if whole_end > at else at + len(data[at : at + 4].decode("utf-8", "ignore")[:1].encode())

    def possible(self, normalised: str) -> frozenset[int]:
        """The numbers of the expressions that could be found in this text."""
        if not self.literals:
            return self._always
        if self._automaton is None:
            self._automaton = AhoCorasick(self.literals, store_patterns=False)
        return self.of_literals(
            {hit[0] for hit in self._automaton.find_matches_as_indexes(normalised, overlapping=True)}
        )

    def of_literals(self, hits: Collection[int]) -> frozenset[int]:
        """The same, of the literals that are in it: their numbers in `literals`."""
        return self._always.union(*(self._users[hit] for hit in hits)) if hits else self._always


def required(source: str) -> frozenset[str] | None:
    """Literals of which at least one is in every text that the expression is found in; None when none can be told.

    Understands what rules are written with (literals, classes, groups, alternatives, repeats) and gives up on the rest.
    """
    try:
        reader = _Reader(source)
        node = reader.alternatives()
    except _NotUnderstood:
        return None
    needed = node.best() if reader.at_end() else None
    # "login" is in every text that "login:" is in.
    return needed and frozenset(one for one in needed if not any(other in one for other in needed - {one}))


class _NotUnderstood(Exception):
    """The expression has something in it that `_Reader` does not know."""


@dataclass(frozen=True, slots=True)
class _Node:
    """exact: every text it matches, if they are few. needed: texts of which one is in every match, if known."""

    exact: frozenset[str] | None
    needed: frozenset[str] | None = None

    def best(self) -> frozenset[str] | None:
        own = self.exact if self.exact and "" not in self.exact else None
        return _better(own, self.needed)


_EMPTY = _Node(frozenset({""}))
_ANYTHING = _Node(None)


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The more selective: the one whose shortest literal is longer."""
    known = [literals for literals in (one, other) if literals]
    return max(known, key=lambda literals: (min(map(len, literals)), -len(literals)), default=None)


def _joined(nodes: list[_Node]) -> _Node:
    """One node after the other."""
    run: frozenset[str] = frozenset({""})
    needed: frozenset[str] | None = None
    whole = True
    for node in nodes:
        if node.exact is not None and len(run) * len(node.exact) <= MAX_LITERALS:
            run = frozenset(left + right for left in run for right in node.exact)
            continue
        whole = False
        needed = _better(_better(needed, _Node(run).best()), node.best())
        run = node.exact if node.exact is not None else frozenset({""})
    return _Node(run) if whole else _Node(None, _better(needed, _Node(run).best()))


def _either(nodes: list[_Node]) -> _Node:
    if len(nodes) == 1:
        return nodes[0]
    return _Node(_union([node.exact for node in nodes]), _union([node.best() for node in nodes]))


def _union(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    """All of them; None when one is not known, or when they are too many to be worth it."""
    known = [one for one in sets if one is not None]
    union = frozenset[str]().union(*known)
    return union if len(known) == len(sets) and len(union) <= MAX_LITERALS else None


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._source)

    def alternatives(self) -> _Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return _either(branches)

    def _sequence(self) -> _Node:
        nodes: list[_Node] = []
        while not self.at_end() and self._source[self._at] not in "|)":
            nodes.append(self._repeated(self._atom()))
        return _joined(nodes)

    def _take(self, text: str) -> bool:
        if self._source.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self.at_end():
            raise _NotUnderstood
        self._at += 1
        return self._source[self._at - 1]

    def _atom(self) -> _Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "^$":
            return _EMPTY
        if char == ".":
            return _ANYTHING
        if char in "*+?{":
            raise _NotUnderstood
        return _Node(frozenset({char}))

    def _group(self) -> _Node:
        if self._take("?"):
            if self._take("P<") or self._take("<"):
                while self._next() != ">":
                    pass
            elif not self._take(":"):
                raise _NotUnderstood  # flags change what a literal means
        node = self.alternatives()
        if not self._take(")"):
            raise _NotUnderstood
        return node

    def _escape(self) -> _Node:
        char = self._next()
        if char in "pP":
            if self._next() == "{":
                while self._next() != "}":
                    pass
            return _ANYTHING
        if char in "dDsSwW":
            return _ANYTHING
        if char in "AzbB":
            return _EMPTY
        if char in _CONTROLS:
            return _Node(frozenset({_CONTROLS[char]}))
        if char.isalnum():
            raise _NotUnderstood  # \x, \Q … and octal
        return _Node(frozenset({char}))

    def _class(self) -> _Node:
        negated = self._take("^")
        members: set[str] | None = set()
        first = True
        while first or not self._take("]"):
            first = False
            char = self._next()
            if char == "[" and self._source.startswith(":", self._at):
                raise _NotUnderstood
            if char == "\\":
                node = self._escape()
                char = next(iter(node.exact)) if node.exact else ""
            ranged = self._source.startswith("-", self._at) and not self._source.startswith("-]", self._at)
            if ranged:
                self._next()
                if self._next() == "\\":
                    self._escape()
            if ranged or not char:
                members = None
            elif members is not None:
                members.add(char)
        return _ANYTHING if negated or not members or len(members) > 4 else _Node(frozenset(members))

    def _repeated(self, node: _Node) -> _Node:
        while (bounds := self._repeat()) is not None:
            self._take("?")
            least, most = bounds
            if least == most == 1:
                continue
            if least == 0:
                node = _Node(node.exact | {""} if node.exact is not None and most == 1 else None)
            elif node.exact is not None and least == most <= 8 and len(node.exact) == 1:
                node = _Node(frozenset(text * least for text in node.exact))
            else:
                node = _Node(None, node.best())
        return node

    def _repeat(self) -> tuple[int, int] | None:
        """(least, most) of the repeat that stands here; None when none does."""
        for sign, bounds in {"*": (0, _NO_LIMIT), "+": (1, _NO_LIMIT), "?": (0, 1)}.items():
            if self._take(sign):
                return bounds
        if not self._take("{"):
            return None
        inside = ""
        while (char := self._next()) != "}":
            inside += char
        least, comma, most = inside.partition(",")
        if not least.isdigit() or (most and not most.isdigit()):
            raise _NotUnderstood  # a literal brace
        return int(least), int(least) if not comma else int(most) if most else _NO_LIMIT
