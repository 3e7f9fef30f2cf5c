"""One intent: answered once, refused with its gate, or kept by the MTA for later; never a 5xx."""

import json
import os
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from router.acknowledge.lmtp import Delivery
from router.acknowledge.outgoing import Outcome
from router.acknowledge.service import without_addresses
from router.acknowledge.throttle import State, Throttle
from router.errors import LookupFailed
from tests.acknowledge.desk import FRIDAY, KEYS, OLENA, POLICY, WISH, Desk, intent, letter


@pytest.fixture
def desk(tmp_path):
    one = Desk(tmp_path)
    yield one
    one.close()


def test_an_accepted_mail_is_answered_once(desk):
    assert desk.answer(letter()).startswith("250 ")
    (message,) = desk.mta.sent
    assert message.to == OLENA
    assert message.snippets == ("redirected", "need_details")
    assert b"In-Reply-To: <m1@customer.example>" in message.data


def test_a_hundred_replays_of_one_intent_are_one_answer(desk):
    one = intent(letter())
    replies = {desk.handle(one)[:3] for _ in range(100)}
    assert replies == {"250"}
    assert len(desk.mta.sent) == 1
    assert desk.refused() == [["G17"]] * 99


def test_a_retry_of_the_sender_gets_a_new_token_and_no_second_answer(desk):
    desk.answer(letter())
    desk.clock.pass_by(minutes=20)
    desk.answer(letter())
    assert len(desk.mta.sent) == 1


def test_five_recipients_in_five_transactions_are_one_answer(desk):
    for _ in range(5):
        desk.answer(letter())
    assert len(desk.mta.sent) == 1


def test_a_retry_without_a_message_id_of_its_own_is_one_answer(desk):
    for queue_id in ("4F1B2C03D", "5A2C3D14E", "6B3D4E25F"):
        mail = letter(message_id=f"<20260306174000.{queue_id}@mx.desk.example>").replace(
            b"4F1B2C03D", queue_id.encode()
        )
        desk.answer(mail)
    assert len(desk.mta.sent) == 1


def test_a_second_mail_of_the_day_gets_only_what_was_not_said(desk):
    desk.answer(letter())
    desk.clock.pass_by(hours=1)
    desk.answer(letter(message_id="<m2@customer.example>"), replace(WISH, snippets=("redirected", "name_account")))
    assert desk.mta.sent[1].snippets == ("name_account",)
    desk.clock.pass_by(hours=1)
    desk.answer(letter(message_id="<m3@customer.example>"), replace(WISH, snippets=("out_of_hours",)))
    assert len(desk.mta.sent) == 2
    assert desk.refused() == [["G12"]]


def test_a_refusal_is_logged_with_its_gate_and_without_addresses(desk):
    desk.answer(letter("Auto-Submitted: auto-replied\n"))
    desk.answer(letter(message_id="<m2@x.example>"), sender="noreply@shop.example")
    assert desk.refused() == [["G2"], ["G6", "G7"]]
    assert "noreply@" not in json.dumps(desk.events, default=str)
    assert desk.mta.sent == []


def test_a_refused_mail_stays_refused_and_is_listed(desk):
    mail = letter("List-Id: <x.example>\n")
    desk.answer(mail)
    desk.answer(mail.replace(b"List-Id: <x.example>\r\n", b""))
    assert desk.mta.sent == []
    (row,) = desk.acknowledger.open().listed()
    assert (row.state, row.gate, row.decision) == (State.SUPPRESSED, "G3", "d1")


def test_a_forged_intent_leaves_no_trace_that_could_silence_a_real_one(desk):
    real = intent(letter())
    forged = replace(real, recipient=b"<v1.aaaaaaaaaaaaaaaaaaaa.7fffffff.aaaaaaaaaaaaaaaaaaaaaaaaaa@ack.desk.internal>")
    assert desk.handle(forged).startswith("250 ")
    assert desk.mta.sent == []
    desk.handle(real)
    assert len(desk.mta.sent) == 1


def test_an_intent_of_yesterday_is_dropped(desk):
    one = intent(letter())
    desk.clock.pass_by(hours=12, minutes=1)
    assert desk.handle(one).startswith("250 ")
    assert desk.mta.sent == []
    assert desk.refused() == [["G17"]]


@pytest.mark.parametrize("outcome", [Outcome.LATER])
def test_an_mta_that_is_down_keeps_the_intent_for_later(desk, outcome):
    desk.mta.before = lambda: outcome
    one = intent(letter())
    assert desk.handle(one).startswith("451 ")
    desk.mta.before = lambda: None
    desk.clock.pass_by(hours=1)
    assert desk.handle(one).startswith("250 ")
    assert len(desk.mta.sent) == 1


