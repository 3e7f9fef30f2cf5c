"""Monitoring: the figures say what happened, /healthz really decides a mail, the dashboard asks for what is there."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.cli.serve import human_line, json_line, logger
from router.monitoring.exposition import NAMES, Figures, text
from router.monitoring.http import MAX_CONNECTIONS, Monitoring
from router.monitoring.tally import BUCKETS_S, Histogram, Tally
from router.service import activated_names, watch
from tests.integration.filter import ROOT, eventually
from tests.integration.postfix import free_port
from tests.life.test_records import Desk

STATUS = {
    "counters": {"degraded-model": 3, "lookups-asked": 2, "dns-timeouts": 1, "reloads": 4, "recorded": 9, "http": 1},
    "workers": {"wanted": 2, "running": 1, "idle": 0, "mails_waiting": 5},
    "connections": 7,
    "generation": 3,
    "rules": {
        "sha256": "ab" * 32,
        "name": 'a "desk"',
        "current": True,
        "last_good": False,
        "loaded_at": "2026-03-06T12:00:00+00:00",
    },
    "model": {"id": None},
    "mta": [{"version": 6, "lacking": ["DELRCPT"]}],
    "shadow": {"state": "deciding", "same": 7, "differs": 2, "skipped": 1, "failed": 0, "kinds": {"queue": 2}},
}


def samples(data: bytes) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of the labels' names …) -> value."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(data.decode())
        for sample in family.samples
    }


def test_the_figures_of_a_few_mails():
    tally = Tally()
    tally.add({"queue": "support", "verdict": "accept", "fired": ["a", "b"], "shadow": ["c"],
               "recipients": {"add": ["x@y"]}, "reply": {"send": True}, "wait_ms": 1.0, "decide_ms": 3.0})  # fmt: skip
    tally.add({"queue": "support", "verdict": "accept", "hold": ["abuse"], "recipients": {"add": ["x@y"]},
               "reply": {"send": False, "refused": ["G7", "G8"]}, "wait_ms": 9_000.0, "decide_ms": 20.0})  # fmt: skip
    tally.add({"degraded": ["overload"], "why": "no worker"})
    found = samples(text(Figures(tally, STATUS, 4)))
    for key, value in {
        ("mailrouter_mails_total", "support", "accept"): 2,
        ("mailrouter_mails_total", "undecided", "accept"): 1,
        ("mailrouter_rule_fired_total", "enforce", "a"): 1,
        ("mailrouter_rule_fired_total", "shadow", "c"): 1,
        ("mailrouter_redirected_total", "support"): 1,
        ("mailrouter_held_total",): 1,
        ("mailrouter_replies_total", "asked"): 1,
        ("mailrouter_replies_total", "G8"): 1,
        ("mailrouter_degraded_total", "model"): 3,
        ("mailrouter_decide_seconds_bucket", "0.005"): 1,
        ("mailrouter_decide_seconds_bucket", "+Inf"): 2,
        ("mailrouter_decide_seconds_count",): 2,
        ("mailrouter_wait_seconds_bucket", "5.0"): 1,
        ("mailrouter_workers", "running"): 1,
        ("mailrouter_mails_waiting",): 5,
        ("mailrouter_reloads_total", "loaded"): 4,
        ("mailrouter_records_total", "written"): 9,
        ("mailrouter_records_waiting",): 4,
        ("mailrouter_mta_lacks", "DELRCPT", "6"): 1,
        ("mailrouter_lookups_total", "asked"): 2,
        ("mailrouter_lookups_total", "dns timeouts"): 1,
        ("mailrouter_shadow_total", "differs"): 2,
        ("mailrouter_shadow_differences_total", "queue"): 2,
        ("mailrouter_shadow_deciding",): 1,
        ("mailrouter_events_total", "http"): 1,
    }.items():
        assert found[key] == value, key


def test_every_name_has_words_and_is_given():
    given = {re.sub(r"_(bucket|sum|count)$", "", key[0]) for key in samples(text(Figures(_full(), STATUS, 0)))}
    assert given == set(NAMES)


def _full() -> Tally:
    tally = Tally()
    tally.add({"queue": "q", "fired": ["r"], "recipients": {"add": ["x"]}, "reply": {"send": True}})
    return tally


def test_a_time_stands_in_its_bucket():
    histogram = Histogram()
    for bound in BUCKETS_S:
        histogram.add(bound)
    assert [count for _, count in histogram.cumulative()] == [*range(1, len(BUCKETS_S) + 1), len(BUCKETS_S)]


def test_the_dashboard_asks_for_what_there_is_and_for_all_of_it():
    dashboard = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
    asked = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"mailrouter_\w+", target["expr"])
    }
    assert asked == set(NAMES)
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


def test_the_manual_names_every_figure():
    manual = (ROOT / "docs/operate.md").read_text()
    assert not [name for name in NAMES if name not in manual]


# ----------------------------------------------------------------------------------------------------- a running filter
@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    port = free_port()
    desk = Desk(tmp_path_factory.mktemp("monitored") / "state", "--metrics", f"inet:{port}@127.0.0.1")
    desk.url = f"http://127.0.0.1:{port}"
    yield desk
    assert desk.filter.stop() == 0


def ask(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_figures_of_a_running_filter(desk):
    desk.send("new@buyer.example", "bill@flexihost.example", "Сайт", text="Наш сайт не відкривається, помилка 502")
    status, data = ask(desk.url + "/metrics")
    found = samples(data)
    assert status == 200
    assert found["mailrouter_mails_total", "support", "accept"] == 1
    assert found["mailrouter_rule_fired_total", "enforce", "technical-mail-to-accounts"] == 1
    assert found["mailrouter_redirected_total", "support"] == 1
    assert found["mailrouter_decide_seconds_count",] == 1
    assert found["mailrouter_workers", "running"] == 1


def test_health_is_a_decided_mail_that_is_counted_nowhere(desk):
    before = samples(ask(desk.url + "/metrics")[1])
    status, data = ask(desk.url + "/healthz")
    health = json.loads(data)
    assert status == 200 and health["ok"] and health["decided_ms"] > 0
    after = samples(ask(desk.url + "/metrics")[1])
    same = [key for key in before if key[0] in ("mailrouter_mails_total", "mailrouter_decide_seconds_count")]
    assert [before[key] for key in same] == [after[key] for key in same]
    assert not [one for one in desk.filter.of("decided") if one["queue_id"] == "healthz"]


def test_a_filter_whose_workers_are_frozen_is_unwell_and_recovers(desk):
    for pid in desk.filter.worker_pids():
        os.kill(pid, signal.SIGSTOP)
    eventually(lambda: ask(desk.url + "/healthz")[0] == 503, 60)
    eventually(lambda: desk.filter.of("unwell"), 60)  # the answer may be here before the line is
    assert "not decided within" in desk.filter.of("unwell")[0]["reason"]
    eventually(lambda: ask(desk.url + "/healthz")[0] == 200, 60)


def test_other_paths_methods_and_nonsense_are_answered_or_dropped(desk):
    assert ask(desk.url + "/")[0] == 404
    port = int(desk.url.rpartition(":")[2])
    for line, answer in (
        (b"POST /metrics HTTP/1.1\r\n\r\n", b" 405 "),
        (b"hello\r\n\r\n", b" 400 "),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b" 200 "),
        (b"x" * 100_000, b""),
        (b"", b""),
    ):
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            try:
                client.sendall(line)
                client.shutdown(socket.SHUT_WR)
                said = client.recv(4096)
            except ConnectionError:
                said = b""
        assert answer in said[:16]
    assert ask(desk.url + "/metrics")[0] == 200


def test_status_tells_mails_degraded_and_the_journal(desk):
    text_ = desk.says("status").output
    assert "1 support" in text_ and "records wait" in text_
    status = desk.told("status")
    assert status["mta"][0]["lacking"] == [] and status["recorder"]["pid"] and isinstance(status["degraded"], dict)


def test_an_address_that_cannot_be_listened_on_is_no_start():
    command = [sys.executable, "-m", "router.cli", "serve", "--metrics", "inet:99999@127.0.0.1", "--no-journal"]
    command += ["--no-dns", "--listen", f"inet:{free_port()}@127.0.0.1"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2 and "65535" in result.stderr and "Traceback" not in result.stderr


def test_sockets_of_systemd_are_used_by_name(tmp_path):
    """One for mail, one called `metrics`: both held by somebody else, both served."""
    code = (
        "import os, socket, sys\n"
        "mail, web = socket.socket(), socket.socket()\n"
        "for one in (mail, web): one.bind(('127.0.0.1', 0)); one.listen(); os.set_inheritable(one.fileno(), True)\n"
        "print(mail.getsockname()[1], web.getsockname()[1], flush=True)\n"
        "os.dup2(mail.fileno(), 103); os.dup2(web.fileno(), 104); mail.close(); web.close()\n"
        "os.dup2(103, 3); os.dup2(104, 4)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='mailrouter.socket:metrics')\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'router.cli', 'serve', '--no-dns', '--state', sys.argv[1]])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        mail, web = map(int, process.stdout.readline().split())
        assert ask(f"http://127.0.0.1:{web}/healthz")[0] == 200
        with socket.create_connection(("127.0.0.1", mail), 20) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b"milter protocol" in client.recv(4096), "a browser on the milter port is told so"
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.stdout.close()


def test_the_watchdog_of_systemd_is_fed_when_it_asks(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        asyncio.run(asyncio.wait_for(watch(), 5))  # nobody has asked: it ends at once
        monkeypatch.setenv("WATCHDOG_USEC", "200000")

        async def work():
            task = asyncio.create_task(watch())
            await asyncio.sleep(0.35)
            task.cancel()

        asyncio.run(work())
        assert systemd.recv(100) == systemd.recv(100) == b"WATCHDOG=1"


def test_names_without_systemd_are_none(monkeypatch):
    monkeypatch.setenv("LISTEN_FDS", "2")
    assert activated_names() == ()
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    assert list(activated_names()) == ["", ""]


def test_health_asked_by_many_at_once_is_one_mail():
    asked, now = [], [100.0]

    async def health():
        asked.append(now[0])
        await asyncio.sleep(0.01)
        return {"ok": True}

    async def work():
        monitoring = Monitoring(lambda: b"", "text/plain", health, lambda: now[0])
        await asyncio.gather(*(monitoring.healthy() for _ in range(MAX_CONNECTIONS)))
        now[0] += 10
        await monitoring.healthy()

    asyncio.run(work())
    assert asked == [100.0, 110.0]


def test_a_log_line_for_a_person_is_one_line():
    values = {"timestamp": "2026-03-06T19:40:03Z", "event": "decided", "queue": "a\r\nb", "tags": ["x", "y"]}
    line = human_line(values)
    assert line == "19:40:03  decided         queue=a  | b tags=x,y"


@pytest.mark.parametrize("form, half", [("json", ""), ("json", "\ud800"), ("human", ""), ("human", "\ud800")])
def test_a_line_of_the_log_is_written_in_one_piece_with_its_time_in_utc(form, half, monkeypatch):
    """Whatever it holds, by whichever way it is written."""
    written = []

    class Stream(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            written.append(bytes(data))
            return len(data)

    with io.TextIOWrapper(io.BufferedWriter(Stream())) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logger(form)("decided", queue_id=f"4C1{half}", why="x" * 20_000, nothing=None, none_yet=0)
        monkeypatch.undo()
    (line,) = written
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    if form == "human":
        assert re.match(rb"\d\d:\d\d:\d\d  decided +queue_id=4C1", line)
        return
    told = json.loads(line)
    assert list(told) == ["queue_id", "why", "none_yet", "event", "timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", told["timestamp"])


def test_the_human_log_of_a_filter_is_readable(tmp_path):
    command = [sys.executable, "-m", "router.cli", "serve", "--no-dns", "--log-format", "human"]
    command += ["--state", str(tmp_path), "--listen", f"unix:{tmp_path}/milter.sock"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        seen = ""
        while "ready" not in seen:
            seen = process.stderr.readline()
            assert seen
        assert re.match(r"\d\d:\d\d:\d\d  ready ", seen)
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()


def test_a_line_of_the_log_holds_whatever_it_is_told():
    """Half a letter, a key that is no text, a path: the line is written, and one line of JSON."""
    for told in ({"queue_id": "A\ud800"}, {"why": {3: "x"}}, {"file": Path("/etc/rules.yaml")}):
        line = json_line(told)
        assert line.index(b"\n") == len(line) - 1
        assert json.loads(line) == json.loads(json.dumps(told, default=str))
