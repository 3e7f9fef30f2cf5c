"""The journal: what was decided can be found by exact address, rule, tag and time, and no address can be read in it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import BadInput, LookupFailed
from router.journal import NAME, History, Journal, Record, Report, Wanted
from router.pseudonyms import Pseudonyms, open_key, read_key
from router.storage import WrongStore

KEY = Pseudonyms(b"k" * 32)
START = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
OLENA, BILL, SUPPORT = "olena@customer.example", "bill@desk.example", "support@desk.example"


def record(minute: int, sender: str = OLENA, to: tuple[str, ...] = (BILL,), **event) -> Record:
    told = {"decision": f"d{minute}", "queue": "support", "fired": ["technical"], "shadow": [], "tags": ["redirected"]}
    at = int((START + timedelta(minutes=minute)).timestamp() * 1000)
    return Record(at, f"Q{minute}", sender, to, told | event)


@pytest.fixture
def journal(tmp_path):
    journal = Journal.open(tmp_path / NAME, KEY, START)
    yield journal
    journal.close()


@pytest.fixture
def history(tmp_path, journal):
    history = History.open(tmp_path / NAME, KEY)
    yield history
    history.close()


def found(history, limit=100, **wanted) -> list[str]:
    return [one.queue_id for one in history.find(Wanted(**wanted), limit)]


def test_each_way_of_looking_finds_what_fits_and_nothing_else(journal, history):
    journal.write(
        [
            record(1),
            record(2, sender="Olena+x@Customer.example", queue="accounts", fired=["billing"], tags=[]),
            record(3, sender="ivan@other.example", to=(SUPPORT, BILL), shadow=["trial"], tags=["redirected-late"]),
            record(4, sender="", fired=["technical-mail"]),
        ]
    )
    assert found(history) == ["Q4", "Q3", "Q2", "Q1"]
    assert found(history, sender="OLENA@customer.example") == ["Q2", "Q1"]
    assert found(history, sender="") == ["Q4"]
    assert found(history, recipient=SUPPORT) == ["Q3"]
    assert found(history, recipient=BILL, rule="technical") == ["Q3", "Q1"]
    assert found(history, rule="trial") == ["Q3"], "rules in shadow too"
    assert found(history, tag="redirected") == ["Q4", "Q1"], "a whole tag, not a part of one"
    assert found(history, queue="accounts") == ["Q2"]
    assert found(history, queue_id="Q3") == ["Q3"]
    assert found(history, since=START + timedelta(minutes=2), until=START + timedelta(minutes=4)) == ["Q3", "Q2"]
    assert found(history, sender="somebody@else.example") == []


@given(st.integers(0, 40), st.integers(1, 7))
@settings(max_examples=20, deadline=None)
def test_pages_by_number_give_every_mail_once_though_more_come(tmp_path_factory, mails, size):
    path = tmp_path_factory.mktemp("journal") / NAME
    journal = Journal.open(path, KEY, START)
    journal.write([record(number) for number in range(mails)])
    history = History.open(path, KEY)
    seen, after = [], None
    while page := history.find(Wanted(after=after), size):
        seen += [one.queue_id for one in page]
        after = page[-1].number
        journal.write([record(1000 + len(seen))])
    assert seen == [f"Q{number}" for number in reversed(range(mails))]
    history.close()
    journal.close()


def test_what_is_older_than_the_retention_goes_and_the_rest_stays(journal, history):
    journal.write([record(minute) for minute in range(10)])
    assert journal.purge(START + timedelta(minutes=6)) == 6
    assert journal.purge(START + timedelta(minutes=6)) == 0
    assert found(history) == ["Q9", "Q8", "Q7", "Q6"]


def test_no_address_and_no_key_can_be_read_in_the_file(tmp_path, journal):
    journal.write([record(1)])
    journal.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = (tmp_path / NAME).read_bytes()
    assert b"olena" not in data and b"bill@" not in data and KEY.key not in data
    assert b"customer.example" in data, "the domain is kept"
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_forgotten_person_is_found_no_more_and_the_figures_stay(journal, history):
    journal.write(
        [record(1, ticket="7"), record(2, sender="ivan@other.example", to=(OLENA, BILL)), record(3, sender="x@y")]
    )
    assert journal.forget("Olena@customer.example") == 2
    assert found(history, sender=OLENA) == [] == found(history, recipient=OLENA)
    assert found(history, recipient=BILL) == ["Q3", "Q2", None]
    (entry,) = history.find(Wanted(queue_id=None, until=START + timedelta(minutes=2)), 5)
    assert (entry.domain, entry.queue_id, entry.event["queue"]) == ("", None, "support")
    assert not {"decision", "ticket", "recipient_domains"} & entry.event.keys()


def test_a_mail_with_a_thousand_recipients_and_rules_is_one_small_row(journal, history):
    many = tuple(f"a{n}@x{n}.example" for n in range(1000))
    journal.write([record(1, to=many, unknown=[f"rule-{n}" * 10 for n in range(1000)])])
    (entry,) = history.find(Wanted(), 5)
    assert len(str(entry.event)) < 5_000
    assert found(history, recipient=many[49]) == ["Q1"]


def test_a_damaged_journal_is_set_aside_and_another_rooms_file_refused(tmp_path):
    path = tmp_path / NAME
    path.write_bytes(b"garbage" * 999)
    journal = Journal.open(path, KEY, START)
    assert journal.store.set_aside and journal.store.set_aside.exists()
    journal.write([record(1)])
    journal.close()
    with pytest.raises(LookupFailed):
        History.open(tmp_path / "none.sqlite", KEY)
    from router.threads.store import ThreadReader, ThreadWriter

    ThreadWriter.open(tmp_path / "threads.sqlite", KEY, START).close()
    with pytest.raises(WrongStore):
        History.open(tmp_path / "threads.sqlite", KEY)
    with pytest.raises(LookupFailed):
        ThreadReader(path, KEY).ticket("1")


def test_the_report_counts_what_the_head_of_support_asks():
    report = Report()
    for event in (
        {"queue": "support", "recipients": {"remove": [BILL], "add": [SUPPORT]}, "saved_s": 7_200.0},
        {"queue": "support", "recipients": {"remove": [BILL], "add": [SUPPORT]}, "hold": ["abuse"]},
        {"queue": "accounts", "expect": {"open": False}, "reply": {"send": True, "refused": []}},
        {"queue": "accounts", "expect": {"open": True}, "reply": {"send": False, "refused": ["G7", "G8"]}},
        {"degraded": ["overload"]},
    ):
        report.add(event)
    assert report.as_json() == {
        "mails": 5,
        "queues": {"accounts": 2, "support": 2, "undecided": 1},
        "redirected": 1,
        "hours_saved": 2.0,
        "told_to_wait": 1,
        "held": 1,
        "acknowledgements": {"asked_for": 1, "refused": {"G7": 1, "G8": 1}},
        "degraded": {"overload": 1},
    }


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    made = open_key(tmp_path)
    path = tmp_path / "pseudonyms.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_key(tmp_path) == read_key(tmp_path) == made
    path.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        read_key(tmp_path)
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(BadInput, match="is no key"):
        read_key(tmp_path)


def test_pseudonyms_of_different_things_and_keys_differ():
    other = Pseudonyms(b"o" * 32)
    assert KEY.address(OLENA) == KEY.address("Olena+tag@CUSTOMER.example") != other.address(OLENA)
    assert KEY.participant(OLENA) not in (KEY.address(OLENA), KEY.participant("olena+tag@customer.example"))
