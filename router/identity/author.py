"""Who wrote the mail: the From: field, one mailbox or nobody."""

from dataclasses import dataclass

from router.message.message import Message


@dataclass(frozen=True, slots=True)
class Author:
    """address: the one mailbox of From:, folded domain, or None when there is not exactly one that two independent
    parsers agree on. name: its display name. ambiguous: why it is nobody ("two From fields"), or "". flags: oddities
    ("name-shows-address", "mixed-script-domain", "reply-to-differs")."""

    address: str | None
    name: str = ""
    ambiguous: str = ""
    flags: frozenset[str] = frozenset()


def find(message: Message) -> Author:
    return Author(None)
