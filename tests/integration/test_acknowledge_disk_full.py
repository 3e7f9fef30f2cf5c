"""No acknowledgement of a mail that Postfix could not keep: its disk is full before, while and after we decide."""

import contextlib
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from router.milter import responses
from tests.integration.acknowledging import DOMAIN, LastMilter, RunningService, desk_folder
from tests.integration.filter import RunningFilter, eventually
from tests.integration.postfix import PrivatePostfix, Sink, free_port, may_mount, needs_postfix
from tests.integration.test_acknowledge import SERVICES, SETTINGS
from tests.integration.test_main_job import BILL, PROOF, SUPPORT, TECHNICAL

pytestmark = [
    *needs_postfix,
    pytest.mark.skipif(not may_mount(), reason="no small disk can be mounted here (needs CAP_SYS_ADMIN)"),
]

SPOOL_BYTES = 4 << 20
OLENA = "olena@customer.example"
MORE_SETTINGS = "message_size_limit = 0\nmailbox_size_limit = 0\nnotify_classes =\n"
"""With a limit Postfix refuses a sender when less than 1.5 times as much is free, and never fills its disk. And the
postmaster is not told."""


@dataclass
class Desk:
    sink: Sink
    filter: RunningFilter
    last: LastMilter
    postfix: PrivatePostfix
    service: RunningService

    @property
    def filler(self) -> Path:
        return self.postfix.spool / "filler"

    def fill(self) -> None:
        """Not one byte is left on the disk of the queue."""
        with self.filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass

    def send(self, name: str, more: str = "") -> int:
        """The code of the first refusal, or 250. Its size is not announced, as simple programs do."""
        text = (PROOF + TECHNICAL.format(id=name) + more).replace(OLENA, f"{name}@customer.example")
        data = text.encode().replace(b"\n", b"\r\n")
        with smtplib.SMTP("127.0.0.1", self.postfix.port, local_hostname="customer.example", timeout=60) as client:
            client.ehlo()
            for command in (f"MAIL FROM:<{name}@customer.example> BODY=8BITMIME", f"RCPT TO:<{BILL}>"):
                code, _ = client.docmd(command)
                if code != 250:
                    return code
            return client.data(data)[0]


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    with contextlib.ExitStack() as ends:
        sink = Sink()
        ends.callback(sink.close)
        last, submission = LastMilter(), free_port()
        ends.callback(last.close)
        rules = desk_folder(tmp_path_factory.mktemp("desk"))
        running = RunningFilter("--no-tests", rules=rules)
        ends.callback(running.stop)
        service = RunningService(rules, submission)
        ends.callback(service.stop)
        postfix = PrivatePostfix(
            sink,
            f"{running.postfix_spec}, inet:127.0.0.1:{last.port}",
            settings=SETTINGS.format(domain=DOMAIN, lmtp=service.port) + MORE_SETTINGS,
            services=SERVICES.format(submission=submission),
            spool_bytes=SPOOL_BYTES,
        )
        postfix.start()
        ends.callback(postfix.stop)
        yield Desk(sink, running, last, postfix, service)


@pytest.fixture(autouse=True)
def room(desk):
    yield
    desk.filler.unlink(missing_ok=True)
    desk.last.before, desk.last.answer = (lambda: None), responses.ACCEPT


def full_before_it_comes(desk: Desk) -> int:
    desk.fill()
    return desk.send("before")


def full_while_it_comes(desk: Desk) -> int:
    return desk.send("while", ("x" * 70 + "\n") * (2 * SPOOL_BYTES // 71))


def full_when_we_have_decided(desk: Desk) -> int:
    """Our redirect, our fields and the intent are in the queue file; what the filter after us adds finds no room."""
    desk.last.before = desk.fill
    fields = [responses.add_header(f"X-Last-{n}", "z" * 900, leading_space=False) for n in range(20)]
    desk.last.answer = b"".join(fields) + responses.ACCEPT
    decided = len(desk.filter.of("decided"))
    code = desk.send("decided")
    assert len(desk.filter.of("decided")) == decided + 1
    return code


@pytest.mark.parametrize("full", [full_before_it_comes, full_while_it_comes, full_when_we_have_decided])
def test_a_mail_that_found_no_room_is_not_acknowledged(desk, full):
    events = len(desk.service.events)
    assert full(desk) in (451, 452)
    assert desk.sink.settle(1.0) == []
    assert len(desk.service.events) == events, "the service was asked"


@pytest.mark.parametrize("name", ["before", "while", "decided"])
def test_sent_again_when_there_is_room_it_is_acknowledged_once(desk, name):
    desk.sink.clear()
    eventually(lambda: desk.send(name) == 250)
    desk.sink.wait_for(2)
    recipients = sorted(mail.recipients for mail in desk.sink.settle())
    assert recipients == sorted([(f"{name}@customer.example",), (SUPPORT,)])
