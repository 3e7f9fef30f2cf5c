"""The writer's own words, apart from quotes and signatures."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message import attribution
from router.message.quoting import split

DATA = Path(__file__).parent / "data"
REPLIES = [json.loads(line) for line in (DATA / "replies.jsonl").read_text("utf-8").splitlines()]


def cases():
    """(name, subject, message, expected words, expected signature or None) of quotes.txt."""
    _, *blocks = (DATA / "quotes.txt").read_text("utf-8").split("\n%%% ")
    found: list[list[str]] = []
    for block in blocks:
        head, _, body = block.partition("\n")
        if head == "new":
            found[-1][3] = body.strip("\n")
        elif head == "signature":
            found[-1][4] = body.strip("\n")
        else:
            name, _, subject = head.partition(" | ")
            found.append([name, subject, body, "", None])
    return found


CASES = cases()


@pytest.mark.parametrize("reply", REPLIES, ids=[one["name"] for one in REPLIES])
def test_replies_of_every_program(reply):
    """Attribution lines as Gmail, Apple, Thunderbird, Yandex … write them in ru, uk and en."""
    found = split(reply["text"], "Re: site")
    assert found.new_text == reply["reply"]
    if reply["sig"]:
        assert found.signature.startswith(reply["signature"])


@pytest.mark.parametrize("name, subject, message, words, signature", CASES, ids=[one[0] for one in CASES])
def test_cases(name, subject, message, words, signature):
    found = split(message, subject)
    assert found.new_text == words
    if signature is not None:
        assert found.signature == signature


def test_quote_is_kept_apart():
    """What was cut is not lost: the thread room compares it with the ticket."""
    quote = "On Mon, Feb 2, 2026 at 4:58 AM Desk <a@b.example> wrote:\n> Is it shop.example?\n> Regards"
    assert split("Yes.\n\n" + quote, "Re: shop").quoted_text == quote


LINES = st.sampled_from(
    [
        "> quoted",
        ">> deeper",
        "Спасибо, работает.",
        "Why?",
        "",
        "-- ",
        "--",
        "С уважением,",
        "Иван Петров",
        "From: a <a@b.example>",
        "Sent: Monday",
        "To: b",
        "Subject: x",
        "On Mon, Feb 2, 2026 at 4:58 AM Desk <a@b.example> wrote:",
        "-----Original Message-----",
        "---------- Forwarded message ---------",
        "Sent from my iPhone",
        "P.S. ещё",
        "________________________________",
    ]
)


def test_a_message_forwarded_below_a_signature_is_content():
    """It was taken for the rest of the signature, and with it what the mail is about."""
    forwarded = "---------- Forwarded message ---------\nFrom: a\nСайт не работает\n\n--\nОльга"
    found = split(f"См. ниже.\n\nС уважением,\nИван\n\n{forwarded}")
    assert found.new_text.startswith("См. ниже.") and "Сайт не работает" in found.new_text
    assert "Иван" in found.signature and "Ольга" in found.signature and "Сайт" not in found.signature


def test_a_postscript_between_signature_and_forwarded_message_stays_words():
    forwarded = "---------- Forwarded message ---------\nFrom: a\nОй"
    found = split(f"См. ниже.\n\nС уважением,\nИван\nP.S. Когда откроетесь?\n\n{forwarded}")
    assert "Когда откроетесь?" in found.new_text and "Ой" in found.new_text
    assert "Иван" in found.signature and "P.S." not in found.signature


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=14), st.sampled_from(["", "Re: x", "Fwd: x"]))
def test_no_line_is_lost_or_invented(lines, subject):
    """Every line of a mail ends up in exactly one of the three texts."""
    found = split("\n".join(lines), subject)
    parts = [*found.new_text.split("\n"), *found.quoted_text.split("\n"), *found.signature.split("\n")]
    assert sorted(one.strip() for one in parts if one.strip()) == sorted(one.strip() for one in lines if one.strip())


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=14), st.sampled_from(["", "Re: x"]))
def test_no_quoted_line_is_left(lines, subject):
    """Unless it belongs to a forwarded message, which is content."""
    words = split("\n".join(lines), subject).new_text
    assert "orwarded" in words or not any(line.startswith(">") for line in words.split("\n"))


@pytest.mark.parametrize("end", attribution.USUAL_ENDS)
def test_a_usual_end_has_a_verb(end):
    """Whatever stands before it."""
    assert all(attribution.VERB.search(f"{before}{end}") for before in ("", "Anna", "5", "<a@b.example>", "_", "и"))


@pytest.mark.parametrize(
    "line",
    [
        "## Please type your reply above this line ##", "-- Above this line please REPLY --",
        "Your response above this line",
        "### Пожалуйста, пишите выше этой линии ###", "ОТВЕТ ВЫШЕ ЭТОЙ СТРОКИ", "Напишите ответ выше этой черты",
        "Пишіть, будь ласка, вище цього рядка", "Відповідайте над цією лінією", "напишіть над цим рядком",
        "== Antwort bitte über dieser Linie ==", "SCHREIBEN SIE ÜBER DIESER ZEILE", "Odpowiedź pisz powyżej tej linii",
    ],
)  # fmt: skip
def test_a_helpdesk_s_line_cuts_in_any_case(line):
    """What stands under "reply above this line" is the helpdesk's own text."""
    assert split(f"Сайт не работает\n\n{line}\nВаше обращение принято").new_text == "Сайт не работает"
