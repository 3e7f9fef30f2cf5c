"""A mail's own CPU time: one that takes too much ends its worker; many that take a little add up to nothing."""

import os
import signal
import socket
import time
from datetime import UTC, datetime

import pytest

from router.message.envelope import Envelope, RawMessage
from router.milter.edits import Offer
from router.workers import scan
from router.workers.wire import Answer, Frames, request_frame

LIMIT_S, RENEWED_S = 0.4, 0.1


def busy(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def mail(number):
    envelope = Envelope(b"<a@b.example>", (b"<help@desk.example>",), queue_id=str(number))
    return RawMessage(envelope, (), b"x" * number, datetime(2026, 3, 6, tzinfo=UTC))


@pytest.fixture
def worker(monkeypatch):
    """(socket, pid) of a worker that is busy with a mail for as many milliseconds as its body has bytes."""
    monkeypatch.setattr(scan, "CPU_LIMIT_S", LIMIT_S)
    monkeypatch.setattr(scan, "_RENEWED_S", RENEWED_S)
    monkeypatch.setattr(scan, "scan", lambda raw, *_: busy(len(raw.body) / 1_000) or Answer(b"", {"decision": "x"}))
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            scan.run(theirs, None, None)
        finally:
            os._exit(0)
    theirs.close()
    ours.settimeout(30)
    yield ours, pid
    ours.close()


def ask(connection, number):
    """The answer to a mail, or None when the worker is gone."""
    frames = Frames(10_000)
    connection.sendall(b"".join(request_frame(mail(number), Offer(6, 0, 0))))
    while True:
        data = connection.recv(10_000)
        if not data:
            return None
        for frame in frames.feed(data):
            return frame


def test_one_mail_that_takes_too_much_ends_its_worker(worker):
    connection, pid = worker
    assert ask(connection, 1)
    assert ask(connection, 30_000) is None
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGPROF


def test_many_that_take_a_little_end_none(worker):
    """Twice the limit and more, without a moment in between."""
    connection, pid = worker
    for _ in range(20):
        assert ask(connection, 60)
    assert ask(connection, 300)
    connection.close()
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 0
