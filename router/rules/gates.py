"""Which gates of rules-language.md 4.1 are shut for an acknowledgement that rules ask for.

    G1-G6 G8-G10 G13 G16 G18 G19   router/signals/refusals.py: the message and its envelope
    G7 G14, and `require`          here: proof of the sender, the desk's own will
    G11 G12 G15 G17                the acknowledgement service alone, which asks all of them again

What cannot be judged is shut: outward actions never come from an unknown.
"""

from collections.abc import Mapping

from router.frozen import dataclass
from router.logic import Unknown
from router.message.envelope import folded
from router.rules import views
from router.rules.evaluation import Evaluation
from router.signals import refusals
from router.vocabulary import AuthState

NOT_JUDGED = ("G11", "G12", "G15", "G17")
REQUIRE = "require"
"""Not a gate of the table: `settings.reply.require` of the rules file is not true."""
OFF = "off"
"""The rules file has no `settings.reply`: the site sends no acknowledgements."""

WHEN: Mapping[str, str] = {row.gate: row.when for row in refusals.ROWS} | {
    "G7": "the author is not proven, or is not the envelope sender",
    "G14": "it is held, its queue never answers, or a rule said no_reply",
    REQUIRE: "settings.reply.require is not true",
    OFF: "rules.yaml has no settings.reply",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """The acknowledgement that rules ask for. queue: who will answer. held, no_reply: as rules wrote."""

    queue: str
    held: bool
    no_reply: bool


def refused(evaluation: Evaluation, wish: Wish) -> tuple[str, ...]:
    """The gates that are shut, in the order of their numbers."""
    facts = evaluation.facts
    candidate = refusals.Candidate(
        message=facts.message,
        sender=facts.sender,
        author=facts.author.address,
        queue_of=facts.site.queue_of,
        own_domains=evaluation.rules.own_domains,
        loop_field=f"{evaluation.rules.prefix}Loop",
        spam=facts.site.spam,
        automatism=facts.automatic,
    )
    shut = set(refusals.judge(candidate))
    if _unproven(evaluation):
        shut.add("G7")
    if wish.held or wish.no_reply or not evaluation.rules.queues[wish.queue].auto_reply:
        shut.add("G14")
    if _may_answer_ours(evaluation):
        shut.add("G16")
    found = sorted(shut, key=lambda gate: int(gate[1:]))
    if evaluation.rules.settings.reply is None:
        found.append(OFF)
    elif evaluation.rules.require is not None and evaluation.rules.require.judge(evaluation) is not True:
        found.append(REQUIRE)
    return tuple(found)


def _unproven(evaluation: Evaluation) -> bool:
    author = evaluation.facts.author.address
    if evaluation.facts.auth.state is not AuthState.PASS or author is None:
        return True
    return folded(author, keep_detail=True) != folded(evaluation.facts.sender, keep_detail=True)


def _may_answer_ours(evaluation: Evaluation) -> bool:
    """The thread store knows it answers an acknowledgement; or it is a reply and the store cannot be asked."""
    thread = views.thread(evaluation)
    if isinstance(thread, Unknown):
        fields = evaluation.facts.message.fields
        return "In-Reply-To" in fields or "References" in fields
    return thread.acknowledgement
