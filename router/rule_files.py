"""Rules files on disk: opened once and safely, installed in one step, and the last good ones kept.

Knows nothing of what is in them. Reading refuses what must not decide where mail goes: links, pipes, files that
somebody else may write (reliability.md rows 16, 17; amendment 37). The state directory holds:

    rules/<sha256>.yaml     a file that was checked and whose tests passed
    rules/index.json        [{"sha256", "at", "by", "how", "name"}], newest first
"""

import contextlib
import fcntl
import grp
import hashlib
import json
import os
import pwd
import re
import stat
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from router.errors import BadFile, BadInput, Location, Problem, closest
from router.frozen import dataclass
from router.ownership import group_is_private

MAX_BYTES = 2 * 1024 * 1024
SERVICE_RULES, SERVICE_STATE = Path("/etc/mailrouter"), Path("/var/lib/mailrouter")
KEPT = 20
"""How many good files are kept."""


# ------------------------------------------------------------------------------------------------------------- reading
def read(path: Path, *, owners: Collection[int] | None = None, group: str | None = None) -> bytes:
    """The bytes of a rules file, opened once. Raises `BadFile`: E100 cannot be read, E105 too large, E106 no plain
    file, E107 others could change it.

    owners: user ids that may own it, besides root; None: not judged, for commands that only look at it. group: the name
    of a group that may write it, besides the owner's own private group.
    """
    try:
        # Not blocking: opening a pipe would wait for its writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise _bad(path, "E106", f"is a link to {os.readlink(path)}; name that file itself") from None
        raise _bad(path, "E100", f"cannot be read: {error.strerror}") from None
    except ValueError:  # a NUL in the name
        raise _bad(path, "E100", "cannot be read: this is no file name") from None
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        raise _bad(path, "E106", f"is {_kind(before.st_mode)}, not a file")
    with open(descriptor, "rb") as file:
        if unsafe := _unsafe(path, before, owners, group):
            raise _bad(path, "E107", unsafe)
        try:
            data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise _bad(path, "E100", f"cannot be read: {error.strerror}") from None
        after = os.fstat(descriptor)
    if max(len(data), after.st_size) > MAX_BYTES:
        size = f"{max(len(data), after.st_size) / 1024 / 1024:.1f} MiB"
        raise _bad(path, "E105", f"the file has {size}; at most 2 MiB are read")
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        raise _bad(path, "E100", "is being written at this moment; try again when that is done")
    return data


def _bad(path: Path, code: str, message: str) -> BadFile:
    return BadFile([Problem(code, message, Location(str(path)))])


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _unsafe(path: Path, found: os.stat_result, owners: Collection[int] | None, group: str | None) -> str:
    """What makes this file one that somebody else could change; "" when nothing does."""
    if found.st_mode & stat.S_IWOTH:
        return f"can be written by every user of this machine; mend it with: chmod o-w {path}"
    if found.st_mode & stat.S_IWGRP and not _may_write(found, group):
        name = _group_name(found.st_gid)
        return (
            f'can be written by the group "{name}"; mend it with: chmod g-w {path}'
            f" (or allow that group: --rules-group {name})"
        )
    if owners is None:
        return ""
    if found.st_uid != 0 and found.st_uid not in owners:
        return (
            f'belongs to "{user_name(found.st_uid)}", who is neither root nor the user that runs this command;'
            f" mend it with: chown root {path} (or allow that owner: --rules-owner {user_name(found.st_uid)})"
        )
    if found.st_nlink > 1:
        # Who may write into the folder could link somebody else's file here, and so change the rules without owning any
        return f"has {found.st_nlink} names (hard links), and could be changed by another one; copy it and use the copy"
    return ""


def _may_write(found: os.stat_result, group: str | None) -> bool:
    """The group is the one that was allowed, or nobody but the owner is in it."""
    return (group is not None and _group_name(found.st_gid) == group) or group_is_private(found)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def this_person() -> str:
    """Who runs this command, for the history: `olena`, or `olena (as root)` by way of sudo."""
    name = user_name(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} (as {name})" if behind and behind != name and os.getuid() == 0 else name


