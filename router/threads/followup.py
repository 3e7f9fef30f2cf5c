"""Which ticket a mail belongs to: the table of rules-language.md 5.3, evidence before claims.

    R  it answers a Message-ID that we saw leave        knowledge that only a recipient has
    S  a ticket tag in the Subject                        a claim that anybody can type
    P  the author takes part in the ticket
    A  the author's domain is proven
    F  it is forwarded                                    then its References are those of another mail
    M  no person wrote it

A store tells what left; without one R and P are unknowable, and a tag alone stays `unproven`.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Protocol

from router.errors import LookupFailed
from router.frozen import dataclass
from router.logic import Unknown, unknown
from router.message.envelope import folded
from router.message.message import Message
from router.message.stems import Overlap
from router.threads import new_question, reference
from router.threads.reference import Reference
from router.threads.thread import Thread
from router.vocabulary import AuthState, Automatic, NewQuestion, ThreadState


@dataclass(frozen=True, slots=True)
class Departed:
    """A mail that we saw leave. ticket: its number, or None. recipients: tells of a folded address, `+detail` kept,
    whether it is one of them.

    acknowledges: the Message-ID that an acknowledgement of ours answered; "" for one whose answered mail is not known;
    None for mail that is no acknowledgement.
    """

    ticket: str | None = None
    recipients: Container[str] = frozenset()
    acknowledges: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is known of a ticket. participants: tells whether a folded address, `+detail` kept, takes part.

    status: "open", "closed" or None. last_at: aware, when the last mail of it was seen, or None.
    """

    number: str
    participants: Container[str] = field(default_factory=frozenset)
    status: str | None = None
    last_at: datetime | None = None


class Store(Protocol):
    """What we saw leave. Every method may raise LookupFailed; nothing else."""

    def departed(self, ids: Sequence[str]) -> Mapping[str, Departed]:
        """Those of the Message-IDs (with brackets) that left from here."""

    def ticket(self, number: str) -> Ticket | None:
        """The ticket of that number, or None: nothing of it was seen."""

    def overlap(self, number: str, text: str) -> Overlap | None:
        """What `text` has in common with what the ticket spoke about; None when nobody knows."""


class Author(Protocol):
    @property
    def address(self) -> str | None: ...


class Proof(Protocol):
    @property
    def state(self) -> AuthState: ...


class Site(Protocol):
    @property
    def ticket_tags(self) -> tuple[str, ...]: ...


def find(
    message: Message,
    author: Author,
    auth: Proof,
    automatism: Mapping[Automatic, str],
    site: Site,
    store: Store | None,
) -> Thread | Unknown:
    """The thread of a mail, or `Unknown` when the store cannot be read though the mail gives a reason to ask it."""
    claims = reference.read(message, site.ticket_tags)
    try:
        return _thread(message, claims, author.address, auth.state, bool(automatism), store)
    except LookupFailed as failure:
        return unknown(f"thread store: {failure}")


@dataclass(frozen=True, slots=True)
class _Answered:
    """Those of the answered ids that left from here, the nearest first."""

    mails: tuple[tuple[str, Departed], ...]

    @property
    def tickets(self) -> tuple[str, ...]:
        return _once(mail.ticket for _, mail in self.mails if mail.ticket is not None)

    @property
    def acknowledgement(self) -> Departed | None:
        """The acknowledgement that the mail answers: the nearest of our mails is one."""
        nearest = self.mails[0][1] if self.mails else None
        return nearest if nearest and nearest.acknowledges is not None else None

    def addressed(self, address: str) -> bool:
        return any(address in mail.recipients for _, mail in self.mails)


def _thread(
    message: Message, claims: Reference, author: str | None, auth: AuthState, automatic: bool, store: Store | None
) -> Thread:
    if not claims.ids and not claims.numbers and not automatic:  # nearly always
        return _new(claims)
    left = store.departed(claims.ids) if store and claims.ids else {}
    answered = _Answered(tuple((one, left[one]) for one in claims.ids if one in left))
    me = folded(author, keep_detail=True) if author else None
    if automatic:
        noted = _once([*answered.tickets, *claims.numbers])
        return Thread(
            ThreadState.AUTOMATIC,
            noted=noted,
            acknowledgement=answered.acknowledgement is not None,
            new_question=NewQuestion.UNLIKELY,
            why="automatic mail never changes a ticket",
        )
    if claims.forwarded and (answered.mails or claims.numbers):
        related = next(iter([*answered.tickets, *claims.numbers]), answered.mails[0][0] if answered.mails else None)
        return Thread(ThreadState.FORWARDED, noted=claims.numbers, related=related, why=claims.forwarded)
    if answered.mails:
        return _by_answered(message, claims, answered, me, auth, store)
    if claims.numbers:
        return _by_tag(message, claims, me, auth, store)
    return _new(claims)


