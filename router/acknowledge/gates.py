"""Every gate between a wish and an acknowledgement, judged again on the accepted mail (rules-language.md 4.1).

    G1-G6 G8-G10 G13 G16 G18 G19   router/signals/refusals.py: the message and its envelope
    G7  G14 G15 G17                here: proof of the sender, the desk's own will, size, the token
    G11 G12 and G17 "seen before"  router/acknowledge/throttle.py: what the store knows

A gate gives its evidence, a text for the log; none means an answer may go.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from router.acknowledge import token
from router.acknowledge.accepted import Accepted
from router.acknowledge.keys import Keys
from router.acknowledge.wish import Wish
from router.frozen import dataclass
from router.message.envelope import folded
from router.signals import refusals
from router.vocabulary import AuthState

MAX_MESSAGE_BYTES = 60_000_000

FROM_STORE = {
    "G11": "this sender got every one of these snippets not long ago",
    "G12": "a limit on acknowledgements is reached, or they are muted",
    "G17": "the intent is forged, expired (12 h) or was seen before",
}
"""Judged by the store, in one transaction with the entry that an answer goes out; of G17 only "seen before"."""


@dataclass(frozen=True, slots=True)
class Gate:
    gate: str
    when: str
    source: str
    find: Callable[[Accepted], str]


def _unproven(mail: Accepted) -> str:
    if isinstance(mail.wish, Wish) and mail.wish.auth != AuthState.PASS:
        return f"auth is {mail.wish.auth}"
    author = mail.author
    if author.address is None:
        return f"no author: {author.ambiguous}"
    if folded(author.address, keep_detail=True) != folded(mail.sender_address, keep_detail=True):
        return "the envelope sender is not the author's address"
    return ""


def _not_wanted(mail: Accepted) -> str:
    if mail.policy.site.header_prefix + "Hold" in mail.message.fields:
        return "held"
    if not isinstance(mail.wish, Wish):
        return ""  # G17 tells
    queue = mail.policy.queues.get(mail.wish.queue)
    if queue is None:
        return f"no queue {mail.wish.queue} in these rules"
    return "" if queue.answers else f"queue {mail.wish.queue} never answers"


def _too_large(mail: Accepted) -> str:
    return f"{mail.size_bytes} bytes" if mail.size_bytes > MAX_MESSAGE_BYTES else ""


ROWS = (
    Gate("G7", "the author is not proven, or is not the envelope sender", "backscatter; RFC 3834 6", _unproven),
    Gate("G14", "it is held, its queue never answers, or a rule said so", "ours", _not_wanted),
    Gate("G15", "it is larger than the limit", "ours", _too_large),
)


def judge(mail: Accepted, keys: Keys | None, now: datetime) -> Mapping[str, str]:
    """Every gate that refuses, with its evidence, G1 first. keys: None leaves the token out (a preview)."""
    found = dict(refusals.judge(mail.candidate))
    for row in ROWS:
        evidence = row.find(mail)
        if evidence:
            found[row.gate] = evidence
    if not isinstance(mail.wish, Wish):
        found["G17"] = str(mail.wish)
    elif keys is not None:
        forged = token.refusal(keys, mail.token, mail.asked, now)
        if forged:
            found["G17"] = forged
    return dict(sorted(found.items(), key=lambda one: int(one[0][1:])))


def rows() -> tuple[tuple[str, str], ...]:
    """(gate, when) of all, in order: for the manual."""
    described: dict[str, str] = {}
    for row in (*refusals.ROWS, *ROWS):
        described.setdefault(row.gate, row.when)
    for gate, when in FROM_STORE.items():
        described.setdefault(gate, when)
    return tuple(sorted(described.items(), key=lambda one: int(one[0][1:])))
