"""`mailrouter check`: what it prints in its forms, and the warnings that depend on the day."""

import json

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from tests.life.test_commands import SMALL

DATED = SMALL.replace(
    '  office: {timezone: Europe/London, hours: {mon-fri: "09:00-17:00"}}\n',
    '  office:\n    timezone: Europe/London\n    hours: {mon-fri: "09:00-17:00"}\n'
    '    exceptions: [{date: "2026-12-31", name: New Year\'s Eve}]\n',
)


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(SMALL)
    path.chmod(0o644)
    return path


def check(rules, *arguments):
    return CliRunner().invoke(mailrouter, ["check", str(rules), *arguments])


def test_a_good_file_is_answered_by_silence(rules):
    result = check(rules)
    assert (result.exit_code, result.output) == (0, "")
    said = json.loads(check(rules, "--format", "json").stdout)
    assert said == {"problems": [], "tests": {"passed": 2, "failed": 0}}


def test_the_three_forms_say_the_same(rules):
    rules.write_text(SMALL.replace("stage: enrich", "stage: enrch"))
    text = check(rules)
    assert text.exit_code == 2
    assert f'{rules}:13:12: error E213: unknown stage "enrch"; did you mean "enrich"?' in text.stdout
    assert "    in rules[1] urgent-mail > stage" in text.stdout and "^" in text.stdout
    (problem,) = json.loads(check(rules, "--format", "json").stdout)["problems"]
    assert (problem["line"], problem["column"], problem["code"], problem["suggestion"]) == (13, 12, "E213", "enrich")
    assert check(rules, "--format", "github").stdout.startswith(f"::error file={rules},line=13,col=12,title=E213::")


def test_a_date_that_comes_nearer_is_a_note_unless_strict(rules):
    """Amendment 14: check does not become loud on 1 November."""
    rules.write_text(DATED)
    result = check(rules, "--at", "2026-11-01")
    assert result.exit_code == 0 and result.stdout == "" and "note W513" in result.stderr
    strict = check(rules, "--at", "2026-11-01", "--strict")
    assert strict.exit_code == 1 and "warning W513" in strict.stdout
    assert check(rules, "--at", "2026-10-31", "--strict").exit_code == 0


def test_what_stands_outside_the_file_is_an_error_in_every_form(rules):
    """A key file that is not there must not end json output with a sentence."""
    rules.write_text(SMALL.replace("languages: [en]\n", "languages: [en]\nsettings: {key_file: no-such-key}\n"))
    result = check(rules, "--format", "json")
    assert isinstance(json.loads(result.stdout)["problems"], list)
