"""The message: exactly its fields, nothing of a hostile mail, on the Python that runs the tests."""

import email
import email.policy
import quopri
import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.acknowledge.compose import (
    HOSTILE,
    Answered,
    CannotCompose,
    canary,
    compose,
    encoded,
    harmless,
    mailbox,
    quoted_printable,
    subject,
)
from router.acknowledge.policy import filled
from router.message.headers import decoded, shown
from tests.acknowledge.desk import FRIDAY, OLENA, POLICY, WISH

NAMES = [
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "Precedence", "X-Desk-Loop", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding",
]  # fmt: skip
ANSWERED = Answered(OLENA, "Site is down", "<m1@customer.example>", "<m0@customer.example>")


def composed(policy=POLICY, wish=WISH, answered=ANSWERED, **changes):
    return compose(
        policy, wish, replace(answered, **changes), message_id="<ack.x@desk.example>", loop="loop1", now=FRIDAY
    )


def parsed(message):
    return email.message_from_bytes(message.data, policy=email.policy.default)


def names_of(data):
    head = data.partition(b"\r\n\r\n")[0]
    return [line.partition(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]


def text_of(message):
    return parsed(message).get_content().replace("\r\n", "\n")


def test_the_message_is_the_one_of_rfc_3834():
    made = composed()
    mail = parsed(made)
    assert names_of(made.data) == NAMES == list(mail.keys())
    assert mail["From"] == "The Desk <support@desk.example>"
    assert mail["To"] == made.to == OLENA
    assert mail["Subject"] == "Авто: Site is down"
    assert mail["In-Reply-To"] == "<m1@customer.example>"
    assert mail["References"].split() == ["<m0@customer.example>", "<m1@customer.example>"]
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Precedence"] == "bulk"
    assert mail["X-Desk-Loop"] == "loop1"
    assert mail["Date"] == "Fri, 06 Mar 2026 17:40:00 +0000"
    assert mail.get_content_type() == "text/plain"
    assert made.data.isascii()
    assert max(len(line) for line in made.data.split(b"\r\n")) <= 78


def test_the_snippets_come_in_the_desk_s_order_between_opening_and_closing():
    assert text_of(composed(wish=replace(WISH, snippets=("need_details", "redirected")))).split("\n\n") == [
        "Здравствуйте!",
        "Письмо передано: техническая поддержка. Ожидайте ответ до пятницы, 6 марта, 23:40, по киевскому времени.",
        "Нам нужны: адрес страницы, браузер.",
        "Ваша поддержка\n",
    ]


def test_two_languages_stand_in_one_plain_text():
    made = composed(wish=replace(WISH, languages=("uk", "ru")))
    text = text_of(made)
    assert parsed(made).get_content_type() == "text/plain"
    assert text.index("Вітаємо!") < text.index("Ваша підтримка") < text.index("Здравствуйте!")
    assert "Очікуйте відповідь: п'ятниця, 6 березня, до 23:40, за київським часом." in text


def test_without_a_message_id_there_is_no_threading():
    made = composed(message_id="")
    assert names_of(made.data) == [name for name in NAMES if name not in ("In-Reply-To", "References")]


def test_references_are_capped_and_keep_the_first():
    many = " ".join(f"<{'x' * 30}{number}@customer.example>" for number in range(200))
    found = parsed(composed(references=many))["References"].split()
    assert len(found) == 20
    assert found[-1] == "<m1@customer.example>"
    assert found[-2].endswith("199@customer.example>")


def test_a_snippet_without_its_time_is_left_out_and_named():
    made = composed(wish=replace(WISH, answer_by=None))
    assert made.snippets == ("need_details",)
    assert made.left_out == (("redirected", "no {expect_by}"),)


@pytest.mark.parametrize(
    "changes",
    [
        {"wish": replace(WISH, snippets=("redirected",), answer_by=None)},
        {"wish": replace(WISH, snippets=("gone",))},
        {"wish": replace(WISH, languages=("de",))},
        {"wish": replace(WISH, queue="gone")},
        {"to": "<olena@customer.example>"},
        {"to": "olena@customer.example\r\nBcc: all@x.example"},
        {"to": "олена@customer.example\n"},
        {"to": "a@b@customer.example"},
        {"to": ""},
    ],
)
def test_what_makes_no_message_makes_none(changes):
    with pytest.raises(CannotCompose):
        composed(**changes)


def test_the_queue_that_answers_is_the_sender_when_the_desk_says_so():
    made = composed(policy=replace(POLICY, from_address=None, from_name=""))
    body = made.data.split(b"From: ")[1].split(b"\r\nTo:")[0].replace(b"\r\n", b"\n")
    assert decoded(body) == "техническая поддержка <support@desk.example>"


def test_precedence_can_be_left_out():
    assert "Precedence" not in names_of(composed(policy=replace(POLICY, precedence_bulk=False)).data)


# ------------------------------------------------------------------------------------------------------ hostile mails
_TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=300)
_PIECES = st.lists(
    st.sampled_from(
        ["\r\n", "\n", "\r", "Bcc: all@x.example", "=?utf-8?q?=0D=0ABcc:_a=40x?=", "=?utf-8?b?DQpCY2M6IGFAeA==?=", ":",
         "http://x.example/", "www.x.example", "x . com", "\u202e", "\u200b", "\x00", "\x85", "\u2028", "<b>", "ж", " ",
         "javascript:alert(1)", "x@y.example", "{queue}", "{subject}", "{0.__class__}", "%s", "ok", "ё" * 90, "=?"]
    ),
    max_size=14,
).map("".join)  # fmt: skip
_HOSTILE = st.one_of(_TEXTS, _PIECES)


