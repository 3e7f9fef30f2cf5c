"""docs/rules.md: its examples are run, its reference is printed from the code."""

import re
from pathlib import Path

import pytest

from router.errors import Severity
from router.rules import cases, document, load, reference
from router.rules.compile import compile_rules

MANUAL = Path(__file__).parents[2] / "docs" / "rules.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.S)


def sections(text: str) -> dict[str, str]:
    """The top-level blocks of an example, as text."""
    starts = [found.start() for found in re.finditer(r"^[a-z_]+:", text, re.M)]
    blocks = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return {block.split(":", 1)[0]: block for block in blocks}


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_loads_and_its_tests_pass(number):
    """Each example, laid over the first (which is a whole file), has no mistakes and passes its tests."""
    whole = sections(EXAMPLES[0]) | sections(EXAMPLES[number])
    data = "".join(whole.values()).encode()
    file, problems = load.check(data, "rules.yaml")
    # an example that replaces one section leaves others unused
    assert [one for one in problems if one.severity is Severity.ERROR or one.code not in ("W503", "W508")] == []
    report = cases.run(compile_rules(file, data))
    assert [(one.name, one.differences) for one in report.tests if not one.ok] == []
    assert not document.read(EXAMPLES[number].encode(), "f").problems


def test_reference_is_printed_from_the_code(request):
    """The last part of the manual is what the loader's own tables say."""
    text = MANUAL.read_text(encoding="utf-8")
    begin, end = text.index(reference.BEGIN), text.index(reference.END) + len(reference.END)
    if request.config.getoption("--rewrite"):
        text = text[:begin] + reference.markdown() + text[end:]
        MANUAL.write_text(text, encoding="utf-8")
        end = text.index(reference.END) + len(reference.END)
    assert text[begin:end] == reference.markdown()