def test_a_text_that_is_refused_for_now_is_tried_again(desk):
    desk.mta.answer = lambda message: (Outcome.LATER, "451 disk full")
    one = intent(letter())
    assert desk.handle(one).startswith("451 ")
    desk.mta.answer = lambda message: (Outcome.SENT, "250 ok")
    assert desk.handle(one).startswith("250 ")
    assert len(desk.mta.sent) == 1


@pytest.mark.parametrize("late", [False, True])
def test_a_recipient_that_does_not_exist_is_not_asked_again(desk, late):
    if late:
        desk.mta.answer = lambda message: (Outcome.REFUSED, "550 no such user")
    else:
        desk.mta.before = lambda: Outcome.REFUSED
    one = intent(letter())
    assert desk.handle(one).startswith("250 ")
    desk.mta.before, desk.mta.answer = (lambda: None), (lambda message: (Outcome.SENT, ""))
    assert desk.handle(one).startswith("250 ")
    assert desk.mta.sent == []


def test_what_may_have_been_sent_is_not_sent_again(desk):
    desk.mta.answer = lambda message: (Outcome.UNKNOWN, "connection lost")
    one = intent(letter())
    assert desk.handle(one).startswith("250 ")
    desk.mta.answer = lambda message: (Outcome.SENT, "")
    desk.handle(one)
    assert len(desk.mta.sent) == 1  # the one that may have arrived


def test_a_pause_that_comes_while_the_mta_is_greeted_stops_the_answer(desk):
    """The store has the last word, after RCPT and before DATA."""

    def pause():
        other = Throttle(desk.path, KEYS, desk.clock, service=False, by_hand=True)
        other.pause("stop")
        other.close()

    desk.mta.before = pause
    assert desk.answer(letter()).startswith("250 ")
    assert desk.mta.sent == []
    assert desk.refused() == [["G12"]]


def test_a_new_database_is_silent_for_a_day(tmp_path):
    desk = Desk(tmp_path, muted=True)
    desk.answer(letter())
    assert desk.refused() == [["G12"]]
    desk.clock.pass_by(hours=25)
    desk.answer(letter(message_id="<m2@customer.example>"))
    assert len(desk.mta.sent) == 1
    assert [event for event, _ in desk.events if event == "muted"]
    desk.close()


def test_a_database_that_fails_is_a_4xx_and_is_opened_anew(desk, monkeypatch):
    failing = True

    def begin(self, *arguments):
        if failing:
            raise LookupFailed("database: disk I/O error")
        return original(self, *arguments)

    original = Throttle.begin
    monkeypatch.setattr(Throttle, "begin", begin)
    one = intent(letter())
    assert desk.handle(one).startswith("451 ")
    assert desk.mta.sent == []
    failing = False
    assert desk.handle(one).startswith("250 ")
    assert len(desk.mta.sent) == 1


def test_a_database_that_fails_after_the_sending_never_sends_again(desk, monkeypatch):
    def settle(self, *arguments):
        raise LookupFailed("database: disk I/O error")

    monkeypatch.setattr(Throttle, "settle", settle)
    one = intent(letter())
    assert desk.handle(one).startswith("250 ")
    monkeypatch.undo()
    assert desk.handle(one).startswith("250 ")
    assert len(desk.mta.sent) == 1


def test_a_file_damaged_while_we_run_is_set_aside_and_mutes(desk):
    desk.answer(letter())
    desk.acknowledger.close()
    with desk.path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8000))
    assert (
        desk.answer(letter(message_id="<m2@customer.example>"), replace(WISH, snippets=("name_account",)))[:3] == "250"
    )
    assert desk.refused() == [["G12"]]
    assert "database-damaged" in [event for event, _ in desk.events]


def test_texts_that_cannot_be_said_switch_answers_off_and_a_reload_on(desk):
    desk.acknowledger.use(replace(POLICY, snippets={"long": dict.fromkeys(POLICY.languages, "x" * 20_000)}))
    assert desk.acknowledger.off
    desk.answer(letter(), replace(WISH, snippets=("long",)))
    assert desk.refused() == [["off"]]
    desk.acknowledger.use(POLICY)
    desk.answer(letter(message_id="<m2@customer.example>"))
    assert len(desk.mta.sent) == 1


def test_a_snippet_that_a_reload_took_away_is_not_said(desk):
    desk.answer(letter(), replace(WISH, snippets=("gone",)))
    assert desk.refused() == [["text"]]


def test_answers_tell_nothing_about_what_is_on_file(desk, tmp_path):
    """Two strangers who ask about a contract that exists and one that does not get the same words."""
    wish = replace(WISH, snippets=("name_account",))
    for number, text in enumerate(("contract 104455", "contract 999999")):
        author = f"p{number}@shop.example"
        desk.answer(letter(author=author, text=text, message_id=f"<m{number}@shop.example>"), wish, sender=author)
    first, second = (message.data.partition(b"\r\n\r\n")[2] for message in desk.mta.sent)
    assert first == second


