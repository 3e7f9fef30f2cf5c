"""Databases: whatever the file looks like, opening gives a working store or a word for the administrator."""

import os
import sqlite3
from datetime import UTC, datetime

import pytest

from router.errors import LookupFailed
from router.storage import Schema, WrongStore, open_store

NOW = datetime(2026, 3, 6, 19, 40, tzinfo=UTC)
SCHEMA = Schema("test", ["CREATE TABLE mail (id TEXT PRIMARY KEY)", "ALTER TABLE mail ADD COLUMN at TEXT"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "test.db"


def kept(path):
    store = open_store(path, SCHEMA, now=NOW)
    rows = store.connection.execute("SELECT id FROM mail").fetchall()
    store.close()
    return rows, store.new, store.set_aside


def filled(path, count=400):
    store = open_store(path, SCHEMA, now=NOW)
    with store.transaction() as db:
        db.executemany("INSERT INTO mail (id) VALUES (?)", [(f"{number:06}",) for number in range(count)])
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()


def test_what_was_committed_is_there_again(path):
    filled(path, 3)
    rows, new, set_aside = kept(path)
    assert (len(rows), new, set_aside) == (3, False, None)


def test_only_the_owner_may_read_it(path):
    filled(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failed_transaction_leaves_nothing(path):
    store = open_store(path, SCHEMA, now=NOW)
    with pytest.raises(ZeroDivisionError), store.transaction() as db:
        db.execute("INSERT INTO mail (id) VALUES ('x')")
        raise ZeroDivisionError
    assert store.connection.execute("SELECT count(*) FROM mail").fetchone() == (0,)
    store.close()


def damage(path, kind):
    data = bytearray(path.read_bytes())
    if kind == "garbage":
        data[:] = b"not a database at all " * 100
    elif kind == "zeroed":
        data[:] = bytes(len(data))
    elif kind == "truncated":
        del data[len(data) // 2 :]
    elif kind == "page":
        data[4096:8192] = os.urandom(4096)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["garbage", "zeroed", "truncated", "page"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path, kind):
    filled(path)
    damage(path, kind)
    rows, new, set_aside = kept(path)
    assert (rows, new) == ([], True)
    assert set_aside is not None and set_aside.exists()


def test_an_empty_file_is_a_first_start(path):
    path.parent.mkdir()
    path.touch()
    assert kept(path) == ([], True, None)


def test_another_rooms_file_is_refused(path):
    filled(path)
    with pytest.raises(WrongStore, match="is not a else database"):
        open_store(path, Schema("else", SCHEMA.migrations), now=NOW)


def test_a_file_of_a_newer_version_is_refused(path):
    filled(path)
    with pytest.raises(WrongStore, match="newer"):
        open_store(path, Schema("test", SCHEMA.migrations[:1]), now=NOW)


def test_an_old_file_is_brought_up_to_date(path):
    open_store(path, Schema("test", SCHEMA.migrations[:1]), now=NOW).close()
    store = open_store(path, SCHEMA, now=NOW)
    store.connection.execute("INSERT INTO mail (id, at) VALUES ('1', 'now')")
    store.close()


def test_a_locked_file_is_a_temporary_failure(path, monkeypatch):
    monkeypatch.setattr("router.storage.BUSY_TIMEOUT_S", 0.05)
    store = open_store(path, SCHEMA, now=NOW)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LookupFailed, match="locked"), store.transaction():
        pass
    other.execute("ROLLBACK")
    other.close()
    store.close()


def test_a_place_that_cannot_be_written_is_a_temporary_failure(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LookupFailed):
        open_store(tmp_path / "file" / "test.db", SCHEMA, now=NOW)


KEY_LAST = "c INTEGER, a BLOB NOT NULL, b TEXT NOT NULL, PRIMARY KEY (b, a)"


def key_last(path, columns):
    """A table whose primary key is not its first columns; quick_check of SQLite 3.40 finds a NULL in it."""
    schema = Schema("rows", [f"CREATE TABLE kept ({columns}) WITHOUT ROWID"])
    store = open_store(path, schema, now=NOW)
    with store.transaction() as db:
        db.execute("INSERT INTO kept (a, b) VALUES (x'00', 'x')")
    store.close()
    return schema


def test_a_sound_table_without_rowid_is_not_taken_for_damaged(path):
    store = open_store(path, key_last(path, KEY_LAST), now=NOW)
    assert (store.new, store.set_aside) == (False, None)
    assert store.connection.execute("SELECT b FROM kept").fetchall() == [("x",)]
    store.close()


def test_a_null_that_is_really_there_is_damage(path):
    schema = key_last(path, KEY_LAST)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'c INTEGER', 'c INTEGER NOT NULL')")
    connection.commit()
    connection.close()
    store = open_store(path, schema, now=NOW)
    assert store.set_aside is not None
    store.close()