def _new(claims: Reference) -> Thread:
    seen = f"; the text names {', '.join(claims.noted)}" if claims.noted else ""
    return Thread(ThreadState.NEW, noted=claims.noted, why=f"no ticket in the Subject, no mail of ours answered{seen}")


def _by_answered(
    message: Message, claims: Reference, answered: _Answered, me: str | None, auth: AuthState, store: Store | None
) -> Thread:
    """R holds."""
    acknowledgement = answered.acknowledgement
    if not answered.tickets:
        if claims.numbers:
            # That a mail of ours was received proves nothing about the ticket that is named.
            return _of_acknowledgement(_by_tag(message, claims, me, auth, store), acknowledgement)
        return _of_acknowledgement(
            Thread(
                ThreadState.FOLLOW_UP,
                participant=answered.addressed(me) if me else None,
                new_question=_new_question(message, None, None),
                why="it answers a mail that left from here without a ticket",
            ),
            acknowledgement,
        )
    claimed = [one for one in answered.tickets if one in claims.numbers]
    if claims.numbers and not claimed:
        return Thread(
            ThreadState.UNPROVEN,
            noted=_once([*answered.tickets, *claims.numbers]),
            why=f"it answers ticket {answered.tickets[0]} and names {', '.join(claims.numbers)} in the Subject",
        )
    number = claimed[0] if claimed else answered.tickets[0]
    ticket = store.ticket(number) if store else None
    takes_part = bool(me) and (answered.addressed(me or "") or bool(ticket and me in ticket.participants))
    why = f"it answers a mail of ticket {number} that left from here"
    return _of_acknowledgement(
        _follow_up(message, number, ticket, takes_part, claims, store, why + ("" if takes_part else ", to others")),
        acknowledgement,
    )


def _by_tag(message: Message, claims: Reference, me: str | None, auth: AuthState, store: Store | None) -> Thread:
    """S without R: believed only of a proven author who takes part, and only if that fits one ticket."""
    named = f"the Subject names {', '.join(claims.numbers)}"
    if store is None:
        return Thread(ThreadState.UNPROVEN, noted=claims.numbers, why=f"{named}; nobody knows who takes part in it")
    if me is None or auth is not AuthState.PASS:
        return Thread(ThreadState.UNPROVEN, noted=claims.numbers, why=f"{named}; the author is not proven ({auth})")
    tickets = [ticket for one in claims.numbers if (ticket := store.ticket(one)) and me in ticket.participants]
    if len(tickets) != 1:
        fits = "takes part in several of them" if tickets else "does not take part in it"
        return Thread(ThreadState.UNPROVEN, noted=claims.numbers, why=f"{named}; the author {fits}")
    why = f"{named}; the author is proven and takes part in {tickets[0].number}"
    return _follow_up(message, tickets[0].number, tickets[0], True, claims, store, why)


def _follow_up(
    message: Message,
    number: str,
    ticket: Ticket | None,
    participant: bool,
    claims: Reference,
    store: Store | None,
    why: str,
) -> Thread:
    overlap = store.overlap(number, message.new_text) if store else None
    return Thread(
        ThreadState.FOLLOW_UP,
        ticket=number,
        noted=tuple(one for one in claims.numbers if one != number),
        status=ticket.status if ticket else None,
        idle_days=_idle_days(message, ticket),
        overlap=overlap,
        participant=participant,
        new_question=_new_question(message, ticket, overlap),
        why=why,
    )


def _of_acknowledgement(thread: Thread, acknowledgement: Departed | None) -> Thread:
    """The same thread, marked when the mail answers an acknowledgement of ours (amendment 11, gate G16)."""
    if acknowledgement is None:
        return thread
    why = "it answers an acknowledgement of ours" if thread.ticket is None else thread.why
    return replace(thread, related=acknowledgement.acknowledges or None, acknowledgement=True, why=why)


def _idle_days(message: Message, ticket: Ticket | None) -> float | None:
    """Days since the ticket's last mail; a clock that went back makes it 0, not less."""
    if ticket is None or ticket.last_at is None:
        return None
    return max((message.raw.received_at - ticket.last_at) / timedelta(days=1), 0.0)


def _new_question(message: Message, ticket: Ticket | None, overlap: Overlap | None) -> NewQuestion:
    return new_question.find(
        message,
        closed=ticket.status == "closed" if ticket and ticket.status else None,
        idle_days=_idle_days(message, ticket),
        similarity=overlap.share if overlap else None,
    )


def _once(numbers: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(numbers))
