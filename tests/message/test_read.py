"""From what the MTA delivers to a `Message`: text, parts, oddities, and what could not be known."""

from dataclasses import replace

import pytest

from router.message import read as reading
from router.message.envelope import MAX_BODY_BYTES, MAX_FIELDS
from router.message.message import FLAGS, Part, ReadBy
from router.message.read import read
from router.vocabulary import UNDETERMINED
from tests.message.making import message, multipart, raw

PLAIN = "Content-Type: text/plain; charset=utf-8\n\nДобрий день! Сайт не працює.\n"
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Добрий день!</p><p>Сайт не працює.</p>\n"
PNG = (
    'Content-Type: image/png; name="screen.png"\nContent-Transfer-Encoding: base64\n'
    "Content-Disposition: attachment\n\niVBORw0KGgo=\n"
)


def test_a_reply():
    """Everything at once, as a customer's answer arrives."""
    found = message(
        "From: Olena <olena@customer.example>\n"
        "Subject: =?utf-8?B?UmU6IFtkZXNrICM1XSDQn9C+0YjRgtCw?=\n"
        "Message-ID: <m1@customer.example>\n"
        "Content-Type: text/plain; charset=utf-8\n\n"
        "Дякую, але листи ще не приходять.\n\nЗ повагою,\nОлена\n\n"
        "пт, 6 бер. 2026 р. о 12:00 Desk <support@desk.example> пише:\n\n> Перевірте, будь ласка.\n"
    )
    assert found.subject == "Re: [desk #5] Пошта"
    assert found.new_text == "Дякую, але листи ще не приходять."
    assert found.signature == "З повагою,\nОлена"
    assert found.quoted_text.endswith("> Перевірте, будь ласка.")
    assert found.full_text.startswith("Дякую") and "Перевірте" in found.full_text
    assert (found.language, found.script) == ("uk", "cyrillic")
    assert found.media_type == "text/plain"
    assert found.message_id == "<m1@customer.example>"
    assert found.read_by is ReadBy.FAST
    assert (found.parts, found.flags, found.degraded) == ((), frozenset(), ())
    assert found.text_known and not found.encrypted


@pytest.mark.parametrize(
    "data, text, parts, read_by",
    [
        (PLAIN, "Добрий день! Сайт не працює.", [], "fast"),
        (HTML, "Добрий день!\n\nСайт не працює.", [], "fast"),
        (multipart("alternative", PLAIN, HTML), "Добрий день! Сайт не працює.", [], "fast"),
        (
            multipart("mixed", PLAIN, PNG),
            "Добрий день! Сайт не працює.",
            [Part("image/png", "screen.png", len("iVBORw0KGgo=\r\n"))],
            "fast",
        ),
        (
            multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="b2"), PNG),
            "Добрий день! Сайт не працює.",
            [Part("image/png", "screen.png", 14)],
            "fast",
        ),
        (
            multipart("related", HTML, "Content-Type: image/gif; name=logo.gif\n\nGIF"),
            "Добрий день!\n\nСайт не працює.",
            [Part("image/gif", "logo.gif", 3)],
            "fast",
        ),
        (
            multipart("mixed", "Content-Type: text/plain\n\nabove", PNG, "Content-Type: text/plain\n\nbelow"),
            "above\n\nbelow",
            [Part("image/png", "screen.png", 14)],
            "fast",
        ),
        (
            multipart("mixed", PLAIN, "Content-Type: text/plain; name=site.log\n\nlog"),
            "Добрий день! Сайт не працює.",
            [Part("text/plain", "site.log", 3)],
            "fast",
        ),
        (
            multipart(
                "mixed", PLAIN, "Content-Type: text/csv\nContent-Disposition: inline; filename*=utf-8''%D0%B0.csv\n\nx"
            ),
            "Добрий день! Сайт не працює.",
            [Part("text/csv", "а.csv", 1)],
            "fast",
        ),
        (
            multipart("mixed", PLAIN, "Content-Type: message/rfc822\n\nSubject: inner\n\ninner text"),
            "Добрий день! Сайт не працює.",
            [Part("message/rfc822", "", len("Subject: inner\r\n\r\ninner text"))],
            "flanker",
        ),
        (
            multipart(
                "report; report-type=delivery-status",
                "Content-Type: text/plain\n\nNot delivered.",
                "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nStatus: 5.1.1",
                "Content-Type: text/rfc822-headers\n\nSubject: x",
            ),
            "Not delivered.",
            [
                Part("message/delivery-status", "", len("Reporting-MTA: dns; a\r\n\r\nStatus: 5.1.1")),
                Part("text/rfc822-headers", "", len("Subject: x")),
            ],
            "flanker",
        ),
        (
            multipart("signed", PLAIN, "Content-Type: application/pgp-signature; name=s.asc\n\nx"),
            "Добрий день! Сайт не працює.",
            [Part("application/pgp-signature", "s.asc", 1)],
            "flanker",
        ),
        ("Content-Type: application/pdf; name=a.pdf\n\n%PDF", "", [Part("application/pdf", "a.pdf", 6)], "fast"),
        ("Content-Type: text/plain; name=letter.txt\n\nhello\n", "hello\n", [], "fast"),  # no other text: this is it
        ("Content-Type: text/enriched\n\n<bold>bold</bold> text\n", "bold text\n", [], "fast"),
        ("Content-Type: multipart/mixed\n\nno boundary, but words\n", "no boundary, but words\n", [], "stdlib"),
        ("Content-Type: multipart/mixed; boundary=b\n\nwords without parts\n", "words without parts\n", [], "stdlib"),
        ("Subject: s\n\n", "", [], "fast"),
    ],
)  # fmt: skip
def test_text_and_parts(data, text, parts, read_by):
    found = message(data)
    assert found.full_text.strip() == text.strip()
    assert list(found.parts) == parts
    assert found.read_by == read_by
    assert not found.degraded


