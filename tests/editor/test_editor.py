"""rules.yaml in an editor: yaml-language-server with the schema of `mailrouter schema` completes, explains and warns.

`make editor` installs the server (node and npm are needed); without it these tests are skipped.
"""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from tests.editor.language_server import PROGRAM, LanguageServer

ROOT = Path(__file__).parent.parent.parent
MODELINE = "# yaml-language-server: $schema=./rules.schema.json\n"

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists() or shutil.which("node") is None,
    reason="yaml-language-server is not installed: `make editor` does that (node and npm needed)",
)

# ~ stands for the spaces at the end of a line that is being written.
HALF_WRITTEN = (
    MODELINE
    + """\
version: 1
languages: [en]
settings:
  ~
calendars:
  office: {timezone: Europe/London, hours: {mon-fri: "09:00-17:00"}}
queues:
  help:
    address: help@desk.example
    calendar: office
    name: {en: help desk}
    ~
rules:
  - id: first
    stage: ~
    when:
      ~
    then:
      - ~
  - id: second
    stage: enrich
    when:
      all:
        - text:
            ~
    then: [{q}]
""".replace("~", "")
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("editor")
    schema = CliRunner().invoke(mailrouter, ["schema"])
    assert schema.exit_code == 0
    (folder / "rules.schema.json").write_text(schema.stdout)
    server = LanguageServer(folder)
    server.open("half.yaml", HALF_WRITTEN)
    yield server
    server.stop()


def place(text: str, after: str) -> tuple[int, int]:
    """Line and character (from 0) just behind the first `after`."""
    before = text[: text.index(after) + len(after)]
    return before.count("\n"), len(before.rpartition("\n")[2])


def completed(server, after: str) -> set[str]:
    answer = server.at("completion", "half.yaml", *place(HALF_WRITTEN, after))
    items = answer["items"] if isinstance(answer, dict) else answer
    return {one["label"] for one in items}


def test_the_shipped_rules_have_no_complaint(server):
    text = (ROOT / "rules.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./rules.schema.json")
    assert server.open("rules.yaml", text) == []


def test_keys_of_a_section_are_completed(server):
    assert {"timezone", "header_prefix", "default_queue", "reply", "hold"} <= completed(server, "settings:\n  ")


def test_keys_of_a_queue_are_completed_without_those_that_are_there(server):
    found = completed(server, "name: {en: help desk}\n    ")
    assert {"aliases", "first_answer", "auto_reply"} <= found and "address" not in found


def test_values_are_completed(server):
    assert {"guard", "classify", "route", "enrich", "reply"} <= completed(server, "stage: ")


def test_conditions_and_actions_are_completed(server):
    assert {"all", "any", "text", "recipient", "queue_hours", "classified"} <= completed(server, "when:\n      ")
    assert {"queue", "redirect", "tag", "say", "hold", "expect"} <= completed(server, "then:\n      - ")
    assert {"pattern", "words", "longer_than"} <= completed(server, "- text:\n            ")
    assert {"queue", "redirect"} <= completed(server, "then: [{q")


@pytest.mark.parametrize("word", ["settings", "calendar: office", "stage", "when", "rules"])
def test_hovering_explains_a_key(server, word):
    line, character = place(HALF_WRITTEN, f"\n{word}" if word in ("settings", "rules") else f"    {word}")
    hover = server.at("hover", "half.yaml", line, character - 1 if ":" not in word else character - len(word) + 2)
    assert hover is not None, word
    contents = hover["contents"]
    text = contents["value"] if isinstance(contents, dict) else str(contents)
    assert len(text.split()) > 5, text


def test_mistakes_are_marked_where_they_are(server):
    good = HALF_WRITTEN[: HALF_WRITTEN.index("  - id: second")]
    good = good.replace("stage: \n", "stage: enrich\n").replace("settings:\n  \n", "settings:\n  timezone: UTC\n")
    good = good.replace("when:\n      \n", "when: {always: true}\n").replace("- \n", "- tag: x\n")
    assert server.open("good.yaml", good) == []
    mistakes = (
        ("stage: enrich", "stage: enrch"),
        ("  timezone: UTC", "  time_zone: UTC"),
        ("{always: true}", "{always: true, automatic: any}"),
        ("- tag: x", "- reject: x"),
        ("    address: help@desk.example\n", ""),
    )
    for number, (right, wrong) in enumerate(mistakes):
        bad = good.replace(right, wrong)
        marked = {one["range"]["start"]["line"] for one in server.open(f"bad{number}.yaml", bad)}
        near = place(bad, wrong or "  help:")[0]
        assert marked & {near, near - 1, near + 1}, (wrong, marked, near)