@settings(max_examples=400, deadline=None)
@given(_HOSTILE, _HOSTILE, _HOSTILE)
@example(*HOSTILE[:3])
@example(*HOSTILE[3:])
def test_no_mail_adds_a_field_a_line_or_a_url(subject_, message_id, references):
    made = composed(subject=subject_, message_id=f"<{message_id}@x.example>", references=references)
    names = names_of(made.data)
    assert names in (NAMES, [name for name in NAMES if name not in ("In-Reply-To", "References")])
    assert list(email.message_from_bytes(made.data).keys()) == names
    seen = decoded(made.data.split(b"Subject: ")[1].split(b"\r\nDate:")[0])
    assert not re.search(
        r"://|\bwww\.\S|\bmailto:\S|@|[<>\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2028\u2029]", seen
    )
    assert len(seen) <= 200
    assert "{queue}" not in seen and "class" not in text_of(made)
    assert text_of(made) == text_of(composed())


@settings(max_examples=300, deadline=None)
@given(_HOSTILE, _HOSTILE, _HOSTILE)
def test_no_text_of_rules_yaml_adds_a_field(name, title, text):
    """A desk administrator may paste anything; it is said as text, or nothing is."""
    policy = replace(
        POLICY,
        from_name=name,
        subject={"ru": title + " {subject}"},
        snippets={"redirected": {"ru": text + "!"}},
        closing={"ru": title},
    )
    try:
        made = composed(policy=policy)
    except CannotCompose:
        return
    assert names_of(made.data) == NAMES == list(email.message_from_bytes(made.data).keys())
    assert made.data.count(b"\r\n\r\n") >= 1
    assert b"\n" not in made.data.replace(b"\r\n", b"")


@settings(max_examples=300, deadline=None)
@given(_TEXTS)
def test_an_encoded_field_says_what_was_meant(text):
    plain = harmless(text, 200)
    body = encoded(plain, len("Subject: "))
    assert decoded(body.replace("\r\n", "\n").encode()) == plain
    assert all(len(line) <= 76 for line in ("Subject: " + body).split("\r\n"))