# ---------------------------------------------------------------------------------------------------------- installing
def install(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path` in one step: every reader sees the old file or the new one, also after a power
    failure. Owner, mode and attributes (access lists) of the old file are kept. Raises `BadInput`."""
    try:
        try:
            old = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            old = None
        if old is not None and not stat.S_ISREG(old.st_mode):
            raise BadInput(f"{path}: is not a plain file; nothing was installed")
        _write(path, data, old)
    except OSError as error:
        raise BadInput(f"{path}: cannot be installed: {error.strerror}") from None


def _write(path: Path, data: bytes, like: os.stat_result | None = None) -> None:
    """The file, whole and on the disk, under its name. like: owner and mode to give it; else ours and 0600."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            if like is not None:
                if (like.st_uid, like.st_gid) != (os.geteuid(), os.fstat(descriptor).st_gid):
                    os.fchown(descriptor, like.st_uid, like.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
                for attribute in _attributes(path):
                    with contextlib.suppress(OSError):  # some are the kernel's own and cannot be set
                        os.setxattr(descriptor, attribute, os.getxattr(path, attribute, follow_symlinks=False))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def keep(path: Path, data: bytes) -> None:
    """Put a file of ours into the state directory in one step, mode 0600, its owner that of the folder. Raises
    OSError."""
    owner = os.stat(path.parent)
    _write(path, data, os.stat_result((stat.S_IFREG | 0o600, 0, 0, 1, owner.st_uid, owner.st_gid, 0, 0, 0, 0)))


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError:
        return []


# ------------------------------------------------------------------------------------------------------------- history
def state_folder(rules: Path, state: Path | None = None) -> Path:
    """Where this filter keeps what it must not forget: as told, else systemd's STATE_DIRECTORY, else the service's own
    for the service's rules (deploy/mailrouter.service), else `.mailrouter` beside the rules file."""
    if state is not None:
        return state
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    if rules.parent.absolute() == SERVICE_RULES and SERVICE_STATE.is_dir():
        return SERVICE_STATE
    return rules.parent / ".mailrouter"


@dataclass(frozen=True, slots=True)
class Entry:
    """One good file. at: when it was last taken into use, aware. by: who did that. how: serve, edit, rollback, reload.
    name: the file's own, or where it lay."""

    sha256: str
    at: datetime
    by: str
    how: str
    name: str

    @property
    def id(self) -> str:
        """Enough of the sha256 to name it by."""
        return self.sha256[:12]


class History:
    """The last `KEPT` good rules files of one desk, each once, newest first. folder: the state directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "rules"

    def entries(self) -> tuple[Entry, ...]:
        """Newest first. An index that is lost or damaged is made anew from the files."""
        try:
            listed = [_entry(one) for one in json.loads((self.folder / "index.json").read_bytes())]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            listed = []
        known = {one.sha256 for one in listed}
        found = [self._found(path) for path in self._files() if path.stem not in known]
        there = {path.stem for path in self._files()}
        return tuple(
            sorted((one for one in (*listed, *found) if one.sha256 in there), key=lambda one: one.at, reverse=True)
        )

    def add(self, data: bytes, *, at: datetime, by: str, how: str, name: str) -> Entry:
        """Keep a file that is good. One that is there already becomes the newest again. Raises `BadInput` when the
        state directory cannot be written."""
        entry = Entry(hashlib.sha256(data).hexdigest(), at.astimezone(UTC), by, how, name)
        try:
            with self._locked():
                before = self.entries()
                if before and before[0].sha256 == entry.sha256:
                    return before[0]  # a restart is no news
                keep(self._path(entry), data)
                kept = [entry, *(one for one in before if one.sha256 != entry.sha256)]
                rows = [asdict(one) | {"at": one.at.isoformat(timespec="seconds")} for one in kept[:KEPT]]
                text = json.dumps(rows, ensure_ascii=False, indent=1)
                keep(self.folder / "index.json", text.encode())
                for old in kept[KEPT:]:
                    self._path(old).unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(f"{self.folder}: the history cannot be written: {error.strerror}") from None
        return entry

    def read(self, entry: Entry) -> bytes:
        """The file, held against its sha256. Raises `BadInput` when it is gone or was changed."""
        data = read(self._path(entry))
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise BadInput(f"{self._path(entry)}: was changed since it was kept; it is not used")
        return data

    def find(self, name: str) -> Entry:
        """The file whose id begins so. Raises `BadInput`."""
        fitting = [one for one in self.entries() if one.sha256.startswith(name.lower())]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise BadInput(f'"{name}" fits {len(fitting)} files: {", ".join(one.id for one in fitting)}')
        near = closest(name[:12], [one.id for one in self.entries()])
        hint = f'did you mean "{near}"?' if near else "`mailrouter rules history` lists them"
        raise BadInput(f'no good rules file "{name}" is kept; {hint}')

    def path(self, entry: Entry) -> Path:
        return self._path(entry)

    def _path(self, entry: Entry) -> Path:
        return self.folder / f"{entry.sha256}.yaml"

    def _files(self) -> list[Path]:
        return [one for one in self.folder.glob("*.yaml") if re.fullmatch(r"[0-9a-f]{64}", one.stem)]

    def _found(self, path: Path) -> Entry:
        return Entry(path.stem, datetime.fromtimestamp(path.stat().st_mtime, UTC), "?", "found", path.name)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        private(self.folder.parent)
        private(self.folder)
        with open(self.folder / ".lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def private(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that is there is left as it is. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        above = folder.parent.stat()
        if os.geteuid() == 0 and above.st_uid != 0:
            os.chown(folder, above.st_uid, above.st_gid)  # made by root for the user that the filter runs as


def _entry(row: dict[str, str]) -> Entry:
    entry = Entry(row["sha256"], datetime.fromisoformat(row["at"]), row["by"], row["how"], row["name"])
    if not re.fullmatch(r"[0-9a-f]{64}", entry.sha256):
        raise ValueError("not a sha256")
    return replace(entry, at=entry.at.astimezone(UTC))
