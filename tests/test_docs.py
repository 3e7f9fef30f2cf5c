"""The manuals say what is there: every command line in docs/ has a command and options that exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from router.cli import COMMANDS, mailrouter

DOCS = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))


def command_lines(path: Path) -> list[list[str]]:
    """The words of each `mailrouter …` line in a block of shell."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r"[|;&]+", line):
                words = shlex.split(command, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*|sudo", words[0]):
                    words = words[1:]
                if words[:1] == ["mailrouter"]:
                    found.append(words[1:])
    return found


def options_of(command: click.Command) -> set[str]:
    named = (one for one in command.params if isinstance(one, click.Option))
    return {"--help"} | {name for one in named for name in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_command_line_exists(path):
    context = click.Context(mailrouter)
    for words in command_lines(path):
        assert words[0] in COMMANDS, words
        command = mailrouter.get_command(context, words[0])
        rest = words[1:]
        if isinstance(command, click.Group):
            command = command.get_command(context, rest[0])
            assert command is not None, words
            rest = rest[1:]
        used = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        assert used <= options_of(command), (words, used - options_of(command))


def test_there_are_command_lines():
    assert sum(len(command_lines(path)) for path in DOCS) > 15
