"""The table of rules-language.md 5.3, row by row, and what must hold in every gap between the rows."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import pytest

from router.logic import Unknown
from router.message.message import Part
from router.threads.followup import Departed, Ticket, find
from router.threads.thread import Thread
from router.vocabulary import AuthState, Automatic, NewQuestion, ThreadState
from tests.signals.letters import AT, letter
from tests.threads.memory_store import MemoryStore

OLENA, BILL = "olena@customer.example", "support@desk.example"


@dataclass(frozen=True)
class Author:
    address: str | None = OLENA


@dataclass(frozen=True)
class Proof:
    state: AuthState = AuthState.PASS


@dataclass(frozen=True)
class Site:
    ticket_tags: tuple[str, ...] = ("[desk #{number}]",)


MAILS = {
    "<t1@desk>": Departed("1", frozenset({OLENA})),
    "<t1b@desk>": Departed("1", frozenset({"petro@customer.example"})),
    "<t2@desk>": Departed("2", frozenset({OLENA})),
    "<ack@desk>": Departed(None, frozenset({OLENA}), acknowledges="<first@customer>"),
    "<plain@desk>": Departed(None, frozenset({OLENA})),
}
TICKETS = {
    "1": Ticket("1", frozenset({OLENA, BILL}), "open", AT - timedelta(days=2)),
    "2": Ticket("2", frozenset({OLENA}), "closed", AT - timedelta(days=30)),
    "3": Ticket("3", frozenset({"ivan@other.example"})),
}


def store(**more) -> MemoryStore:
    return MemoryStore(MAILS, TICKETS, **more)


def thread(
    subject: str = "Сайт",
    answers: str = "",
    *,
    author: str | None = OLENA,
    auth: AuthState = AuthState.PASS,
    automatic: bool = False,
    text: str = "Один два три четыре пять.",
    parts: tuple[Part, ...] = (),
    known: MemoryStore | None = None,
    blind: bool = False,
) -> Thread:
    """The thread of a mail with that subject, in reply to those ids."""
    message = letter(f"References: {answers}" if answers else "", text, subject=subject, parts=parts)
    evidence = {Automatic.AUTO_REPLY: "Auto-Submitted: auto-replied"} if automatic else {}
    found = find(message, Author(author), Proof(auth), evidence, Site(), None if blind else known or store())
    assert isinstance(found, Thread)
    assert found.why
    return found


TABLE = [
    # evidence, state, ticket, noted, related
    ("nothing", {}, "new", None, (), None),
    ("an id of somebody else", {"answers": "<x@elsewhere>"}, "new", None, (), None),
    ("a number in the text only", {"text": "See [desk #1], it is the same."}, "new", None, ("1",), None),
    ("M", {"automatic": True}, "automatic", None, (), None),
    ("M with S", {"automatic": True, "subject": "[desk #1]"}, "automatic", None, ("1",), None),
    ("M with R", {"automatic": True, "answers": "<t1@desk>"}, "automatic", None, ("1",), None),
    ("M with F, R and S", {"automatic": True, "subject": "Fwd: [desk #1]", "answers": "<t2@desk>"}, "automatic", None,
        ("2", "1"), None),
    ("R and P", {"answers": "<t1@desk>"}, "follow_up", "1", (), None),
    ("R and P, not proven", {"answers": "<t1@desk>", "auth": AuthState.FAIL}, "follow_up", "1", (), None),
    ("R, not P", {"answers": "<t1@desk>", "author": "new@customer.example"}, "follow_up", "1", (), None),
    ("R, nobody's From", {"answers": "<t1@desk>", "author": None}, "follow_up", "1", (), None),
    ("R and S for the same", {"answers": "<t1@desk>", "subject": "Re: [desk #1]"}, "follow_up", "1", (), None),
    ("S and P and A", {"subject": "Re: [desk #1] x"}, "follow_up", "1", (), None),
    ("S and P, not proven", {"subject": "[desk #1]", "auth": AuthState.NONE}, "unproven", None, ("1",), None),
    ("S and P, not known whether proven", {"subject": "[desk #1]", "auth": AuthState.UNKNOWN}, "unproven", None,
        ("1",), None),
    ("S and A, not P", {"subject": "[desk #3]"}, "unproven", None, ("3",), None),
    ("S, no such ticket", {"subject": "[desk #4]"}, "unproven", None, ("4",), None),
    ("S, nobody's From", {"subject": "[desk #1]", "author": None}, "unproven", None, ("1",), None),
    ("R for one, S for another", {"answers": "<t1@desk>", "subject": "[desk #2]"}, "unproven", None, ("1", "2"), None),
    ("two numbers, R fits one", {"answers": "<t1@desk>", "subject": "[desk #3] [desk #1]"}, "follow_up", "1", ("3",),
        None),
    ("two numbers, P and A fit one", {"subject": "[desk #3] [desk #1]"}, "follow_up", "1", ("3",), None),
    ("two numbers, P and A fit both", {"subject": "[desk #2] [desk #1]"}, "unproven", None, ("2", "1"), None),
    ("R for two, the nearest", {"answers": "<t1@desk> <t2@desk>"}, "follow_up", "2", (), None),
    ("R for two, S for the farther", {"answers": "<t1@desk> <t2@desk>", "subject": "[desk #1]"}, "follow_up", "1", (),
        None),
    ("F with R", {"subject": "Fwd: x", "answers": "<t1@desk>"}, "forwarded", None, (), "1"),
    ("F with S", {"subject": "Fwd: [desk #1]"}, "forwarded", None, ("1",), "1"),
    ("F by an enclosed message, with R", {"answers": "<t1@desk>", "parts": (Part("message/rfc822"),)}, "forwarded",
        None, (), "1"),
    ("F with R to mail without a ticket", {"subject": "FW: x", "answers": "<plain@desk>"}, "forwarded", None, (),
        "<plain@desk>"),
    ("F alone", {"subject": "Fwd: x"}, "new", None, (), None),
    ("R to an acknowledgement", {"answers": "<ack@desk>"}, "follow_up", None, (), "<first@customer>"),
    ("R to an acknowledgement, S and P and A", {"answers": "<ack@desk>", "subject": "Re: [desk #1]"}, "follow_up", "1",
        (), "<first@customer>"),
    ("R to an acknowledgement, S alone", {"answers": "<ack@desk>", "subject": "Re: [desk #3]"}, "unproven", None,
        ("3",), "<first@customer>"),
    ("R to mail without a ticket, S alone", {"answers": "<plain@desk>", "subject": "Re: [desk #3]"}, "unproven", None,
        ("3",), None),
    ("R to an acknowledgement in a ticket", {"answers": "<t1@desk> <ack@desk>"}, "follow_up", "1", (),
        "<first@customer>"),
    ("R to mail without a ticket", {"answers": "<plain@desk>"}, "follow_up", None, (), None),
    ("no store: S", {"subject": "[desk #1]", "blind": True}, "unproven", None, ("1",), None),
    ("no store: References", {"answers": "<t1@desk>", "blind": True}, "new", None, (), None),
    ("no store: F with S", {"subject": "Fwd: [desk #1]", "blind": True}, "forwarded", None, ("1",), "1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "state", "ticket", "noted", "related"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_table(given: dict, state: str, ticket: str | None, noted: tuple[str, ...], related: str | None) -> None:
    """State, ticket, what is noted, what it hangs on."""
    found = thread(**given)
    assert (found.state, found.ticket, found.noted, found.related) == (state, ticket, noted, related)


SUBJECTS = [
    "Сайт",
    "[desk #1]",
    "Re: [desk #2]",
    "[desk #3]",
    "[desk #1] [desk #3]",
    "Fwd: [desk #1]",
    "Fwd: x",
    "[desk #4]",
]
ANSWERS = [
    "",
    "<t1@desk>",
    "<t1b@desk>",
    "<t2@desk>",
    "<ack@desk>",
    "<plain@desk>",
    "<t1@desk> <t2@desk>",
    "<x@elsewhere>",
]
AUTHORS = [OLENA, "new@customer.example", "ivan@other.example", None]


@pytest.mark.parametrize("auth", AuthState)
def test_no_claim_opens_a_ticket(auth: AuthState) -> None:
    """In every combination: a ticket is joined by what we saw leave, or by a proven author who takes part in it."""
    for subject, answers, author, automatic, blind in product(SUBJECTS, ANSWERS, AUTHORS, (False, True), (False, True)):
        found = thread(subject, answers, author=author, auth=auth, automatic=automatic, blind=blind)
        left = [] if blind else [MAILS[one].ticket for one in answers.split() if one in MAILS]
        if found.ticket is not None:
            number = found.ticket
            takes_part = author in TICKETS[number].participants and f"#{number}]" in subject
            assert number in left or (takes_part and auth is AuthState.PASS and not blind)
            assert found.state is ThreadState.FOLLOW_UP
            assert not automatic
            assert not subject.startswith("Fwd")
        assert (found.state is ThreadState.AUTOMATIC) == automatic
        assert found.new_question is NewQuestion.UNKNOWN or found.state in (
            ThreadState.FOLLOW_UP,
            ThreadState.AUTOMATIC,
        )


def test_who_takes_part() -> None:
    """By the ticket, or by the very mail that is answered; a colleague from Cc is new (zammad#2444)."""
    assert thread(answers="<t1@desk>").participant is True
    assert thread(answers="<t1b@desk>", author="Petro@Customer.example").participant is True
    assert thread(answers="<t1b@desk>", author="petro+x@customer.example").participant is False
    assert thread(answers="<t1@desk>", author="new@customer.example").participant is False
    assert thread().participant is None


def test_status_and_idle_time_are_the_tickets() -> None:
    """For the conditions `ticket` and for the new question."""
    found = thread("[desk #2]", known=store(alike=0.05))
    assert (found.status, found.idle_days, found.similarity, found.new_question) == ("closed", 30.0, 0.05, "likely")
    assert (thread("[desk #1]").status, thread("[desk #1]").idle_days) == ("open", 2.0)


def test_a_reply_to_an_acknowledgement_is_marked() -> None:
    """Gate G16: it is never acknowledged again, whatever ticket it has."""
    assert thread(answers="<ack@desk>").acknowledgement
    assert thread(answers="<t1@desk> <ack@desk>").acknowledgement
    assert thread(answers="<ack@desk>", automatic=True).acknowledgement
    assert not thread(answers="<ack@desk> <t1@desk>").acknowledgement


def test_a_store_that_cannot_be_read_makes_the_thread_unknown() -> None:
    """Only where the mail gives a reason to ask it."""
    broken = MemoryStore(broken=True)
    for head, subject in (("References: <t1@desk>", "x"), ("", "[desk #1]")):
        found = find(letter(head, subject=subject), Author(), Proof(), {}, Site(), broken)
        assert found == Unknown(("thread store: database is locked",))
    assert thread(known=broken).state is ThreadState.NEW


def test_a_plain_new_mail_asks_the_store_nothing() -> None:
    """Most mail is new, and costs no look-up."""
    quiet = store()
    thread(known=quiet)
    assert quiet.asked == []
