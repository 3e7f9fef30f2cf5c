"""Prediction. numpy only: scikit-learn is needed to train, never to serve.

A `Model` is a value: the same text gives the same scores, in every process. What it has worked out for the words it
has met is in its memory (memory.py), which changes how fast it answers and never what.
"""

from collections.abc import Mapping, Sequence

from router import native
from router.classify.features import BLOCKS
from router.classify.judging import Head, Thresholds, all_heads, judge_one
from router.classify.lexicon import Lexicon
from router.classify.memory import Block, Memory
from router.classify.native_memory import NativeHeads, NativeMemory
from router.classify.replies import REPLY, Evidence, Told
from router.vocabulary import UNDETERMINED


class Model:
    """See the module. `labels`, `thresholds`: by the name of the classifier."""

    def __init__(
        self,
        model_id: str,
        labels: Mapping[str, tuple[str, ...]],
        thresholds: Mapping[str, Thresholds],
        blocks: Mapping[str, Block],
        heads: Mapping[str, Head],
        lexicon: Lexicon,
        words: Sequence[str] = (),
        evidence: Evidence | None = None,
    ) -> None:
        self.id = model_id
        self.labels = labels
        self.thresholds = thresholds
        self.blocks = blocks
        self.heads = heads
        self.lexicon = lexicon
        self.words = words
        self.evidence = evidence
        self._given = {name: head for name, head in heads.items() if name != REPLY}
        self._matrix, self._bias = all_heads(heads, blocks[BLOCKS[0]].table.shape[1] - 1)
        self._native_heads = NativeHeads(self._given, len(self._bias))
        library = native.library()
        self.memory: Memory | NativeMemory = (
            Memory(blocks, lexicon, words) if library is None else NativeMemory(library, blocks, lexicon, words)
        )

    def scores(self, subject: str, text: str, language: str = UNDETERMINED) -> dict[str, dict[str, float]]:
        """classifier -> label -> probability. `abuse` has one label, so its number adds up with nothing.

        subject, text: decoded; text is what the author wrote, without quotes. language: not asked, the words tell it
        better. A text that is not of this trade, or empty, gets what no threshold accepts. Never raises.
        """
        if isinstance(self.memory, NativeMemory):
            return self.memory.scores(subject, text, self._native_heads)
        logits = self.memory.vector(subject, text) @ self._matrix + self._bias
        return judge_one(logits.tolist(), self._given)

    def asks_anew(self, text: str, told: Told) -> float | None:
        """How likely a reply in a ticket asks something else; None when the model has not learned that. text: what
        its author wrote, without quotes and without the Subject, which is the ticket's.
        """
        if self.evidence is None:
            return None
        column = self.heads[REPLY].columns.start
        logit = float(self.memory.vector("", text) @ self._matrix[:, column] + self._bias[column])
        return self.evidence.of_words(logit) if told.nothing else self.evidence.probability(logit, told)
