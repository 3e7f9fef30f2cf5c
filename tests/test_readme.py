"""The README says what is there: its commands, command list, header fields and words are held against the code.

`pytest --rewrite tests/test_readme.py` writes the generated tables anew.
"""

import re
import shlex
from pathlib import Path

import pytest

from router.cli import COMMANDS
from router.vocabulary import GLOSSARY, HEADERS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

TABLES = {
    "headers": {f"`{name}`": form for name, form in HEADERS.items()},
    "commands": {f"`mailrouter {name}`": line for name, (_, line) in COMMANDS.items()},
    "words": GLOSSARY,
}


def rows(table: dict[str, str]) -> str:
    return "".join(f"| {left} | {right} |\n" for left, right in table.items())


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_generated_tables_are_up_to_date(name, request):
    text = README.read_text()
    wanted = f"<!-- {name} -->\n{rows(TABLES[name])}"
    if request.config.getoption("--rewrite"):
        text = re.sub(rf"<!-- {name} -->\n(\|.*\n)*", lambda _: wanted, text)
        README.write_text(text)
    assert wanted in text


def test_every_command_line_of_the_readme_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    seen = 0
    for block in blocks():
        for line in block.splitlines():
            for command in line.split("|"):
                words = shlex.split(command, comments=True)
                if words[:1] == ["make"]:
                    assert set(words[1:]) <= targets, line
                    seen += 1
                elif words[:1] == ["mailrouter"]:
                    assert words[1] in COMMANDS, line
                    seen += 1
    assert seen > 8


def test_files_that_the_readme_names_exist():
    for name in re.findall(r"`((?:docs|router|tests|models|rules)[\w./-]*)`", README.read_text()):
        assert (ROOT / name).exists() or (ROOT / "router" / name).exists(), name


def test_every_command_has_help_with_an_example():
    from click.testing import CliRunner

    from router.cli import mailrouter

    for name in COMMANDS:
        result = CliRunner().invoke(mailrouter, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert f"mailrouter {name}" in result.output.split("Options:")[0].split("Usage:", 1)[1].split("\n", 1)[1], name


def test_every_room_stands_on_its_floor_of_the_readme():
    """The README's picture of the house is the one that the architecture test holds the imports to."""
    from tests.test_architecture import FLOORS

    table = dict(re.findall(r"^\| (\d+) \| (.*) \|$", README.read_text(), re.MULTILINE))
    for number, floor in enumerate(FLOORS):
        for room in floor:
            if (ROOT / "router" / room).is_dir() or (ROOT / "router" / f"{room}.py").exists():
                assert re.search(rf"`{room}(/|\.py)`", table[str(number)]), f"{room} is not on floor {number}"
