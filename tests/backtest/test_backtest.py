"""`mailrouter backtest`: old rules against new over an archive, without and with a page to look at."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from router.archive import Given, stored
from router.backtest.compare import Cause, causes, changes
from router.backtest.run import Judge, run
from router.cli import mailrouter
from router.cli.backtest import Progress, sides
from router.errors import BadInput
from tests.life.test_commands import SMALL

NEW = (
    SMALL.replace("then: [{priority: urgent}]", "then: [{priority: urgent}, {tag: hot}]")
    + """\
  - name: Money
    given: {at: "2026-03-04T11:00+00:00", envelope: {to: [help@desk.example]}, body: "My invoice is wrong."}
    expect: {tags: [money]}
"""
).replace(
    "tests:\n",
    """\
  - id: money
    stage: enrich
    when: {text: {words: ["invoice*"]}}
    then: [{tag: money}]
tests:
""",
)

MAILS = {
    "urgent": ("Please", "This is very urgent, the whole shop is down."),
    "invoice": ("Invoice 17", "The sum is wrong, secretword."),
    "plain": ("Hello", "Just a question about opening hours."),
    "evil": ("<script>alert(1)</script> & invoice", "Nothing."),
}


def mail(name: str) -> bytes:
    subject, body = MAILS[name]
    return (
        f"From: Olena <olena@customer.example>\r\nTo: help@desk.example\r\nSubject: {subject}\r\n"
        f"Date: Wed, 4 Mar 2026 11:00:00 +0000\r\nMessage-ID: <{name}@customer.example>\r\n\r\n{body}\r\n"
    ).encode()


@pytest.fixture
def desk(tmp_path):
    """Old and new rules, and an archive of four mails as a folder, a Maildir and an mbox."""
    for name, text in (("rules.yaml", NEW), ("old.yaml", SMALL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    (tmp_path / "eml" / "2026").mkdir(parents=True)
    for folder in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    with (tmp_path / "all.mbox").open("wb") as mbox:
        for number, name in enumerate(MAILS):
            (tmp_path / "eml" / "2026" / f"{number}.eml").write_bytes(mail(name))
            (tmp_path / "Maildir" / "cur" / f"{number}:2,S").write_bytes(mail(name))
            mbox.write(in_mbox(name))
    return tmp_path


def in_mbox(name: str) -> bytes:
    return b"From olena Wed Mar  4 11:00:00 2026\n" + mail(name).replace(b"\r\n", b"\n") + b"\n"


def grow(desk, times: int) -> None:
    """The four mails again, so many times."""
    with (desk / "all.mbox").open("ab") as mbox:
        mbox.write(b"".join(map(in_mbox, MAILS)) * times)


def backtest(desk, *arguments, archive="eml"):
    fixed = ["backtest", str(desk / archive), "--rules", str(desk / "rules.yaml"), "--models", str(desk / "none")]
    result = CliRunner().invoke(mailrouter, [*fixed, *map(str, arguments)])
    assert result.exception is None, result.exception
    return result


def as_json(desk, *arguments, **more):
    *differences, last = map(json.loads, backtest(desk, "--json", *arguments, **more).stdout.splitlines())
    return differences, last["summary"]


# ------------------------------------------------------------------------------------------------------------ promises
def test_only_what_differs_is_told_with_the_rules_that_made_it(desk):
    differences, summary = as_json(desk, "--against", desk / "old.yaml")
    assert [(one["subject"], one["changes"]) for one in differences] == [
        ("Please", {"tags": {"was": "–", "now": "hot"}}),
        ("Invoice 17", {"tags": {"was": "–", "now": "money"}}),
        ("<script>alert(1)</script> & invoice", {"tags": {"was": "–", "now": "money"}}),
    ]
    assert differences[0]["rules"] == [{"rule": "urgent-mail", "line": 12, "was": "fired", "now": "fired"}]
    assert differences[1]["rules"] == [{"rule": "money", "line": 16, "was": "absent", "now": "fired"}]
    assert (summary["mails"], summary["differ"]) == (4, 3)
    assert summary["rules"] == {"urgent-mail": {"before": 1, "after": 1}, "money": {"before": 0, "after": 2}}
    assert summary["queues"] == {"help": {"before": 4, "after": 4}}
    assert sum(one["mails"] for one in summary["languages"].values()) == 4
    assert summary["changed"] == {"tags": 3}


def test_the_same_rules_differ_in_nothing(desk):
    differences, summary = as_json(desk, "--against", desk / "rules.yaml")
    assert not differences and summary["differ"] == 0 and summary["mails"] == 4


def test_the_decisions_are_those_of_triage(desk):
    fixed = ["--rules", str(desk / "rules.yaml"), "--models", str(desk / "none"), str(desk / "eml")]
    lines = CliRunner().invoke(mailrouter, ["triage", "--json", *fixed]).stdout.splitlines()
    tags = [json.loads(line)["tags"] for line in lines]
    _, summary = as_json(desk)
    assert summary["rules"] == {
        "urgent-mail": sum("hot" in one for one in tags),
        "money": sum("money" in one for one in tags),
    }


@pytest.mark.parametrize("archive", ["eml", "Maildir", "all.mbox"])
def test_folders_maildirs_and_mboxes_are_read(desk, archive):
    differences, summary = as_json(desk, "--against", desk / "old.yaml", archive=archive)
    assert summary["mails"] == 4 and len(differences) == 3


def test_several_processes_say_the_same_in_the_same_order(desk):
    grow(desk, 75)
    one = backtest(desk, "--against", desk / "old.yaml", archive="all.mbox").stdout
    assert backtest(desk, "--against", desk / "old.yaml", "--jobs", 3, archive="all.mbox").stdout == one
    assert "304 mails decided twice, 228 differ" in one


def test_a_person_reads_what_was_and_what_is(desk):
    said = backtest(desk, "--against", desk / "old.yaml").stdout
    assert '"Invoice 17"' in said and "tags  –  ->  money" in said
    assert "because money (line 16): is new, and fires" in said
    assert "because urgent-mail (line 12): does something else" in said
    assert re.search(r"money +0 +2 +\+2\n", said)


def test_without_anything_to_compare_with_it_counts(desk):
    differences, summary = as_json(desk)
    assert not differences and summary["rules"] == {"urgent-mail": 1, "money": 2}
    assert "nothing to compare with" in backtest(desk).stdout


def test_texts_of_mails_stay_out_unless_asked_for(desk):
    for arguments, there in (((), False), (("--with-text",), True)):
        page = desk / "report.html"
        said = backtest(desk, "--against", desk / "old.yaml", "--html", page, *arguments).stdout
        lines = backtest(desk, "--against", desk / "old.yaml", "--json", *arguments).stdout
        for text in (said, lines, page.read_text()):
            assert ("secretword" in text) is there
            assert "Invoice 17" in text


def test_the_old_side_may_be_named_by_its_id_in_the_history(desk):
    from router.rule_files import History

    entry = History(desk / ".mailrouter").add(
        SMALL.encode(), at=datetime(2026, 3, 1, tzinfo=UTC), by="olena", how="edit", name="Small desk"
    )
    _, summary = as_json(desk, "--against", entry.id)
    assert summary["differ"] == 3


def test_lists_of_the_old_rules_are_those_of_the_present_desk(desk):
    """An old file often lies elsewhere than its lists."""
    with_list = SMALL.replace("patterns:\n", "lists:\n  vips: {file: vips.csv, key: email}\npatterns:\n").replace(
        "when: {text: {pattern: urgent}}", "when: {any: [{text: {pattern: urgent}}, {sender_in: vips}]}"
    )
    (desk / "vips.csv").write_text("email\nolena@customer.example\n")
    (desk / "elsewhere").mkdir()
    for path in (desk / "rules.yaml", desk / "elsewhere" / "old.yaml"):
        path.write_text(with_list)
        path.chmod(0o644)
    _, summary = as_json(desk, "--against", desk / "elsewhere" / "old.yaml")
    assert summary["differ"] == 0 and summary["rules"] == {"urgent-mail": {"before": 4, "after": 4}}


def test_greedy_phrases_are_named_with_their_place(desk):
    text = NEW.replace('{en: ["very urgent"]}', '{en: ["very urgent", "is"]}')
    (desk / "rules.yaml").write_text(text)
    assert not as_json(desk, "--greedy", "40")[1]["problems"], "four mails say nothing about a phrase"
    grow(desk, 6)
    _, summary = as_json(desk, "--greedy", "40", archive="all.mbox")
    (problem,) = summary["problems"]
    assert problem["code"] == "W516" and problem["line"] == 10
    assert 'the phrase "is" is in 50 % of the archive (14 of 28)' in problem["message"]
    assert "W516" in backtest(desk, "--greedy", "40", archive="all.mbox").stdout
    assert not as_json(desk, "--greedy", "60", archive="all.mbox")[1]["problems"]


def test_what_cannot_be_used_is_said(desk):
    fixed = ["backtest", str(desk / "eml"), "--rules", str(desk / "rules.yaml"), "--models", str(desk / "none")]
    for arguments, said in (
        (["--against", "nothing"], "no such file, and no history"),
        (["--model", "none-such"], "none"),
        (["--against", str(desk / "bad.yaml")], "E"),
    ):
        (desk / "bad.yaml").write_text("version: 1\n")
        result = CliRunner().invoke(mailrouter, [*fixed, *arguments])
        assert isinstance(result.exception, BadInput) and said in str(result.exception)


# ----------------------------------------------------------------------------------------------------------- machinery
def judge(desk, **more):
    new, old = sides(desk / "rules.yaml", desk / "none", str(desk / "old.yaml"), None, None)
    return Judge(new, old, Given(), datetime(2026, 3, 4, tzinfo=UTC), **more)


class Dies(Judge):
    def batch(self, mails):
        os._exit(9)


def test_a_process_that_dies_ends_the_backtest_with_a_reason(desk):
    one = judge(desk)
    dying = Dies(one.new, one.old, one.given, one.now)
    with pytest.raises(BadInput, match="has died"):
        list(run(dying, stored([str(desk / "eml")]), jobs=2))


def test_one_mail_that_we_cannot_decide_ends_nothing(desk, monkeypatch):
    one = judge(desk)
    real = Judge.one

    def fails(self, source, data, counts):
        if b"Invoice" in data:
            raise KeyError("a fault of ours")
        return real(self, source, data, counts)

    monkeypatch.setattr(Judge, "one", fails)
    differences, counts = one.batch(stored([str(desk / "eml")]))
    assert counts.mails == 3 and len(differences) == 2
    ((said, number),) = counts.faults.items()
    assert number == 1 and said.startswith("KeyError at test_backtest.py:") and said.endswith("1.eml")


def test_a_rule_that_fires_in_shadow_only_is_no_longer_fired():
    cause = Cause("money", 3, "shadow", "fired")
    assert str(cause) == "money (line 3): fires now (was in shadow)"
    assert str(Cause("money", 3, "fired", "absent")) == "money (line 3): is gone now"
    assert str(Cause("money", 3, "unknown", "silent")) == "money (line 3): does not fire now (was unknown)"


def test_a_rule_that_fires_no_more_is_named_by_its_line_in_the_new_file(desk):
    (desk / "rules.yaml").write_text("# one line more\n" + SMALL.replace('very urgent"]', 'very important"]'))
    differences, _ = as_json(desk, "--against", desk / "old.yaml")
    assert differences[0]["rules"] == [{"rule": "urgent-mail", "line": 13, "was": "fired", "now": "silent"}]


def test_ids_and_shas_are_no_difference(desk):
    one = judge(desk)
    ((source, data), *_) = stored([str(desk / "eml")])
    from dataclasses import replace

    decision, _ = one._decide(one.new, source, data, None)
    other = replace(decision, id="other", rules="0" * 64, model="another", trace=())
    assert changes(decision, other) == ()
    assert causes(decision, decision, {}, {}) == ()


def test_the_bar_says_how_far_it_is(desk, monkeypatch):
    now = iter([0.0, 0.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0])
    progress = Progress((), clock=lambda: next(now))
    progress._total = 400
    list(progress.watched(iter([("a", b"x" * 100)])))
    progress.differ = 1234
    assert progress.line().startswith("[######..................]  25 %  1 mails, 1,234 differ  0:")
    progress.clear()


def test_no_bar_where_nobody_looks(desk):
    assert "\r" not in backtest(desk, "--against", desk / "old.yaml").output


# ---------------------------------------------------------------------------------------------------------------- page
def test_the_page_asks_nothing_of_any_network_and_quotes_what_mails_say(desk):
    page = desk / "report.html"
    backtest(desk, "--against", desk / "old.yaml", "--html", page)
    text = page.read_text()
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)\s*=|url\(|@import|https?://", text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; invoice" in text and "<script>alert" not in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_shows_rules_queues_languages_and_differences(desk):
    page = desk / "report.html"
    backtest(desk, "--against", desk / "old.yaml", "--html", page, "--greedy", "40")
    text = page.read_text()
    for wanted in ("Small desk", "75.0 % of this mail", ">money<", 'class="tag">new', "Languages", "Queues"):
        assert wanted in text, wanted
    assert text.count('<article class="mail"') == 3
    backtest(desk, "--html", page)
    assert '<article class="mail"' not in page.read_text()


def test_memory_does_not_grow_with_the_archive(desk):
    """An mbox of 200 MB goes through a process that stays far smaller."""
    picture = b"x" * 75 + b"\n"
    large = mail("plain").replace(b"\r\n", b"\n") + picture * 26_000
    with (desk / "large.mbox").open("wb") as mbox:
        for _ in range(100):
            mbox.write(b"From olena Wed Mar  4 11:00:00 2026\n" + large + b"\n")
    script = (
        "import sys; from router.cli import mailrouter; mailrouter(sys.argv[1:], standalone_mode=False);"
        # not ru_maxrss: a child inherits that of the process it was started from, which is this whole test run
        "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line), file=sys.stderr)"
    )
    arguments = ["backtest", "large.mbox", "--models", "none", "--against", "old.yaml"]
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=desk, capture_output=True, text=True, check=True
    )
    assert "100 mails decided twice" in ran.stdout
    assert int(ran.stderr) < 150 * 1024  # kB
