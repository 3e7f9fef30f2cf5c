"""Every code of a rules file, each by a file that has it: tests/rules/bad/CODE-name.bad.yaml with its .error."""

import json
from datetime import date
from pathlib import Path

import pytest

from router.errors import BadFile, Location, Problem, Severity
from router.rules import catalogue, load, problems

BAD = Path(__file__).parent / "bad"
FILES = sorted(BAD.glob("*.bad.yaml"))
NOT_BY_A_FILE = {
    "E100": "about the file, not what is in it: tests/life/test_rule_files",
    "E106": "about the file, not what is in it: tests/life/test_rule_files",
    "E107": "about the file, not what is in it: tests/life/test_rule_files",
    "E310": "retired",
    "W510": "needs the tests to have run: test_lint",
    "W513": "depends on the date: test_lint",
    "W520": "depends on a server: test_calendar_copies",
    "W515": "depends on the model: test_lint",
    "W516": "needs an archive: the backtest's",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".bad.yaml"))
def test_bad_file_is_told_as_written_down(path, request):
    """A bad file gets exactly the report beside it."""
    data = path.read_bytes()
    _, found = load.check(data, path.name, base=BAD)
    report = problems.report(found, data) + "\n"
    expected = path.with_name(path.name.removesuffix(".bad.yaml") + ".error")
    if request.config.getoption("--rewrite"):
        expected.write_text(report, encoding="utf-8")
    assert expected.read_text(encoding="utf-8") == report


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".bad.yaml"))
def test_bad_file_has_the_code_of_its_name_and_nothing_else(path):
    """One mistake is one message."""
    code = path.name.split("-")[0]
    _, found = load.check(path.read_bytes(), path.name, base=BAD)
    if code != "many":
        assert {code} == {one.code for one in found}
    assert all(one.code in catalogue.CODES for one in found)


def test_every_code_has_a_file():
    """No code of the catalogue is without an example."""
    with_file = {path.name.split("-")[0] for path in FILES}
    assert set(catalogue.CODES) - with_file == set(NOT_BY_A_FILE)


def test_errors_raise_and_warnings_do_not():
    """`load` raises BadFile with the errors; a file with warnings loads."""
    for path in FILES:
        file, found = load.check(path.read_bytes(), path.name, base=BAD)
        broken = any(one.severity is Severity.ERROR for one in found)
        assert broken == (file is None), path.name
        if broken and not path.name.startswith("E319"):
            with pytest.raises(BadFile) as raised:
                load.load(path.read_bytes(), path.name)
            assert [one.code for one in raised.value.problems] == [one.code for one in found if one.code < "W"]
        elif not broken:
            assert load.load(path.read_bytes(), path.name).rules


def test_ten_mistakes_are_told_at_once_and_in_order():
    """All problems of a file come in one go, from top to bottom."""
    path = BAD / "many-ten-mistakes.bad.yaml"
    _, found = load.check(path.read_bytes(), path.name)
    assert [one.location for one in found] == sorted(one.location for one in found)
    assert len(found) >= 10


def test_errors_md_is_printed_from_the_catalogue(request):
    """docs/errors.md says what the code says."""
    path = Path(__file__).parents[2] / "docs" / "errors.md"
    if request.config.getoption("--rewrite"):
        path.write_text(catalogue.markdown(), encoding="utf-8")
    assert catalogue.markdown() == path.read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------ what is printed
SHOWN = Problem(
    "E300",
    'unknown queue "suport"',
    Location("rules.yaml", 270, 20),
    "rules[9] technical-mail-to-accounts > then[1]",
    "support",
)


def test_text_has_place_line_and_caret():
    """The form of rules-language.md 3.5, to the letter."""
    lines = [""] * 269 + ["    then: [{queue: suport}, {tag: redirected}]"]
    assert problems.as_text(SHOWN, lines) == (
        'rules.yaml:270:20: error E300: unknown queue "suport"; did you mean "support"?\n'
        "    in rules[9] technical-mail-to-accounts > then[1]\n"
        "     270 |     then: [{queue: suport}, {tag: redirected}]\n"
        "         |                    ^"
    )


def test_json_has_the_keys_of_the_contract():
    """contract.md: file, line, column, code, severity, message, place, suggestion."""
    assert json.loads(json.dumps(problems.as_json(SHOWN))) == {
        "file": "rules.yaml",
        "line": 270,
        "column": 20,
        "code": "E300",
        "severity": "error",
        "message": 'unknown queue "suport"',
        "place": "rules[9] technical-mail-to-accounts > then[1]",
        "suggestion": "support",
    }


def test_github_form_is_one_escaped_line():
    """A workflow command; what could end it or its properties is escaped."""
    odd = Problem("W503", "50% of\nit", Location("a,b:c.yaml", 3, 4))
    assert problems.as_github(odd) == "::warning file=a%2Cb%3Ac.yaml,line=3,col=4,title=W503::50%25 of it"
    assert problems.as_github(SHOWN).startswith("::error file=rules.yaml,line=270,col=20,title=E300::unknown queue")


def test_nothing_printed_is_obeyed_by_a_terminal():
    """Control characters of the file are shown as dots."""
    hostile = Problem("E202", 'unknown key "\x1b[2J"', Location("f", 1, 1))
    assert "\x1b" not in problems.as_text(hostile, ["\x1b[31mred"])


def test_caret_stands_under_the_place_in_a_cut_line():
    """A line of any length is cut round the place; wide letters take two columns, combining ones none."""
    for line, column in (("x" * 500 + "!" + "y" * 500, 501), ("漢字!", 3), ("й́!", 3), ("a" * 300 + "!", 301)):
        text = problems.as_text(Problem("E201", "no", Location("f", 1, column)), [line]).splitlines()
        before = text[2].removeprefix(f"{'':>8} | ").index("^")
        shown = text[1].removeprefix(f"{1:>8} | ")
        width = 0
        for char in shown:
            if width == before and char == "!":
                break
            width += problems._width(char)
        assert width == before, (line[:10], text)


def test_date_of_a_check_is_a_parameter():
    """Nothing reads the clock: without a date no warning depends on it."""
    data = (BAD / "W514-shadow-without-since.bad.yaml").read_bytes().replace(b"mode: shadow", b"until: 2020-01-01")
    assert [one.code for one in load.check(data, "f")[1]] == []
    assert [one.code for one in load.check(data, "f", today=date(2026, 3, 1))[1]] == ["W514"]
