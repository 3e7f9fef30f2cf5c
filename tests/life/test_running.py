"""A running filter and its rules file: reload, the last good file, the control socket."""

import json
import os
import signal
import socket
import stat

import pytest
from click.testing import CliRunner

from router import native
from router.cli import mailrouter
from router.control import ask
from tests.integration.filter import RunningFilter, alive, eventually
from tests.life.test_commands import SMALL

BROKEN = SMALL.replace("stage: enrich", "stage: enrch")
FAILING = SMALL.replace('["very urgent"]', '["very important"]')


class Desk:
    """A folder with a rules file and a state directory, and the filters started on it."""

    def __init__(self, folder):
        self.folder, self.state, self.rules = folder, folder / "state", folder / "rules.yaml"
        self.control = self.state / "control.sock"
        self.running = []
        self.write(SMALL)

    def write(self, text):
        self.rules.write_text(text)
        self.rules.chmod(0o644)

    def start(self, *options):
        fixed = ("--models", str(self.folder / "none"), "--workers", "1", "--state", str(self.state))
        self.running.append(RunningFilter(*fixed, *options, rules=self.rules, at=None))
        return self.running[-1]

    def says(self, *command):
        arguments = [*command, "--rules", str(self.rules), "--state", str(self.state)]
        return CliRunner().invoke(mailrouter, arguments)

    def told(self, *command):
        return json.loads(self.says(*command, "--json").stdout)

    def refuses_to_start(self):
        options = ["--models", str(self.folder / "none"), "--listen", f"unix:{self.folder}/milter.sock"]
        result = self.says("serve", *options)
        assert result.exit_code == 2 and not (self.folder / "milter.sock").exists(), result.output
        return result.output

    def stop(self):
        for one in self.running:
            one.stop()


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A desk with a filter, for tests that leave it as they found it."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.start()
    yield desk
    desk.stop()


def test_status_tells_rules_model_workers_and_counters(running):
    text, status = running.says("status"), running.told("status")
    assert text.exit_code == 0 and "Small desk" in text.output
    assert status["pid"] == running.running[0].process.pid and status["generation"] >= 1
    assert status["rules"]["current"] and not status["rules"]["last_good"]
    assert status["model"]["id"] is None and status["model"]["refused"]
    assert status["workers"]["wanted"] == 1 and status["counters"]["workers-started"] >= 1
    assert len(status["listen"]) == 1 and status["uptime_s"] >= 0


def test_status_tells_when_the_library_in_c_is_not_in_use(desk, monkeypatch):
    monkeypatch.setenv(native.SWITCH, "0")
    filter_ = desk.start()
    assert filter_.of("loaded")[-1]["no_native"] == "MAILROUTER_NATIVE=0"
    assert desk.told("status")["native"] == {"in_use": False, "refused": "MAILROUTER_NATIVE=0"}
    assert "not in use, a mail costs half as much again: MAILROUTER_NATIVE=0" in desk.says("status").output


def test_the_control_socket_is_for_its_owner_alone(running):
    assert stat.S_IMODE(running.control.stat().st_mode) == 0o600
    assert stat.S_IMODE(running.state.stat().st_mode) == 0o700


def test_reload_takes_a_good_file_and_keeps_both(running):
    running.write(SMALL.replace("Small", "Larger"))
    assert not running.told("status")["rules"]["current"]
    result = running.says("reload")
    assert result.exit_code == 0 and "Larger desk" in result.output
    assert {"Larger desk", "Small desk"} <= {one["name"] for one in running.told("rules", "history")}
    running.write(SMALL)
    assert running.says("reload").exit_code == 0


