"""A held mail is sent on through a real Postfix, past the filter, and no rule holds it again; nobody else gets past.

The port and the header_checks are those of deploy/."""

import shutil
import subprocess
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.integration.acknowledging import desk_folder
from tests.integration.filter import MAILROUTER, ROOT, RunningFilter, eventually
from tests.integration.postfix import PrivatePostfix, Sink, free_port, needs_postfix
from tests.integration.test_main_job import BILL, PREFIX, Desk

pytestmark = needs_postfix

MODERATION = "moderation@flexihost.example"
PROOF = "Authentication-Results: mx.flexihost.example; spf=pass smtp.mailfrom=igor@shop.example\n"
ABUSE = """\
From: igor@shop.example
To: bill@flexihost.example
Subject: Списание
Message-ID: <held-1@shop.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Договор 104455. Вы, дебилы, дважды списали оплату по счёту 4512. Верните деньги на карту.
Тупее вашей бухгалтерии я никого не видел.
"""
"""A matter of the accounts department, so that no model sends it elsewhere."""


class HoldingDesk(Desk):
    """folder: of rules.yaml and the key. release_port: without filters, as docs/operate.md has it."""

    def __init__(self, folder: Path, hold: str | None = None):
        rules = desk_folder(folder)
        text = rules.read_text().replace("\nsettings:\n", "\nsettings:\n  adapters: [zammad]\n", 1)
        if hold:
            text = text.replace("\n  hold: moderation", f"\n  hold: {hold}", 1)
        rules.write_text(text)
        shutil.copytree(ROOT / "lists", folder / "lists")
        self.folder = folder
        self.release_port = free_port()
        self.state = folder / "state"
        self.state.mkdir()
        sink = Sink()
        running = RunningFilter("--no-tests", "--state", str(self.state), rules=rules)
        services = (ROOT / "deploy/postfix/master.cf").read_text().replace("10025", str(self.release_port))
        checks = f"header_checks = regexp:{ROOT}/deploy/postfix/mailrouter_header_checks\n"
        postfix = PrivatePostfix(sink, running.postfix_spec, settings=checks, services=services)
        postfix.start()
        super().__init__(sink, running, postfix)

    def close(self) -> None:
        self.postfix.stop()
        assert self.filter.stop() == 0
        self.sink.close()

    def release(self, what: object, *options: str) -> tuple[int, str]:
        command = [str(MAILROUTER), "release", str(what), "--rules", str(self.folder / "rules.yaml")]
        command += ["--state", str(self.state), "--smtp", f"127.0.0.1:{self.release_port}", *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def held(self, text: str = PROOF + ABUSE) -> bytes:
        """The copy in the mailbox of held mail, as a mailbox stores it."""
        self.sink.clear()
        self.send(text, BILL, sender="igor@shop.example")
        self.sink.wait_for(1)
        (mail,) = self.sink.settle(0.4)
        assert mail.recipients == (MODERATION,)
        assert mail.fields(PREFIX + "Hold") and mail.fields(PREFIX + "Queue") == ["accounts"]
        self.sink.clear()
        return (
            b"Return-Path: <igor@shop.example>\nDelivered-To: "
            + MODERATION.encode()
            + b"\n"
            + mail.data.replace(b"\r\n", b"\n")
        )


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    desk = HoldingDesk(tmp_path_factory.mktemp("release"))
    yield desk
    desk.close()


def test_a_held_mail_goes_to_its_queue_and_is_not_held_again(desk, tmp_path):
    """Abuse: held for a person, who lets it go. The body is the same, and the helpdesk files it where it belongs."""
    path = tmp_path / "held.eml"
    path.write_bytes(desk.held())
    decided = len(desk.filter.of("decided"))
    status, told = desk.release(path, "--mta", "mail.flexihost.example")
    assert status == 0 and "released: 250" in told and "the signature of the filter's fields holds" in told, told
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle(0.4)
    assert (mail.sender, mail.recipients) == ("igor@shop.example", (BILL,))
    assert mail.fields(PREFIX + "Queue") == ["accounts"] and mail.fields(PREFIX + "Hold") == []
    assert mail.fields(PREFIX + "Sig") == [] and mail.fields("Delivered-To") == []
    assert mail.fields("X-Zammad-Ticket-Group") == ["accounts"]
    assert mail.fields("Resent-From") == [f"<{MODERATION}>"] and mail.fields("Resent-To") == [f"<{BILL}>"]
    was, now = (message_from_bytes(one).get_payload(decode=True) for one in (path.read_bytes(), mail.data))
    assert was.split() == now.split() and "дебилы".encode() in now
    assert len(desk.filter.of("decided")) == decided


def test_through_the_filter_the_same_mail_is_held_again(desk, tmp_path):
    """Why it needs a way past: nothing in a mail opens one, neither our fields nor Resent-From."""
    again = desk.held().partition(b"\n")[2].partition(b"\n")[2]
    forged = f"Resent-From: <{MODERATION}>\n{PREFIX}Released: yes\n".encode() + again
    desk.send(forged, BILL, sender="igor@shop.example")
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle(0.4)
    assert mail.recipients == (MODERATION,)


def test_a_dry_run_sends_nothing(desk, tmp_path):
    path = tmp_path / "held.eml"
    path.write_bytes(desk.held())
    status, told = desk.release(path, "--dry-run")
    assert status == 0 and f"to queue   accounts, <{BILL}>" in told and "Nothing was sent" in told
    assert desk.sink.settle(0.5) == []


def test_by_its_queue_id_it_is_found_in_the_maildir(desk, tmp_path):
    """The journal knows the mail's queue id and decision, the Maildir has the mail."""
    (tmp_path / "new").mkdir()
    (tmp_path / "cur").mkdir()
    for number in range(3):
        (tmp_path / "new" / f"{number}.other").write_bytes(b"Subject: other\n\nX-FlexiHost-Decision: no\n")
    copy = desk.held()
    (tmp_path / "cur" / "1772818803.held:2,S").write_bytes(copy)
    queue_id = desk.filter.of("decided")[-1]["queue_id"]
    eventually(lambda: "meant for the queue accounts" in desk.release(queue_id)[1])  # recorded after the answer
    status, told = desk.release(queue_id)
    assert status == 0 and f"addressed to {BILL}" in told and f"went to {MODERATION}" in told
    assert "mailrouter release FILE.eml" in told and desk.sink.settle(0.5) == []
    status, told = desk.release(queue_id, "--maildir", str(tmp_path))
    assert status == 0 and "released: 250" in told, told
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle(0.4)
    assert mail.recipients == (BILL,)


def test_a_copy_whose_fields_were_changed_is_not_sent(desk, tmp_path):
    """The queue in the field decides where it goes, so it must be the one that the filter wrote."""
    path = tmp_path / "held.eml"
    path.write_bytes(desk.held().replace(b"X-FlexiHost-Queue: accounts", b"X-FlexiHost-Queue: sales"))
    status, told = desk.release(path)
    assert status == 2 and "X-FlexiHost-Queue was changed" in told
    assert desk.sink.settle(0.5) == []
    status, told = desk.release(path, "--to", "support")
    assert status == 0
    desk.sink.wait_for(1)
    (mail,) = desk.sink.settle(0.4)
    assert mail.recipients == ("support@flexihost.example",)


def test_mail_in_the_mail_servers_own_hold_is_let_go_by_it(tmp_path):
    """`settings.hold: quarantine`: the words to say are printed; the mail has passed the filter and goes out once."""
    desk = HoldingDesk(tmp_path, "quarantine")
    try:
        desk.send(PROOF + ABUSE, BILL, sender="igor@shop.example")
        queue_id = desk.filter.wait_for("decided")["queue_id"]
        assert desk.sink.settle(0.5) == []
        eventually(lambda: "postsuper" in desk.release(queue_id)[1])
        status, told = desk.release(queue_id)
        assert status == 0 and f"postsuper -H {queue_id}" in told and "meant for the queue accounts" in told
        config = str(desk.postfix.folder / "etc")
        subprocess.run(["/usr/sbin/postsuper", "-c", config, "-H", queue_id], check=True, capture_output=True)
        subprocess.run(["/usr/sbin/postqueue", "-c", config, "-f"], check=True, capture_output=True)
        desk.sink.wait_for(1)
        (mail,) = desk.sink.settle(0.4)
        assert mail.recipients == (BILL,)
        assert len(desk.filter.of("decided")) == 1
    finally:
        desk.close()