def test_the_second_half_of_a_large_mail_is_counted_not_read(desk):
    one = intent(letter())
    assert desk.handle(replace(one, size_bytes=59_000_000)).startswith("250 ")
    assert len(desk.mta.sent) == 1
    two = intent(letter(message_id="<m2@customer.example>"))
    desk.handle(replace(two, size_bytes=61_000_000))
    assert desk.refused() == [["G15"]]


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(b"<>", b"<>", b"", 0),
        Delivery(b"<\xff@\xff>", b"<\xff\x00@x>", b"\x00\xff" * 1000, 2000),
        Delivery(b"<a@b>", b"<v1.a.b.c@ack>", b"X-Desk-Reply: v1; decision=d\r\n\r\n", 40),
    ],
)
def test_any_delivery_is_answered(desk, delivery):
    assert desk.handle(delivery)[:3] in ("250", "451")


def test_evidence_loses_local_parts():
    assert without_addresses("From: olena@customer.example") == "From: …@customer.example"


def test_a_token_that_outlives_a_clock_set_back_is_refused(desk):
    one = intent(letter(), at=FRIDAY)
    desk.clock.jump(hours=-2)
    desk.handle(one)
    assert desk.refused() == [["G17"]]


def test_limits_of_many_senders_are_exact(desk):
    """Eight hundred mails of four hundred senders of one domain within one hour: fifty answers."""
    for number in range(800):
        author = f"p{number % 400}@big.example"
        desk.answer(
            letter(author=author, message_id=f"<m{number}@big.example>"),
            replace(WISH, snippets=("redirected", "name_account")[number // 400 :][:1]),
            sender=author,
        )
        desk.clock.pass_by(seconds=4)
    assert len(desk.mta.sent) == 50
    assert desk.clock.wall - FRIDAY < timedelta(hours=1)


# ------------------------------------------------------------------------------------------------- a disk that fails
class FailingDisk:
    """A connection whose n-th statement fails, and with `for_ever` every one after it."""

    def __init__(self, connection, n, for_ever=False):
        self._connection = connection
        self.left = n
        self._for_ever = for_ever

    def execute(self, *arguments):
        self.left -= 1
        if self.left == 0 or (self._for_ever and self.left < 0):
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(*arguments)

    def executemany(self, *arguments):
        self.left -= 1
        if self.left == 0 or (self._for_ever and self.left < 0):
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.executemany(*arguments)

    def __getattr__(self, name):
        return getattr(self._connection, name)


@pytest.mark.parametrize("for_ever", [False, True])
def test_whichever_statement_fails_nobody_gets_two_and_every_intent_settles(desk, for_ever):
    """The n-th access to the disk fails, n = 1, 2, 3 … until none does; the MTA tries again when the disk is well."""
    answered = 0
    for n in range(1, 200):
        author = f"p{n}@shop{n}.example"
        mail = intent(letter(author=author, message_id=f"<m{n}@shop.example>"), sender=author, at=desk.clock.wall)
        store = desk.acknowledger.open()._store
        disk = store.connection = FailingDisk(store.connection, n, for_ever)
        first = desk.handle(mail)
        if disk.left > 0:
            break
        desk.acknowledger.close()
        second = desk.handle(mail)
        assert first[:3] in ("250", "451") and second[:3] == "250", (n, first, second)
        sent = [message for message in desk.mta.sent if message.to == author]
        assert len(sent) <= 1
        answered += len(sent)
        desk.clock.pass_by(hours=1)
    assert n > 20
    assert answered >= n - 8  # a failure costs an answer only round the sending itself


def test_a_full_disk_keeps_intents_in_the_queue_and_frees_them_when_there_is_room(desk):
    full = True
    original = desk.acknowledger._open_throttle

    def opened():
        store = original()
        if full:
            (pages,) = store._store.connection.execute("PRAGMA page_count").fetchone()
            store._store.connection.execute(f"PRAGMA max_page_count={pages}")
        return store

    desk.acknowledger._open_throttle = opened
    desk.acknowledger.close()
    waiting, number = [], 0
    while len(waiting) < 5:
        number += 1
        author = f"p{number}@shop{number}.example"
        one = intent(letter(author=author, message_id=f"<m{number}@x.example>"), sender=author, at=desk.clock.wall)
        if desk.handle(one).startswith("451 "):
            waiting.append(one)
        desk.clock.pass_by(seconds=30)
    assert number > 5  # some went out before it was full
    full = False
    desk.acknowledger.close()
    assert {desk.handle(one)[:3] for one in waiting} == {"250"}
    addresses = [message.to for message in desk.mta.sent]
    assert len(addresses) == len(set(addresses)) == number
