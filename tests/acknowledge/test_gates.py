"""Every gate: what it refuses, and what looks like it and passes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from router.acknowledge import gates
from router.acknowledge.accepted import accepted, made_by_an_mta
from router.acknowledge.gates import MAX_MESSAGE_BYTES
from router.signals.refusals import ROWS as MESSAGE_ROWS
from tests.acknowledge.desk import FRIDAY, KEYS, OLENA, POLICY, WISH, intent, letter
from tests.acknowledge.header_sets import SETS


def judged(delivery, *, at=FRIDAY, size=None, keys=KEYS, policy=POLICY):
    local = delivery.recipient[1:].split(b"@")[0].decode()
    mail = accepted(delivery.data, delivery.sender, local, policy, at, size or delivery.size_bytes)
    return gates.judge(mail, keys, at)


def mail_of(one):
    without = "Content-Type" if "content-type:" in one.head.lower() else ""
    return letter(one.head, author=one.author, subject=one.subject, without=without)


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_header_sets(one):
    """Exactly these gates refuse, whoever sent it."""
    found = judged(intent(mail_of(one), sender=one.sender))
    assert tuple(found) == one.gates, found


def test_the_header_sets_are_eighty_and_touch_every_gate_of_the_message():
    assert len(SETS) >= 80
    seen = {gate for one in SETS for gate in one.gates}
    assert seen >= {row.gate for row in MESSAGE_ROWS} - {"G8"}
    assert sum(not one.gates for one in SETS) >= 25


@pytest.mark.parametrize("field", ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"])
@pytest.mark.parametrize("address", ["bill@desk.example", "HELP+march@Desk.Example"])
def test_g8_wants_an_address_of_ours_in_one_of_six_fields(field, address):
    mail = letter(f"{field}: Somebody <{address}>\n" if field != "To" else "", without="To")
    if field == "To":
        mail = letter().replace(b"bill@desk.example\r\nSubject", address.encode() + b"\r\nSubject")
    assert "G8" not in judged(intent(mail))


def test_g8_refuses_a_blind_copy_and_a_display_name_that_looks_like_ours():
    mail = letter().replace(b"To: bill@desk.example", b'To: "bill@desk.example" <undisclosed@customer.example>')
    assert tuple(judged(intent(mail))) == ("G8",)


@pytest.mark.parametrize("auth", ["fail", "none", "unknown", "ambiguous"])
def test_g7_wants_a_proven_author(auth):
    assert tuple(judged(intent(letter(), replace(WISH, auth=auth)))) == ("G7",)


def test_g7_wants_the_envelope_sender_to_be_the_author_detail_included():
    assert tuple(judged(intent(letter(), sender="Olena@CUSTOMER.example"))) == ()
    assert tuple(judged(intent(letter(), sender="olena+lists@customer.example"))) == ("G7",)


def test_g9_looks_at_the_top_level_only():
    """A customer who attaches the bounce, as he was asked to, is a person."""
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nIt came back:\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Action: failed\r\n--b--\r\n"
    )
    mail = letter(without="Content-Type").replace(
        b"\r\nMIME-Version", b"\r\nContent-Type: multipart/mixed; boundary=b\r\nMIME-Version"
    )
    head = mail.partition(b"\r\n\r\n")[0]
    assert tuple(judged(intent(head + b"\r\n\r\n" + body.encode()))) == ()


def test_g14_a_held_mail_and_a_queue_that_never_answers():
    assert tuple(judged(intent(letter("X-Desk-Hold: abusive\n")))) == ("G14",)
    assert tuple(judged(intent(letter(), replace(WISH, queue="moderation")))) == ("G14",)
    assert tuple(judged(intent(letter(), replace(WISH, queue="gone")))) == ("G14",)


def test_g15_a_mail_over_the_limit():
    assert tuple(judged(intent(letter()), size=MAX_MESSAGE_BYTES + 1)) == ("G15",)
    assert tuple(judged(intent(letter()), size=MAX_MESSAGE_BYTES)) == ()


def test_g17_forged_expired_changed_and_doubled():
    good = intent(letter())
    assert tuple(judged(good)) == ()
    assert tuple(judged(good, at=FRIDAY + timedelta(hours=12))) == ("G17",)
    assert tuple(judged(replace(good, recipient=b"<v1.a.b.c@ack.desk.internal>"))) == ("G17",)
    assert "G17" in judged(replace(good, sender=b"<petro@customer.example>"))
    assert tuple(judged(replace(good, data=good.data.replace(b"queue=support", b"queue=accounts")))) == ("G17",)
    assert tuple(judged(replace(good, data=b"X-Desk-Reply: v1\r\n" + good.data))) == ("G17",)
    assert "G17" in judged(replace(good, data=letter()))


def test_a_preview_judges_everything_but_the_token():
    good = intent(letter())
    assert judged(replace(good, recipient=b"<x@ack.desk.internal>"), keys=None) == {}


def test_the_rows_stand_in_the_order_of_the_specification():
    names = [gate for gate, _ in gates.rows()]
    assert names == [f"G{number}" for number in range(1, 20)]


@pytest.mark.parametrize(
    ("message_id", "received", "made"),
    [
        ("<20261124063105.4F1B2C03D@mx.desk.example>", ["from a by mx (Postfix) with SMTP id 4F1B2C03D; Fri"], True),
        ("<202611240631.5AO6V5xx012345@h>", ["from a by h (8.17) id 5AO6V5xx012345; Fri"], True),
        ("<m1@customer.example>", ["from a by mx (Postfix) with SMTP id 4F1B2C03D; Fri"], False),
        ("<4F1B2@customer.example>", ["from a by mx (Postfix) with SMTP id 4F1B2C03D; Fri"], False),
        ("<id.x@customer.example>", ["id"], False),
    ],
)
def test_message_ids_that_an_mta_made_are_known(message_id, received, made):
    assert made_by_an_mta(message_id, received) is made


def key(data, sender=OLENA):
    return accepted(data, f"<{sender}>".encode(), "", POLICY, FRIDAY, len(data)).once_key(KEYS)


def test_the_same_mail_has_one_key_however_often_it_comes():
    again = letter("Received: from elsewhere by mx.desk.example with SMTP id 7777777; Fri, 6 Mar 2026 20:10:00 +0200\n")
    assert key(letter()) == key(again)
    assert key(letter()) != key(letter(message_id="<m2@customer.example>"))
    assert key(letter()) != key(letter(), sender="petro@customer.example")


def test_a_mail_without_a_message_id_of_its_own_is_known_by_its_content():
    first = letter(message_id="<20260306174000.4F1B2C03D@mx.desk.example>")
    retry = first.replace(b"4F1B2C03D", b"5A2C3D14E")
    assert key(first) == key(retry)
    assert key(first) != key(retry.replace(b"down since six", b"down since ten"))
