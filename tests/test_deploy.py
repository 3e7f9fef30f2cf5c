"""deploy/: the units start commands that exist, and leave an attacker little."""

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from router.cli import COMMANDS, mailrouter
from router.service import METRICS_NAME

DEPLOY = Path(__file__).parent.parent / "deploy"
SERVICES = sorted(DEPLOY.glob("*.service"))
SOCKETS = sorted(DEPLOY.glob("*.socket"))
EXPOSURE = 15
"""At most 1.5 of 10 in the words of `systemd-analyze security`; Postfix has 9.6, rspamd as packaged 9.2."""


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(path)
    return parser


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (apt-get install systemd)"
)
@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_the_exposure_of_each_service_is_low(path):
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_the_commands_of_each_service_exist(path):
    service = unit(path)["Service"]
    for name in ("ExecStart", "ExecReload"):
        words = shlex.split(service[name])
        if not words[0].endswith("/mailrouter"):
            continue
        assert words[1] in COMMANDS
        command = mailrouter.get_command(click.Context(mailrouter), words[1])
        known = {option for one in command.params if isinstance(one, click.Option) for option in one.opts}
        assert {word for word in words[2:] if word.startswith("--")} <= known
    assert service["Type"] == "notify" and service["LimitCORE"] == "0" and service["UMask"] == "0077"


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_waits_for_the_socket_that_is_held_for_it(path):
    needed = unit(path)["Unit"]["Requires"]
    assert needed in {one.name for one in SOCKETS} and needed in unit(path)["Unit"]["After"]


def test_every_socket_belongs_to_a_service():
    for path in SOCKETS:
        belongs = unit(path)["Socket"].get("Service", path.name.replace(".socket", ".service"))
        assert belongs in {one.name for one in SERVICES}, path.name


def test_the_sockets_for_mail_are_for_postfix_alone():
    for name in ("mailrouter.socket", "mailrouter-acknowledge.socket"):
        socket = unit(DEPLOY / name)["Socket"]
        assert (socket["SocketGroup"], socket["SocketMode"], socket["DirectoryMode"]) == ("postfix", "0660", "2710")


def test_the_metrics_have_the_name_that_the_filter_knows():
    assert unit(DEPLOY / "mailrouter-metrics.socket")["Socket"]["FileDescriptorName"] == METRICS_NAME