def test_warnings_come_with_the_reload_and_do_not_stop_it(running):
    running.write(SMALL.replace("patterns:\n", 'patterns:\n  unused: {en: ["never used"]}\n'))
    result = running.says("reload")
    assert result.exit_code == 0 and f"{running.rules}:10:3: warning W503" in result.stderr, result.output
    assert [one["code"] for one in running.told("reload")["problems"]] == ["W503"]
    eventually(lambda: running.running[0].of("loaded")[-1].get("warnings") == 1)
    running.write(SMALL)
    assert running.says("reload").exit_code == 0


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [(BROKEN, "E213", "enrch"), (FAILING, None, "priority: expected urgent, got normal"), ("", "E101", "empty")],
)
def test_reload_of_a_bad_file_changes_nothing_and_is_said_until_a_good_one_comes(running, bad, code, said):
    before = running.told("status")
    running.write(bad)
    result, answer = running.says("reload"), running.told("reload")
    assert result.exit_code == 2 and said in result.output and "goes on by rules" in result.output
    assert [one["code"] for one in answer["problems"]] == ([code] if code else [])
    assert answer["generation"] == before["generation"]
    text, status = running.says("status"), running.told("status")
    assert text.exit_code == 4 and "REFUSED" in text.output and said in text.output
    assert status["rules"]["sha256"] == before["rules"]["sha256"] and not status["rules"]["current"]
    assert status["counters"]["reloads-refused"] == before["counters"].get("reloads-refused", 0) + 2
    eventually(lambda: said in running.running[0].of("reload-refused")[-1]["reason"])
    running.write(SMALL)
    assert running.says("reload").exit_code == 0
    assert running.says("status").exit_code == 0


def test_a_second_filter_leaves_the_control_socket_to_the_first(running):
    second = running.start()
    assert "another filter answers" in second.wait_for("no-control-socket")["reason"]
    second.stop()
    assert running.told("status")["pid"] == running.running[0].process.pid


def test_nonsense_on_the_control_socket_is_answered_or_dropped_and_hurts_nobody(running):
    lines = (b"\n", b"{}\n", b"[]\n", b'{"command": "quit"}\n', b'{"command": ["status"]}\n', b"[" * 5000 + b"\n")
    for line in (*lines, b"\xff\xfe\n", b"x" * 200_000 + b"\n", b""):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(running.control))
            try:
                client.sendall(line)
                client.shutdown(socket.SHUT_WR)
                answer = client.recv(4096)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
            assert not answer or json.loads(answer)["ok"] is False
    assert ask(running.control, "status")["ok"]


def test_a_start_with_a_broken_file_is_a_start_with_the_last_good_one(desk):
    assert desk.start().stop() == 0
    assert not desk.control.exists()
    desk.write(BROKEN)
    filter_ = desk.start()
    assert "enrch" in filter_.wait_for("rules-refused")["reason"]
    assert filter_.wait_for("last-good")["instead_of"] == str(desk.rules)
    text, status = desk.says("status"), desk.told("status")
    assert text.exit_code == 4 and "THE LAST GOOD FILE IS IN USE" in text.output
    assert status["rules"]["last_good"] and status["rules"]["name"] == "Small desk"
    assert status["last_reload"]["problems"][0]["code"] == "E213"
    desk.write(SMALL.replace("Small", "Mended"))
    assert desk.says("reload").exit_code == 0
    assert not desk.told("status")["rules"]["last_good"]


def test_a_kept_file_that_was_changed_is_not_started_from(desk):
    desk.start().stop()
    (kept,) = (desk.state / "rules").glob("*.yaml")
    kept.write_text(SMALL.replace("Small", "Evil"))
    desk.write(BROKEN)
    assert "enrch" in desk.refuses_to_start()


def test_a_broken_file_and_nothing_kept_is_no_start(desk):
    desk.write(BROKEN)
    assert "enrch" in desk.refuses_to_start()


def test_a_nursery_that_dies_while_the_file_is_broken_starts_from_the_kept_copy(desk):
    filter_ = desk.start()
    desk.write(BROKEN)
    (nursery,) = filter_.pids_of("router.workers.nursery")
    os.kill(nursery, signal.SIGKILL)
    filter_.wait_for("nursery-died")
    eventually(lambda: [one for one in filter_.pids_of("router.workers.nursery") if one != nursery and alive(one)])
    assert desk.told("status")["rules"]["name"] == "Small desk"
    assert not filter_.of("nursery-refused")


def test_the_socket_of_a_killed_filter_is_taken_over(desk):
    desk.start().kill()
    assert desk.control.exists()
    second = desk.start()
    assert desk.told("status")["pid"] == second.process.pid


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_rules_of_a_stranger_are_refused_unless_that_owner_is_named(desk):
    os.chown(desk.rules, 4711, -1)
    said = desk.refuses_to_start()
    assert "E107" in said and "--rules-owner 4711" in said
    desk.start("--rules-owner", "4711")
