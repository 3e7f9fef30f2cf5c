"""`mailrouter release`: what is made of a held mail before it is sent on, and every way in which it is not sent."""

import socketserver
import threading
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cli import mailrouter
from router.errors import BadInput
from router.message.eml import taken_apart
from router.release import Released, prepare
from tests.integration.filter import ROOT
from tests.integration.postfix import free_port
from tests.rules.engine_desk import HEAD, rule, ruleset

NOW = datetime(2026, 3, 6, 19, 40, tzinfo=UTC)
RULES = ruleset(rule("{always: true}"))
HELPDESKS = ruleset(
    rule("{always: true}"),
    HEAD.replace("settings:\n", "settings:\n  adapters: [otrs, rt]\n").replace(
        "  accounts:\n", '  accounts:\n    helpdesk: "Money::Bills"\n'
    ),
)
HELD = b"""\
Return-Path: <olena@customer.example>
Delivered-To: held@desk.example
From: Olena <olena@customer.example>
To: bill@desk.example
Subject: x
X-Desk-Queue: accounts
X-Desk-Hold: abusive language

Hello
.
..two
"""


def made(data: bytes = HELD, to: str | None = None, rules=RULES) -> Released:
    return prepare(data, rules, NOW, lambda size: "ab" * size, to=to)


def head_of(released: Released) -> list[bytes]:
    return released.data.partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_what_is_sent():
    """Trace of delivery and our Hold are out, Resent-* on top (RFC 5322 3.6.6), all else stands as it stood."""
    released = made()
    assert (released.queue, released.recipient, released.sender) == (
        "accounts",
        "bill@desk.example",
        "olena@customer.example",
    )
    assert released.held == "abusive language"
    assert released.removed == ("Return-Path", "Delivered-To", "X-Desk-Hold")
    assert head_of(released) == [
        b"Resent-Date: Fri, 06 Mar 2026 19:40:00 +0000",
        b"Resent-From: <held@desk.example>",
        b"Resent-To: <bill@desk.example>",
        b"Resent-Message-ID: <release.abababababababababababab@desk.example>",
        b"From: Olena <olena@customer.example>",
        b"To: bill@desk.example",
        b"Subject: x",
        b"X-Desk-Queue: accounts",
    ]
    assert released.data.endswith(b"\r\n\r\nHello\r\n.\r\n..two\r\n")


def test_the_helpdesks_own_fields_name_the_new_queue():
    """They named the queue of held mail, where the mail was filed."""
    data = HELD.replace(b"Subject: x\n", b"Subject: x\nX-OTRS-Queue: moderation\nX-RT-Command: Queue: moderation\n")
    data = data.replace(b"Subject: x\n", b"Subject: x\nX-RT-Command: Priority: 80\nX-OTRS-Priority: 3 normal\n")
    head = head_of(made(data, rules=HELPDESKS))
    assert b"X-OTRS-Queue: Money::Bills" in head and b"X-RT-Command: Queue: Money::Bills" in head
    assert b"X-RT-Command: Priority: 80" in head and b"X-OTRS-Priority: 3 normal" in head
    assert b"X-OTRS-Queue: moderation" in head_of(made(data))  # without the adapter the field is not ours


REFUSED = [
    (HELD.replace(b"X-Desk-Hold", b"X-Other"), None, "it was not held"),
    (HELD.replace(b"accounts", b"nowhere"), None, 'queue "nowhere"'),
    (HELD.replace(b"X-Desk-Hold", b"X-Desk-Queue: sales\nX-Desk-Hold"), None, "stands 2 times"),
    (HELD.replace(b"X-Desk-Queue", b"X-Other"), None, "stands 0 times"),
    (HELD, "acounts", 'did you mean "accounts"'),
    (b"\n\nno header", None, "no header field"),
    (b"", None, "no header field"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_no_held_mail_is_refused_with_what_to_do(number):
    data, to, why = REFUSED[number]
    with pytest.raises(BadInput, match=why):
        made(data, to)


def test_a_queue_may_be_named_by_hand_also_by_its_address():
    plain = HELD.replace(b"X-Desk-Hold: abusive language\n", b"")
    assert made(plain, "support").recipient == made(plain, "Help@desk.example").recipient == "support@desk.example"


SENDERS = [
    (b"Return-Path: <>", "", ""),
    (b"Return-Path: olena@customer.example", "olena@customer.example", ""),
    (b"Return-Path: <a@b.example> SIZE=1", "", "no address"),
    (b"Return-Path: <a@b.example>\n RCPT TO:<all@b.example>", "", "no address"),
    (b"X-No: path", "olena@customer.example", "the author's address"),
]


@pytest.mark.parametrize("number", range(len(SENDERS)))
def test_the_envelope_sender_is_a_bare_address_or_none(number):
    """A field holds what a sender may have put there: nothing of it becomes a second SMTP command."""
    field, sender, note = SENDERS[number]
    released = made(HELD.replace(b"Return-Path: <olena@customer.example>", field))
    assert released.sender == sender
    assert note in " ".join(released.notes)


def test_two_authors_and_no_path_are_no_sender():
    data = HELD.replace(b"Return-Path: <olena@customer.example>\n", b"").replace(
        b"example>\nTo", b"example>, x@y.example\nTo"
    )
    assert made(data).sender == ""


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"\n", b"\r\n"]))
def test_a_file_taken_apart_is_the_same_when_put_together(body, end):
    """Whatever the body is; and the body is sent as it is, but for line ends."""
    data = HELD.replace(b"\n", end).partition(end + end)[0] + end + end + body
    parts, rest = taken_apart(data)
    assert b"".join(lines for _, lines in parts) + rest == data
    assert made(data).data.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n") == body.replace(b"\r\n", b"\n")


