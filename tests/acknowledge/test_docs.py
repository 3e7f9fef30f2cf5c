"""docs/acknowledge.md says what the program does: its gates and previews are the program's own.

`pytest --rewrite tests/acknowledge/test_docs.py` writes them anew.
"""

import re
from pathlib import Path

from click.testing import CliRunner

from router.acknowledge import gates
from router.cli import mailrouter

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "acknowledge.md"
BLOCK = r"(?:```text\n.*?```\n)?"


def preview_of(sample: str) -> str:
    words = [
        "acknowledge",
        "--preview",
        f"docs/samples/{sample}.eml",
        "--auth",
        "pass",
        "--at",
        "2026-03-06T19:40+02:00",
    ]
    # by rules alone: the page must not change with every new model
    result = CliRunner().invoke(mailrouter, [*words, "--models", "docs/no-models"], catch_exceptions=False)
    return result.output


def test_gates_and_previews_are_the_program_s_own(request, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = PAGE.read_text()
    wanted = re.sub(
        r"<!-- gates -->\n(?:\| G.*\n)*",
        lambda _: "<!-- gates -->\n" + "".join(f"| {gate} | {when} |\n" for gate, when in gates.rows()),
        text,
    )
    names = re.findall(r"<!-- preview (\S+) -->", text)
    assert len(names) == 3
    for name in names:
        wanted = re.sub(
            rf"<!-- preview {name} -->\n{BLOCK}",
            lambda _, name=name: f"<!-- preview {name} -->\n```text\n{preview_of(name)}```\n",
            wanted,
            flags=re.DOTALL,
        )
    if request.config.getoption("--rewrite"):
        PAGE.write_text(wanted)
    assert text == wanted or request.config.getoption("--rewrite")
