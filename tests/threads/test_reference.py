"""Ticket tags, prefixes and ids as people and their programs write them."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.message import Part
from router.threads.reference import MAX_IDS, MAX_NUMBERS, numbers_in, read, stripped
from tests.signals.letters import letter

TAGS = ("[desk #{number}]", "[Old Desk-{number}]", "Ticket#{number}", "Заявка №{number}")


def numbers(subject: str, tags: tuple[str, ...] = TAGS) -> str:
    return " ".join(read(letter("", subject=subject), tags).numbers)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("[desk #12345] Сайт", "12345"),
        ("Re: [desk #12345] Сайт", "12345"),
        ("Сайт [desk #12345]", "12345"),
        ("[DESK #12345]", "12345"),
        ("[desk#12345]", "12345"),
        ("[ desk # 12345 ]", "12345"),
        ("[desk  #  12345  ]", "12345"),
        ("[desk\u00a0#\u00a012345]", "12345"),
        ("[desk #１２３４５]", "12345"),
        ("［desk＃12345］", "12345"),
        ("[desk #12345][desk #777]", "12345 777"),
        ("[desk #777] [desk #12345] [desk #777]", "777 12345"),
        ("[old desk-9]", "9"),
        ("[OLD  DESK - 9]", "9"),
        ("Ticket#2026030410000123", "2026030410000123"),
        ("заявка № 77", "77"),
        ("Заявка №77: сайт", "77"),
        ("", ""),
        ("desk #12345", ""),
        ("[desk 12345]", ""),
        ("[desk #12345", ""),
        ("[desk #]", ""),
        ("[desk #12a45]", ""),
        ("[desks #12345]", ""),
        ("[my desk #12345]", ""),
        ("[desk    #12345]", ""),
        ("[desk #" + "1" * 21 + "]", ""),
        ("MyTicket#5", ""),
        ("Ticket#5a", ""),
        ("[desk #١٢٣]", ""),
        ("=?utf-8?q?[desk_#12345]?=", ""),
    ],
)
def test_ticket_tags(subject: str, expected: str) -> None:
    """The site's own tags, whatever a mail program did to their spaces and digits; nothing else (F6, F7, F8)."""
    assert numbers(subject) == expected


def test_a_site_without_tags_sees_none() -> None:
    """Nor does a flood of tags cost more than a few."""
    assert numbers("[desk #1]", ()) == ""
    flood = "".join(f"[desk #{number}]" for number in range(1_000))
    assert len(numbers_in(flood, TAGS)) == MAX_NUMBERS


@pytest.mark.parametrize("tag", ["[desk]", "[desk #{number}{number}]", ""])
def test_a_tag_without_one_number_is_refused_in_words(tag: str) -> None:
    """For whoever checks rules.yaml."""
    with pytest.raises(ValueError, match=r"holds \{number\} once"):
        numbers_in("x", (tag,))


@pytest.mark.parametrize(
    ("subject", "bare", "prefixes"),
    [
        ("Сайт", "Сайт", ""),
        ("Re: Сайт", "Сайт", "reply"),
        ("RE:Сайт", "Сайт", "reply"),
        ("re : Сайт", "Сайт", "reply"),
        ("Re[2]: Сайт", "Сайт", "reply"),
        ("Re (3): Сайт", "Сайт", "reply"),
        ("Re^4: Сайт", "Сайт", "reply"),
        ("Re：Сайт", "Сайт", "reply"),
        ("Re: RE: Fwd: Отв: HA: x", "x", "reply reply forward reply reply"),
        ("Re: [desk #1] Re: Сайт", "Сайт", "reply reply"),
        ("[desk #1] Re: Сайт [desk #2]", "Сайт", "reply"),
        ("Отв: Ответ: Відп: Відповідь: x", "x", "reply reply reply reply"),
        ("HA: НА: На: x", "x", "reply reply reply"),
        ("AW: SV: VS: Antw: Odp: YNT: RIF: RES: x", "x", "reply " * 8),
        ("FW: Fwd: WG: TR: RV: ENC: PD: İLT: x", "x", "forward " * 8),
        ("Пересл: Переслано: I: x", "x", "forward forward forward"),
        ("回复：转发：x", "x", "reply forward"),
        ("Reply: x", "Reply: x", ""),
        ("Regarding: x", "Regarding: x", ""),
        ("Предлагаю: x", "Предлагаю: x", ""),
        ("re x", "re x", ""),
        ("Re:", "", "reply"),
        ("  Re:   Два   слова ", "Два слова", "reply"),
    ],
)
def test_prefixes(subject: str, bare: str, prefixes: str) -> None:
    """Replies and forwards in many languages, nested in any order (F4)."""
    assert stripped(unicodedata.normalize("NFKC", subject), TAGS) == (bare, tuple(prefixes.split()))


