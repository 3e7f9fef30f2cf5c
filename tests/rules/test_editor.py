"""The JSON Schema that editors complete and check rules.yaml with."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from router.rules import document, grammar
from router.rules.document import Mapping, Node, Scalar

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_shipped_schema_is_the_loaders(request):
    """rules.schema.json, which rules.yaml names for editors, is made from the loader's own table."""
    path = ROOT / "rules.schema.json"
    made = json.dumps(grammar.json_schema(), ensure_ascii=False, indent=1) + "\n"
    if request.config.getoption("--rewrite"):
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def as_editor_sees(node: Node) -> Any:
    """YAML 1.2's view of a value: what an editor's own parser makes of it."""
    if isinstance(node, Mapping):
        return {entry.key.text: as_editor_sees(entry.value) for entry in node.entries}
    if isinstance(node, Scalar):
        if node.plain and node.text in ("true", "false"):
            return node.text == "true"
        if node.plain and node.text.lstrip("-").replace(".", "", 1).isdecimal():
            return float(node.text) if "." in node.text else int(node.text)
        return node.text
    return [as_editor_sees(item) for item in node.items]


TYPES = {"string": str, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def accepts(schema: dict[str, Any], value: Any, whole: dict[str, Any]) -> bool:
    """The part of JSON Schema that ours uses."""
    if "$ref" in schema:
        return accepts(whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], value, whole)
    if "anyOf" in schema and not any(accepts(one, value, whole) for one in schema["anyOf"]):
        return False
    if not all(accepts(one, value, whole) for one in schema.get("allOf", ())):
        return False
    if "oneOf" in schema and sum(accepts(one, value, whole) for one in schema["oneOf"]) != 1:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(isinstance(value, TYPES[kind]) for kind in kinds):
        return False
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(
            accepts(schema.get("items", {}), one, whole) for one in value
        )
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        if not set(schema.get("required", ())) <= set(value) or len(value) < schema.get("minProperties", 0):
            return False
        if len(value) > schema.get("maxProperties", len(value)):
            return False
        for key, one in value.items():
            inner = known.get(key, others)
            if inner is False or (isinstance(inner, dict) and not accepts(inner, one, whole)):
                return False
    return True


@pytest.mark.parametrize("path", [ROOT / "rules.yaml", HERE / "desk-de-pl.yaml", HERE / "whole-language.yaml"])
def test_good_files_fit_the_schema(path):
    """No editor underlines what the loader takes, not in any corner of the language."""
    whole = grammar.json_schema()
    value = as_editor_sees(document.read(path.read_bytes(), "f").root)
    wrong = [key for key, one in value.items() if not accepts(whole["properties"][key], one, whole)]
    assert wrong == [] and accepts(whole, value, whole)


@pytest.mark.parametrize(
    "code",
    [
        "E202-unknown-key",
        "E202-unknown-section",
        "E203-missing-key",
        "E210-two-tests",
        "E211-and",
        "E213-stage",
        "E215-reject",
    ],
)
def test_bad_files_do_not(code):
    """Mistakes of shape are underlined while they are typed."""
    whole = grammar.json_schema()
    assert not accepts(
        whole, as_editor_sees(document.read((HERE / "bad" / f"{code}.bad.yaml").read_bytes(), "f").root), whole
    )


def test_every_word_has_a_hover_text():
    """Every key of the language says what it is for."""

    def walk(schema: Any, path: str) -> list[str]:
        found = []
        if isinstance(schema, dict):
            for key, one in schema.get("properties", {}).items():
                if not one.get("description"):
                    found.append(f"{path}.{key}")
            for key, one in schema.items():
                found += walk(one, f"{path}.{key}")
        elif isinstance(schema, list):
            for number, one in enumerate(schema):
                found += walk(one, f"{path}[{number}]")
        return found

    assert walk(grammar.json_schema(), "") == []
