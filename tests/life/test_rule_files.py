"""Rules files on disk: what may be read, how one is put in place, and the last good ones."""

import contextlib
import grp
import json
import os
import pwd
import threading
from datetime import UTC, datetime, timedelta

import pytest

from router import rule_files
from router.errors import BadFile, BadInput
from router.rule_files import KEPT, History, install, read

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ME = {os.geteuid()}


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"version: 1\n")
    path.chmod(0o644)
    return path


def refused(path, **allowed) -> tuple[str, str]:
    with pytest.raises(BadFile) as caught:
        read(path, **allowed)
    (problem,) = caught.value.problems
    assert problem.location.file == str(path)
    return problem.code, problem.message


# ------------------------------------------------------------------------------------------------------------- reading
def test_a_plain_file_of_ours_is_read(rules):
    assert read(rules, owners=ME) == b"version: 1\n"


def test_what_is_not_there_is_said(tmp_path):
    assert refused(tmp_path / "rules.yaml") == ("E100", "cannot be read: No such file or directory")


def test_a_link_is_refused_by_the_name_it_points_to(rules, tmp_path):
    link = tmp_path / "link.yaml"
    link.symlink_to(rules)
    assert refused(link) == ("E106", f"is a link to {rules}; name that file itself")


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "rules.yaml")
    assert refused(tmp_path / "rules.yaml") == ("E106", "is a pipe, not a file")


def test_a_folder_and_a_device_are_refused(tmp_path):
    assert refused(tmp_path)[0] == "E106"
    from pathlib import Path

    assert refused(Path("/dev/null")) == ("E106", "is a device, not a file")


def test_two_mebibytes_are_read_and_one_byte_more_is_not(rules):
    rules.write_bytes(b"#" * rule_files.MAX_BYTES)
    assert len(read(rules)) == 2 * 1024 * 1024
    rules.write_bytes(b"#" * (rule_files.MAX_BYTES + 1))
    assert refused(rules)[0] == "E105"


def test_a_huge_sparse_file_is_refused_without_reading_it_all(rules):
    with rules.open("r+b") as file:
        file.truncate(1 << 40)
    assert refused(rules)[0] == "E105"


def test_a_file_that_everyone_may_write_is_refused(rules):
    rules.chmod(0o666)
    code, message = refused(rules)
    assert code == "E107" and "chmod o-w" in message


def test_a_file_that_a_group_may_write_is_refused_unless_that_group_is_allowed(rules, monkeypatch):
    rules.chmod(0o664)
    desk = grp.struct_group(("desk", "x", rules.stat().st_gid, ["olena", "petro"]))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: desk)
    code, message = refused(rules, owners=ME)
    assert code == "E107" and "--rules-group desk" in message
    assert refused(rules, owners=ME, group="other")[0] == "E107"
    assert read(rules, owners=ME, group="desk")


def test_the_private_group_of_the_owner_may_write(rules, monkeypatch):
    """With umask 002 every new file is like that."""
    rules.chmod(0o664)
    gid = rules.stat().st_gid
    olena = pwd.struct_passwd(("olena", "x", rules.stat().st_uid, gid, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: olena)
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group(("olena", "x", gid, [])))
    assert read(rules, owners=ME)
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group(("olena", "x", gid, ["petro"])))
    assert refused(rules, owners=ME)[0] == "E107"


def test_a_file_of_another_user_is_refused_where_the_owner_is_judged(rules, monkeypatch):
    uid = rules.stat().st_uid
    if uid == 0:
        os.chown(rules, 4711, -1)
        uid = 4711
    code, message = refused(rules, owners={uid + 1})
    assert code == "E107" and "--rules-owner" in message
    assert read(rules, owners={uid}) and read(rules)


def test_a_second_name_of_a_file_is_refused_where_the_owner_is_judged(rules, tmp_path):
    os.link(rules, tmp_path / "other")
    assert refused(rules, owners=ME)[0] == "E107"
    assert read(rules)


