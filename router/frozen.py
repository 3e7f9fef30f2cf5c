"""`dataclass` for values: what `frozen=True` promises is held by mypy and by the tests, not by each field at run time.

A frozen dataclass sets each field by a call of `object.__setattr__`: some 300 fields a mail, 40 us of a worker's 900
(three pairs). So a class made here is frozen in earnest only with MAILROUTER_FROZEN=1 in the environment, as all tests
have it; to mypy, strict on all of `router/`, it always is. Equality, hash, order and slots are the same in both.
"""

import os
from typing import TYPE_CHECKING, Any

SWITCH = "MAILROUTER_FROZEN"
"""Environment variable: "1" makes an assignment to a frozen field raise `FrozenInstanceError`, as it is to mypy."""

if TYPE_CHECKING or os.environ.get(SWITCH) == "1":
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        """`dataclasses.dataclass`, but that a frozen class only has the hash of one, and an `__init__` that assigns."""
        if options.pop("frozen", False):
            options["unsafe_hash"] = True
        return dataclasses.dataclass(cls, **options)


__all__ = ["SWITCH", "dataclass"]
