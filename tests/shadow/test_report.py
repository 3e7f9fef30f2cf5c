"""What the shadow said of each mail is kept, counted and shown, without text, and forgotten with the mail."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from router.journal import NAME, Compared, History, Journal, Record
from router.pseudonyms import open_key
from router.shadow.counts import LISTED, Counts, behaves

START = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
OLD, NOW = "aaa one | bbb one", "aaa one | ccc two"
MOVED = {"queue": ["accounts", "support"], "redirect": ["–", "bill@d.example → support@d.example"]}


def compared(minute, sides=NOW, changes=None, rules=None, skipped=0, failed=""):
    told = None if changes is None else {"language": "uk", "changes": changes, "rules": rules or {}}
    at = int((START + timedelta(minutes=minute)).timestamp() * 1_000)
    return Compared(at, f"Q{minute}", sides, skipped, failed, told)


MAILS = [
    compared(1, OLD, {"priority": ["normal", "high"]}),
    compared(2),
    compared(3, changes=MOVED, rules={"technical": ["silent", "fired"]}),
    compared(4, changes=MOVED, rules={"technical": ["silent", "fired"], "old": ["fired", "silent"]}, skipped=7),
    compared(5, changes={"topic": ["billing", "undecided"]}),
    compared(6, failed="not decided within 1 s"),
]


@pytest.fixture
def state(tmp_path):
    """A state directory with a journal that holds MAILS."""
    key = open_key(tmp_path)
    journal = Journal.open(tmp_path / NAME, key, START)
    journal.compare(MAILS)
    journal.close()
    return tmp_path


def says(state, *options):
    done = CliRunner().invoke(mailrouter, ["shadow", "report", "--state", str(state), *options], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_report_counts_by_kind_and_rule_and_names_the_mails(state):
    """Those that were compared by the same two sides as the last; the newest first."""
    text = says(state)
    assert "4 mails decided by both, 3 differ (75.0 %)" in text
    assert "2 in queue" in text and "7 skipped" in text and "1 failed: not decided within 1 s" in text
    assert "2 queue: accounts -> support" in text
    assert "2 technical: fires" in text and "1 old: does not fire" in text and "1 no rule: settings" in text
    assert text.index("Q5") < text.index("Q4") < text.index("Q3") and "Q1 " not in text and OLD not in text
    assert "Q3" not in says(state, "--limit", "2") and "and 1 more" in says(state, "--limit", "2")


def test_since_takes_all_that_was_compared_since_then(state):
    text = says(state, "--since", "2026-03-06T12:00+00:00")
    assert "5 mails decided by both" in text and OLD in text and NOW in text and "Q1" in text
    assert "2 mails decided by both" in says(state, "--since", "2026-03-06T12:04+00:00")


def test_json_has_a_line_a_mail_and_the_counts_last(state):
    *mails, last = [json.loads(line) for line in says(state, "--json").splitlines()]
    assert [one["queue_id"] for one in mails] == ["Q3", "Q4", "Q5"]
    assert mails[1]["rules"] == [
        {"rule": "technical", "was": "silent", "now": "fired"},
        {"rule": "old", "was": "fired", "now": "silent"},
    ]
    assert last["summary"]["skipped"] == 7 and last["summary"]["failed"] == {"not decided within 1 s": 1}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.seen, self.open, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.seen.append(data)


def test_the_page_stands_alone_and_shows_what_is_there(state, tmp_path):
    says(state, "--html", str(tmp_path / "page.html"))
    page = Page((tmp_path / "page.html").read_text())
    text = " ".join(page.seen)
    assert page.open == [] and page.links == []
    assert all(word in text for word in ("75.0 %", "Q4", "technical", "fires 2", "accounts", NOW, "7"))


def test_names_of_rules_and_queues_cannot_write_into_the_page(tmp_path):
    from router.cli.shadow_page import page

    counts = Counts()
    counts.add(
        compared(1, changes={"tags": ["–", "<script>alert(1)</script>"]}, rules={'"><em>x': ["silent", "fired"]})
    )
    assert "<script>alert" not in page(counts) and '"><em>x' not in page(counts)


def test_nothing_compared_is_no_error(tmp_path):
    Journal.open(tmp_path / NAME, open_key(tmp_path), START).close()
    assert "no mail was decided by a shadow" in says(tmp_path)
    says(tmp_path, "--html", str(tmp_path / "page.html"))


def test_without_a_journal_it_says_where_it_looked(tmp_path):
    done = CliRunner().invoke(mailrouter, ["shadow", "report", "--state", str(tmp_path / "none")])
    assert "no mail was recorded here" in str(done.exception)


def test_a_report_does_not_grow_with_the_mails(tmp_path):
    counts = Counts()
    for minute in range(LISTED + 10):
        counts.add(compared(minute, changes=MOVED))
    assert counts.differ == LISTED + 10 and len(counts.listed) == LISTED


def test_forgetting_a_person_takes_the_queue_ids_and_purging_takes_the_rows(state):
    key = open_key(state)
    journal = Journal.open(state / NAME, key, START)
    at = int(START.timestamp() * 1_000)
    journal.write([Record(at, "Q3", "olena@customer.example", ("bill@d.example",), {"decision": "d"})])
    journal.forget("olena@customer.example")
    assert "(forgotten)" in says(state) and "Q3" not in says(state)
    journal.purge(START + timedelta(minutes=5))
    journal.close()
    history = History.open(state / NAME, key)
    assert [one.queue_id for one in history.compared(START)] == ["Q5", "Q6"]
    history.close()


@pytest.mark.parametrize("was", ["silent", "fired", "shadow", "unknown"])
@pytest.mark.parametrize("now", ["silent", "fired", "shadow", "unknown"])
def test_every_change_of_a_rule_has_words(was, now):
    assert was == now or (behaves(was, now) and "here" not in behaves(was, now))
