"""The store: limits that hold through restarts and clock jumps, and silence when its history is gone."""

import os
import shutil
import sqlite3
from datetime import timedelta

import pytest

from router.acknowledge.policy import Limits, Rate
from router.acknowledge.throttle import KEPT, State, Throttle
from router.errors import LookupFailed
from router.storage import WrongStore
from tests.acknowledge.desk import KEYS, OLENA, ByHand

LIMITS = Limits(timedelta(days=7), Rate(2, timedelta(days=1)), Rate(5, timedelta(hours=1)), Rate(8, timedelta(hours=1)))


@pytest.fixture
def clock():
    return ByHand()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "acknowledgements.sqlite"


@pytest.fixture
def store(path, clock):
    opened = Throttle(path, KEYS, clock, by_hand=True)
    yield opened
    opened.close()


def send(store, number, sender=OLENA, snippets=("a",), state=State.SENT):
    """One acknowledgement from claim to end; the gate that refused it, or ""."""
    key = f"key {number}".encode()
    claim = store.check(key, sender, snippets, LIMITS)
    if not claim.gate:
        claim = store.begin(key, sender, claim.snippets, LIMITS, "d")
    if not claim.gate:
        store.settle(key, state)
    return claim.gate


def test_a_mail_is_answered_once(store, clock):
    assert send(store, 1) == ""
    clock.pass_by(days=20)
    assert send(store, 1, snippets=("b",)) == "G17"


def test_a_snippet_is_said_once_per_sender_and_seven_days(store, clock):
    assert send(store, 1) == ""
    assert send(store, 2) == "G11"
    assert send(store, 3, "Olena+list@Customer.example") == "G11"
    assert send(store, 4, "petro@customer.example") == ""
    clock.pass_by(days=7, minutes=1)
    assert send(store, 5) == ""


def test_only_snippets_not_yet_said_are_left(store):
    send(store, 1, snippets=("a", "b"))
    assert store.check(b"2", OLENA, ("a", "b", "c"), LIMITS).snippets == ("c",)


def test_what_was_said_meanwhile_is_not_said_again(store):
    claim = store.check(b"2", OLENA, ("a",), LIMITS)
    send(store, 1)
    assert store.begin(b"2", OLENA, claim.snippets, LIMITS, "d").gate == "G11"


def test_a_composed_answer_of_which_half_was_said_meanwhile_is_not_sent(store):
    claim = store.check(b"2", OLENA, ("a", "b"), LIMITS)
    send(store, 1, snippets=("a",))
    assert store.begin(b"2", OLENA, claim.snippets, LIMITS, "d").gate == "G11"


def test_limits_are_exact(store, clock):
    """Two to a sender a day, five to a domain an hour, eight in all an hour."""
    assert [send(store, n, snippets=(f"s{n}",)) for n in range(3)] == ["", "", "G12"]
    clock.pass_by(hours=23, minutes=59)
    assert send(store, 3, snippets=("s3",)) == "G12"
    clock.pass_by(minutes=2)
    assert send(store, 4, snippets=("s4",)) == ""
    of_domain = [send(store, 10 + n, f"p{n}@customer.example") for n in range(6)]
    assert of_domain == ["", "", "", "", "G12", "G12"]
    in_all = [send(store, 20 + n, f"p@shop{n}.example") for n in range(5)]
    assert in_all == ["", "", "", "G12", "G12"]


def test_a_flood_mutes_for_an_hour(store, clock):
    for n in range(9):
        send(store, n, f"p@shop{n}.example")
    assert store.muted().reason.startswith("8 in")
    clock.pass_by(minutes=59)
    assert send(store, 20, "p@late.example") == "G12"
    clock.pass_by(minutes=2)
    assert store.muted() is None
    assert send(store, 21, "p@later.example") == ""


@pytest.mark.parametrize("state", [State.NEW, State.SUPPRESSED])
def test_what_was_not_sent_does_not_count(store, state):
    assert send(store, 1, state=state) == ""
    assert send(store, 2) == ""


def test_what_may_have_been_sent_counts(store):
    assert send(store, 1, state=State.UNKNOWN) == ""
    assert send(store, 2) == "G11"
    assert send(store, 1) == "G17"


def test_what_may_have_been_sent_fills_the_limits_too(store):
    send(store, 1, snippets=("a",), state=State.UNKNOWN)
    store.begin(b"2", OLENA, ("b",), LIMITS, "d")  # under way
    assert send(store, 3, snippets=("c",)) == "G12"


