"""What left from here, in dictionaries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.errors import LookupFailed
from router.message.stems import Overlap
from router.threads.followup import Departed, Ticket


@dataclass
class MemoryStore:
    """asked: every id list and ticket number it was asked for. broken: it cannot be read."""

    mails: Mapping[str, Departed] = field(default_factory=dict)
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    alike: float | None = None
    broken: bool = False
    asked: list[object] = field(default_factory=list)

    def departed(self, ids: Sequence[str]) -> Mapping[str, Departed]:
        self._ask(tuple(ids))
        return {one: self.mails[one] for one in ids if one in self.mails}

    def ticket(self, number: str) -> Ticket | None:
        self._ask(number)
        return self.tickets.get(number)

    def overlap(self, number: str, text: str) -> Overlap | None:
        return None if self.alike is None else Overlap(10, round(10 * self.alike), self.alike, False, False)

    def _ask(self, what: object) -> None:
        self.asked.append(what)
        if self.broken:
            raise LookupFailed("database is locked")
