"""What the helpdesk finds behind a real Postfix: its own fields, none that was forged, and a signature that holds."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from tests.integration.acknowledging import desk_folder
from tests.integration.filter import RunningFilter
from tests.integration.postfix import PrivatePostfix, Sink, needs_postfix
from tests.integration.test_main_job import BILL, PROOF, SUPPORT, TECHNICAL, Desk

pytestmark = needs_postfix

FORGED = "X-OTRS-Queue: Junk\nx-otrs-ignore: yes\nX-OTRS-Queue: Junk\nX-Zammad-Ignore: true\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    rules = desk_folder(tmp_path_factory.mktemp("helpdesk"))
    text = rules.read_text().replace("\nsettings:\n", "\nsettings:\n  adapters: [otrs]\n", 1)
    rules.write_text(text.replace("\n  support:\n", "\n  support:\n    helpdesk: Hotline::Перша лінія\n", 1))
    return rules.parent


@pytest.fixture(scope="module")
def desk(folder):
    sink = Sink()
    running = RunningFilter("--no-tests", rules=folder / "rules.yaml")
    postfix = PrivatePostfix(sink, running.postfix_spec)
    postfix.start()
    yield Desk(sink, running, postfix)
    postfix.stop()
    assert running.stop() == 0
    sink.close()


def test_a_signed_mail_with_the_helpdesks_fields_arrives_and_verifies(desk, folder, tmp_path):
    """Also behind more header fields than are kept; a changed field is named, and its mail is no other mail's."""
    many = TECHNICAL.format(id="h1").replace("\n\n", "\n" + "X-Many: x\n" * 1_000 + FORGED + "\n", 1)
    desk.send(PROOF + many, BILL)
    desk.send(PROOF + TECHNICAL.format(id="h2"), BILL)
    desk.sink.wait_for(2)
    first, second = sorted(desk.sink.settle(), key=lambda mail: mail.fields("Message-ID"))
    assert first.recipients == (SUPPORT,)
    assert len(first.fields("X-OTRS-Queue")) == len(second.fields("X-OTRS-Queue")) == 1
    priority = {"normal": ["3 normal"], "high": ["4 high"]}
    for mail in (first, second):
        assert mail.fields("X-OTRS-Priority") == priority[mail.fields("X-FlexiHost-Priority")[0]]
    assert first.fields("X-OTRS-Ignore") == [] and first.fields("X-Zammad-Ignore") == ["true"]

    def verified(data: bytes) -> tuple[int, str]:
        path = tmp_path / "mail.eml"
        path.write_bytes(data)
        done = CliRunner().invoke(mailrouter, ["verify", str(path), "--key-file", str(folder / "key")])
        return done.exit_code, done.output

    assert verified(first.data)[0] == verified(second.data)[0] == 0
    status, told = verified(first.data.replace(b"State: new", b"State: closed"))
    assert (status, told.rpartition(": ")[2]) == (4, "X-OTRS-State was changed\n")
    received = second.data.partition(b"From: Olena")[0].split(b"Authentication-Results")[0]
    status, told = verified(received + first.data.replace(b"Received:", b"X-Was:"))
    assert status == 4 and "the queue id is not" in told
