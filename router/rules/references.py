"""Every name of a rules file is the name of something (E300-E319); what is unknown gets a suggestion."""

from collections.abc import Iterable, Iterator

from router.message.envelope import folded
from router.rules import schema_actions as a
from router.rules import schema_conditions as c
from router.rules.document import Entry, Mapping, Node, Scalar, Sequence
from router.rules.schema import MODERATION, OnUnknown, Rule, RulesFile
from router.rules.shapes import Kind, Reader, Reference, short
from router.rules.walk import conditions_of, walk
from router.vocabulary import Stage

_CODES = {
    Kind.QUEUE: "E300",
    Kind.CALENDAR: "E301",
    Kind.HOLIDAYS: "E301",
    Kind.CONDITION: "E302",
    Kind.PATTERN: "E303",
    Kind.LIST: "E304",
    Kind.CLASSIFIER: "E307",
    Kind.LABEL: "E308",
    Kind.EXTRACT: "E311",
    Kind.SNIPPET: "E313",
    Kind.CHECKLIST: "E314",
    Kind.ITEM: "E314",
    Kind.RULE: "E315",
    Kind.TAG: "E316",
    Kind.LANGUAGE: "E317",
}
_SECTIONS = {
    Kind.QUEUE: "queues",
    Kind.CALENDAR: "calendars",
    Kind.HOLIDAYS: "holidays",
    Kind.CONDITION: "conditions",
    Kind.PATTERN: "patterns",
    Kind.LIST: "lists",
    Kind.CLASSIFIER: "classifiers",
    Kind.EXTRACT: "extract",
    Kind.CHECKLIST: "checklists",
}
_SHOWN = 8


class Names:
    """What the file defines, read from the tree, so that a mistake in a queue does not make its name unknown too."""

    def __init__(self, root: Node, reader: Reader) -> None:
        self._root = root if isinstance(root, Mapping) else Mapping((), root.at)
        self._written = reader.misspelt
        self._known: dict[Kind, tuple[str, ...]] = {
            kind: tuple(_keys(self._section(section))) for kind, section in _SECTIONS.items()
        }
        self._known[Kind.LANGUAGE] = reader.languages
        replies = self._section("replies")
        self._known[Kind.SNIPPET] = tuple(_keys(replies.get("snippets") if isinstance(replies, Mapping) else None))
        rules = [rule for rule in _items(self._section("rules")) if isinstance(rule, Mapping)]
        self._known[Kind.RULE] = tuple(_texts(rule.get("id") for rule in rules))
        actions = [action for rule in rules for action in _items(rule.get("then")) if isinstance(action, Mapping)]
        self._known[Kind.TAG] = tuple(_texts(one for action in actions for one in _one_or_many(action.get("tag"))))
        checklists = [entry.value for entry in _entries(self._section("checklists"))]
        items = [
            item
            for checklist in checklists
            if isinstance(checklist, Mapping)
            for item in _items(checklist.get("items"))
            if isinstance(item, Mapping)
        ]
        self._known[Kind.ITEM] = tuple(_texts(item.get("id") for item in items))
        self._labels = {
            entry.key.text: tuple(_texts(_items(entry.value.get("labels"))))
            for entry in _entries(self._section("classifiers"))
            if isinstance(entry.value, Mapping)
        }

    def _section(self, name: str) -> Node | None:
        return self._root.get(self._written.get(name, name))

    def has_section(self, name: str) -> bool:
        return self._section(name) is not None

    def known(self, reference: Reference) -> tuple[str, ...]:
        """The names that this one could be."""
        if reference.kind is Kind.LABEL:
            return self._labels.get(reference.owner, ())
        return self._known[reference.kind]

    def has_classifier(self, name: str) -> bool:
        return name in self._known[Kind.CLASSIFIER]


def resolve(root: Node, file: RulesFile, reader: Reader) -> None:
    """Reports to `reader` every name that names nothing, and what else only the whole file shows."""
    names = Names(root, reader)
    for reference in reader.references:
        _resolve(reference, names, reader)
    _circles(file, reader)
    _addresses(file, reader)
    _moderation(file, names, reader)
    for rule in file.rules:
        _stages(rule, file, reader)
    if file.accounts is None and not names.has_section("accounts"):
        for condition in conditions_of(file):
            if isinstance(condition, c.Account):
                reader.problem("E203", condition.at, 'the test "account" needs the section "accounts" in the file')