ANSWERED_IN_HTML = {
    "gmail": """<div dir="ltr">Так, помилка 550.</div><br><div class="gmail_quote gmail_quote_container">
<div dir="ltr" class="gmail_attr">пт, 6 бер. 2026 р. о 12:00 Desk &lt;<a href="mailto:support@desk.example">
support@desk.example</a>&gt; пише:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">
<div>Яка помилка?</div></blockquote></div>""",
    "outlook": """<html><head><style>p.MsoNormal{margin:0cm}</style></head><body lang=UK><div class=WordSection1>
<p class=MsoNormal>Так, помилка 550.<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>
<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>From:</b> Desk
&lt;support@desk.example&gt;<br><b>Sent:</b> Friday, March 6, 2026 12:00 PM<br><b>To:</b> Olena
&lt;olena@customer.example&gt;<br><b>Subject:</b> Re: Mail</p></div>
<p class=MsoNormal>Яка помилка?</p></div></body></html>""",
    "apple": """<html><body>Так, помилка 550.<br><div dir="ltr"><br><blockquote type="cite">6 бер. 2026 р. о 12:00 Desk
&lt;support@desk.example&gt; пише:<br><br></blockquote></div>
<blockquote type="cite"><div>Яка помилка?</div></blockquote>
</body></html>""",
    "mail.ru": """<HTML><BODY><div>Так, помилка 550.</div><blockquote style="border-left:1px solid #0857A6">
Пятница, 6 марта 2026, 12:00 +02:00 от Desk &lt;support@desk.example&gt;:<br>&nbsp;
<div>Яка помилка?</div></blockquote>
</BODY></HTML>""",
    "yandex": """<div>Так, помилка 550.</div><div>&nbsp;</div><div>06.03.2026, 12:00, "Desk" &lt;s@desk.example&gt;:
</div><blockquote><p>Яка помилка?</p></blockquote>""",
    "thunderbird": """<html><head><meta charset="UTF-8"></head><body><p>Так, помилка 550.</p>
<div class="moz-cite-prefix">06.03.2026 12:00, Desk пише:<br></div><blockquote type="cite" cite="mid:x@d.example">
<pre class="moz-quote-pre" wrap="">Яка помилка?
</pre></blockquote></body></html>""",
    "outlook on the web": """<div>Так, помилка 550.</div><div id="appendonsend"></div><hr style="width:98%">
<div id="divRplyFwdMsg"><font face="Calibri"><b>Від:</b> Desk &lt;support@desk.example&gt;<br><b>Надіслано:</b>
6 березня 2026 р. 12:00<br><b>Кому:</b> Olena<br><b>Тема:</b> Re: Mail</font></div><div>Яка помилка?</div>""",
}


@pytest.mark.parametrize("program", ANSWERED_IN_HTML)
def test_replies_in_html(program):
    """The quote cutter works on what the HTML of each program becomes."""
    found = message(f"Subject: Re: Mail\nContent-Type: text/html; charset=utf-8\n\n{ANSWERED_IN_HTML[program]}\n")
    assert found.new_text == "Так, помилка 550."
    assert "Яка помилка?" in found.quoted_text


