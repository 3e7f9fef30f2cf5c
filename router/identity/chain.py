"""An ARC chain as a plain value, apart from what verifies it (`arc.py`, which takes dkimpy)."""

from collections.abc import Iterable

from router.frozen import dataclass
from router.identity.authentication_results import Results

SEAL = b"arc-seal"
WORDS = frozenset({"pass", "policy", "fail", "none", "temperror"})


@dataclass(frozen=True, slots=True)
class Chain:
    """word: of WORDS. sealer: d= of the newest seal, "" when none was read. instance: the newest. results: what the
    sealer saw, of a chain that passed. note: why, in words."""

    word: str
    sealer: str = ""
    instance: int = 0
    results: Results = ()
    note: str = ""


NO_CHAIN = Chain("none")


def may_be_sealed(fields: Iterable[tuple[bytes, bytes]], sealers: Iterable[str]) -> bool:
    """Whether a trusted sealer's name stands in a seal: for who decides whether there is anything to verify."""
    names = [one.encode() for one in sealers]
    return bool(names) and any(
        name.strip().lower() == SEAL and any(one in body.lower() for one in names) for name, body in fields
    )
