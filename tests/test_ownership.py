"""Who could change a file: the private group of its owner is nobody else."""

import grp
import os
import pwd

import pytest

from router.ownership import group_is_private


@pytest.fixture
def people(monkeypatch):
    """olena (uid 1000) with her own group 1000; `members` are in it."""

    def living(members, group_name="olena"):
        olena = pwd.struct_passwd(("olena", "x", 1000, 1000, "", "/", "/bin/sh"))
        monkeypatch.setattr(pwd, "getpwuid", lambda _: olena)
        monkeypatch.setattr(grp, "getgrgid", lambda gid: grp.struct_group((group_name, "x", gid, members)))

    return living


def stat_of(gid: int) -> os.stat_result:
    return os.stat_result((0o100664, 1, 1, 1, 1000, gid, 10, 0, 0, 0))


def test_the_owners_own_group_is_private_while_nobody_else_is_in_it(people):
    people([])
    assert group_is_private(stat_of(1000))
    people(["petro"])
    assert not group_is_private(stat_of(1000))


def test_a_shared_group_is_not_private(people):
    people([], "staff")
    assert not group_is_private(stat_of(50))


def test_a_group_that_nobody_knows_is_not_private(monkeypatch):
    def unknown(_):
        raise KeyError

    monkeypatch.setattr(grp, "getgrgid", unknown)
    assert not group_is_private(stat_of(4_000_000))
