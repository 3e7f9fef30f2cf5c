"""Bounces of every kind are read: reports, daemons' own words, what people copied; and hostile ones do no harm."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.message import Message
from router.rules.explain import explain
from router.signals import automatic, bounce
from router.signals.bounce import MAX_DELIVERIES, MAX_FIELD, Bounce, Delivery
from router.signals.smtp_replies import one_line, replies_in
from router.vocabulary import BounceForm
from tests.message.making import message, multipart
from tests.rules.engine_desk import decided, facts, rule, ruleset

REPORT = """\
Reporting-MTA: dns; mx.desk.example
Arrival-Date: Tue, 3 Mar 2026 10:00:00 +0200

Final-Recipient: rfc822; Shop@partner.example
Original-Recipient: rfc822;shop@partner.example
Action: failed
Status: 5.7.1 (blocked)
Remote-MTA: dns; mx.partner.example (192.0.2.7)
Diagnostic-Code: smtp; 554 5.7.1 Message
    rejected as spam
"""
SPAM = Delivery("Shop@partner.example", "5.7.1", "failed", "554 5.7.1 Message rejected as spam", "mx.partner.example")
OLENA = "From: olena@customer.example\nSubject: x\n"
DAEMON = "From: MAILER-DAEMON@mx.desk.example\nSubject: Undelivered Mail Returned to Sender\n"


def found(data: str | bytes, sender: str = "olena@customer.example") -> Bounce | None:
    mail = message(data)
    author = "olena@customer.example" if "olena" in mail.fields.first("From") else mail.fields.first("From")
    return bounce.find(mail, automatic.find(mail, sender, author, lambda address: None))


def part(kind: str, text: str, more: str = "") -> str:
    return f"Content-Type: {kind}\n{more}\n{text}"


def whole_bounce(text: str = "sorry") -> bytes:
    return multipart(
        "report; report-type=delivery-status",
        part("text/plain", text),
        part("message/delivery-status", REPORT),
        part("text/rfc822-headers", "Subject: hello"),
        boundary="r1",
        fields=DAEMON,
    )


def test_a_mail_that_is_a_bounce():
    """multipart/report, as Postfix sends it; the null sender makes it the bounce itself."""
    assert found(whole_bounce(), sender="") == Bounce(BounceForm.ITSELF, (SPAM,))


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_a_report_that_a_customer_attached(encoding):
    """By itself, in the encodings in which it is mailed."""
    import base64
    import quopri

    text = {
        "7bit": REPORT,
        "base64": base64.encodebytes(REPORT.encode()).decode(),
        "quoted-printable": quopri.encodestring(REPORT.encode()).decode(),
    }[encoding]
    mail = multipart(
        "mixed",
        part("text/plain", "see below"),
        part("message/delivery-status", text, f"Content-Transfer-Encoding: {encoding}\n"),
        fields=OLENA,
    )
    assert found(mail) == Bounce(BounceForm.ATTACHED, (SPAM,))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("message/rfc822", ""),
        ("application/octet-stream", "Content-Disposition: attachment; filename=bounce.eml\n"),
        ("message/rfc822", "Content-Disposition: attachment; filename=bounce.eml\n"),
    ],
)
def test_a_whole_bounce_that_a_customer_attached(kind, more):
    mail = multipart(
        "mixed", part("text/plain", "what is this?"), part(kind, whole_bounce().decode(), more), fields=OLENA
    )
    assert found(mail) == Bounce(BounceForm.ATTACHED, (SPAM,))


def test_a_bounce_inside_a_forwarded_message():
    """message/rfc822 in message/rfc822, a secretary who forwards what a colleague got."""
    inner = multipart("mixed", part("message/rfc822", whole_bounce().decode()), boundary="m2", fields=OLENA).decode()
    mail = multipart("mixed", part("text/plain", "fwd"), part("message/rfc822", inner), boundary="m1", fields=OLENA)
    assert found(mail) == Bounce(BounceForm.ATTACHED, (SPAM,))


def test_an_attached_text_file_of_a_report():
    """Apple Mail and Outlook save the report as a text file."""
    mail = multipart(
        "mixed",
        part("text/plain", "hello"),
        part("text/plain; name=details.txt", REPORT, "Content-Disposition: attachment; filename=details.txt\n"),
        fields=OLENA,
    )
    assert found(mail) == Bounce(BounceForm.ATTACHED, (SPAM,))


def test_a_report_when_only_the_second_reader_can_tell_the_parts(monkeypatch):
    """flanker declines: the stdlib's tree still has the report."""
    from router.message import parse

    monkeypatch.setattr(parse, "by_flanker", lambda *_, **__: None)
    mail = message(whole_bounce())
    assert mail.read_by == "stdlib"
    assert bounce.find(mail, {}) == Bounce(BounceForm.ATTACHED, (SPAM,))


