"""What is known about the ticket a mail belongs to."""

from dataclasses import dataclass

from router.vocabulary import NewQuestion, ThreadState


@dataclass(frozen=True, slots=True)
class Thread:
    """state and ticket as the table of rules-language.md 5.3 gives them; why: the evidence, for `explain`.

    noted: ticket numbers seen but not believed. related: Message-ID or ticket it hangs on without belonging to it.
    acknowledgement: it answers an acknowledgement of ours. status ("open" | "closed"), idle_days, similarity (0..1, of
    the new text to the ticket's words) and participant (the author took part): None when nobody knows.
    """

    state: ThreadState
    ticket: str | None = None
    noted: tuple[str, ...] = ()
    related: str | None = None
    acknowledgement: bool = False
    status: str | None = None
    idle_days: float | None = None
    similarity: float | None = None
    participant: bool | None = None
    new_question: NewQuestion = NewQuestion.UNKNOWN
    why: str = ""
