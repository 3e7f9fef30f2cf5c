"""Who could change a file, by its owner, group and mode."""

import grp
import os
import pwd


def group_is_private(found: os.stat_result) -> bool:
    """Nobody but the owner is in the file's group: with a umask of 002, which many systems have, every file of a user
    is writable by a group of that user alone (OpenSSH of Debian takes it the same way)."""
    try:
        owner, theirs = pwd.getpwuid(found.st_uid), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    private = owner.pw_gid == theirs.gr_gid and owner.pw_name == theirs.gr_name
    return (private or theirs.gr_gid == 0) and set(theirs.gr_mem) <= {owner.pw_name, "root"}
