"""The shadow of a real filter: live mail over the milter, decided once more by other rules or another model."""

import asyncio
import json
import os
import shutil
import signal
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.classify.train import train
from router.cli import mailrouter
from router.milter.simulator import Mta, Transaction
from tests.classify.conftest import SMALL as SETTINGS
from tests.classify.conftest import tiny_examples
from tests.integration.filter import RunningFilter, eventually
from tests.integration.postfix import free_port

RULES = """\
version: 1
name: Live
languages: [en]
settings: {header_prefix: X-Desk-SHADOW}
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}
queues:
  help: {address: help@desk.example, calendar: always, name: {en: help}}
  money: {address: money@desk.example, calendar: always, name: {en: money}}
  moderation: {address: people@desk.example, calendar: always, name: {en: people}}
classifiers:
  topic: {labels: [technical, billing, sales, other], accept: 0.3, reject: 0.1, margin: 0}
patterns:
  invoice: {en: [PHRASE]}
rules:
  - id: about-money
    stage: route
    when: {text: {pattern: invoice}}
    then: [{redirect: {from: help, to: money}}, {tag: money}]
  - id: technical
    stage: enrich
    when: {classified: {topic: technical}}
    then: [{priority: high}]
"""
DRAFT = RULES.replace("PHRASE", "invoice, paid").replace("name: Live", "name: Draft").replace("SHADOW", "")


class Desk:
    """A folder with rules, a draft of other rules and models; the filters started on it."""

    def __init__(self, folder: Path):
        self.folder, self.state, self.rules = folder, folder / "state", folder / "rules.yaml"
        self.models, self.draft = folder / "models", folder / "draft.yaml"
        self.models.mkdir()
        self.running, self.sent = [], 0
        self.write(self.draft, DRAFT)
        self.ask_for("rules: draft.yaml")

    def write(self, path, text):
        path.write_text(text)
        path.chmod(0o644)

    def ask_for(self, shadow):
        setting = f", shadow: {{{shadow}}}" if shadow else ""
        self.write(self.rules, RULES.replace("PHRASE", "invoice").replace("SHADOW", setting))

    def start(self, *options):
        fixed = ("--models", str(self.models), "--state", str(self.state), "--no-tests")
        self.running.append(RunningFilter(*fixed, *options, rules=self.rules, at=None))
        return self.running[-1]

    def says(self, *command):
        arguments = [*command, "--rules", str(self.rules), "--state", str(self.state)]
        return CliRunner().invoke(mailrouter, arguments)

    def told(self, *command):
        return json.loads(self.says(*command, "--json").stdout)

    def shadow(self):
        return self.told("status")["shadow"]

    def send(self, *texts):
        """The header fields that were added, of each mail."""

        async def all_of_them():
            outcomes = []
            async with await Mta.connect(self.running[-1].spec) as mta:
                for text in texts:
                    self.sent += 1
                    body = f"From: <a@b.example>\nTo: <help@desk.example>\nMessage-ID: <{self.sent}@b>\n\n{text}\n"
                    mail = Transaction(
                        b"<a@b.example>", (b"<help@desk.example>",), body.encode(), queue_id=f"S{self.sent}".encode()
                    )
                    outcomes.append(await mta.exchange(mail))
            return outcomes

        outcomes = asyncio.run(all_of_them())
        assert all(one.delivered for one in outcomes)
        return [{name.decode(): body.decode() for name, body in one.added_fields} for one in outcomes]

    def stop(self):
        for one in self.running:
            one.stop()


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return train(tiny_examples(), tmp_path_factory.mktemp("made"), model_id="made", settings=SETTINGS).folder


def test_other_rules_decide_live_mail_and_only_log(desk):
    """The mail gets what the rules in use say; what differs is in log, status, figures and journal, by queue id."""
    port = free_port()
    desk.start("--metrics", f"inet:{port}@127.0.0.1")
    eventually(lambda: desk.shadow()["state"] == "deciding")
    fields = desk.send("hello", "this is paid", "my invoice", "paid again")
    assert [one.get("X-Desk-Queue") for one in fields] == ["help", "help", "money", "help"]
    eventually(lambda: desk.shadow()["same"] + desk.shadow()["differs"] == 4)
    shadow = desk.shadow()
    assert (shadow["same"], shadow["differs"], shadow["skipped"], shadow["failed"]) == (2, 2, 0, 0)
    assert shadow["kinds"] == {"queue": 2, "redirect": 2, "tags": 2}
    assert "shadow     draft.yaml: deciding; 2 same, 2 differs" in desk.says("status").output
    logged = desk.running[0].of("shadow-differs")
    assert [one["queue_id"] for one in logged] == ["S2", "S4"]
    assert logged[0]["changes"]["queue"] == ["help", "money"]
    assert logged[0]["rules"] == {"about-money": ["silent", "fired"]}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        figures = answer.read().decode()
    assert 'mailrouter_shadow_total{outcome="differs"} 2.0' in figures
    assert 'mailrouter_shadow_differences_total{kind="queue"} 2.0' in figures
    assert "mailrouter_shadow_deciding 1.0" in figures
    eventually(lambda: desk.told("status")["counters"].get("recorded", 0) == 8)
    *mails, last = [json.loads(line) for line in desk.says("shadow", "report", "--json").stdout.splitlines()]
    assert [one["queue_id"] for one in mails] == ["S2", "S4"]
    assert mails[0]["changes"]["queue"] == {"was": "help", "now": "money"} and mails[0]["language"] == "en"
    assert (
        "help -> money" in desk.says("why", "S2").output
        and "because about-money fires" in desk.says("why", "S2").output
    )
    assert "just the same" in desk.says("why", "S1").output
    assert desk.told("why", "S2")["shadow_difference"]["changes"]["queue"] == ["help", "money"]
    summary = last["summary"]
    assert (summary["compared"], summary["differ"], summary["changed_by"]) == (4, 2, {"about-money": 2})
    assert {"rule": "about-money", "was": "silent", "now": "fired", "mails": 2} in summary["rules"]


