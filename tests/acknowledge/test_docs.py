"""docs/acknowledge.md and the README say what the program does: gates and previews are the program's own.

`pytest --rewrite tests/acknowledge/test_docs.py` writes them anew.
"""

import re
from pathlib import Path

from click.testing import CliRunner

from router.acknowledge import gates
from router.cli import mailrouter

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "acknowledge.md"
README = ROOT / "README.md"
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
    held(PAGE, text, with_previews(wanted, preview_of), request)


def test_the_readme_shows_one_mail_a_language_with_the_header_cut_short(request, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = README.read_text()
    held(README, text, with_previews(text, lambda name: shortened(preview_of(name))), request)


def with_previews(text: str, of) -> str:
    """The text with every preview printed anew. of: gives that of a sample."""
    names = re.findall(r"<!-- preview (\S+) -->", text)
    assert {name[-2:] for name in names} == {"ru", "uk", "en"}
    for name in names:
        block = f"<!-- preview {name} -->\n```text\n{of(name)}```\n"
        text = re.sub(rf"<!-- preview {name} -->\n{BLOCK}", lambda _, block=block: block, text, flags=re.DOTALL)
    return text


def shortened(preview: str) -> str:
    """Without the fields after the Subject, which are the same for all."""
    return re.sub(r"(?m)(^Subject: .*\n)(?:.+\n)+", r"\1…\n", preview)


def held(path: Path, text: str, wanted: str, request) -> None:
    if request.config.getoption("--rewrite"):
        path.write_text(wanted)
    assert text == wanted or request.config.getoption("--rewrite")