def test_format_flowed():
    found = message("Content-Type: text/plain; format=flowed; delsp=no\n\nThis goes \non.\n> A quote \n> too.\n")
    assert found.full_text == "This goes on.\n> A quote too."
    assert found.new_text == "This goes on."


@pytest.mark.parametrize(
    "plain, html, taken, flags",
    [
        ("Сайт не працює", "<p>Сайт не працює", "Сайт не працює", set()),
        ("Сайт не працює", "&#1057;&#1072;&#1081;&#1090; не працює", "Сайт не працює", set()),
        ("", "<p>Сайт не працює", "Сайт не працює", set()),
        ("Your client cannot show HTML.", "<p>Сайт не працює", "Сайт не працює", set()),
        (
            "Прошу перенести домен і видалити скриньку",
            "<p>Рахунок за серпень сплачено двічі, поверніть гроші",
            "Рахунок за серпень сплачено двічі, поверніть гроші",
            {"alternatives-differ"},
        ),
        ("Сайт не працює", "<p><br></p>", "Сайт не працює", set()),
    ],
)
def test_which_alternative(plain, html, taken, flags):
    """The plain one, unless the agent would see something else in the HTML."""
    data = multipart(
        "alternative",
        f"Content-Type: text/plain; charset=utf-8\n\n{plain}",
        f"Content-Type: text/html; charset=utf-8\n\n{html}",
    )
    found = message(data)
    assert found.full_text == taken
    assert found.flags - {"html-only"} == flags


@pytest.mark.parametrize(
    "data, flag",
    [
        ("From: a\nFrom: b\n\nx", "duplicate-from"),
        ("Subject: a\nSUBJECT: b\n\nx", "duplicate-subject"),
        ("Content-Type: text/plain\nContent-Type: text/html\n\nx", "duplicate-content-type"),
        ("Reply-To: a\nReply-To: b\n\nx", "duplicate-reply-to"),
        ('Content-Type: multipart/mixed; boundary=a; boundary="b"\n\n--a\n\nx\n--a--\n', "two-boundaries"),
        (b"Subject: s\n\na\0b", "nul"),
        (b"Subject: s\n\na\rb\n", "bare-cr"),
        (HTML, "html-only"),
        ("Content-Type: text/html\n\nseen<p style='display:none'>billing</p>", "hidden-text"),
        ("Subject: s\n\nп\u200bа\u200bр\u200bо\u200bл\u200bь", "hidden-text"),
        ("Subject: s\n\nCайт нe paбoтaeт coвceм", "mixed-script"),
        ("Content-Type: text/html\n\n" + "<p>word " * 20_000, "text-cut"),
        (multipart("mixed", *["Content-Type: text/plain\n\nx"] * 300), "too-many-parts"),
        (multipart("mixed", PLAIN, "Content-Type: application/ms-tnef; name=winmail.dat\n\nx"), "tnef"),
        ("Subject: s\n\nlook\nbegin 644 a.txt\n#0V%T\n`\nend\n", "uuencoded"),
    ],
)
def test_oddities(data, flag):
    """Each is told, none of them is an error."""
    found = message(data)
    assert flag in found.flags
    assert flag in FLAGS or flag.startswith("duplicate-")


def test_both_kinds_of_line_ends():
    """Only a milter that hands on what came can show it; a file is converted first."""
    assert "bare-lf" in read(replace(raw("Subject: s\n\n"), body=b"one\r\ntwo\nthree\r\n")).flags


def test_ordinary_mail_has_no_flags():
    assert message(multipart("alternative", PLAIN, HTML)).flags == frozenset()
    assert message(multipart("mixed", PLAIN, PNG)).flags == frozenset()


def test_uuencoded_file_becomes_a_part():
    found = message("Subject: s\n\nlook\nbegin 644 a.txt\n#0V%T\n`\nend\n")
    assert found.full_text.strip() == "look"
    assert [(part.name, part.media_type) for part in found.parts] == [("a.txt", "application/octet-stream")]


@pytest.mark.parametrize(
    "data, text",
    [
        (
            multipart(
                'encrypted; protocol="application/pgp-encrypted"',
                "Content-Type: application/pgp-encrypted\n\nVersion: 1",
                "Content-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----",
            ),
            "",
        ),
        ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nMIIB\n", ""),
        ("Content-Type: application/x-pkcs7-mime\n\nMIIB\n", ""),
        ("Subject: s\n\n-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n", ""),
        ("Subject: s\n\nHi,\n-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n", "Hi,"),
    ],
)
def test_encrypted(data, text):
    found = message(data)
    assert found.encrypted
    assert found.full_text.strip() == text
    assert ("body", "encrypted") in [(one.what, one.why) for one in found.degraded]
    assert found.text_known is bool(text)