def test_a_refusal_before_the_end_may_be_tried_again(store):
    assert send(store, 1, state=State.NEW) == ""
    assert send(store, 1) == ""
    assert store.state_of(b"key 1") is State.SENT


def test_suppressing_does_not_undo_an_answer(store):
    send(store, 1)
    store.suppress(b"key 1", OLENA, "G2", "d")
    assert store.state_of(b"key 1") is State.SENT


def test_a_row_that_a_death_left_sending_is_never_sent(store, path, clock):
    store.begin(b"1", OLENA, ("a",), LIMITS, "d")
    store.close()
    again = Throttle(path, KEYS, clock)
    assert again.recover() == 1
    assert again.state_of(b"1") is State.UNKNOWN
    assert again.check(b"1", OLENA, ("a",), LIMITS).gate == "G17"
    again.close()


def test_pause_and_resume_come_from_another_process(store, path, clock):
    other = Throttle(path, KEYS, clock, service=False, by_hand=True)
    other.pause("texts")
    assert store.muted().until is None
    assert send(store, 1) == "G12"
    clock.pass_by(days=40)
    assert send(store, 2) == "G12"
    other.resume()
    assert send(store, 3) == ""
    other.close()


def test_somebody_who_looks_does_not_move_the_store_s_clock(store, path, clock):
    send(store, 1, snippets=("a",))
    send(store, 2, snippets=("b",))
    for _ in range(30):
        clock.pass_by(minutes=30)
        other = Throttle(path, KEYS, clock, service=False, by_hand=True)
        other.listed()
        other.close()
    assert send(store, 3, snippets=("c",)) == "G12"  # 15 hours


def test_forget_erases_an_address_and_keeps_the_keys(store, path):
    send(store, 1, snippets=("a",))
    send(store, 2, snippets=("b",))
    assert store.forget("Olena@customer.example") == 2
    assert store.check(b"3", OLENA, ("a",), LIMITS).gate == ""
    assert send(store, 1) == "G17"
    assert store.forget(OLENA) == 0


def test_no_address_and_no_word_is_in_the_file(store, path):
    send(store, 1, snippets=("a",))
    store.close()
    data = b"".join(part.read_bytes() for part in path.parent.iterdir())
    assert b"olena" not in data.lower() and b"customer" not in data.lower()
    assert os.stat(path).st_mode & 0o077 == 0


def test_old_rows_are_purged(store, clock):
    send(store, 1)
    clock.pass_by(days=KEPT.days + 1)
    assert store.purge() == 1
    assert store.counts() == {}


def test_the_list_is_newest_first(store, clock):
    send(store, 1)
    clock.pass_by(minutes=1)
    store.suppress(b"x", OLENA, "G2,G4", "d2")
    first, second = store.listed()
    assert (first.state, first.gate, first.decision) == (State.SUPPRESSED, "G2,G4", "d2")
    assert (second.state, second.at) == (State.SENT, "2026-03-06T17:40:00+00:00")


# ---------------------------------------------------------------------------------------------------------------- time
def test_a_clock_set_back_repeats_nothing(store, clock):
    send(store, 1, snippets=("a",))
    send(store, 2, snippets=("b",))
    clock.jump(hours=-1)
    assert send(store, 3, snippets=("c",)) == "G12"
    clock.jump(days=-400)
    assert send(store, 4, snippets=("a",)) == "G11"
    assert store.jumps


def test_a_clock_that_runs_ahead_and_comes_back_opens_no_window_and_stops_nothing(store, clock):
    send(store, 1, snippets=("a",))
    send(store, 2, snippets=("b",))
    clock.jump(days=10)
    assert send(store, 3, snippets=("c",)) == "G12"
    clock.jump(days=-10)
    assert send(store, 4, snippets=("c",)) == "G12"
    clock.pass_by(hours=25)
    assert send(store, 5, snippets=("c",)) == ""


def test_a_restart_after_a_clock_that_ran_ahead_stops_nothing_for_long(store, path, clock):
    clock.jump(days=10)
    send(store, 1, snippets=("a",))
    send(store, 2, snippets=("b",))
    store.close()
    clock.jump(days=-10)
    again = Throttle(path, KEYS, clock)
    assert send(again, 3, snippets=("c",)) == "G12"
    clock.pass_by(hours=25)
    assert send(again, 4, snippets=("c",)) == ""
    again.close()


