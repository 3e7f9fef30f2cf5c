"""A private Sendmail on loopback, from Debian's packages unpacked beside Postfix (they conflict as installed ones).

`tests/integration/unpack_sendmail.sh .sendmail` makes the folder; MAILROUTER_SENDMAIL names another. The binary runs
without its setgid bit, from a configuration made with m4 and a queue of its own. What made it work in a container: a
service-switch file without DNS, and a host name with a dot (in a UTS namespace of its own, where that is allowed:
otherwise Sendmail sleeps for a minute and hopes that it gets one).
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.filter import ROOT
from tests.integration.postfix import Sink, free_port

PREFIX = Path(os.environ.get("MAILROUTER_SENDMAIL", ROOT / ".sendmail")).resolve()

CONFIGURATION = """\
divert(0)dnl
VERSIONID(`mailrouter tests')
OSTYPE(`linux')dnl
undefine(`ALIAS_FILE')dnl
define(`confDOMAIN_NAME', `mail.flexihost.example')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/service.switch')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,MapInUnsafeDirPath')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`confPID_FILE', `{folder}/pid')dnl
define(`STATUS_FILE', `{folder}/status')dnl
define(`HELP_FILE', `')dnl
define(`confCW_FILE', `')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink}')dnl
define(`confTO_IDENT', `0')dnl
define(`confDELIVERY_MODE', `i')dnl
define(`confMILTER_MACROS_EOM', `{{msg_id}}, i')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`promiscuous_relay')dnl
DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port={port}, Name=MTA')dnl
{features}INPUT_MAIL_FILTER(`mailrouter', `S={filter}, F=T, T=C:10s;S:10s;R:10s;E:30s')dnl
MAILER(`smtp')dnl
{mailers}"""


def what_is_missing() -> str:
    """Why no private Sendmail can be run here, or ""."""
    if not (PREFIX / "complete").exists():
        return f"Sendmail is not unpacked (tests/integration/unpack_sendmail.sh {PREFIX.name})"
    if os.geteuid() != 0:
        return "a private Sendmail needs root"
    return ""


needs_sendmail = [pytest.mark.root, pytest.mark.skipif(bool(what_is_missing()), reason=what_is_missing() or "-")]


@dataclass
class PrivateSendmail:
    """One daemon. filter: the filter's socket, in Sendmail's spelling (ours is the same). features, mailers: more lines
    of its .mc, before and after MAILER(); {folder} is our folder. tables: name -> lines of a map of that name."""

    sink: Sink
    filter: str
    port: int = field(default_factory=free_port)
    features: str = ""
    mailers: str = ""
    tables: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mailrouter-sendmail-")))

    def start(self) -> None:
        self.folder.chmod(0o755)
        (self.folder / "queue").mkdir(mode=0o700)
        (self.folder / "service.switch").write_text("hosts files\naliases files\n")
        values = {"folder": self.folder, "sink": self.sink.port, "port": self.port, "filter": self.filter}
        values |= {"features": self.features.format(**values), "mailers": self.mailers.format(**values)}
        source = self.folder / "sendmail.mc"
        source.write_text(CONFIGURATION.format(**values))
        cf = PREFIX / "usr/share/sendmail/cf"
        macros = [str(PREFIX / "usr/bin/m4"), f"-D_CF_DIR_={cf}/", str(cf / "m4/cf.m4"), str(source)]
        made = subprocess.run(macros, capture_output=True, check=True, env=self._environment())
        (self.folder / "sendmail.cf").write_bytes(made.stdout)
        for name, lines in self.tables.items():
            command = [str(PREFIX / "usr/libexec/sendmail/makemap"), "-C", str(self.folder / "sendmail.cf"), "hash"]
            command.append(str(self.folder / name))
            subprocess.run(command, input=lines, text=True, capture_output=True, check=True, env=self._environment())
        named = ["unshare", "--uts", "sh", "-c", 'hostname mail.flexihost.example && exec "$@"', "-"]
        may_name = subprocess.run([*named, "true"], capture_output=True, check=False).returncode == 0
        self._sendmail = named if may_name else []
        self._sendmail += [str(PREFIX / "usr/libexec/sendmail/sendmail"), "-C", str(self.folder / "sendmail.cf")]
        command = [*self._sendmail, "-bD", "-X", str(self.folder / "traffic")]
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=self._environment())
        deadline = time.monotonic() + (20 if may_name else 90)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    if connection.recv(3) == b"220":
                        return
            except OSError:
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def _environment(self) -> dict[str, str]:
        folders = sorted({str(one.parent) for one in PREFIX.rglob("*.so*")})
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}

    def run_queue(self) -> None:
        """Try what waits in the queue, now; returns when it was tried."""
        command = [*self._sendmail, "-q"]
        subprocess.run(command, capture_output=True, check=False, timeout=120, env=self._environment())

    def queued(self) -> list[Path]:
        """Envelopes that wait."""
        return sorted((self.folder / "queue").glob("qf*"))

    def log(self) -> str:
        names = (self.folder / "output", self.folder / "traffic")
        return "\n".join(one.read_text(errors="replace") for one in names if one.exists())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
