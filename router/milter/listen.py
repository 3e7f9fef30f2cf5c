"""Where the MTA finds us: socket specifications and the listening sockets they stand for.

    inet:8891@127.0.0.1   inet6:8891@[::1]   unix:/var/spool/postfix/mailrouter/milter.sock

`inet:8891` alone is loopback. A unix socket is made under another name and moved into place when it already listens
with the right mode and group, so that no MTA meets it half made; one that a dead process left behind is replaced.
"""

import contextlib
import errno
import grp
import os
import re
import socket
import stat

from router.errors import BadInput, closest
from router.frozen import dataclass

BACKLOG = 1_024
_PATH_BYTES = 107  # of sockaddr_un
_INET = re.compile(r"(\d{1,5})(?:@(.+))?\Z")
_POSTFIX_STYLE = re.compile(r"(\[.*\]|[^:]+):(\d{1,5})\Z")


class BadListen(BadInput):
    """A socket specification that cannot be used; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Place:
    """A specification, read. kind: `inet`, `inet6` or `unix`; host and port, or path."""

    kind: str
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"unix:{self.path}"
        return f"{self.kind}:{self.port}@" + (f"[{self.host}]" if self.kind == "inet6" else self.host)


def place(spec: str) -> Place:
    """Read a specification. Raises BadListen. `local:` is Sendmail's word for `unix:`."""
    kind, colon, rest = spec.partition(":")
    if kind in ("unix", "local") and colon:
        if not rest:
            raise BadListen(f'"{spec}": a path must follow; write unix:/run/mailrouter/milter.sock')
        if len(os.fsencode(rest)) > _PATH_BYTES:
            raise BadListen(f'"{spec}": the path of a unix socket has at most {_PATH_BYTES} bytes')
        return Place("unix", path=rest)
    if kind in ("inet", "inet6") and colon:
        found = _INET.match(rest)
        if found is None:
            swapped = _POSTFIX_STYLE.match(rest)
            hint = f"{kind}:{swapped[2]}@{swapped[1]}" if swapped else f"{kind}:8891@127.0.0.1"
            raise BadListen(f'"{spec}": port@host must follow (not host:port, as in Postfix); write {hint}')
        port = int(found[1])
        if port > 65_535:
            raise BadListen(f'"{spec}": a port is at most 65535')
        host = found[2] or ("::1" if kind == "inet6" else "127.0.0.1")
        return Place(kind, host.strip("[]"), port)
    guess = closest(kind, ("inet", "inet6", "unix")) if colon else None
    expected = f'did you mean "{guess}:{rest}"?' if guess else "expected inet:PORT@HOST, inet6:PORT@HOST or unix:/PATH"
    raise BadListen(f'"{spec}" is no socket; {expected}')


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening, non-blocking socket. path and identity: of the unix socket that we made and that we remove.
    inherited: somebody else holds it too (systemd); what waits in its backlog is for whoever comes next."""

    socket: socket.socket
    path: str | None = None
    identity: tuple[int, int] | None = None
    inherited: bool = False

    def close(self) -> None:
        """Close it; remove its path unless another process has put its own socket there meanwhile."""
        self.socket.close()
        if self.path is not None and _identity(self.path) == self.identity:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)


def inherited(one: socket.socket) -> Listener:
    """A socket that is open already. Raises BadListen when it does not listen for streams."""
    if one.type != socket.SOCK_STREAM or not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise BadListen(f"descriptor {one.fileno()} is no listening stream socket (ListenStream= in systemd)")
    one.setblocking(False)
    return Listener(one, inherited=True)


def opened(where: Place, *, mode: int = 0o660, group: str | None = None) -> list[Listener]:
    """Listening sockets: one, or one for each address of a host name.

    mode and group: of a unix socket. Raises BadListen for what the user can mend by writing something else, OSError
    for the rest (permission, address in use).
    """
    if where.kind == "unix":
        return [_unix(where.path, mode, group)]
    family = socket.AF_INET6 if where.kind == "inet6" else socket.AF_INET
    try:
        found = socket.getaddrinfo(where.host, where.port, family, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise BadListen(f'"{where}": the host is not known: {error.strerror}') from None
    sockets: list[socket.socket] = []
    try:
        for address in dict.fromkeys(entry[4] for entry in found):
            one = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.setblocking(False)
            one.bind(address)
            one.listen(BACKLOG)
    except OSError as error:
        for one in sockets:
            one.close()
        raise OSError(error.errno, f"{error.strerror}: {where}") from None
    return [Listener(one) for one in sockets]


def _unix(path: str, mode: int, group: str | None) -> Listener:
    number = -1
    if group is not None:
        try:
            number = grp.getgrnam(group).gr_gid
        except KeyError:
            guess = closest(group, [entry.gr_name for entry in grp.getgrall()])
            raise BadListen(
                f'group "{group}" is not known on this machine' + (f'; did you mean "{guess}"?' if guess else "")
            ) from None
    _make_way(path)
    name = f"{path}.{os.getpid()}"
    if len(os.fsencode(name)) > _PATH_BYTES:
        raise BadListen(f"unix:{path}: the path of a unix socket has at most {_PATH_BYTES - 11} bytes")
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        one.setblocking(False)
        one.bind(name)
        # Nobody can connect before listen(), so mode and group hold from the first moment.
        os.chmod(name, mode)
        if number >= 0:
            os.chown(name, -1, number)
        one.listen(BACKLOG)
        os.rename(name, path)
    except OSError as error:
        one.close()
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise OSError(error.errno, f"{error.strerror}: unix:{path}") from None
    return Listener(one, path, _identity(path))


def _make_way(path: str) -> None:
    """Refuse to take the place of a file or of a living socket."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise BadListen(f"unix:{path}: there is a file of that name which is no socket")
    if _accepts(path):
        raise OSError(errno.EADDRINUSE, f"another process is listening: unix:{path}")


def _accepts(path: str) -> bool:
    """Whether somebody listens there. A full backlog also means yes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.setblocking(False)
        try:
            caller.connect(path)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