GROUPS = [
    ("Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1", Delivery("a@b.example", "5.1.1", "failed")),
    ("final-recipient: a@b.example\naction: FAILED\nstatus: 5.1.1", Delivery("a@b.example", "5.1.1", "failed")),
    ("Final-Recipient: RFC822; <a@b.example>\nStatus: 5.1.1", Delivery("a@b.example", "5.1.1")),
    (
        "Original-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1 (x)",
        Delivery("a@b.example", "5.1.1", "failed"),
    ),
    ("Action: failed\nStatus: 5.1.1", Delivery("", "5.1.1", "failed")),
    (
        "Final-Recipient: rfc822; a@b.example\nAction: delayed\nStatus: 4.4.1",
        Delivery("a@b.example", "4.4.1", "delayed"),
    ),
    ("Final-Recipient: rfc822; a@b.example\nAction: exploded\nStatus: 9.9.9", Delivery("a@b.example")),
    (
        "Final-Recipient: utf-8; \\x{43F}@b.example\nAction: failed\nStatus: 5.1.1",
        Delivery("п@b.example", "5.1.1", "failed"),
    ),
    (
        'Final-Recipient: rfc822; a@b.example\nDiagnostic-Code: X-Postfix; unknown user: "a"',
        Delivery("a@b.example", "", "", 'unknown user: "a"'),
    ),
    (
        "> Final-Recipient: rfc822; a@b.example\n> Action: failed\n> Status: 5.1.1",
        Delivery("a@b.example", "5.1.1", "failed"),
    ),
    ("Reporting-MTA: dns; mx.desk.example\nArrival-Date: today", None),
    ("X-Something: else", None),
    ("", None),
]


@pytest.mark.parametrize("number", range(len(GROUPS)))
def test_groups_of_fields(number):
    """RFC 3464 section 2.3, with what mail servers make of it."""
    text, expected = GROUPS[number]
    assert list(bounce.report(text)) == ([] if expected is None else [expected])


def test_two_recipients_without_the_empty_line_between():
    text = "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\nFinal-Recipient: rfc822; c@d.example\nStatus: 5.2.2"
    assert [(one.recipient, one.status) for one in bounce.report(text)] == [
        ("a@b.example", "5.1.1"),
        ("c@d.example", "5.2.2"),
    ]


def test_a_report_of_success_is_no_bounce():
    """RFC 3461 NOTIFY=SUCCESS, and mailing lists that expand."""
    for action in ("delivered", "relayed", "expanded"):
        text = f"Final-Recipient: rfc822; a@b.example\nAction: {action}\nStatus: 2.0.0"
        assert found(multipart("mixed", part("message/delivery-status", text), fields=OLENA)) is None


def test_a_read_receipt_is_no_bounce():
    """RFC 8098: a multipart/report too, without a delivery-status."""
    mail = multipart(
        "report; report-type=disposition-notification",
        part("text/plain", "read"),
        part("message/disposition-notification", "Final-Recipient: rfc822; a@b.example\nDisposition: x; displayed"),
        fields=OLENA,
    )
    assert found(mail, sender="") is None


def test_an_unreadable_report_is_a_bounce_of_nobody():
    mail = multipart("mixed", part("message/delivery-status", "\x00\x01 garbage"), fields=OLENA)
    assert found(mail) == Bounce(BounceForm.ATTACHED)


DAEMONS = [
    ("<a@b.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n", "a@b.example", "5.1.1"),  # qmail
    (
        "The following address(es) failed:\n\n  a@b.example\n    host mx.b.example [192.0.2.1]\n"
        "    SMTP error from remote mail server after RCPT TO:<a@b.example>:\n    550 No such user here\n",
        "a@b.example",
        "5.0.0",
    ),  # Exim
    ("Your message to a@b.example couldn't be delivered.\na wasn't found at b.example.\n", "a@b.example", ""),
    (
        "К сожалению, письмо не может быть доставлено одному или нескольким получателям:\n\na@b.example\n",
        "a@b.example",
        "",
    ),
    ("** Address not found **\n\nYour message wasn't delivered to a@b.example because\n", "a@b.example", ""),
]


@pytest.mark.parametrize("number", range(len(DAEMONS)))
def test_daemons_that_send_no_report(number):
    """Words alone count when a mail server says them: in the bounce itself and in one that is attached."""
    text, recipient, status = DAEMONS[number]
    mail = f"{DAEMON}\n{text}"
    told = found(mail, sender="")
    assert told is not None
    assert (told.form, told.deliveries[0].recipient, told.deliveries[0].status) == ("itself", recipient, status)
    attached = found(multipart("mixed", part("text/plain", "?"), part("message/rfc822", mail), fields=OLENA))
    assert attached is not None
    assert (attached.form, attached.deliveries[0].recipient) == ("attached", recipient)


