"""A private Postfix on loopback, and a sink that keeps what it delivers.

Everything lives in one temporary folder; nothing of the system's own Postfix is read or touched. Needs root, since
Postfix changes to its own user. What made it work in a container: `maillog_file` with the postlog service (no syslog),
services not chrooted, every parent folder traversable, no DNS asked (`smtp_dns_support_level = disabled` and a
bracketed relayhost).
"""

import asyncio
import functools
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}/log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.flexihost.example
mydomain = flexihost.example
mydestination =
mynetworks = 127.0.0.0/8, 203.0.113.0/24
local_recipient_maps =
alias_maps =
alias_database =
relayhost = [127.0.0.1]:{sink}
default_transport = smtp
relay_transport = smtp
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_forbid_bare_newline = yes
message_size_limit = 60000000
default_process_limit = 50
in_flow_delay = 0
minimal_backoff_time = 3600s
smtpd_milters = {milters}
non_smtpd_milters =
milter_protocol = 6
milter_default_action = {default_action}
milter_connect_timeout = 5s
milter_command_timeout = 30s
milter_content_timeout = 60s
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - 100 smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def what_is_missing() -> str:
    """Why no private Postfix can be run here, or ""."""
    if not shutil.which("postfix") and not Path("/usr/sbin/postfix").exists():
        return "Postfix is not installed (apt-get install postfix)"
    if os.geteuid() != 0:
        return "a private Postfix needs root"
    return ""


needs_postfix = [pytest.mark.root, pytest.mark.skipif(bool(what_is_missing()), reason=what_is_missing() or "-")]
"""The `pytestmark` of files whose tests start a private Postfix."""


@functools.cache
def may_mount() -> bool:
    """Whether this machine lets us mount a small disk in memory; containers without CAP_SYS_ADMIN do not."""
    with tempfile.TemporaryDirectory(prefix="mailrouter-mount-") as place:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", place], check=True)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Delivered:
    """What arrived at the sink in one SMTP transaction."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes

    def fields(self, name: str) -> list[str]:
        """Bodies of the header fields called `name`, unfolded, in order."""
        head = self.data.split(b"\r\n\r\n", 1)[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
        found = []
        for line in head.split(b"\r\n"):
            key, colon, body = line.partition(b":")
            if colon and key.strip().lower() == name.lower().encode():
                found.append(body.strip().decode("utf-8", "replace"))
        return found


class Sink:
    """An SMTP server in a thread of its own that takes everything and keeps it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.delivered: list[Delivered] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        started = threading.Event()
        self._started = started
        self._thread.start()
        assert started.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        make = lambda: SMTP(self, enable_SMTPUTF8=True, data_size_limit=80_000_000, loop=self._loop)  # noqa: E731  # a factory
        self._server = self._loop.run_until_complete(self._loop.create_server(make, "127.0.0.1", self.port))
        self._loop.call_soon(self._started.set)
        self._loop.run_forever()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def handle_DATA(self, server, session, envelope):
        with self._changed:
            self.delivered.append(Delivered(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
            self._changed.notify_all()
        return "250 kept"

    def wait_for(self, count: int, timeout_s: float = 30.0) -> list[Delivered]:
        """The first `count` deliveries, as soon as they are there; fails when they do not come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.delivered) >= count, timeout_s), (
                f"{len(self.delivered)} of {count} messages arrived"
            )
            return list(self.delivered)

    def settle(self, quiet_s: float = 1.0) -> list[Delivered]:
        """Everything delivered, once nothing has come for `quiet_s`: shows that there is no second copy."""
        seen = -1
        while seen != len(self.delivered):
            seen = len(self.delivered)
            time.sleep(quiet_s)
        return list(self.delivered)

    def clear(self) -> None:
        with self._changed:
            self.delivered.clear()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@dataclass
class PrivatePostfix:
    """One instance. milters: the value of smtpd_milters, such as `inet:127.0.0.1:8891`. settings, services: more lines
    of main.cf and master.cf. spool_bytes: gives the queue a disk of its own, of that size (`may_mount`)."""

    sink: Sink
    milters: str
    default_action: str = "tempfail"
    port: int = field(default_factory=free_port)
    settings: str = ""
    services: str = ""
    spool_bytes: int = 0
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mailrouter-postfix-")))

    def start(self) -> None:
        self.folder.chmod(0o755)
        for name in ("etc", "spool", "data", "log"):
            (self.folder / name).mkdir(mode=0o755)
        shutil.chown(self.folder / "data", "postfix")
        if self.spool_bytes:
            options = f"size={self.spool_bytes},mode=755"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.spool)], check=True)
        values = {
            "folder": self.folder,
            "sink": self.sink.port,
            "milters": self.milters,
            "port": self.port,
            "default_action": self.default_action,
        }
        (self.folder / "etc/main.cf").write_text(MAIN_CF.format(**values) + self.settings)
        (self.folder / "etc/master.cf").write_text(MASTER_CF.format(**values) + self.services)
        self._command("start")
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    if connection.recv(3) == b"220":
                        return
            except OSError:
                pass
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        path = self.folder / "log/mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def queue(self) -> str:
        done = subprocess.run(
            ["/usr/sbin/postqueue", "-c", str(self.folder / "etc"), "-p"], capture_output=True, text=True, check=False
        )
        return done.stdout

    def stop(self) -> None:
        self._command("stop")
        if self.spool_bytes:
            subprocess.run(["umount", "--lazy", str(self.spool)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def _command(self, verb: str) -> None:
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.folder / "etc"), verb],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