def test_time_passes_while_the_service_is_down(store, path, clock):
    send(store, 1, snippets=("a",))
    send(store, 2, snippets=("b",))
    store.close()
    clock.wall += timedelta(hours=25)
    clock.monotonic_s = 3.0  # the machine was started anew
    again = Throttle(path, KEYS, clock)
    assert send(again, 3, snippets=("c",)) == ""
    again.close()


def test_changes_of_the_clock_twice_a_year_are_no_jumps(store, clock):
    clock.pass_by(days=200)
    store.muted()
    assert store.jumps == []


# ------------------------------------------------------------------------------------------------------ damaged files
def _truncated(path):
    path.write_bytes(path.read_bytes()[:3000])


def _zeroed(path):
    path.write_bytes(b"\0" * path.stat().st_size)


def _garbage(path):
    path.write_bytes(bytes(range(256)) * 64)


def _empty(path):
    path.write_bytes(b"")


def _deleted(path):
    path.unlink()


def _header(path):
    data = bytearray(path.read_bytes())
    data[:16] = b"not a database!!"
    path.write_bytes(data)


def _flipped_page(path):
    data = bytearray(path.read_bytes())
    data[4096 : 4096 + 2000] = os.urandom(2000)
    path.write_bytes(data)


def _text_file(path):
    path.write_text("key,state\n" * 500)


def _one_byte(path):
    path.write_bytes(b"S")


def _half_pages(path):
    data = path.read_bytes()
    path.write_bytes(data[:4096] + data[8192:])


DAMAGES = [_truncated, _zeroed, _garbage, _empty, _deleted, _header, _flipped_page, _text_file, _one_byte, _half_pages]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__.strip("_"))
def test_history_that_is_gone_means_silence_for_a_day(store, path, clock, damage):
    """Up again at once, nothing sent while muted, sent again when the day is over or somebody says so."""
    for number in range(20):
        send(store, number, f"p{number}@shop{number}.example")
        clock.pass_by(minutes=20)
    store.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    damage(path)
    again = Throttle(path, KEYS, clock)
    assert send(again, 99, "somebody@new.example") == "G12"
    clock.pass_by(hours=23)
    assert send(again, 98, "somebody@new.example") == "G12"
    clock.pass_by(hours=2)
    assert send(again, 97, "somebody@new.example") == ""
    again.close()
    if damage not in (_empty, _deleted, _one_byte):  # SQLite takes these for a database without content
        assert [one for one in path.parent.iterdir() if "damaged" in one.name]


def test_a_locked_database_is_a_matter_of_time(store, path, monkeypatch):
    monkeypatch.setattr("router.storage.BUSY_TIMEOUT_S", 0.01)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    store._store.connection.execute("PRAGMA busy_timeout=10")
    with pytest.raises(LookupFailed, match="locked"):
        send(store, 1)
    holder.execute("ROLLBACK")
    holder.close()
    assert send(store, 1) == ""


def test_a_database_of_another_room_or_a_newer_program_is_left_alone(tmp_path, clock):
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA application_id=12345")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(WrongStore):
        Throttle(other, KEYS, clock)
    newer = tmp_path / "newer.sqlite"
    Throttle(newer, KEYS, clock).close()
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    before = newer.read_bytes()
    with pytest.raises(WrongStore):
        Throttle(newer, KEYS, clock)
    assert newer.read_bytes() == before


def test_a_place_that_cannot_be_written_is_said(tmp_path, clock):
    (tmp_path / "file").write_text("")
    with pytest.raises(LookupFailed):
        Throttle(tmp_path / "file" / "db.sqlite", KEYS, clock)


def test_a_copy_of_yesterday_put_back_keeps_todays_senders_at_their_limit(store, path, clock):
    """An old copy knows less: what it does not know may be said again, but never the same mail's answer twice a day
    within its own memory."""
    send(store, 1)
    store.close()
    shutil.copy(path, path.with_suffix(".copy"))
    again = Throttle(path, KEYS, clock)
    send(again, 2, snippets=("b",))
    again.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(path.with_suffix(".copy"), path)
    restored = Throttle(path, KEYS, clock)
    assert send(restored, 1) == "G17"
    restored.close()
