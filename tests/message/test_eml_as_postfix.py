"""A file and a live mail read alike: `eml.raw_message` against what a real Postfix hands to our own milter front."""

import asyncio
import socket
import threading

import pytest

from router.message.eml import raw_message
from router.milter.server import Front
from tests.integration.postfix import PrivatePostfix, Sink, free_port, needs_postfix
from tests.message.making import ENVELOPE, NOW
from tests.milter.making import decision

pytestmark = needs_postfix

PREFIX = "X-Desk-"
MAIL = {
    "spaces and folds": b"X-A:v\nX-B:\tv\nX-C:   v\nX-D : v\nX-E:\n folded\nX-F: a\n\tb\n c\nX-G:\nX-H: \n\nbody\n",
    "trailing white space": b"X-A: v  \nX-B: \t v \t\n\nx\n",
    "a fold of white space only": b"Subject: s\n \n folded\n\nx\n",
    "a line that is no field": b"Subject: s\nHello there\n\nbody\n",
    "a name with a space": b"Subject: s\na b: c\n\nbody\n",
    "a name of 8-bit letters": b"Subject: s\nGr\xc3\xbc: x\n\nbody\n",
    "no name": b"Subject: s\n: x\n\nbody\n",
    "8-bit letters": b"Subject: \xff\xfe\n\n\xff\n",
    "NUL": b"Subject: a\0b\nX-A: y\n\nbo\0dy\n",
    "dots": b"Subject: s\n\n.dot\n..\n",
    "no line end at the end": b"Subject: s\n\nno end",
    "no body": b"Subject: s\n",
    "CRLF": b"Subject: s\r\nX-A: a\r\n b\r\n\r\nbody\r\n",
    "a long line": b"X-A: " + b"a" * 3_000 + b"\n\n" + b"y" * 5_000 + b"\n",
    "a field that is too long": b"X-A: " + b"b" * 120_000 + b"\n\nx\n",
    "a folded field that is too long": b"X-A: " + b"\n ".join([b"c" * 900] * 130) + b"\n\nx\n",
    "a body that is too long": b"Subject: s\n\n" + b"0123456789\n" * 30_000,
    "fields of our own": b"X-Desk-Queue: q\nx-desk-note : n\nX-DESK-NOTE: m\n\nx\n",
}


class Listener:
    """Our front in a thread, keeping what it is asked to judge."""

    def __init__(self) -> None:
        self.port = free_port()
        self.judged = []
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()
        assert self.ready.wait(10)

    async def judge(self, raw, *_, **__):
        self.judged.append(raw)
        return decision()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.front = Front(self.judge, prefix=lambda: PREFIX)
        self.loop.run_until_complete(self.front.listen(f"inet:{self.port}@127.0.0.1"))
        self.ready.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self.front.close())
        self.loop.close()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture(scope="module")
def live():
    """A function that mails bytes through Postfix and gives the RawMessage our front was handed."""
    listener, sink = Listener(), Sink()
    postfix = PrivatePostfix(sink, f"inet:127.0.0.1:{listener.port}")
    postfix.start()

    def mail(data: bytes):
        lines = data.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
        wire = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)
        with (
            socket.create_connection(("127.0.0.1", postfix.port), 20) as connection,
            connection.makefile("rb") as answers,
        ):
            for command in (
                b"",
                b"HELO x",
                b"MAIL FROM:<a@b.example>",
                b"RCPT TO:<c@flexihost.example>",
                b"DATA",
                wire + b".",
            ):
                connection.sendall(command + b"\r\n" if command else b"")
                assert answers.readline()[:1] in (b"2", b"3")
        return listener.judged[-1]

    yield mail
    postfix.stop()
    sink.close()
    listener.close()


@pytest.mark.parametrize("name", MAIL)
def test_same_as_live(live, name):
    """Same fields, body, cuts and counts. Live mail may keep the space behind the colon, and has fields that Postfix
    adds (Received and those that are missing)."""
    arrived = live(MAIL[name])
    ours = raw_message(MAIL[name], ENVELOPE, NOW, strip_prefix=PREFIX)
    added = {b"Received", b"Message-Id", b"Date", b"From"}
    assert [(one, body.lstrip(b" ")) for one, body in arrived.fields if one not in added] == [
        (one, body.lstrip(b" ")) for one, body in ours.fields
    ]
    assert arrived.body == ours.body
    assert (arrived.body_cut, arrived.fields_cut) == (ours.body_cut, ours.fields_cut)
    assert arrived.strip_counts == ours.strip_counts
