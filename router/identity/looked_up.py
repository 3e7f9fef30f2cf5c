"""What was asked outside for one mail, as plain values: between the look-up process, the front and the workers."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from router.frozen import dataclass
from router.identity import chain as chains
from router.identity.authentication_results import WORDS, Result, Results
from router.identity.chain import Chain
from router.identity.contacts import compared
from router.logic import Unknown, unknown

METHODS = frozenset({"spf", "dkim", "dmarc"})
NOT_ASKED = "not asked for this mail"


class BadLookedUp(ValueError):
    """Plain values that are no answer of a look-up process."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """results: of our own checks, None when none was made, and `why`. lists: (list, compared key) -> the value, None
    when the key is not in it, or `Unknown`. missing: why a list has no answer for a key here. chain: the mail's ARC
    sets, None when nobody looked."""

    results: Results | None = None
    why: str = ""
    lists: Mapping[tuple[str, str], "str | Unknown | None"] = field(default_factory=dict)
    missing: str = NOT_ASKED
    chain: Chain | None = None

    def value(self, name: str, key: str) -> "str | Unknown | None":
        answer = self.lists.get((name, compared(key)), self)
        return unknown(f"{name}: {self.missing}") if isinstance(answer, LookedUp) else answer

    def plain(self) -> dict[str, Any]:
        """For JSON and marshal."""
        results = None if self.results is None else _plain(self.results)
        chain = self.chain
        lists = [
            [name, key, "unknown", "; ".join(value.causes)]
            if isinstance(value, Unknown)
            else [name, key, "absent" if value is None else "value", value or ""]
            for (name, key), value in self.lists.items()
        ]
        values: dict[str, Any] = {"results": results, "why": self.why, "lists": lists, "missing": self.missing}
        if chain is not None:
            values["chain"] = [chain.word, chain.sealer, chain.instance, chain.note, _plain(chain.results)]
        return values


def from_plain(values: Any) -> LookedUp:
    """Raises BadLookedUp."""
    try:
        results = values["results"]
        found = None if results is None else _results(results)
        chain = None
        if values.get("chain") is not None:
            word, sealer, instance, note, sealed = values["chain"]
            chain = Chain(str(word), str(sealer), int(instance), _results(sealed), str(note))
        lists = {
            (str(name), str(key)): unknown(text) if state == "unknown" else None if state == "absent" else str(text)
            for name, key, state, text in values["lists"]
        }
        answer = LookedUp(found, str(values["why"]), lists, str(values["missing"]), chain)
    except (KeyError, TypeError, ValueError) as error:
        raise BadLookedUp(f"{type(error).__name__}: {error}") from None
    every = (*(answer.results or ()), *(chain.results if chain else ()))
    if any(one.method not in METHODS or one.word not in WORDS for one in every):
        raise BadLookedUp("a result that RFC 8601 does not know")
    if chain is not None and chain.word not in chains.WORDS:
        raise BadLookedUp("no word for an ARC chain")
    return answer


def _plain(results: Results) -> list[list[str]]:
    return [[one.method, one.word, one.domain, one.note] for one in results]


def _results(values: Any) -> Results:
    return tuple(Result(*(str(part) for part in one)) for one in values)