def test_a_file_that_grows_while_it_is_read_is_refused(rules, monkeypatch):
    real, calls = os.fstat, []

    def fstat(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            with rules.open("ab") as writer:
                writer.write(b"name: more\n")
        return real(descriptor)

    monkeypatch.setattr(rule_files.os, "fstat", fstat)
    assert refused(rules) == ("E100", "is being written at this moment; try again when that is done")


# ---------------------------------------------------------------------------------------------------------- installing
def test_installing_keeps_owner_and_mode(rules):
    rules.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(rules, 4711, 4712)
    before = rules.stat()
    install(rules, b"version: 1\nname: new\n")
    after = rules.stat()
    assert rules.read_bytes().endswith(b"new\n")
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert [one.name for one in rules.parent.iterdir()] == ["rules.yaml"]


def test_installing_fails_whole_or_not_at_all(rules, monkeypatch):
    monkeypatch.setattr(rule_files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(BadInput, match="No space left"):
        install(rules, b"half")
    assert rules.read_bytes() == b"version: 1\n"
    assert [one.name for one in rules.parent.iterdir()] == ["rules.yaml"]


def test_readers_see_the_old_or_the_new_file_never_a_part(rules):
    """Reliability row 16, "half-written"."""
    versions = [b"a" * 200_000, b"b" * 200_000]
    rules.write_bytes(versions[0])
    seen, done = set(), threading.Event()

    def reader():
        while not done.is_set():
            with contextlib.suppress(BadFile):
                data = read(rules)
                seen.add(data[:1] if len(set(data)) == 1 and len(data) == 200_000 else data)

    thread = threading.Thread(target=reader)
    thread.start()
    for number in range(50):
        install(rules, versions[number % 2])
    done.set()
    thread.join()
    assert seen <= {b"a", b"b"}


def test_nothing_is_installed_over_a_link(rules, tmp_path):
    link = tmp_path / "link.yaml"
    link.symlink_to(rules)
    with pytest.raises(BadInput, match="not a plain file"):
        install(link, b"x")


# ------------------------------------------------------------------------------------------------------------- history
def add(history, number, **changes):
    values = {"at": NOON + timedelta(minutes=number), "by": "olena", "how": "edit", "name": "Desk"} | changes
    return history.add(f"version: 1\nname: {number}\n".encode(), **values)


def test_history_lists_newest_first_and_gives_the_bytes_back(tmp_path):
    history = History(tmp_path)
    add(history, 1)
    add(history, 2, by="petro")
    newest, older = history.entries()
    assert (newest.by, newest.how, newest.name, newest.at) == ("petro", "edit", "Desk", NOON + timedelta(minutes=2))
    assert history.read(older) == b"version: 1\nname: 1\n"


def test_history_keeps_twenty_each_once(tmp_path):
    history = History(tmp_path)
    for number in range(25):
        add(history, number)
    add(history, 10, at=NOON + timedelta(days=1))
    assert len(history.entries()) == KEPT == len(list((tmp_path / "rules").glob("*.yaml")))
    assert history.read(history.entries()[0]) == b"version: 1\nname: 10\n"


def test_the_newest_file_again_is_no_news(tmp_path):
    history = History(tmp_path)
    first = add(history, 1)
    assert add(history, 1, at=NOON + timedelta(days=1), how="serve") == first
    assert history.entries() == (first,)


def test_only_the_owner_may_enter_the_state_directory(tmp_path):
    history = History(tmp_path / "state")
    entry = add(history, 1)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "rules").stat().st_mode & 0o777 == 0o700
    assert history.path(entry).stat().st_mode & 0o777 == 0o600


def test_a_lost_or_damaged_index_is_made_from_the_files(tmp_path):
    history = History(tmp_path)
    add(history, 1), add(history, 2)
    index = tmp_path / "rules" / "index.json"
    for damage in (None, b"", b"{", b'[{"sha256": 5}]', b"[1]", b"null", b'{"a": 1}'):
        index.unlink() if damage is None else index.write_bytes(damage)
        assert len(history.entries()) == 2, damage
    add(history, 3)
    assert len(json.loads(index.read_bytes())) == 3


def test_a_kept_file_that_was_changed_is_not_used(tmp_path):
    history = History(tmp_path)
    entry = add(history, 1)
    history.path(entry).write_bytes(b"version: 1\nname: evil\n")
    with pytest.raises(BadInput, match="changed since"):
        history.read(entry)


def test_a_file_is_found_by_the_beginning_of_its_id(tmp_path):
    history = History(tmp_path)
    entry = add(history, 1)
    add(history, 2)
    assert history.find(entry.sha256[:5]) == entry
    with pytest.raises(BadInput, match="fits 2 files"):
        history.find("")
    wrong = entry.id[:-1] + ("0" if entry.id[-1] != "0" else "1")
    with pytest.raises(BadInput, match=f'did you mean "{entry.id}"'):
        history.find(wrong)


def test_a_state_directory_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "state").write_text("a file is in the way")
    with pytest.raises(BadInput, match="the history cannot be written"):
        add(History(tmp_path / "state"), 1)
    assert History(tmp_path / "state").entries() == ()


def test_state_lives_where_told_else_where_systemd_says_else_beside_the_rules(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    rules = tmp_path / "rules.yaml"
    assert rule_files.state_folder(rules) == tmp_path / ".mailrouter"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/mailrouter:/var/lib/other")
    assert str(rule_files.state_folder(rules)) == "/var/lib/mailrouter"
    assert rule_files.state_folder(rules, tmp_path) == tmp_path


def test_state_of_the_service_is_found_by_its_rules(tmp_path, monkeypatch):
    """`mailrouter edit /etc/mailrouter/rules.yaml` by root writes the history that the service reads."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(rule_files, "SERVICE_RULES", tmp_path / "etc")
    monkeypatch.setattr(rule_files, "SERVICE_STATE", tmp_path / "var")
    rules = tmp_path / "etc" / "rules.yaml"
    assert rule_files.state_folder(rules) == tmp_path / "etc" / ".mailrouter"
    (tmp_path / "var").mkdir()
    assert rule_files.state_folder(rules) == tmp_path / "var"
    assert rule_files.state_folder(tmp_path / "rules.yaml") == tmp_path / ".mailrouter"