def test_the_recipients_that_exim_and_gmail_name_in_the_header():
    told = found(f"{DAEMON}X-Failed-Recipients: a@b.example, c@d.example\n\nsorry", sender="")
    assert told is not None
    assert [one.recipient for one in told.deliveries] == ["a@b.example", "c@d.example"]


PASTED = [
    ("Вернулось: 550 5.1.1 <a@b.example>: Recipient address rejected: User unknown", "a@b.example", "5.1.1"),
    (
        "<a@b.example>: host mx.b.example[192.0.2.1] said: 552-5.2.2 Mailbox full\n(in reply to RCPT TO)",
        "a@b.example",
        "5.2.2",
    ),
    ("I wrote to a@b.example and got\n\n554 Message rejected due to spam policy", "a@b.example", "5.0.0"),
    ("a@b.example\nRemote Server returned '550 5.7.129 RESOLVER.RST'", "a@b.example", "5.7.129"),
    ("> 451 4.7.1 <a@b.example>: Greylisted, try again", "a@b.example", "4.7.1"),
    ("to a@b.example: 550 5.7.1 <me@c.example>: Sender address rejected: not owned", "a@b.example", "5.7.1"),
    ("Пишет 552 5.3.4 Message size exceeds fixed limit", "", "5.3.4"),
    ("Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.4.4", "a@b.example", "5.4.4"),
]


@pytest.mark.parametrize("number", range(len(PASTED)))
def test_replies_that_a_person_copied(number):
    text, recipient, status = PASTED[number]
    told = found(f"{OLENA}Content-Type: text/plain; charset=utf-8\n\nДобрый день.\n{text}\n")
    assert told is not None
    assert told.form == "pasted"
    assert (told.deliveries[0].recipient, told.deliveries[0].status) == (recipient, status)


@pytest.mark.parametrize(
    "text",
    [
        "Сайт выдаёт ошибку 502 Bad Gateway, пишите на a@b.example",
        "Оплатили 550 грн и 554 гривны, a@b.example",
        "WordPress 5.7.1 и PHP 5.5.38, версия 4.7.1, a@b.example",
        "The server 192.0.2.55 answers 500 Internal Server Error to a@b.example",
        "Phone 050 550-55-50, invoice 552/1 for a@b.example",
        "250 2.0.0 Ok: queued as 4ABC for a@b.example",
        "Wrong: 550 4.1.1 unknown user",
        "My mail could not be delivered to a@b.example, why?",
    ],
)
def test_numbers_that_are_no_reply(text):
    """And a person's own complaint, without a server's words, is no bounce."""
    assert found(f"{OLENA}Content-Type: text/plain; charset=utf-8\n\n{text}\n") is None


def test_what_a_reply_quotes_was_said_before():
    """Our own words in a ticket are no new bounce; what a forward quotes is what it is about."""
    quoted = "Thanks!\n\nOn Tue, 3 Mar 2026 at 10:00, Support wrote:\n> 550 5.1.1 <a@b.example>: User unknown\n"
    assert found(f"From: olena@customer.example\nSubject: Re: [desk #1] mail\n\n{quoted}") is None
    assert found(f"From: olena@customer.example\nSubject: Fwd: mail\n\n{quoted}") is not None
    added = quoted.replace("Thanks!", "Again: 554 5.7.1 <c@d.example>: spam")
    told = found(f"From: olena@customer.example\nSubject: Re: [desk #1] mail\n\n{added}")
    assert told is not None and [one.recipient for one in told.deliveries] == ["c@d.example"]


def test_the_host_that_said_it():
    (reply,) = replies_in("<a@b.example>: host mx.b.example[192.0.2.1] said: 550 5.1.1 no such user")
    assert reply.remote_mta == "mx.b.example"


# -------------------------------------------------------------------------------------------------------------- hostile
def test_thousands_of_recipients_are_counted_off():
    text = "\n\n".join(
        f"Final-Recipient: rfc822; a{one}@b.example\nAction: failed\nStatus: 5.1.1" for one in range(5_000)
    )
    told = found(multipart("mixed", part("message/delivery-status", text), fields=OLENA))
    assert told is not None
    assert len(told.deliveries) == MAX_DELIVERIES
    assert told.more


def test_thousands_of_reports_are_bounded():
    mail = multipart("mixed", *[part("message/rfc822", whole_bounce().decode())] * 150, fields=OLENA)
    told = found(mail)  # too many parts to be told apart: the text is a guess then, and the reports stand in it
    assert told is not None
    assert {(one.recipient.casefold(), one.status) for one in told.deliveries} == {("shop@partner.example", "5.7.1")}


def test_nesting_ends():
    """Twenty messages in one another: not looked to the bottom, and no harm."""
    data = whole_bounce().decode()
    for number in range(20):
        data = multipart("mixed", part("message/rfc822", data), boundary=f"n{number}", fields=OLENA).decode()
    assert found(data) in (None, Bounce(BounceForm.ATTACHED, (SPAM,)))


