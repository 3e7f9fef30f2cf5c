"""`mailrouter edit`, `rules`, `reload`, `status`: the life of a rules file as an administrator lives it."""

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from router.errors import BadInput

SMALL = """\
version: 1
name: Small desk
languages: [en]
calendars:
  office: {timezone: Europe/London, hours: {mon-fri: "09:00-17:00"}}
queues:
  help: {address: help@desk.example, calendar: office, name: {en: help desk}}
  moderation: {address: mod@desk.example, calendar: office, name: {en: the lead}}
patterns:
  urgent: {en: ["very urgent"]}
rules:
  - id: urgent-mail
    stage: enrich
    when: {text: {pattern: urgent}}
    then: [{priority: urgent}]
tests:
  - name: Urgent mail is urgent
    given: {at: "2026-03-04T11:00+00:00", envelope: {to: [help@desk.example]}, body: "This is very urgent, please."}
    expect: {priority: urgent, fired: [urgent-mail]}
  - name: Other mail is not
    given: {at: "2026-03-04T11:00+00:00", envelope: {to: [help@desk.example]}, body: "Good morning."}
    expect: {priority: normal}
"""


@pytest.fixture
def rules(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    path = tmp_path / "desk" / "rules.yaml"
    path.parent.mkdir()
    path.write_text(SMALL)
    path.chmod(0o644)
    return path


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """An editor that does one substitution a call, the next one each time it is called."""

    def use(*steps: tuple[str, str], status: int = 0, also: str = "") -> None:
        script, plan = tmp_path / "editor.py", tmp_path / "plan.json"
        plan.write_text(json.dumps(steps))
        script.write_text(
            "import json, sys, pathlib\n"
            f"plan = pathlib.Path({str(plan)!r}); steps = json.loads(plan.read_text())\n"
            "copy = pathlib.Path(sys.argv[1])\n"
            "if steps:\n"
            "    old, new = steps.pop(0); text = copy.read_text(); assert old in text, old\n"
            "    copy.write_text(text.replace(old, new)); plan.write_text(json.dumps(steps))\n"
            f"{also}\n"
            f"sys.exit({status})\n"
        )
        monkeypatch.setenv("EDITOR", f"python3 {script}")

    return use


def run(*arguments: str, given: str | None = None):
    return CliRunner().invoke(mailrouter, [str(one) for one in arguments], input=given)


def history(rules: Path) -> list[dict]:
    return json.loads(run("rules", "history", "--rules", rules, "--json").stdout)


# ---------------------------------------------------------------------------------------------------------------- edit
def test_a_good_edit_is_installed_with_its_mode_and_both_versions_are_kept(rules, editor):
    rules.chmod(0o640)
    editor(("Small desk", "Desk"))
    result = run("edit", rules)
    assert result.exit_code == 0, result.output
    assert "name: Desk" in rules.read_text() and stat.S_IMODE(rules.stat().st_mode) == 0o640
    assert [(one["how"], one["name"], one["present"]) for one in history(rules)] == [
        ("edit", "Desk", True),
        ("found", "Small desk", False),
    ]
    assert sorted(one.name for one in rules.parent.iterdir()) == [".mailrouter", "rules.yaml"]


def test_an_error_is_shown_and_never_installed(rules, editor):
    editor(("priority: urgent}]", "prioritty: urgent}]"))
    result = run("edit", rules, given="Q\nx\n")
    assert result.exit_code == 2
    assert rules.read_text() == SMALL
    assert 'unknown action "prioritty"; did you mean "priority"?' in result.output
    assert "1 error. What now?" in result.output and "(Q)" not in result.output


def test_a_failing_test_is_shown_and_never_installed(rules, editor):
    editor(('very urgent"]', 'very important"]'))
    result = run("edit", rules, given="x\n")
    assert result.exit_code == 2 and rules.read_text() == SMALL
    assert "priority: expected urgent, got normal" in result.output and "1 failing test" in result.output


def test_edit_again_goes_on_with_what_was_written(rules, editor):
    editor(("priority: urgent}]", "prioritty: urgent}]"), ("prioritty", "priority"))
    result = run("edit", rules, given="d\ne\n")
    assert "+    then: [{prioritty: urgent}]" in result.output
    assert "nothing was changed" in result.output and result.exit_code == 0
    assert rules.read_text() == SMALL


def test_what_was_not_saved_is_kept_aside_and_can_be_taken_up(rules, editor):
    editor(("priority: urgent}]", "prioritty: urgent}]"))
    assert run("edit", rules, given="x\n").exit_code == 2
    editor(("prioritty: urgent}]", "priority: high}, {priority: urgent}]"))
    result = run("edit", "--unsaved", rules)
    assert result.exit_code == 0 and "priority: high}, {priority: urgent" in rules.read_text(), result.output
    assert isinstance(run("edit", "--unsaved", rules).exception, BadInput)


def test_nobody_there_to_answer_means_nothing_is_installed(rules, editor):
    editor(("priority: urgent}]", "prioritty: urgent}]"))
    assert run("edit", rules, given="").exit_code == 2
    assert rules.read_text() == SMALL


def test_warnings_are_shown_and_may_be_installed_all_the_same(rules, editor):
    editor(("patterns:\n", 'patterns:\n  unused: {en: ["never used"]}\n'))
    result = run("edit", rules, given="Q\n")
    assert result.exit_code == 0 and "W503" in result.output and "unused" in rules.read_text()
    editor(("unused", "unused_too"))
    assert run("edit", rules, given="x\n").exit_code == 2


def test_a_change_by_somebody_else_meanwhile_is_noticed(rules, editor):
    theirs = SMALL.replace("Small desk", "Theirs")
    editor(("Small desk", "Mine"), also=f"pathlib.Path({str(rules)!r}).write_text({theirs!r})")
    result = run("edit", rules, given="t\nx\n")
    assert "changed by somebody else meanwhile" in result.output and "+name: Theirs" in result.output
    assert rules.read_text() == theirs
    rules.write_text(SMALL)
    editor(("Small desk", "Mine"), also=f"pathlib.Path({str(rules)!r}).write_text({theirs!r})")
    assert run("edit", rules, given="o\n").exit_code == 0
    assert "name: Mine" in rules.read_text()


def test_two_cannot_edit_at_once(rules, editor):
    import fcntl

    editor(("Small", "Large"))
    with rules.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        result = run("edit", rules)
    assert "edited by somebody else" in str(result.exception) and rules.read_text() == SMALL


def test_an_editor_that_fails_or_is_not_there_changes_nothing(rules, editor, monkeypatch):
    editor(("Small", "Large"), status=1)
    assert "ended with status 1" in str(run("edit", rules).exception)
    monkeypatch.setenv("EDITOR", "no-such-editor --wait")
    assert "cannot be started" in str(run("edit", rules).exception)
    assert rules.read_text() == SMALL
    assert [one.name for one in rules.parent.iterdir()] == ["rules.yaml"]


# --------------------------------------------------------------------------------------------------------------- rules
@pytest.fixture
def edited(rules, editor):
    editor(("when: {text: {pattern: urgent}}", "when: {subject: {pattern: urgent}}"))
    run("edit", rules, given="x\n")
    editor(("then: [{priority: urgent}]", "then: [{priority: urgent}, {tag: hot}]"))
    assert run("edit", rules).exit_code == 0
    return rules


def test_diff_says_what_changes_and_what_it_means_for_the_tests(edited):
    result = run("rules", "diff", "--rules", edited)
    assert "+    then: [{priority: urgent}, {tag: hot}]" in result.output
    assert "rule urgent-mail: then" in result.output
    assert "old tests under the new rules: 2 pass, 0 do not" in result.output


def test_diff_names_the_old_test_that_the_new_rules_fail(edited):
    edited.write_text(edited.read_text().replace('["very urgent"]', '["very important"]'))
    result = run("rules", "diff", "--rules", edited)
    assert "pattern urgent: changed" in result.output
    assert "old tests under the new rules: 1 pass, 1 do not" in result.output
    assert "priority: expected urgent, got normal" in result.output


def test_rollback_brings_the_file_before_back(edited):
    result = run("rules", "rollback", "--rules", edited)
    assert result.exit_code == 0 and edited.read_text() == SMALL, result.output
    assert [one["how"] for one in history(edited)] == ["rollback", "edit"]
    assert run("rules", "rollback", "--rules", edited).exit_code == 0
    assert "tag: hot" in edited.read_text()


def test_rollback_replaces_a_broken_file_and_keeps_it_aside(edited):
    good = edited.read_text()
    edited.write_text("version: 1\nrules: [")
    result = run("rules", "rollback", "--rules", edited)
    assert edited.read_text() == good and "replaced.yaml" in result.output
    assert (edited.parent / ".mailrouter" / "replaced.yaml").read_text().endswith("[")


def test_rollback_to_a_file_that_is_not_good_any_more_changes_nothing(rules, editor):
    from datetime import UTC, datetime

    from router.rule_files import History

    bad = SMALL.replace("version: 1", "version: 0")
    entry = History(rules.parent / ".mailrouter").add(
        bad.encode(), at=datetime(2026, 1, 1, tzinfo=UTC), by="olena", how="edit", name="Old"
    )
    result = run("rules", "rollback", entry.id, "--rules", rules)
    assert "not good any more (1 error" in str(result.exception)
    assert rules.read_text() == SMALL


def test_history_marks_what_the_file_is_now(edited):
    result = run("rules", "history", "--rules", edited)
    first, second = result.output.splitlines()
    assert first.startswith("* ") and "edit" in first and second.startswith("  ")
    edited.write_text(SMALL.replace("Small", "New"))
    assert "none of them" in run("rules", "history", "--rules", edited).output


# ------------------------------------------------------------------------------------------------------ reload, status
def test_without_a_filter_reload_and_status_say_so(rules):
    for command in ("reload", "status"):
        result = run(command, "--rules", rules)
        assert result.exit_code == 4 and "no filter runs" in result.output, result.output
    assert os.listdir(rules.parent) == ["rules.yaml"]