def test_an_mbox_line_is_no_field():
    assert made(b"From olena@customer.example Fri Mar  6 19:40:00 2026\n" + HELD).data == made().data


# ---------------------------------------------------------------------------------------------------------- the command
class Refusing(socketserver.StreamRequestHandler):
    """An SMTP server that answers a verb with what `answers` has for it, "" closes; else 250."""

    answers: dict[bytes, bytes] = {}  # noqa: RUF012  # of the subclass that a test makes

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            answer = self.answers.get(verb, b"354 go" if verb == b"DATA" else b"250 fine")
            if verb == b"DATA" and answer.startswith(b"354"):
                self.wfile.write(answer + b"\r\n")
                while self.rfile.readline() != b".\r\n":
                    pass
                answer = self.answers.get(b"TEXT", b"250 kept")
            if not answer:
                return
            self.wfile.write(answer + b"\r\n")


def released_to(tmp_path, answers: dict[bytes, bytes]) -> tuple[int, str]:
    path = tmp_path / "held.eml"
    path.write_bytes(HELD.replace(b"X-Desk", b"X-FlexiHost"))
    handler = type("Handler", (Refusing,), {"answers": answers})
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        place = f"127.0.0.1:{server.server_address[1]}"
        done = CliRunner().invoke(
            mailrouter, ["release", str(path), "--rules", str(ROOT / "rules.yaml"), "--smtp", place]
        )
        thread.join(20)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ({}, 0, "released: 250 kept"),
        ({b"MAIL": b"550 no"}, 4, "did not take it: MAIL FROM: 550 no"),
        ({b"RCPT": b"451 later"}, 4, "did not take it: RCPT TO: 451 later"),
        ({b"DATA": b"554 no"}, 4, "did not take it: 554 no"),
        ({b"TEXT": b"552 too large"}, 4, "did not take it: 552 too large"),
        ({b"TEXT": b""}, 4, "look into its log"),
        ({b"MAIL": b""}, 4, "did not take it"),
    ],
)
def test_the_mail_servers_answer_is_the_outcome(tmp_path, answers, status, said):
    """Exit status 4 when it did not take the mail; when nobody can know, that is said."""
    assert released_to(tmp_path, answers)[0] == status
    assert said in released_to(tmp_path, answers)[1]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{held}", "--smtp", "127.0.0.1:{closed}"], 4, "docs/operate.md"),
        (["{held}", "--smtp", "localhost"], 2, "HOST:PORT"),
        (["{held}", "--smtp", "localhost:99999"], 2, "HOST:PORT"),
        (["missing/held.eml"], 2, "cannot be read"),
        (["4C1D2F0A3B"], 2, "no mail was recorded here"),
        (["{held}", "--to", "nobody"], 2, 'no queue "nobody"'),
    ],
)
def test_a_mistake_is_told_in_words(tmp_path, arguments, status, said):
    path = tmp_path / "held.eml"
    path.write_bytes(HELD.replace(b"X-Desk", b"X-FlexiHost"))
    words = [one.format(held=path, closed=free_port()) for one in arguments]
    words += ["--rules", str(ROOT / "rules.yaml"), "--state", str(tmp_path)]
    done = CliRunner().invoke(mailrouter, ["release", *words])
    told = done.output + (str(done.exception) if isinstance(done.exception, BadInput) else "")
    assert said in told
    assert done.exit_code == status or (status == 2 and isinstance(done.exception, BadInput))