def test_another_model_decides_beside_the_one_in_use(desk, made):
    """The other model calls technical what this one does not know: priority and topic differ."""
    shutil.copytree(made, desk.models / "made")
    desk.ask_for("model: made")
    desk.start()
    eventually(lambda: desk.shadow()["state"] == "deciding")
    fields = desk.send("server website timeout dns error 502")
    assert fields[0]["X-Desk-Priority"] == "normal"
    eventually(lambda: desk.shadow()["differs"] == 1)
    assert desk.running[0].of("shadow-differs")[0]["changes"]["topic"] == ["undecided", "technical"]
    assert desk.running[0].of("shadow-differs")[0]["changes"]["priority"] == ["normal", "high"]
    assert desk.shadow()["model"] == "made" and desk.told("status")["model"]["id"] is None


@pytest.mark.parametrize(
    ("shadow", "draft", "said"),
    [
        ("rules: draft.yaml", DRAFT.replace("stage: route", "stage: rout"), "E213"),
        ("rules: nowhere.yaml", DRAFT, "nowhere.yaml"),
        ("rules: draft.yaml, model: nowhere", DRAFT, "nowhere"),
    ],
)
def test_a_broken_shadow_stops_neither_start_nor_reload_and_is_said(desk, shadow, draft, said):
    desk.write(desk.draft, draft)
    desk.ask_for(shadow)
    desk.start()
    eventually(lambda: desk.shadow()["state"] == "refused")
    told = desk.shadow()
    assert f"{desk.rules}:4:" in told["why"] and said in told["why"]
    assert desk.says("status").exit_code == 0 and said in desk.says("status").output
    assert said in desk.running[0].of("shadow-refused")[0]["reason"]
    fields = desk.send("paid")
    assert fields[0]["X-Desk-Queue"] == "help"
    result = desk.says("reload")
    assert result.exit_code == 0 and "warning: no shadow" in result.stderr and said in result.stderr


def test_a_reload_reloads_it_ends_it_and_leaves_it_idle_when_it_is_what_is_in_use(desk):
    desk.start()
    eventually(lambda: desk.shadow()["state"] == "deciding")
    before = desk.shadow()["rules"]["sha256"]
    desk.write(desk.draft, DRAFT.replace("invoice, paid", "invoice, hello"))
    assert desk.says("reload").exit_code == 0
    assert desk.shadow()["state"] == "deciding" and desk.shadow()["rules"]["sha256"] != before
    desk.send("hello")
    eventually(lambda: desk.shadow()["differs"] == 1)
    desk.ask_for("rules: rules.yaml")
    assert desk.says("reload").exit_code == 0 and desk.shadow()["state"] == "idle"
    desk.ask_for("")
    assert desk.says("reload").exit_code == 0 and desk.shadow() is None
    assert len(desk.running[0].pids_of("router.workers.nursery")) == 1, "its processes are gone"


def test_a_shadow_that_hangs_or_dies_harms_no_mail(desk):
    """Stopped with SIGSTOP, then killed: every mail is decided by a real worker, and the shadow comes back."""
    running = desk.start("--workers", "1")
    eventually(lambda: desk.shadow()["state"] == "deciding" and len(running.worker_pids()) == 2)
    assert sorted(map(nice, running.pids_of("router.workers.nursery"))) == [0, 10], "it gives way to the real workers"
    (other,) = [pid for pid in running.worker_pids() if nice(pid) == 10]
    os.kill(other, signal.SIGSTOP)
    fields = desk.send(*["paid"] * 30)
    assert {one["X-Desk-Queue"] for one in fields} == {"help"}
    eventually(lambda: counted(desk.shadow()) == 30)
    assert desk.shadow()["failed"] == 1 and desk.shadow()["differs"], "the next worker goes on"
    assert "not decided within 1 s" in desk.running[0].of("shadow-failed")[0]["reason"]
    for _ in range(3):
        for pid in running.worker_pids():
            if nice(pid) == 10:
                os.kill(pid, signal.SIGKILL)
        desk.send("paid", "hello")
    for pid in running.pids_of("router.workers.nursery"):
        if nice(pid) == 10:
            os.kill(pid, signal.SIGKILL)
    desk.send("paid", "hello")
    assert desk.told("status")["degraded"].keys() == {"auth", "model"}, "which this desk has not"
    before = desk.shadow()["differs"]

    def decides_again():
        desk.send("paid")
        return desk.shadow()["differs"] > before

    eventually(decides_again)


def counted(shadow):
    return sum(shadow[one] for one in ("same", "differs", "skipped", "failed"))


def nice(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])
    except OSError:
        return None