def test_signed_is_not_encrypted():
    """Clear-signed text is text; text inside a signed blob is unknown, which is not the same as none."""
    clear = message(
        "Subject: s\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- -- dash\nwords\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----\n"
    )
    assert clear.full_text.strip() == "-- dash\nwords"
    assert not clear.encrypted
    opaque = message("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n\nMIIB\n")
    assert not opaque.encrypted
    assert not opaque.text_known
    assert opaque.degraded[0].what == "body"


def reasons(found):
    return {one.what: one.why for one in found.degraded}


LONG = "A line of the text that goes on and on and on.\n" * (MAX_BODY_BYTES // 40)


@pytest.mark.parametrize(
    "data, told",
    [
        ("Subject: s\n\n" + LONG, True),
        (multipart("alternative", PLAIN, "Content-Type: text/html\n\n" + LONG), False),
        (multipart("alternative", "Content-Type: text/plain\n\n" + LONG, HTML), True),
        (multipart("mixed", PLAIN, "Content-Type: image/png; name=a.png\n\n" + LONG), False),
        (
            multipart("mixed", "Content-Type: image/png; name=a.png\n\n" + LONG, PLAIN),
            True,
        ),  # the text lies behind the cut
        (multipart("mixed", PLAIN, PNG), False),
    ],
)
def test_a_cut_body_is_degraded_when_it_hurts(data, told):
    """Only if the cut goes through the text or hides it; an attachment may be cut."""
    found = message(data)
    assert ("body" in reasons(found)) is told
    if told and not found.full_text:
        assert not found.text_known


def test_a_cut_part_has_no_size():
    found = message(multipart("mixed", PLAIN, "Content-Type: image/png; name=a.png\n\n" + LONG))
    assert found.parts == (Part("image/png", "a.png", None),)


def test_caps_hold_for_callers_that_do_not_keep_them():
    """Whoever hands in a larger message gets it cut, not read whole."""
    large = replace(raw("Subject: s\n\n"), body=b"x\r\n" * MAX_BODY_BYTES, fields=((b"X", b"y"),) * (MAX_FIELDS + 5))
    found = read(large)
    assert len(found.raw.body) == MAX_BODY_BYTES
    assert found.raw.body_cut
    assert len(found.raw.fields) == MAX_FIELDS
    assert set(reasons(found)) == {"body", "fields"}


def test_undecodable_text_is_unknown():
    """A text of which nothing could be read is not an empty text: a rule must not conclude from its silence."""
    found = message(b"Content-Type: text/plain; charset=utf-16\n\n" + bytes(range(216, 224)) * 40)
    assert not found.text_known
    assert (found.full_text, found.new_text, found.language) == ("", "", UNDETERMINED)
    assert "body" in reasons(found)


def test_a_fault_of_ours_costs_the_text_only(monkeypatch):
    """The mail is delivered all the same; its fields are there for the rules."""

    def fail(*_):
        raise RecursionError

    monkeypatch.setattr(reading.quoting, "split", fail)
    found = message("Subject: s\nX-A: b\n\ntext")
    assert not found.text_known
    assert found.read_by is ReadBy.RAW
    assert found.fields.first("X-A") == "b"
    assert reasons(found) == {"body": "not readable (RecursionError)"}


def test_subject_is_one_clean_line():
    found = message(b"Subject: =?utf-8?q?a=0D=0ABcc:_x?=\n =?utf-8?q?=E2=80=AEb?=\n\nx")
    assert found.subject.isprintable()
    assert found.subject == "a Bcc: xb"


def test_raw_8bit_subject_in_the_charset_of_the_body():
    data = "Subject: Акт\nContent-Type: text/plain; charset=koi8-u\n\nНадішліть акт\n".encode("koi8-u")
    assert message(data).subject == "Акт"


def test_language_of_a_reply_is_not_that_of_its_subject():
    """The subject of a reply is somebody else's."""
    assert message("Subject: Re: Your site is down again\n\nok\n").language == UNDETERMINED
    assert message("Subject: Your site is down again\n\n.\n").language == "en"


def test_warm_makes_the_first_unusual_mail_fast():
    reading.warm()
    assert message(multipart("signed", PLAIN, PNG)).read_by is ReadBy.FLANKER
