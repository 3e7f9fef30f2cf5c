"""Mail that no person wrote to us just now: robots, bounces, lists, bulk, our own."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from router.message.message import Message
from router.vocabulary import Automatic

Automatism: TypeAlias = Mapping[Automatic, str]
"""Each kind that was found, with its evidence (`Auto-Submitted: auto-replied`). Empty: a person wrote it."""


def find(message: Message, sender: str, author: str | None, queue_of: Callable[[str], str | None]) -> Automatism:
    return {}