@pytest.mark.parametrize(
    "text",
    [
        "Final-Recipient: rfc822; " + "a" * 200_000,
        "Diagnostic-Code: smtp; " + "\n ".join(["550 no"] * 30_000) + "\nFinal-Recipient: rfc822; a@b.example",
        "Final-Recipient: rfc822; " + "(" * 100_000,
        ">" * 200_000,
        "Status: " + "5." * 100_000,
        "550 " * 60_000,
        "550 5.1.1 " * 20_000,
        "a@" * 100_000 + " 550 5.1.1 user unknown",
        "#5.1.1" * 30_000,
    ],
    ids=["long-address", "folded", "comments", "marks", "status", "codes", "replies", "ats", "signs"],
)
def test_huge_fields_are_short_and_soon_read(text):
    """As a report and as a text: every value is bounded; a pattern that goes wild would not come to an end."""
    for mail in (
        multipart("mixed", part("message/delivery-status", text), fields=OLENA),
        f"{OLENA}\n{text}",
    ):
        told = found(mail)
        for one in told.deliveries if told else ():
            assert max(map(len, (one.recipient, one.status, one.action, one.diagnostic, one.remote_mta))) <= MAX_FIELD


def test_a_wrong_charset_does_not_hide_the_address():
    latin = "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 пользователь неизвестен"
    data = multipart("mixed", b"Content-Type: message/delivery-status; charset=utf-7\n\n" + latin.encode("cp1251"))
    told = found(OLENA.encode() + data)
    assert told is not None
    assert told.deliveries[0].recipient == "a@b.example"
    assert "пользователь" in told.deliveries[0].diagnostic


LINES = st.lists(
    st.sampled_from(REPORT.splitlines())
    | st.sampled_from(
        ["", "> ", " ", "\t550", "550 5.1.1 <a@b.example>: user unknown", "--b1", "Final-Recipient:", "Status: 5"]
    )
    | st.text(max_size=60),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from(["message/delivery-status", "message/rfc822", "text/plain", "message/global"]))
def test_whatever_is_mailed_gives_bounded_printable_values(lines, kind):
    """No exception; at most MAX_DELIVERIES; no control characters, no line ends; and the same again."""
    mail = multipart(
        "mixed", part("text/plain", "hello"), part(kind, "\n".join(lines), "Content-Disposition: attachment\n")
    )
    data = OLENA.encode() + mail
    told = found(data)
    assert told == found(data)
    if told is not None:
        assert len(told.deliveries) <= MAX_DELIVERIES
        for one in told.deliveries:
            assert str(one).isprintable()
            assert len(one.recipient) <= MAX_FIELD


# ------------------------------------------------------------------------------------------------------------- language
ATTACHED = {"attachments": [("", "message/delivery-status", REPORT)], "body": "see"}


def test_the_decision_shows_the_bounce_and_explain_tells_it():
    """JSON, trace and the person's story hold form, recipient, status and the server's words."""
    rules = rule("{bounce: {status: 5.7.*}}", '{note: "it says {bounce}"}')
    decision = decided(rules, **ATTACHED)
    assert decision.as_json()["bounce"] == {
        "form": "attached",
        "recipients": [
            {
                "recipient": "Shop@partner.example",
                "status": "5.7.1",
                "action": "failed",
                "diagnostic": "554 5.7.1 Message rejected as spam",
                "remote_mta": "mx.partner.example",
            }
        ],
        "more": False,
    }
    assert decision.notes == ("it says failed 5.7.1 Shop@partner.example: 554 5.7.1 Message rejected as spam",)
    assert "bounce status 5.7.* = yes (attached, failed 5.7.1 Shop@partner.example)" in decision.trace[0].because
    assert "bounce   attached: failed 5.7.1 Shop@partner.example: 554 5.7.1 Message" in explain(
        decision, ruleset(rules)
    )
    assert decided(rules, body="hello").as_json()["bounce"] is None


def test_behind_a_cut_a_bounce_is_unknown_not_absent():
    from dataclasses import replace

    from router.rules.decide import decide

    compiled = ruleset(rule("{bounce: any}"))
    whole = facts(compiled, body="x")
    cut: Message = replace(whole.message, raw=replace(whole.message.raw, body_cut=True))
    assert decide(replace(whole, message=cut), compiled, trace=True).trace[0].result == "unknown"


@given(st.text(st.sampled_from("ab ж\n\r\t\xa0\x85\x1c\u3000\u2028\x00\u200b\ud800") | st.characters(), max_size=40))
def test_one_line_has_single_spaces_for_whatever_cannot_be_printed(text):
    assert one_line(text) == " ".join("".join(one if one.isprintable() else " " for one in text).split())