def test_ids_nearest_first() -> None:
    """In-Reply-To, then References from the end; what is no id is passed over; folds and repeats do not matter."""
    head = "In-Reply-To: <3@x> (from Olena)\nReferences: <1@x>\n\t<2@x> junk <3@x>\nMessage-ID: <4@x>"
    assert read(letter(head), TAGS).ids == ("<3@x>", "<2@x>", "<1@x>")
    assert read(letter("In-Reply-To: Your message of Monday\nReferences: <a b> <>"), TAGS).ids == ()
    assert read(letter("References: <abc.def> <20:30@x>"), TAGS).ids == ("<20:30@x>", "<abc.def>")


def test_the_newest_fifty_ids() -> None:
    """8,000 ids cost little (REL row 46)."""
    ids = " ".join(f"<{number}@x>" for number in range(8_000))
    found = read(letter(f"References: {ids}"), TAGS).ids
    assert (len(found), found[0]) == (MAX_IDS, "<7999@x>")


@pytest.mark.parametrize(
    ("head", "text", "parts", "forwarded"),
    [
        ("Subject: Fwd: x", "", (), True),
        ("Subject: [desk #1] Пересл: x", "", (), True),
        ("Subject: Fwd: Re: x", "", (), True),
        ("Subject: Re: Fwd: x", "", (), False),
        ("Subject: x", "", (Part("message/rfc822"),), True),
        ("Subject: Re: x", "", (Part("message/rfc822"),), False),
        ("Subject: x\nResent-From: a@b.example", "", (), True),
        ("Subject: x", "Гляньте.\n---------- Forwarded message ---------\nFrom: a", (), True),
        ("Subject: x", "-------- Пересылаемое сообщение --------\nОт: a", (), True),
        ("Subject: x", "Begin forwarded message:\n\n> From: a", (), True),
        ("Subject: x", "> ---------- Переслане повідомлення ----------", (), True),
        ("Subject: x", "I saw a forwarded message yesterday.", (), False),
        ("Subject: Re: x", "ok\n> ---------- Forwarded message ---------", (), False),
        ("Subject: x", "", (Part("image/png"),), False),
    ],
)
def test_marks_of_forwarding(head: str, text: str, parts: tuple[Part, ...], forwarded: bool) -> None:
    """The outermost prefix, Resent fields, an enclosed message, a forwarded block; an answer may enclose and quote."""
    assert bool(read(letter(head, text, parts=parts), TAGS).forwarded) == forwarded


def test_numbers_in_the_text_are_noted_apart() -> None:
    """F2: they never join a ticket."""
    found = read(letter("Subject: [desk #1] x", "See [desk #1] and [desk #2].", quoted="\n> [desk #3]"), TAGS)
    assert (found.numbers, found.noted) == (("1",), ("2", "3"))


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60), st.lists(st.sampled_from(["Re: ", "[desk #1] ", "FW:", "Отв[2]: ", " "]), max_size=5))
def test_any_subject_is_read(subject: str, before: list[str]) -> None:
    """No text breaks it, and what is left has no prefix any more."""
    text = unicodedata.normalize("NFKC", "".join(before) + subject)
    bare, _ = stripped(text, TAGS)
    assert stripped(bare, TAGS) == (bare, ())
    read(letter("", subject=text), TAGS)