@pytest.mark.parametrize("start", [".", "....", "From ", ".From "])
@pytest.mark.parametrize("length", range(70, 80))
def test_a_line_that_may_not_begin_so_is_not_too_long_for_it_either(start, length):
    text = (start + "x" * 80)[:length]
    made = quoted_printable(text)
    assert all(len(line) <= 76 and not line.startswith((b".", b"From ")) for line in made.split(b"\r\n"))
    assert quopri.decodestring(made).strip() == text.encode()


@settings(max_examples=300, deadline=None)
@given(_TEXTS)
@example(".0000" + "¡" * 10 + "\U0001ec71")
def test_a_body_says_what_was_meant_in_short_ascii_lines(text):
    made = quoted_printable(text)
    assert made.isascii() and made.endswith(b"\r\n")
    assert all(len(line) <= 76 for line in made.split(b"\r\n"))
    assert not any(line.startswith((b".", b"From ")) for line in made.split(b"\r\n"))
    mail = email.message_from_bytes(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + made)
    visible = re.sub(r"\s+", " ", mail.get_payload(decode=True).decode()).strip()
    plain = text.isprintable() and shown(text) == text.strip()  # else something unseen was left out
    assert visible in re.sub(r"\s+", " ", text) or not plain


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Сайт customer.com.ua лежить", "Сайт лежить"),
        ("see http://evil.example/x?y=1 now", "see now"),
        ("see evil .example/now", "see"),
        ("It is down. Please help", "It is down. Please help"),
        ("write to boss@evil.example now", "write to now"),
        ("сайт.рф не працює", "не працює"),
        ("evil。example 1.5 МБ о 15:30", "1.5 МБ о 15:30"),
        ("ok\r\nBcc: all", "ok Bcc: all"),
        ("a\u202eb\u200bc", "abc"),
        ("<script>x</script>", "script x /script"),
    ],
)
def test_subjects_are_made_harmless(text, wanted):
    assert harmless(text, 200) == wanted


def test_a_long_subject_is_cut_between_words():
    cut = harmless("слово " * 60, 50)
    assert len(cut) <= 50 and cut.endswith("слово…")
    assert len(harmless("х" * 500, 50)) == 50
    assert len(subject("Авто: {subject}", "слово " * 100)) <= 200


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("The Desk", "The Desk <a@b.example>"),
        ("Desk, Inc. <x@y.example>", '"Desk, Inc. <x@y.example>" <a@b.example>'),
        ('O"Desk', '"O\\"Desk" <a@b.example>'),
        ("", "a@b.example"),
        ("Desk\r\nBcc: x@y.example", '"Desk Bcc: x@y.example" <a@b.example>'),
    ],
)
def test_names_stay_names(name, wanted):
    assert mailbox(name, "a@b.example") == wanted


def test_a_value_is_never_expanded_again():
    assert filled("{a} {b} {c}", {"a": "{b}", "b": "{a.__class__}"}) == "{b} {a.__class__} {c}"


def test_the_canary_lives_on_this_python():
    assert canary(POLICY, FRIDAY) == ""


def test_the_canary_dies_when_the_running_python_lets_a_field_through(monkeypatch):
    """Break what protects us, and acknowledgements are switched off."""
    monkeypatch.setattr("router.acknowledge.compose.encoded", lambda text, used: text.replace("Bcc", "\r\n Bcc"))
    monkeypatch.setattr("router.acknowledge.compose.harmless", lambda text, room: "ok\r\nBcc: all")
    assert canary(POLICY, FRIDAY) != ""


def test_a_field_too_many_in_the_finished_message_is_seen(monkeypatch):
    """Whatever wrote it: the block is read again before anything is sent."""
    monkeypatch.setattr(
        "router.acknowledge.compose._block", lambda fields: b"From: a@b.example\r\nBcc: c@d.example\r\n"
    )
    with pytest.raises(CannotCompose, match="not what was meant"):
        composed()


def test_the_canary_dies_of_texts_that_cannot_be_said():
    assert canary(replace(POLICY, snippets={"long": dict.fromkeys(POLICY.languages, "x" * 20000)}), FRIDAY) != ""
