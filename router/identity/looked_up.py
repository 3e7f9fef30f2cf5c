"""What was asked outside for one mail, as plain values: between the look-up process, the front and the workers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.identity.authentication_results import WORDS, Result, Results
from router.identity.contacts import compared
from router.logic import Unknown, unknown

METHODS = frozenset({"spf", "dkim", "dmarc"})
NOT_ASKED = "not asked for this mail"


class BadLookedUp(ValueError):
    """Plain values that are no answer of a look-up process."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """results: of our own checks, None when none was made, and `why`. lists: (list, compared key) -> the value, None
    when the key is not in it, or `Unknown`. missing: why a list has no answer for a key here."""

    results: Results | None = None
    why: str = ""
    lists: Mapping[tuple[str, str], "str | Unknown | None"] = field(default_factory=dict)
    missing: str = NOT_ASKED

    def value(self, name: str, key: str) -> "str | Unknown | None":
        answer = self.lists.get((name, compared(key)), self)
        return unknown(f"{name}: {self.missing}") if isinstance(answer, LookedUp) else answer

    def plain(self) -> dict[str, Any]:
        """For JSON and marshal."""
        results = None if self.results is None else [[r.method, r.word, r.domain, r.note] for r in self.results]
        lists = [
            [name, key, "unknown", "; ".join(value.causes)]
            if isinstance(value, Unknown)
            else [name, key, "absent" if value is None else "value", value or ""]
            for (name, key), value in self.lists.items()
        ]
        return {"results": results, "why": self.why, "lists": lists, "missing": self.missing}


def from_plain(values: Any) -> LookedUp:
    """Raises BadLookedUp."""
    try:
        results = values["results"]
        found = None if results is None else tuple(Result(*(str(part) for part in one)) for one in results)
        lists = {
            (str(name), str(key)): unknown(text) if state == "unknown" else None if state == "absent" else str(text)
            for name, key, state, text in values["lists"]
        }
        answer = LookedUp(found, str(values["why"]), lists, str(values["missing"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadLookedUp(f"{type(error).__name__}: {error}") from None
    if any(one.method not in METHODS or one.word not in WORDS for one in answer.results or ()):
        raise BadLookedUp("a result that RFC 8601 does not know")
    return answer
