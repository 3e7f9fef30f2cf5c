"""The reference part of docs/rules.md, printed from the tables that the loader itself reads with."""

from collections.abc import Iterator, Mapping

from router.rules import conditions
from router.rules.blocks import Block, Entry, Key, OneOfBlocks
from router.rules.grammar import FILE
from router.rules.grammar_cases import CASE, GIVEN, Cases
from router.rules.grammar_rules import ACTIONS, RULE, Rules
from router.rules.grammar_texts import OPERATORS
from router.rules.schema import ANSWER_PLACEHOLDERS, PLACEHOLDERS
from router.vocabulary import Stage

BEGIN, END = "<!-- reference: printed by router/rules/reference.py -->", "<!-- end of the reference -->"


def markdown() -> str:
    """From BEGIN to END, both included."""
    lines = [BEGIN, "", *_tables("The file", FILE)]
    lines += ["### Conditions", "", *_conditions()]
    lines += ["### Text tests", "", "| test | true when | value |", "|---|---|---|"]
    lines += [f"| `{word}` | {_cell(entry.doc)} | {_cell(entry.shape.said)} |" for word, entry in OPERATORS.items()]
    lines += ["", "### Actions", "", *_actions()]
    own = PLACEHOLDERS - ANSWER_PLACEHOLDERS - {"subject"}
    lines += ["", "### Placeholders", ""]
    lines.append(f"In snippets, notes and header fields: {_names(ANSWER_PLACEHOLDERS)}.")
    lines.append(f"In notes and header fields alone: {_names(own)}. In the subject of an answer: `{{subject}}` alone.")
    lines += ["", END]
    return "\n".join(lines)


def _names(placeholders: frozenset[str]) -> str:
    return " ".join(f"`{{{name}}}`" for name in sorted(placeholders))


def _tables(title: str, keys: Mapping[str, Key]) -> Iterator[str]:
    """The table of these keys, and behind it the tables of the blocks that stand in them."""
    yield from (f"### {title}", "", "| key | what it is | value |", "|---|---|---|")
    inner: list[tuple[str, Mapping[str, Key]]] = []
    for word, key in keys.items():
        below = {} if key.shape is GIVEN and word == "test_defaults" else _blocks(key.shape)
        needed = " (needed)" if key.required else ""
        yield f"| `{word}` | {_cell(key.doc)}{needed} | {'see below' if below else _cell(key.shape.said)} |"
        path = word if title == "The file" else f"{title}: {word}"
        for kind, block in below.items():
            inner.append((f"{path}, with {kind}" if kind else path, block.keys))
    yield ""
    for path, below_keys in inner:
        yield from _tables(path, below_keys)


def _blocks(shape: object) -> dict[str, Block]:
    """The blocks with a table of their own that this shape holds; with the key that tells them apart, or ""."""
    if isinstance(shape, Block):
        return {"": shape}
    if isinstance(shape, OneOfBlocks):
        return dict(shape.kinds)
    if isinstance(shape, Rules):
        return {"": RULE}
    if isinstance(shape, Cases):
        return {"": CASE}
    for inside in ("block", "of", "shape"):
        if (held := getattr(shape, inside, None)) is not None:
            return _blocks(held)
    return {}


def _conditions() -> Iterator[str]:
    for words, text in conditions.reference().items():
        yield f"**{', '.join(f'`{word}`' for word in words.split())}**"
        yield ""
        yield text
        yield ""


def _actions() -> Iterator[str]:
    yield "| action | what it does | value | several of them | stages |"
    yield "|---|---|---|---|---|"
    for word, (entry, stages, _, joins) in ACTIONS.items():
        where = "any" if len(stages) == len(Stage) else ", ".join(stages)
        yield f"| `{word}` | {_cell(entry.doc)} | {_cell(_said(entry))} | {_cell(joins)} | {where} |"


def _said(entry: Entry) -> str:
    return entry.shape.said


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