def _resolve(reference: Reference, names: Names, reader: Reader) -> None:
    name, kind = reference.name, reference.kind
    known = names.known(reference)
    if name in known:
        return
    if kind is Kind.LABEL and not names.has_classifier(reference.owner):
        if reference.owner == "topic" and not any(
            one.kind is Kind.CLASSIFIER and one.name == "topic" for one in reader.references
        ):
            reader.problem(
                "E307", name.at, f'there is no classifier "topic", of which "{short(name)}" could be a label'
            )
        return
    if kind is Kind.LANGUAGE and name == "undetermined":
        return
    meant = reader.suggest(name, known)
    whose = f' of classifier "{short(reference.owner)}"' if kind is Kind.LABEL else ""
    hint = ""
    if meant is None:
        distinct = tuple(dict.fromkeys(known))
        hint = f"; there is {', '.join(distinct)}" if 0 < len(distinct) <= _SHOWN else ""
        if not distinct:
            hint = f"; the file has no {'holidays' if kind is Kind.HOLIDAYS else kind.value + 's'}"
    what = f"unknown {kind.value}"
    if kind is Kind.TAG:
        what = "no rule writes the tag"
    reader.problem(_CODES[kind], name.at, f'{what} "{short(name)}"{whose}{hint}', meant)


def _circles(file: RulesFile, reader: Reader) -> None:
    """E312: a named condition that uses itself, by whatever way round. Each circle is told once."""
    uses = {
        name: [one for one in walk(named.condition) if isinstance(one, c.Use)]
        for name, named in file.conditions.items()
    }
    done: set[str] = set()
    for start in uses:
        path: list[str] = []
        todo: list[tuple[str, int]] = [(start, 0)]
        while todo:
            name, number = todo.pop()
            if number == 0:
                if name in done:
                    continue
                path.append(name)
            if number == len(uses.get(name, ())):
                done.add(name)
                path.pop()
                continue
            todo.append((name, number + 1))
            use = uses[name][number]
            if use.name in path:
                circle = [*path[path.index(use.name) :], str(use.name)]
                reader.problem("E312", use.name.at, f"this condition uses itself: {' > '.join(circle)}")
            elif use.name in uses:
                todo.append((use.name, 0))


def _addresses(file: RulesFile, reader: Reader) -> None:
    seen: dict[str, str] = {}
    for queue in file.queues.values():
        for address in (queue.address, *queue.aliases):
            owner = seen.setdefault(folded(address), queue.name)
            if owner != queue.name:
                reader.problem("E318", address.at, f'the address "{address}" belongs to queue "{owner}" already')


def _moderation(file: RulesFile, names: Names, reader: Reader) -> None:
    """Held mail must have somewhere to go (amendment 6)."""
    if file.settings.hold is not MODERATION:
        return
    if MODERATION in names.known(Reference(Kind.QUEUE, MODERATION)):
        return
    for rule in file.rules:
        holds = [action for action in rule.then if isinstance(action, a.Hold)]
        if holds or rule.on_unknown is OnUnknown.HOLD:
            at = holds[0].at if holds else rule.at
            message = 'unknown queue "moderation", where held mail goes; add it, or name another in settings: hold'
            reader.problem("E300", at, message)
            return


def _stages(rule: Rule, file: RulesFile, reader: Reader) -> None:
    """What a rule cannot see in its stage: the chosen queue before it is chosen, tags and rules of its own stage."""
    order = list(Stage)
    earlier = order[: order.index(rule.stage)]
    for condition in walk(rule.when, file.conditions):
        if isinstance(condition, c.QueueHours) and condition.queue is None and Stage.ROUTE not in earlier:
            message = f'"queue: chosen" is known from stage enrich on; rule "{rule.id}" is in stage {rule.stage}'
            reader.problem("E217", condition.at, message)
        elif isinstance(condition, c.Fired):
            for name in condition.rules:
                other = next((one for one in file.rules if one.id == name), None)
                if other is not None and other.stage not in earlier:
                    message = f'rule "{name}" is in stage {other.stage}, which is not before {rule.stage}'
                    reader.problem("E217", name.at, f'{message}; a rule of its own stage is not seen by "{rule.id}"')
        elif isinstance(condition, c.Tagged):
            for tag in condition.tags:
                writers = [one for one in file.rules if tag in _tags(one)]
                if writers and not any(one.stage in earlier for one in writers):
                    message = f'the tag "{tag}" is written in stage {writers[0].stage}, not before {rule.stage}'
                    reader.problem("E217", tag.at, f'{message}; rule "{rule.id}" cannot see it')


def _tags(rule: Rule) -> Iterator[str]:
    for action in rule.then:
        if isinstance(action, a.AddTags):
            yield from action.tags


# -------------------------------------------------------------------------------------------------------- the bare tree
def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


def _keys(node: Node | None) -> Iterator[str]:
    return (entry.key.text for entry in node.entries) if isinstance(node, Mapping) else iter(())


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _one_or_many(node: Node | None) -> tuple[Node, ...]:
    return _items(node) if isinstance(node, Sequence) else () if node is None else (node,)


def _texts(nodes: Iterable[Node | None]) -> Iterator[str]:
    return (node.text for node in nodes if isinstance(node, Scalar))
