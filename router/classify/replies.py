"""Does a reply in a ticket ask something else? What its words say, and what is known of the ticket, in one number.

The inner classifier REPLY judges the reply's own words, without the Subject, which is the ticket's. Its logit and the
evidence (rules-language.md 5.4) make one logistic regression, fitted on pairs of a ticket and a reply.
"""

import math

import numpy as np
from numpy.typing import NDArray

from router.frozen import dataclass
from router.message.stems import Overlap

REPLY = "reply"
"""The inner classifier of replies; its one label is ASKS_ANEW, and its score is not given out by `Model.scores`."""
NEW_QUESTION = "new_question"
"""The whole judgement: its thresholds stand in the manifest under this name."""
ASKS_ANEW = "new"

EVIDENCE = 9
_SHORTEST_IDLE = 0.01
"""Days; a quarter of an hour is as good as at once."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the ticket. overlap: of the reply with the ticket so far; closed; idle_days: since its last
    mail. None: nobody knows.
    """

    overlap: Overlap | None = None
    closed: bool | None = None
    idle_days: float | None = None

    @property
    def nothing(self) -> bool:
        return self.overlap is None and self.closed is None and self.idle_days is None


@dataclass(frozen=True, slots=True)
class Evidence:
    """weights: (1 + EVIDENCE,) of the text's logit and of `vector`; usual: (EVIDENCE,), what stands in for what nobody
    knows.
    """

    weights: NDArray[np.float64]
    bias: float
    usual: NDArray[np.float64]

    @staticmethod
    def of_words(logit: float) -> float:
        """Where nobody knows anything of the ticket."""
        return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, logit))))

    def probability(self, logit: float, told: Told) -> float:
        """logit: of the reply's own words."""
        known = np.array(vector(told))
        known = np.where(np.isnan(known), self.usual, known)
        return self.of_words(float(self.weights[0] * logit + self.weights[1:] @ known) + self.bias)


def vector(told: Told) -> list[float]:
    """EVIDENCE numbers; nan: nobody knows."""
    unknown = math.nan
    overlap = told.overlap
    if overlap is None:
        of_words = [unknown] * 6
    else:
        of_words = [
            unknown if overlap.share is None else overlap.share,
            float(overlap.share is None),
            math.sqrt(overlap.shared),
            float(overlap.names_known),
            float(overlap.names_new),
            math.log1p(overlap.said),
        ]
    closed = unknown if told.closed is None else float(told.closed)
    idle = unknown if told.idle_days is None else math.log10(max(0.0, told.idle_days) + _SHORTEST_IDLE)
    return [*of_words, closed, idle, closed * idle]
