"""A text searched for all that a rules file looks for: its phrases, and which of its expressions are worth trying."""

from collections.abc import Callable, Mapping

from router.rules.expressions import ExpressionBook
from router.rules.phrases import PhraseBook
from router.rules.text import Text


class Search:
    """The phrases and expressions of a rules file, in Python."""

    def __init__(self, phrases: PhraseBook, expressions: ExpressionBook) -> None:
        self._phrases = phrases
        self._expressions = expressions

    def find(
        self, text: Text, out_of_time: Callable[[], bool] = lambda: False
    ) -> tuple[Mapping[int, tuple[int, int]], frozenset[int] | None]:
        """As `PhraseBook.find`; and what `possible` says where that costs nothing, else None.

        Raises OutOfTime when `out_of_time` says so.
        """
        return self._phrases.find(text, out_of_time), None

    def possible(self, text: Text) -> frozenset[int]:
        """The numbers of the expressions that could be found in this text."""
        return self._expressions.possible(text.normalised)
