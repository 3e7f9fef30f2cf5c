"""The same look-ups in this process, one mail after the other: for `triage --dns` and `explain --dns`."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from router.errors import BadInput
from router.identity.looked_up import LookedUp
from router.identity.lookup import Limits, NoResolver
from router.lookups.plan import Plan
from router.lookups.process import resolver_of
from router.lookups.work import LookingUp
from router.message.envelope import RawMessage


@contextmanager
def looking_up(plan: Plan, resolvers: Sequence[str]) -> Iterator[Callable[[RawMessage], LookedUp]]:
    """A function that asks for one mail. resolvers: none: those of /etc/resolv.conf. Raises BadInput without any."""
    limits = Limits()
    with asyncio.Runner() as runner:

        async def begun() -> LookingUp:
            resolver = resolver_of(resolvers, limits)
            if isinstance(resolver, NoResolver):
                raise BadInput(str(resolver))
            return LookingUp(plan, resolver, limits)

        looking = runner.run(begun())
        yield lambda raw: runner.run(looking.of(raw))
