"""What is known about the ticket a mail belongs to."""

from router.frozen import dataclass
from router.message.stems import Overlap
from router.vocabulary import NewQuestion, ThreadState


@dataclass(frozen=True, slots=True)
class Thread:
    """state and ticket as the table of rules-language.md 5.3 gives them; why: the evidence, for `explain`.

    noted: ticket numbers seen but not believed. related: Message-ID or ticket it hangs on without belonging to it.
    acknowledgement: it answers an acknowledgement of ours. status ("open" | "closed"), idle_days, overlap (of the new
    text with the ticket's words) and participant (the author took part): None when nobody knows. asks_anew: how likely
    the mail asks something else than the ticket, by the model.
    """

    state: ThreadState
    ticket: str | None = None
    noted: tuple[str, ...] = ()
    related: str | None = None
    acknowledgement: bool = False
    status: str | None = None
    idle_days: float | None = None
    overlap: Overlap | None = None
    asks_anew: float | None = None
    participant: bool | None = None
    new_question: NewQuestion = NewQuestion.UNKNOWN
    why: str = ""

    @property
    def similarity(self) -> float | None:
        """How many of the new text's words the ticket knows, 0..1; None when nobody knows, or it has too few."""
        return self.overlap.share if self.overlap else None
